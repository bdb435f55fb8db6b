"""The Lambda operations on versions and aliases: read the request, ask the catalog, shape the answer."""

from __future__ import annotations

import msgspec

from syncline.functions.base import Group, Shape, listed, page
from syncline.functions.errors import AliasNotFound, FunctionNotFound, NotBuilt, ParameterInvalid, RevisionMismatch
from syncline.functions.folders import BUCKET
from syncline.functions.model import LATEST, Alias, Function
from syncline.functions.names import parse_reference
from syncline.functions.shapes import sha256_text


class VersionOperations(Group):
    """Versions and aliases."""

    async def publish_version(self, request: Shape) -> Shape:
        function = self._latest(request)
        asked, current = request.get("CodeSha256"), sha256_text(function.code_sha256)
        if asked and asked != current:
            raise ParameterInvalid(
                f"CodeSHA256 ({asked}) is different from current CodeSHA256 in {LATEST} ({current}). "
                f"Please try again with the CodeSHA256 in {LATEST}."
            )
        version = await self._publish(function, request.get("Description") or None, request.get("RevisionId"))
        return self._shape(version, version.version)

    async def list_versions_by_function(self, request: Shape) -> Shape:
        function = self._latest(request)
        versions = [function, *self._catalog.versions(function.name)]
        return page([listed(self._shape(one, one.version)) for one in versions], request, "Versions")

    async def create_alias(self, request: Shape) -> Shape:
        version, weights = request["FunctionVersion"], _weights(request)
        function = self._latest(request, names=version)
        self._check_versions(function, version, weights)
        alias = Alias(
            function.name,
            request["Name"],
            version,
            self._engine.new_id(),
            request.get("Description", ""),
            weights,
        )
        return self._alias_shape(await self._catalog.put_alias(alias, new=True))

    async def get_alias(self, request: Shape) -> Shape:
        return self._alias_shape(self._alias(request))

    async def update_alias(self, request: Shape) -> Shape:
        name = self._latest(request).name
        if request["Name"] not in {alias.name for alias in self._catalog.aliases(name)}:
            raise AliasNotFound(f"Alias not found: {self._catalog.arn(name, request['Name'])}")
        old = self._alias(request)
        if request.get("RevisionId", old.revision) != old.revision:
            raise RevisionMismatch()
        weights = _weights(request) if "RoutingConfig" in request else old.weights
        version = request.get("FunctionVersion", old.version)
        self._check_versions(self._latest(request), version, weights)
        alias = msgspec.structs.replace(
            old,
            version=version,
            weights=weights,
            description=request.get("Description", old.description),
            revision=self._engine.new_id(),
        )
        return self._alias_shape(await self._catalog.put_alias(alias, expected=request.get("RevisionId")))

    async def delete_alias(self, request: Shape) -> Shape:
        name = parse_reference(request["FunctionName"], self._catalog.region).name
        if self._catalog.get(name) is not None:
            await self._catalog.delete_alias(name, request["Name"])
            await self._engine.configs.delete(name, request["Name"])
        return {}

    async def list_aliases(self, request: Shape) -> Shape:
        function, version = self._latest(request), request.get("FunctionVersion")
        found = [alias for alias in self._catalog.aliases(function.name) if version in (None, alias.version)]
        return page([self._alias_shape(alias) for alias in found], request, "Aliases")

    async def _publish(self, function: Function, description: str | None, revision: str | None) -> Function:
        self._check_publishable({"S3Bucket": BUCKET} if function.folder else {})
        return await self._catalog.publish(function.name, description, expected=revision)

    def _check_publishable(self, code: Shape) -> None:
        if code.get("S3Bucket") == BUCKET:
            raise NotBuilt(what="A version of a function that runs from a folder")

    def _alias(self, request: Shape) -> Alias:
        return self._catalog.alias(self._latest(request).name, request["Name"])

    def _check_versions(self, function: Function, version: str, weights: dict[str, float]) -> None:
        for number in (version, *weights):
            if number != LATEST and number not in {one.version for one in self._catalog.versions(function.name)}:
                raise FunctionNotFound(arn=self._catalog.arn(function.name, number))
        if version in weights:
            raise ParameterInvalid(
                f"Invalid function version {version}. Function version {version} is already included in routing "
                "configuration."
            )
        if weights and LATEST in (version, *weights):
            raise ParameterInvalid(f"{LATEST} is not supported for an alias pointing to more than 1 version")

    def _alias_shape(self, alias: Alias) -> Shape:
        shape: Shape = {
            "AliasArn": self._catalog.arn(alias.function, alias.name),
            "Name": alias.name,
            "FunctionVersion": alias.version,
            "Description": alias.description,
            "RevisionId": alias.revision,
        }
        return shape | {"RoutingConfig": {"AdditionalVersionWeights": alias.weights}} if alias.weights else shape


def _weights(request: Shape) -> dict[str, float]:
    weights: dict[str, float] = request.get("RoutingConfig", {}).get("AdditionalVersionWeights", {})
    if len(weights) > 1:
        raise ParameterInvalid("Number of items in AdditionalVersionWeights cannot be greater than 1")
    return weights
