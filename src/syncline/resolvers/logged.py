"""Handlers of an API that logs: what each gives, or why it fails, is noted for the API's log group.

For: `resolver`, which puts them around the handlers of such APIs, and of no others. Owns: AppSync's names of the steps.
"""

from __future__ import annotations

from typing import Any

from syncline.datasources import Context
from syncline.resolvers.errors import ResolverError
from syncline.resolvers.handler import TemplateHandler
from syncline.resolvers.model import FunctionSpec, Handler, ResolverSpec
from syncline.vtl import Return

JSON = Any
STEPS = {
    ("UNIT", True): ("RequestMapping", "ResponseMapping"),
    ("FUNCTION", True): ("RequestFunctionMapping", "ResponseFunctionMapping"),
    ("PIPELINE", True): ("BeforeMapping", "AfterMapping"),
    ("UNIT", False): ("RequestFunctionEvaluation", "ResponseFunctionEvaluation"),
    ("FUNCTION", False): ("RequestFunctionEvaluation", "ResponseFunctionEvaluation"),
    ("PIPELINE", False): ("BeforeRequestFunctionEvaluation", "AfterResponseFunctionEvaluation"),
}
"""By the kind of resolver and whether a template is the handler: the step before, and the one after."""


class LoggedHandler:
    """A handler and its place in the log."""

    __slots__ = ("_handler", "_member", "_step")
    passes = None

    def __init__(self, handler: Handler, step: dict[str, str], member: str) -> None:
        self._handler, self._step, self._member = handler, step, member

    async def evaluate(self, ctx: Context) -> JSON:
        """As the handler itself."""
        log = ctx.log
        if log is None:
            return await self._handler.evaluate(ctx)
        try:
            value = await self._handler.evaluate(ctx)
        except Return as early:
            log.handled(self._step, ctx, "earlyReturnedValue", early.value, None)
            raise
        except ResolverError as failure:
            log.handled(self._step, ctx, self._member, None, failure.reason or failure.message)
            raise
        log.handled(self._step, ctx, self._member, value, None)
        return value


def logged(
    spec: ResolverSpec | FunctionSpec, before: Handler | None, after: Handler | None
) -> tuple[Handler | None, Handler | None]:
    """The two handlers of a resolver or a function, noting what they give."""
    kind = "FUNCTION" if isinstance(spec, FunctionSpec) else spec.kind
    named = {"functionName": spec.name, "functionId": spec.function_id} if isinstance(spec, FunctionSpec) else {}

    def noted(handler: Handler | None, at: int) -> Handler | None:
        if handler is None:
            return None
        template = isinstance(handler, TemplateHandler)
        step = {"logType": STEPS[kind, template][at], **named}
        return LoggedHandler(handler, step, "transformedTemplate" if template else "evaluationResult")

    return noted(before, 0), noted(after, 1)
