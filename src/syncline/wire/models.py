"""Service models: what botocore's data says of a service, without its documentation.

For: the compilers of this room. Owns: reading `botocore/data/<service>/<version>/service-2.json(.gz)`, and applying
the corrections of `patches.py`.
Never: imports botocore's own code; reads a model before the service is first used.
"""

from __future__ import annotations

import importlib.util
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from syncline.wire.patches import PATCHES


class ServiceUnknown(LookupError):
    """There is no model of that service."""


class Member(msgspec.Struct, rename="camel"):
    """A reference from a shape to a shape, and where on the wire the value goes."""

    shape: str
    location: str = ""
    location_name: str = ""
    flattened: bool = False
    streaming: bool = False
    jsonvalue: bool = False
    timestamp_format: str = ""


class ErrorTrait(msgspec.Struct, rename="camel"):
    """How an exception shape is named and numbered on the wire."""

    code: str = ""
    http_status_code: int = 0


class Shape(msgspec.Struct, rename="camel"):
    """One type of a service. Which members mean something depends on `type`."""

    type: str
    members: dict[str, Member] = {}
    required: list[str] = []
    member: Member | None = None
    key: Member | None = None
    value: Member | None = None
    min: float | None = None
    max: float | None = None
    pattern: str = ""
    enum: list[str] = []
    sensitive: bool = False
    flattened: bool = False
    payload: str = ""
    exception: bool = False
    fault: bool = False
    error: ErrorTrait | None = None
    timestamp_format: str = ""
    document: bool = False
    sparse: bool = False
    location_name: str = ""
    missing: dict[str, str] = {}
    """Only from patches: the message for a required member that is absent, where AWS has one of its own."""


class Http(msgspec.Struct, rename="camel"):
    """The method and path template of an operation, and its usual status."""

    method: str = "POST"
    request_uri: str = "/"
    response_code: int = 200


class Payload(msgspec.Struct, rename="camel"):
    """An operation's input, output or error."""

    shape: str
    result_wrapper: str = ""
    location_name: str = ""


class Operation(msgspec.Struct, rename="camel"):
    """One operation of a service."""

    name: str
    http: Http = msgspec.field(default_factory=Http)
    input: Payload | None = None
    output: Payload | None = None
    errors: list[Payload] = []
    authtype: str = ""
    auth: list[str] = []

    @property
    def unsigned(self) -> bool:
        """Whether the operation may be called without credentials."""
        return self.authtype == "none" or "smithy.api#noAuth" in self.auth


class Metadata(msgspec.Struct, rename="camel"):
    """What a service is called and what it speaks."""

    api_version: str
    endpoint_prefix: str
    protocol: str
    protocols: list[str] = []
    json_version: str = "1.0"
    target_prefix: str = ""
    signing_name: str = ""
    xml_namespace: str = ""
    aws_query_compatible: dict[str, Any] | None = None


class Model(msgspec.Struct):
    """A service as its vendor describes it."""

    metadata: Metadata
    operations: dict[str, Operation]
    shapes: dict[str, Shape]


_decode = msgspec.json.Decoder(Model).decode


@cache
def load(service: str) -> Model:
    """The model of a service by botocore's name of it. Raises ServiceUnknown."""
    folder = _data_folder() / service
    versions = sorted(folder.glob("*/service-2.json*")) if service.isidentifier() or "-" in service else []
    if not versions or folder.parent != _data_folder():
        raise ServiceUnknown(service)
    model = _decode(_text(versions[-1]))
    for correction in PATCHES.get(service, ()):
        correction.apply(model.shapes)
    return model


@cache
def _data_folder() -> Path:
    found = importlib.util.find_spec("botocore")
    assert found is not None, "botocore is a dependency of this package"
    assert found.submodule_search_locations, "botocore is a package"
    return Path(found.submodule_search_locations[0]) / "data"


def _text(path: Path) -> bytes:
    packed = path.read_bytes()
    return zlib.decompress(packed, wbits=31) if path.suffix == ".gz" else packed
