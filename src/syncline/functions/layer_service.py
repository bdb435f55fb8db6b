"""The Lambda operations on layers: read the request, ask the layers, shape the answer."""

from __future__ import annotations

from syncline.functions.base import Group, Shape, page
from syncline.functions.layers import LayerVersion, check_number, parse_layer
from syncline.functions.settings_check import zip_of
from syncline.functions.shapes import instant, sha256_text


class LayerOperations(Group):
    """Layers and their versions."""

    async def publish_layer_version(self, request: Shape) -> Shape:
        content = zip_of(request["Content"])
        version = LayerVersion(
            parse_layer(request["LayerName"])[0],
            0,
            await self._engine.code.save(content),
            len(content),
            self._engine.now(),
            request.get("Description", ""),
            request.get("CompatibleRuntimes"),
            request.get("CompatibleArchitectures"),
            request.get("LicenseInfo", ""),
        )
        return self._with_content(await self._engine.layers.publish(version))

    async def get_layer_version(self, request: Shape) -> Shape:
        layer, _ = parse_layer(request["LayerName"])
        return self._with_content(self._engine.layers.find(layer, request["VersionNumber"]))

    async def get_layer_version_by_arn(self, request: Shape) -> Shape:
        layer, number = parse_layer(request["Arn"])
        return self._with_content(self._engine.layers.find(layer, number or 0))

    async def list_layer_versions(self, request: Shape) -> Shape:
        found = [one for one in self._engine.layers.of(parse_layer(request["LayerName"])[0]) if _fits(one, request)]
        return page([self._layer_shape(version) for version in found], request, "LayerVersions")

    async def list_layers(self, request: Shape) -> Shape:
        newest = [self._engine.layers.of(name)[0] for name in self._engine.layers.names()]
        shapes = [
            {
                "LayerName": version.layer,
                "LayerArn": self._engine.layers.arn(version.layer),
                "LatestMatchingVersion": self._layer_shape(version),
            }
            for version in newest
            if _fits(version, request)
        ]
        return page(shapes, request, "Layers")

    async def delete_layer_version(self, request: Shape) -> Shape:
        layer, number = parse_layer(request["LayerName"])[0], request["VersionNumber"]
        check_number(number)
        version = next((one for one in self._engine.layers.of(layer) if one.number == number), None)
        if version is not None:
            await self._engine.layers.delete(layer, number)
            await self._engine.forget_code(version.code_sha256)
        return {}

    def _with_content(self, version: LayerVersion) -> Shape:
        content = {
            "Location": self._engine.link(version.code_sha256),
            "CodeSha256": sha256_text(version.code_sha256),
            "CodeSize": version.size,
        }
        shape = self._layer_shape(version) | {"Content": content}
        return shape | {"LayerArn": self._engine.layers.arn(version.layer)}

    def _layer_shape(self, version: LayerVersion) -> Shape:
        shape: Shape = {
            "LayerVersionArn": self._engine.layers.arn(version.layer, version.number),
            "Version": version.number,
            "Description": version.description,
            "CreatedDate": instant(version.created),
        }
        if version.runtimes is not None:
            shape["CompatibleRuntimes"] = version.runtimes
        if version.architectures is not None:
            shape["CompatibleArchitectures"] = version.architectures
        if version.licence:
            shape["LicenseInfo"] = version.licence
        return shape


def _fits(version: LayerVersion, request: Shape) -> bool:
    runtime, architecture = request.get("CompatibleRuntime"), request.get("CompatibleArchitecture")
    return runtime in (None, *(version.runtimes or ())) and architecture in (None, *(version.architectures or ()))
