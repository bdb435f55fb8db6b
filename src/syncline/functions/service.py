"""The Lambda operations on functions: read the request, ask the engine, shape the answer."""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

from syncline.core import call, json
from syncline.functions import shapes
from syncline.functions.account_service import AccountOperations
from syncline.functions.base import Shape, listed, page
from syncline.functions.coverage import OPERATIONS
from syncline.functions.engine import FunctionEngine
from syncline.functions.errors import ParameterInvalid, ResourceConflict, RevisionMismatch
from syncline.functions.folders import folder_of, sha256_of_path
from syncline.functions.invoke_config_service import InvokeConfigOperations
from syncline.functions.layer_service import LayerOperations
from syncline.functions.mapping_service import MappingOperations, is_mapping
from syncline.functions.model import LATEST, Function
from syncline.functions.names import parse_reference
from syncline.functions.policy_service import PolicyOperations
from syncline.functions.settings_check import check_configuration, check_new, zip_of
from syncline.functions.version_service import VersionOperations

TAGS_MAX = 50


class Lambda(VersionOperations, PolicyOperations, InvokeConfigOperations, LayerOperations, AccountOperations):
    """Service `lambda` (2015-03-31)."""

    coverage = OPERATIONS

    def __init__(self, engine: FunctionEngine) -> None:
        super().__init__(engine)
        self._mappings = MappingOperations(engine)

    async def create_function(self, request: Shape) -> Shape:
        check_new(request)
        check_configuration(request)
        name = parse_reference(request["FunctionName"], self._catalog.region).name
        layers = self._engine.layers.used(request.get("Layers", []))
        _check_tags(request.get("Tags", {}))
        if self._catalog.get(name) is not None:
            raise ResourceConflict(f"Function already exist: {name}")
        if request.get("Publish"):
            self._check_publishable(request["Code"])
        source = await self._source(request["Code"])
        function = await self._catalog.add(self._new(name, request, layers=layers, **source))
        if not request.get("Publish"):
            return shapes.created(self._shape(function), self._engine.new_id())
        version = await self._publish(function, None, None)
        return shapes.created(self._shape(version), self._engine.new_id())

    async def get_function(self, request: Shape) -> Shape:
        function, qualifier = self._find(request)
        answer: Shape = {
            "Configuration": self._shape(function, qualifier),
            "Code": {"RepositoryType": "S3", "Location": self._location(function)},
        }
        latest = self._catalog.latest(function.name)
        if latest.tags:
            answer["Tags"] = latest.tags
        if latest.reserved is not None:
            answer["Concurrency"] = {"ReservedConcurrentExecutions": latest.reserved}
        return answer

    async def get_function_configuration(self, request: Shape) -> Shape:
        return self._shape(*self._find(request))

    async def list_functions(self, request: Shape) -> Shape:
        if request.get("FunctionVersion") != "ALL":
            return page([listed(self._shape(function)) for function in self._catalog.all()], request, "Functions")
        found = [one for function in self._catalog.all() for one in (function, *self._catalog.versions(function.name))]
        return page([listed(self._shape(one, one.version)) for one in found], request, "Functions")

    async def update_function_code(self, request: Shape) -> Shape:
        function = self._latest(request)
        if request.get("RevisionId", function.revision) != function.revision:
            raise RevisionMismatch()
        if request.get("Publish"):
            self._check_publishable(request)
        changes = await self._source(request)
        sha256 = changes["code_sha256"]
        if request.get("Architectures"):
            changes["architecture"] = request["Architectures"][0]
        if request.get("DryRun"):
            size = changes["code_size"]
            return self._shape(function) | {"CodeSize": size, "CodeSha256": shapes.sha256_text(sha256)}
        changed = await self._engine.deploy(function.name, changes, expected=request.get("RevisionId"))
        if function.code_sha256 != sha256 and not self._engine.invoker.pool.running(function.name):
            await self._engine.forget_code(function.code_sha256)
        if request.get("Publish"):
            version = await self._publish(changed, None, None)
            return shapes.created(self._shape(version, version.version), version.revision)
        return shapes.updating(self._shape(changed), self._engine.new_id())

    async def update_function_configuration(self, request: Shape) -> Shape:
        function = self._latest(request)
        check_configuration(request)
        changes = _configuration_changes(request)
        if "Layers" in request:
            changes["layers"] = self._engine.layers.used(request["Layers"])
        changed = await self._engine.deploy(function.name, changes, expected=request.get("RevisionId"))
        return shapes.updating(self._shape(changed), self._engine.new_id())

    async def delete_function(self, request: Shape) -> Shape:
        named = parse_reference(request["FunctionName"], self._catalog.region, request.get("Qualifier"))
        if named.qualifier == LATEST:
            raise ParameterInvalid("$LATEST version cannot be deleted without deleting the function.")
        function = self._catalog.latest(request["FunctionName"])
        versions = {version.version: version for version in self._catalog.versions(function.name)}
        if named.qualifier is None:
            await self._engine.delete(function)
        elif named.qualifier in versions:
            await self._engine.delete_version(versions[named.qualifier])
        elif named.qualifier in {alias.name for alias in self._catalog.aliases(function.name)}:
            raise ParameterInvalid("Deletion of aliases is not currently supported.")
        # AWS does this: a version that is not there is deleted without a word.
        return {"StatusCode": 204}

    async def invoke(self, request: Shape) -> Shape:
        context = _client_context(request.get("ClientContext", ""))
        invocation = await self._engine.invoke(
            request["FunctionName"],
            bytes(request.get("Payload", b"")),
            kind=request.get("InvocationType", "RequestResponse"),
            qualifier=request.get("Qualifier"),
            client_context=context,
            request_id=_request_id(),
        )
        answer: Shape = {"StatusCode": invocation.status, "Payload": invocation.payload}
        if invocation.executed_version:
            answer["ExecutedVersion"] = invocation.executed_version
        if invocation.function_error:
            answer["FunctionError"] = invocation.function_error
        if request.get("LogType") == "Tail" and invocation.status == 200:
            answer["LogResult"] = base64.b64encode(invocation.log_tail).decode()
        return answer

    async def list_tags(self, request: Shape) -> Shape:
        resource = request["Resource"]
        return {"Tags": (self._mappings.tagged(resource) if is_mapping(resource) else self._tagged(resource)).tags}

    async def tag_resource(self, request: Shape) -> Shape:
        if not request["Tags"]:
            raise ParameterInvalid("An error occurred and the request cannot be processed.")
        return await self._set_tags(request["Resource"], lambda tags: tags | request["Tags"])

    async def untag_resource(self, request: Shape) -> Shape:
        gone = set(request["TagKeys"])
        return await self._set_tags(request["Resource"], lambda tags: {k: tags[k] for k in tags if k not in gone})

    async def create_event_source_mapping(self, request: Shape) -> Shape:
        return await self._mappings.create(request)

    async def get_event_source_mapping(self, request: Shape) -> Shape:
        return await self._mappings.get(request)

    async def update_event_source_mapping(self, request: Shape) -> Shape:
        return await self._mappings.update(request)

    async def delete_event_source_mapping(self, request: Shape) -> Shape:
        return await self._mappings.delete(request)

    async def list_event_source_mappings(self, request: Shape) -> Shape:
        return await self._mappings.list(request)

    async def _set_tags(self, resource: str, change: Any) -> Shape:
        mapping = is_mapping(resource)
        tags = change((self._mappings.tagged(resource) if mapping else self._tagged(resource)).tags)
        _check_tags(tags)
        if mapping:
            await self._mappings.set_tags(resource, tags)
        else:
            await self._catalog.change(self._tagged(resource).name, {"tags": tags})
        return {}

    def _tagged(self, resource: str) -> Function:
        if parse_reference(resource, self._catalog.region).qualifier:
            raise ParameterInvalid(
                "Tags on function aliases and versions are not supported. Please specify a function ARN."
            )
        return self._catalog.find(resource)

    def _location(self, function: Function) -> str:
        return Path(function.folder).as_uri() if function.folder else self._engine.link(function.code_sha256)

    async def _source(self, code: Shape) -> Shape:
        """The members of Function that a `Code`, or UpdateFunctionCode, sets; its zip is kept."""
        folder = folder_of(code, allowed=self._engine.runs_folders)
        if folder:
            return {"code_sha256": sha256_of_path(folder), "code_size": 0, "folder": folder}
        content = zip_of(code)
        return {"code_sha256": await self._engine.code.save(content), "code_size": len(content), "folder": ""}

    def _new(self, name: str, request: Shape, **members: Any) -> Function:
        return Function(
            name,
            self._catalog.arn(name),
            deployment=self._engine.new_id(),
            revision=self._engine.new_id(),
            modified=self._engine.now(),
            architecture=request.get("Architectures", ["x86_64"])[0],
            tags=request.get("Tags", {}),
            **_configuration_changes(request),
            **members,
        )


