"""The nouns of JavaScript code: what was read of it, one run of a handler, and what came of it.

Owns: the shape of what crosses the border to the engine. Never: parses or runs code.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from syncline.core import Failed, Invalid

JSON = Any

MEMBERS = ("arguments", "source", "identity", "request", "info", "stash", "prev", "result", "error", "env", "outErrors")
"""The members of `ctx` that the host hands in; `args` is another name of `arguments`."""


class Position(NamedTuple):
    """A place in the user's code, both from 1."""

    line: int
    column: int


class CodeError(msgspec.Struct, frozen=True):
    """One reason why code is refused. `kind` is `LINT_ERROR` or `PARSE_ERROR`."""

    kind: str
    value: str
    line: int
    column: int
    span: int = 0

    def shown(self) -> dict[str, JSON]:
        """As AppSync's CodeError."""
        location = {"line": self.line, "column": self.column, "span": self.span}
        return {"errorType": self.kind, "value": self.value, "location": location}


class CodeRefused(Invalid):
    """The code contains one or more errors."""

    code = "BadRequestException"

    def __init__(self, errors: list[CodeError]) -> None:
        shown = [each.shown() for each in errors]
        super().__init__(data={"reason": "CODE_ERROR", "detail": {"codeErrors": shown}})
        self.errors = errors


class CodeStopped(Failed):
    """The code was stopped: {reason}."""

    code = "Code"

    @property
    def slow(self) -> bool:
        """Whether more time would have helped."""
        return self.facts.get("slow") is True


class AnswerRefused(Invalid):
    """The host cannot answer the library with these operands."""


class Limits(msgspec.Struct, frozen=True):
    """What one run of a handler may take. `apart_milliseconds`: when it runs once more, on a thread of its own."""

    milliseconds: int = 20
    apart_milliseconds: int = 500
    memory_bytes: int = 64 * 1024 * 1024
    stack_bytes: int = 256 * 1024
    answers: int = 100


class Module(msgspec.Struct, frozen=True, eq=False, weakref=True):
    """Code that was read: `script` is it as the engine takes it, line for line as the user wrote it.

    `handlers` are the exported ones. `members` are those of `ctx` that the code can see, so that only they are handed
    in; `selections`: it reads the selection set. `chance`: it needs entropy. `auth_type`: it asks how the caller was
    known. `plain`: handlers that do nothing but return that member of `ctx`, and so need not run. `calls` and
    `source_map` tell positions.
    """

    script: str
    handlers: frozenset[str]
    libraries: tuple[str, ...]
    members: frozenset[str]
    selections: bool
    chance: bool
    auth_type: bool
    plain: dict[str, str] = {}
    calls: tuple[Any, ...] = ()
    source_map: Any = None


class Run(msgspec.Struct, frozen=True):
    """One run of one handler: the context as JSON, now in milliseconds, 32 hex digits of entropy, facts as JSON."""

    context: str
    now: float
    seed: str = ""
    facts: str = ""


class Log(msgspec.Struct):
    """A line of the code's console, `text` as the arguments' JSON separated by blanks."""

    level: str
    text: str
    stack: str = ""
    position: Position | None = None

    def line(self) -> str:
        """As AppSync writes it."""
        place = f"code.js:{self.position.line}:{self.position.column}: " if self.position else ""
        return f"{self.level} - {place}{self.text}"


class Failure(msgspec.Struct):
    """An error that the code did not mean: what a helper rejected, or a runtime error."""

    name: str
    message: str
    stack: str = ""
    position: Position | None = None

    def sentence(self) -> str:
        """With the position first, as AppSync writes it."""
        text = self.message if self.name in ("Rejected", "Error") else f"{self.name}: {self.message}"
        return f"code.js:{self.position.line}:{self.position.column}: {text}" if self.position else text


class Signal(msgspec.Struct, rename="camel"):
    """What ended a handler on purpose: kind `error`, `unauthorized`, `return`, or `ask` for the host to answer."""

    kind: str
    message: str | None = None
    error_type: str | None = None
    data: JSON = None
    error_info: JSON = None
    value: JSON = None
    skip_to: str = "NEXT"
    key: str = ""
    name: str = ""
    operands: list[JSON] = []


class Effect(msgspec.Struct):
    """A call of `extensions`, for the host to act upon."""

    name: str
    arguments: list[JSON]


class Outcome(msgspec.Struct):
    """What came of a run. Without `signal` and `failure`, `value` is the handler's. `stash` is None if not seen."""

    value: JSON = None
    stash: dict[str, JSON] | None = None
    signal: Signal | None = None
    failure: Failure | None = None
    logs: list[Log] = []
    errors: list[dict[str, JSON]] = []
    effects: list[Effect] = []
