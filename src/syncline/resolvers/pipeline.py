"""Pipeline resolvers: before template → each function → after template, with one stash and `prev` between them."""

from __future__ import annotations

from typing import Any

from syncline.datasources import Context, DataSource, DataSourceError
from syncline.resolvers.errors import EarlyReturn, ResolverError
from syncline.resolvers.model import Handler
from syncline.resolvers.unit import direct_request
from syncline.vtl import Return

JSON = Any


class PipelineFunction:
    """One step: request template → data source → response template. `#return` ends the step only."""

    __slots__ = ("_request", "_response", "_source")

    def __init__(self, source: DataSource, request: Handler | None, response: Handler | None) -> None:
        self._source = source
        self._request = request
        self._response = response

    async def run(self, ctx: Context) -> JSON:
        """The step's output. Raises ResolverError."""
        ctx.error = ctx.result = None
        try:
            request = direct_request(ctx) if self._request is None else await self._request.evaluate(ctx)
            ctx.rendered = request
            try:
                ctx.result = await self._source.invoke(request, ctx)
            except DataSourceError as failure:
                kind = failure.cause_type if self._request is None and failure.cause_type else failure.error_type
                ctx.result = failure.data
                ctx.error = {"message": failure.message, "type": kind}
                if self._response is None:
                    raise ResolverError(failure.message, kind, failure.data).at("data source") from failure
            return ctx.result if self._response is None else await self._response.evaluate(ctx)
        except Return as early:
            if isinstance(early, EarlyReturn) and early.to_end:
                raise
            return early.value


class PipelineResolver:
    """Several functions, one after the other."""

    __slots__ = ("_after", "_before", "_functions")
    gives_rows = False

    def __init__(self, before: Handler | None, functions: list[PipelineFunction], after: Handler | None) -> None:
        self._before = before
        self._functions = functions
        self._after = after

    async def resolve(self, ctx: Context) -> JSON:
        """The field's value. Raises ResolverError."""
        try:
            value = await self._through(ctx)
            ctx.prev, ctx.result = {"result": value}, value
            return value if self._after is None else await self._after.evaluate(ctx)
        except Return as early:
            return early.value

    async def _through(self, ctx: Context) -> JSON:
        """The value after the functions, or where one of them, or the code before them, left the rest out."""
        try:
            value = None if self._before is None else await self._before.evaluate(ctx)
        except EarlyReturn as early:
            return early.value
        try:
            for function in self._functions:
                ctx.prev = {"result": value}
                value = await function.run(ctx)
        except EarlyReturn as early:
            return early.value
        return value
