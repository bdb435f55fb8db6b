"""The nouns of functions: a function and its code, an invocation and what came of it, an event source mapping."""

from __future__ import annotations

from typing import Any

import msgspec

LATEST = "$LATEST"


class Function(msgspec.Struct, frozen=True):
    """A function as it stands. `deployment` changes with what its processes run: code, handler, environment, limits."""

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

    @property
    def logs_to(self) -> str:
        """The log group of its output."""
        return self.log_group or f"/aws/lambda/{self.name}"


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
