"""One handler of Python code: a field's run in, a JSON value out. It runs where the engine runs, without a detour.

For: `resolver`. Owns: what a function's value, or its failure, means for the field. Never: shows a client a trace.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

from syncline.datasources import Context
from syncline.resolvers.errors import ResolverError
from syncline.resolvers.library import Library
from syncline.resolvers.project import PythonRefused, trace_of, writable
from syncline.resolvers.run import RUN, ResolverContext, Run, as_json
from syncline.vtl import Return

JSON = Any

PYTHON = "SYNCLINE_PY"
PLAIN = (dict, list, str, int, float, bool, type(None))


class PythonHandler:
    """The `request` or `response` function of some code. `resolve` stands for both: it runs as the request, and ends
    the resolver, or the function of a pipeline, with its value."""

    __slots__ = ("_code", "_handler", "_library", "name")
    passes = None

    def __init__(self, code: str, owner: str, handler: str, library: Library) -> None:
        self.name = f"{owner} {handler}"
        self._code = code
        self._handler = handler
        self._library = library

    async def evaluate(self, ctx: Context) -> JSON:
        """The function's value. Raises ResolverError, and vtl.Return for `resolve` and `early_return`."""
        project = self._library.project
        try:
            functions = project.functions(self._code)
        except PythonRefused as refusal:
            self._note(ctx, refusal.message)
            raise ResolverError("Runtime Error", "Code").at(self.name, reason=refusal.message) from refusal
        if functions.resolve is not None:
            raise Return(await self._called(functions.resolve, ctx))
        function = functions.response if self._handler == "response" else functions.request
        assert function is not None, "code offers resolve, or both others"
        return await self._called(function, ctx)

    async def _called(self, function: Callable[..., Any], ctx: Context) -> JSON:
        token = RUN.set(Run(ctx, self._library))
        try:
            value = function(ResolverContext(ctx))
            if type(value) not in PLAIN and inspect.isawaitable(value):
                async with asyncio.timeout(self._library.project.seconds_max):
                    value = await value
            if ctx.stash:
                ctx.stash = as_json(ctx.stash)
            return as_json(value)
        except Return:
            raise
        except ResolverError as failure:
            file, line = self._library.project.place_of(failure)
            failure.at(self.name, line, reason=f"{file}:{line}: {failure.message}" if file else "")
            raise
        except (Exception, SystemExit) as failure:
            raise self._failed(failure, ctx) from failure
        finally:
            RUN.reset(token)

    def _failed(self, failure: BaseException, ctx: Context) -> ResolverError:
        """The field's error; the log has the place and the trace."""
        file, line = self._library.project.place_of(failure)
        said = writable(f"{type(failure).__name__}: {failure}")
        reason = f"{file}:{line}: {said}" if file else said
        self._note(ctx, reason, file=file, line=line, trace=trace_of(failure))
        return ResolverError("Runtime Error", "Code").at(self.name, line, reason=reason[:1000])

    def _note(self, ctx: Context, reason: str, **place: object) -> None:
        self._library.meter.event("code failed", api=ctx.api_id, code=self.name, reason=reason[:1000], **place)


def check_python(code: str, library: Library, *, whole: bool) -> None:
    """Import the code. `whole`: it may be one `resolve`. Raises PythonOff, PythonRefused."""
    if library.project.functions(code).resolve is not None and not whole:
        raise PythonRefused(reason="around a pipeline's functions there are request(ctx) and response(ctx), no resolve")
