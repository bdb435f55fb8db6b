"""One handler of APPSYNC_JS code: a field's run in, a JSON value out.

Owns: which parts of a field's run the code is handed, what its outcome means for the field, and what is done with
code that takes long. Never: runs code on the loop for longer than the short limit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from syncline.core import json
from syncline.datasources import Context
from syncline.js import CodeRefused, CodeStopped, Effect, Failure, Module, Outcome, Run, Signal, read
from syncline.resolvers.errors import EarlyReturn, ResolverError
from syncline.resolvers.library import Library
from syncline.resolvers.util import EXTENSIONS, add_response_header, add_response_headers
from syncline.resolvers.views import auth_type
from syncline.vtl import MethodFailed

JSON = Any

APART_SECONDS = 10.0
"""Code that was slow once is taken for slow for so long: it begins on a thread of its own."""

ANSWER: dict[str, tuple[Callable[..., JSON], range]] = {
    "addResponseHeader": (add_response_header, range(2, 3)),
    "addResponseHeaders": (add_response_headers, range(1, 2)),
}
"""What code asks of the answer by `util.http`."""


class Code:
    """APPSYNC_JS code, read when it is checked or first needed. `name` is what logs call it: `Query.getItem`."""

    __slots__ = ("_library", "_module", "_text", "apart_until", "name")

    def __init__(self, text: str, name: str, library: Library, module: Module | None = None) -> None:
        self.name = name
        self.apart_until = 0.0
        self._text = text
        self._library = library
        self._module = module

    def check(self) -> None:
        """Read and compile. Raises CodeRefused with every error."""
        self._library.engine.check(self.module())

    def module(self) -> Module:
        """What was read. Raises CodeRefused."""
        if self._module is None:
            self._module = read(self._text, relaxed=self._library.settings.relaxed)
        return self._module


class CodeHandler:
    """The `request` or `response` function of some code."""

    __slots__ = ("_code", "_handler", "_library", "_readers", "name")

    def __init__(self, code: Code, handler: str, library: Library) -> None:
        self.name = f"{code.name} {handler}"
        self._code = code
        self._handler = handler
        self._library = library
        self._readers: list[tuple[str, Callable[[Context], JSON]]] | None = None

    @property
    def passes(self) -> tuple[str, ...] | None:
        """As a template's: code that returns `ctx.result` hands it on."""
        try:
            return () if self._code.module().plain.get(self._handler) == "result" else None
        except CodeRefused:
            return None

    async def evaluate(self, ctx: Context) -> JSON:
        """The function's value. Raises ResolverError, and EarlyReturn."""
        try:
            return self._taken(await self.outcome(ctx), ctx)
        except (CodeStopped, CodeRefused) as failure:
            self._note(ctx, failure.message)
            raise ResolverError("Runtime Error", "Code").at(self.name, reason=failure.message) from failure
        except ResolverError as failure:
            failure.at(self.name)
            raise

    async def outcome(self, ctx: Context) -> Outcome:
        """What came of the function, nothing done about it. Raises CodeStopped, CodeRefused."""
        library, code = self._library, self._code
        module = code.module()
        member = module.plain.get(self._handler)
        if member is not None:
            return Outcome(MEMBERS[member](ctx))
        run = self._run(module, ctx)
        allowance = library.allowance(ctx.shared)
        allowance.begin()
        try:
            if library.clock.monotonic() >= code.apart_until and not allowance.over():
                return library.engine.run(module, self._handler, run, library.answer)
        except CodeStopped as stopped:
            if not stopped.slow:
                raise
            code.apart_until = library.clock.monotonic() + APART_SECONDS
        finally:
            allowance.end()
        # Handlers are pure: the second run, with the same time and chance, takes the same way.
        async with library.apart:
            return await asyncio.to_thread(library.engine.run_apart, module, self._handler, run, library.answer)

    def _run(self, module: Module, ctx: Context) -> Run:
        readers = self._readers
        if readers is None:
            info = whole_info if module.selections else short_info
            members = {**MEMBERS, "info": info}
            readers = self._readers = [(name, members[name]) for name in members if name in module.members]
        text = json.encode({name: reader(ctx) for name, reader in readers}).decode()
        library = self._library
        return Run(
            text,
            # The engine takes whole Python numbers for 32 bits.
            float(int(library.clock.now() * 1000)),
            library.ids.bytes(16).hex() if module.chance else "",
            json.encode({"authType": auth_type(ctx)}).decode() if module.auth_type else "",
        )

    def _taken(self, outcome: Outcome, ctx: Context) -> JSON:
        """What the outcome means: the stash is carried on, logs are written, errors are kept or raised."""
        if outcome.stash is not None:
            ctx.stash = outcome.stash
        if outcome.errors:
            ctx.out_errors.extend(outcome.errors)
        for log in outcome.logs:
            self._library.say(ctx, log.level, log.line(), line=log.line())
        if outcome.failure is not None:
            self._failed(outcome.failure, ctx)
        for effect in () if self._library.keeps_effects else outcome.effects:
            self._done(effect, ctx)
        if outcome.signal is not None:
            raise ended(outcome.signal, ctx)
        return outcome.value

    def _failed(self, failure: Failure, ctx: Context) -> None:
        line, column = (failure.position.line, failure.position.column) if failure.position else (0, 0)
        reason = failure.sentence()
        self._note(ctx, reason, line=line, column=column)
        raise ResolverError("Runtime Error", "Code").at(self.name, line, column, reason=reason) from None

    def _done(self, effect: Effect, ctx: Context) -> None:
        """Note what code asked of its request besides a value."""
        found = EXTENSIONS.get(effect.name) or ANSWER.get(effect.name)
        if found is None:
            raise ResolverError(f"extensions.{effect.name} is not supported", "UnsupportedOperation")
        function, counts = found
        if len(effect.arguments) not in counts:
            raise ResolverError(f"{effect.name} does not take {len(effect.arguments)} arguments", "Code")
        try:
            function(ctx, *effect.arguments)
        except MethodFailed as refusal:
            raise ResolverError(str(refusal), "Code") from None

    def _note(self, ctx: Context, reason: str, **place: int) -> None:
        self._library.meter.event("code failed", api=ctx.api_id, code=self.name, reason=reason[:1000], **place)


