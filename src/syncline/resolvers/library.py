"""What every resolver of a server shares: the `util` functions over one clock, one source of ids, one log.

And what the resolvers of one API share: the engine that runs its JavaScript.
"""

from __future__ import annotations

import asyncio
from copy import copy
from typing import Any, Protocol

from syncline.core import Allowance, Clock, Ids
from syncline.core.settings import Javascript, Resolvers
from syncline.datasources import Context, Shared
from syncline.js import AnswerRefused, Engine, Limits, QuickJs
from syncline.resolvers.project import Project
from syncline.resolvers.util import UNSUPPORTED, functions
from syncline.vtl import Intrinsic, MethodFailed

ROOTS = ("util", "utils")
"""`$util` and `$utils` are the same object."""

APART_MAX = 2
"""How much slow code may run at a time, on threads beside the loop."""


class Notes(Protocol):
    """Where log lines go: the server's meter, or a list."""

    def event(self, name: str, **fields: object) -> None:
        """Write one."""
        ...


class Library:
    """The `util` library, bound to a clock, ids and a meter. Make one, and `for_api` from it for each API."""

    logged = False
    """Whether the API that this is for logs what its handlers give."""
    keeps_effects = False
    """Whether calls of `extensions` are kept for the caller; otherwise they are refused."""

    def __init__(
        self,
        clock: Clock,
        ids: Ids,
        meter: Notes,
        settings: Javascript | None = None,
        python: Resolvers | None = None,
        *,
        reloads: bool = False,
    ) -> None:
        self.clock, self.ids, self.meter = clock, ids, meter
        self.settings = settings or Javascript()
        self.template_seconds_max = (python or Resolvers()).template_milliseconds_max / 1000
        self.project = Project(python or Resolvers(), clock, meter.event, reloads=reloads)
        self.engine: Engine = self._engine()
        self.apart = asyncio.Semaphore(APART_MAX)
        self.functions = functions(clock, ids)
        names = (*self.functions, *UNSUPPORTED, "log.info", "http.addResponseHeader")
        self.namespaces = frozenset(name.partition(".")[0] for name in names if "." in name)
        self.intrinsics = {
            f"{root}.{name}": Intrinsic(function.call, function.kind, function.arguments)
            for root in ROOTS
            for name, function in self.functions.items()
        }

    def for_api(self) -> Library:
        """The same library with an engine of its own."""
        found = copy(self)
        found.engine = self._engine()
        return found

    def noting(self, notes: Notes) -> Library:
        """The same library for trying code out: with an engine of its own, its lines going to `notes`, no effects."""
        found = self.for_api()
        found.meter, found.keeps_effects = notes, True
        return found

    def allowance(self, shared: Shared) -> Allowance:
        """How long the templates of a request may still run."""
        if shared.allowance is None:
            shared.allowance = Allowance(self.clock, self.template_seconds_max)
        return shared.allowance

    def say(self, ctx: Context, level: str, message: str, *, line: str = "") -> None:
        """Write a handler's own line: into the server's log, and, as `line`, into the API's log group if it has one."""
        field = f"{ctx.info.parent_type_name}.{ctx.info.field_name}"
        self.meter.event("resolver log", level=level, api=ctx.api_id, field=field, message=message)
        if ctx.log is not None:
            ctx.log.line(level, line or f"{level} - {message}")

    def _engine(self) -> QuickJs:
        settings = self.settings
        return QuickJs(
            Limits(
                settings.inline_milliseconds_max,
                settings.milliseconds_max,
                settings.memory_bytes_max,
                settings.stack_bytes_max,
            )
        )

    def answer(self, name: str, operands: list[Any]) -> Any:
        """What JavaScript's `util` asks Python's: the same function serves both languages. Raises AnswerRefused."""
        function = self.functions.get(name)
        if function is None or len(operands) not in function.arguments:
            raise AnswerRefused(f"util.{name} is not supported")
        try:
            return function.call(*operands)
        except MethodFailed as refusal:
            raise AnswerRefused(str(refusal)) from None
