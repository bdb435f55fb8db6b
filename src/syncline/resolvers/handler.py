"""One mapping template as a handler: a field's run in, a JSON value out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from syncline import vtl
from syncline.datasources import Context
from syncline.resolvers.errors import ResolverError
from syncline.resolvers.library import Library
from syncline.resolvers.views import ContextView, ExtensionsView, OwningView, UtilView

JSON = Any


class Roots(dict[str, JSON]):
    """The names that a template starts from, each made when it is asked for: most templates ask for `$ctx` alone."""

    __slots__ = ("_context", "_library")

    def __init__(self, context: Context, library: Library) -> None:
        self._context, self._library = context, library

    def get(self, name: str, default: JSON = None) -> JSON:
        maker = ROOTS.get(name)
        return default if maker is None else maker(self._context, self._library)


ROOTS: dict[str, Callable[[Context, Library], JSON]] = {
    "ctx": lambda context, library: ContextView(context),
    "context": lambda context, library: ContextView(context),
    "util": lambda context, library: UtilView(library, context),
    "utils": lambda context, library: UtilView(library, context),
    "extensions": lambda context, library: ExtensionsView(context),
}


class TemplateHandler:
    """A compiled mapping template. `name` is what logs call it: `Query.getItem request`."""

    __slots__ = ("_library", "_result", "_template", "name")

    def __init__(self, text: str, name: str, library: Library) -> None:
        self.name = name
        self._library = library
        try:
            self._template = vtl.compile(text, "velocity", library.intrinsics)
        except vtl.TemplateError as refusal:
            raise ResolverError(refusal.message, "MappingTemplate") from refusal
        path = self._template.passes
        self._result = path[2:] if path[:1] in (("ctx",), ("context",)) and path[1:2] == ("result",) else None

    @property
    def passes(self) -> tuple[str, ...] | None:
        """When the handler does nothing but hand on the result, or a member of it: the path to that. Otherwise None."""
        return self._result

    async def evaluate(self, ctx: Context) -> JSON:
        """The template's value. Raises ResolverError, and vtl.Return for `#return`."""
        if self._result == ():
            return ctx.result
        allowance = self._library.allowance(ctx.shared)
        allowance.begin()
        try:
            value = self._template.evaluate(self._bindings(ctx), allowance)
            if ctx.stash:
                vtl.light(ctx.stash)  # What is too much to be written out must not reach the next handler.
            return value
        except vtl.TemplateError as failure:
            self._note(failure, ctx)
            found = ResolverError(failure.message, "MappingTemplate")
            raise found.at(self.name, failure.line, failure.column) from failure
        except ResolverError as failure:
            place = self._template.place_of(failure.__traceback__)
            failure.at(self.name, *((place.line, place.column) if place else (0, 0)))
            raise
        finally:
            allowance.end()

    def render(self, ctx: Context) -> str:
        """The template's text, for whoever wants to see it. Raises as `evaluate`, and vtl.TemplateError."""
        return self._template.render(self._bindings(ctx))

    def _bindings(self, ctx: Context) -> dict[str, JSON]:
        if not self._template.assigns and not self._template.mutates:
            return Roots(ctx, self._library)
        view = OwningView(ctx) if self._template.mutates else ContextView(ctx)
        util = UtilView(self._library, ctx)
        return {"ctx": view, "context": view, "util": util, "utils": util, "extensions": ExtensionsView(ctx)}

    def _note(self, failure: vtl.TemplateError, ctx: Context) -> None:
        self._library.meter.event(
            "template failed",
            api=ctx.api_id,
            template=self.name,
            line=failure.line,
            column=failure.column,
            reason=failure.message[:1000],
        )
