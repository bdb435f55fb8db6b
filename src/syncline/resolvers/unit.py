"""Unit resolvers: request handler → data source → response handler; and direct Lambda resolvers.

Owns: what the template's version changes when a data source fails or gives null (graphql-api §5.1).
"""

from __future__ import annotations

from typing import Any

from syncline.datasources import PAGE_MEMBER, Context, DataSource, DataSourceError, without_rows
from syncline.resolvers.errors import ResolverError
from syncline.resolvers.model import Handler
from syncline.vtl import Return

JSON = Any
FIRST_VERSION = "2017-02-28"
PAGE = (PAGE_MEMBER,)


class UnitResolver:
    """One data source, asked once. Without templates the data source is a function that gets the whole context."""

    __slots__ = ("_request", "_response", "_source")

    def __init__(self, source: DataSource, request: Handler | None, response: Handler | None) -> None:
        self._source = source
        self._request = request
        self._response = response

    @property
    def gives_rows(self) -> bool:
        """Whether the value may be what the data source found, untouched: then rows of a table will do."""
        return self._response is None or self._response.passes in ((), PAGE)

    async def resolve(self, ctx: Context) -> JSON:
        """The field's value. Raises ResolverError."""
        try:
            request = direct_request(ctx) if self._request is None else await self._request.evaluate(ctx)
            ctx.rendered = request
            try:
                ctx.result = await self._source.invoke(request, ctx)
            except DataSourceError as failure:
                return await self._failed(failure, request, ctx)
            if self._response is None:
                return ctx.result
            if ctx.result is None and _version(request) == FIRST_VERSION:
                return None
            if ctx.rows:
                path = self._response.passes
                if path == PAGE and type(ctx.result) is dict:
                    return ctx.result.get(PAGE_MEMBER)
                if path != ():
                    ctx.result = without_rows(ctx.result)
            return await self._response.evaluate(ctx)
        except Return as early:
            return early.value

    async def _failed(self, failure: DataSourceError, request: JSON, ctx: Context) -> JSON:
        """The value after the data source failed: version 2018-05-29 leaves it to the response template."""
        ctx.result = failure.data
        kind = failure.cause_type if self._request is None and failure.cause_type else failure.error_type
        ctx.error = {"message": failure.message, "type": kind}
        if self._response is None:
            raise ResolverError(failure.message, kind, failure.data).at("data source") from failure
        if _version(request) != FIRST_VERSION:
            return await self._response.evaluate(ctx)
        try:
            shown = await self._response.evaluate(ctx)
        except ResolverError:
            shown = failure.data
        raise ResolverError(failure.message, kind, shown).at("data source") from failure


def direct_request(ctx: Context) -> JSON:
    """What a function without a request template is asked: the whole context as its event."""
    return {"version": "2018-05-29", "operation": "Invoke", "payload": event_of(ctx)}


def event_of(ctx: Context) -> dict[str, JSON]:
    """The event of a direct Lambda resolver."""
    return {
        "arguments": ctx.arguments,
        "identity": ctx.identity,
        "source": ctx.source,
        "request": ctx.request,
        "prev": ctx.prev,
        "info": {
            "selectionSetList": ctx.info.selection_set_list(),
            "selectionSetGraphQL": ctx.info.selection_set_graphql(),
            "parentTypeName": ctx.info.parent_type_name,
            "fieldName": ctx.info.field_name,
            "variables": ctx.info.variables,
        },
        "stash": ctx.stash,
    }


def _version(request: JSON) -> JSON:
    return request.get("version") if type(request) is dict else None