_MEMBERS = {
    "Runtime": "runtime",
    "Role": "role",
    "Handler": "handler",
    "Description": "description",
    "Timeout": "timeout",
    "MemorySize": "memory",
}


def _configuration_changes(request: Shape) -> Shape:
    """The members of Function that a request sets; absent ones stay as they are."""
    changes: Shape = {ours: request[theirs] for theirs, ours in _MEMBERS.items() if theirs in request}
    if "Environment" in request:
        changes["environment"] = request["Environment"].get("Variables", {})
    if "EphemeralStorage" in request:
        changes["storage"] = request["EphemeralStorage"]["Size"]
    if "TracingConfig" in request:
        changes["tracing"] = request["TracingConfig"].get("Mode", "PassThrough")
    if "LoggingConfig" in request:
        changes["log_group"] = request["LoggingConfig"].get("LogGroup", "")
    return changes


def _client_context(text: str) -> str:
    if not text:
        return ""
    try:
        context = base64.b64decode(text, validate=True)
        json.decode(context)
    except (ValueError, json.NotJson):
        raise ParameterInvalid("Client context must be a valid Base64-encoded JSON object.") from None
    return context.decode("utf-8").replace("\r", " ").replace("\n", " ")


def _request_id() -> str:
    try:
        return call.current().request_id
    except LookupError:
        return ""


def _check_tags(tags: dict[str, str]) -> None:
    if len(tags) > TAGS_MAX:
        raise ParameterInvalid("Number of tags exceeds resource tag limit.")