def ended(signal: Signal, ctx: Context) -> BaseException:
    """What to raise for a signal."""
    if signal.kind == "return":
        return EarlyReturn(signal.value, signal.skip_to == "END")
    if signal.kind == "unauthorized":
        message = f"Not Authorized to access {ctx.info.field_name} on type {ctx.info.parent_type_name}"
        return ResolverError(message, "Unauthorized")
    assert signal.kind == "error", "the engine answers what is asked"
    return ResolverError(signal.message, signal.error_type, signal.data, signal.error_info)


def short_info(ctx: Context) -> JSON:
    """`ctx.info` for code that does not read the selection set."""
    info = ctx.info
    return {"fieldName": info.field_name, "parentTypeName": info.parent_type_name, "variables": info.variables}


def whole_info(ctx: Context) -> JSON:
    """`ctx.info` with the selection set."""
    info = ctx.info
    return {
        **short_info(ctx),
        "selectionSetList": info.selection_set_list(),
        "selectionSetGraphQL": info.selection_set_graphql(),
    }


MEMBERS: dict[str, Callable[[Context], JSON]] = {
    "arguments": lambda ctx: ctx.arguments,
    "source": lambda ctx: ctx.source,
    "identity": lambda ctx: ctx.identity,
    "request": lambda ctx: ctx.request,
    "info": short_info,
    "stash": lambda ctx: ctx.stash,
    "prev": lambda ctx: ctx.prev or {},
    "result": lambda ctx: ctx.result,
    "error": lambda ctx: ctx.error,
    "env": lambda ctx: ctx.env,
    "outErrors": lambda ctx: ctx.out_errors,
}
