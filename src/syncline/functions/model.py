"""The nouns of functions: a function and its code, an invocation and what came of it, an event source mapping."""

from __future__ import annotations

from typing import Any

import msgspec

LATEST = "$LATEST"


class LayerUse(msgspec.Struct, frozen=True):
    """A layer version that a function uses; its content stays with the function when the layer is deleted."""

    arn: str
    size: int
    code_sha256: str


class Function(msgspec.Struct, frozen=True):
    """A function, or a numbered version of one.

    `deployment` changes with what its processes run: code, handler, environment, limits. `statements` are the resource
    policy of the function itself, `qualified` those of its versions and aliases; both are kept with `$LATEST`.
    """

    name: str
    arn: str
    runtime: str
    role: str
    handler: str
    code_sha256: str  # hexadecimal: the name of the blob
    code_size: int
    deployment: str
    revision: str
    modified: float
    description: str = ""
    timeout: int = 3
    memory: int = 128
    environment: dict[str, str] | None = None
    architecture: str = "x86_64"
    storage: int = 512
    tracing: str = "PassThrough"
    log_group: str = ""
    tags: dict[str, str] = {}
    reserved: int | None = None
    statements: list[dict[str, Any]] = []
    version: str = LATEST
    last_version: int = 0
    published: str = ""  # the fingerprint of what the last version was published from
    qualified: dict[str, list[dict[str, Any]]] = {}
    policy_revisions: dict[str, str] = {}  # by qualifier, "" for the function's own policy
    layers: list[LayerUse] = []
    folder: str = ""  # runs from this folder of the machine instead of unpacked code

    @property
    def key(self) -> tuple[str, str]:
        """The name and the version: who shares processes."""
        return self.name, self.version

    def policy(self, qualifier: str | None) -> list[dict[str, Any]]:
        """The statements of the function's policy, or of that of a version or an alias."""
        return self.qualified.get(qualifier, []) if qualifier else self.statements

    @property
    def blobs(self) -> set[str]:
        """The names of the code that it runs."""
        return {self.code_sha256, *(layer.code_sha256 for layer in self.layers)}

    @property
    def logs_to(self) -> str:
        """The log group of its output."""
        return self.log_group or f"/aws/lambda/{self.name}"


class Alias(msgspec.Struct, frozen=True):
    """A name for a version of a function; `weights` sends a share of the events to another version."""

    function: str
    name: str
    version: str
    revision: str
    description: str = ""
    weights: dict[str, float] = {}


class InvokeConfig(msgspec.Struct, frozen=True):
    """What becomes of asynchronous events of a function, a version or an alias. Destinations are function ARNs."""

    function: str
    qualifier: str
    modified: float
    retries: int | None = None
    age: int | None = None
    on_success: str = ""
    on_failure: str = ""


class Invocation(msgspec.Struct, frozen=True):
    """What an invocation gave: the handler's JSON, or the error's JSON and `function_error` "Unhandled"."""

    payload: bytes
    function_error: str | None = None
    log_tail: bytes = b""
    status: int = 200
    executed_version: str = LATEST
    request_id: str = ""


class Call(msgspec.Struct, frozen=True):
    """One event for a function, on its way to a process."""

    request_id: str
    arn: str
    payload: bytes
    client_context: str = ""
    trace_id: str = ""


class Mapping(msgspec.Struct, frozen=True):
    """An event source mapping. Reading begins after the sequence `start`, or a lane's later cursor."""

    id: str
    function: str  # the function's ARN, as it was named
    source: str
    start: int
    starting_position: str
    modified: float
    enabled: bool = True
    batch_size: int = 100
    window: int = 0
    lanes: int = 1
    retries: int = -1
    age: int = -1
    bisect: bool = False
    responses: list[str] = []
    patterns: list[str] = []
    tags: dict[str, str] = {}
    tumbling: int = 0
    on_failure: str = ""  # the ARN of the function that is told of records given up
    metrics: list[str] = []
