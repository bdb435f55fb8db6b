"""The nouns of resolvers: specifications as AppSync's control plane has them, and what they compile to."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from syncline.datasources import Context

JSON = Any


class FunctionSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """AppSync's FunctionConfiguration: one step of a pipeline."""

    function_id: str
    name: str
    data_source_name: str
    request_template: str | None = None
    response_template: str | None = None
    function_version: str | None = None
    runtime: dict[str, str] | None = None
    code: str | None = None
    max_batch_size: int = 0


class ResolverSpec(msgspec.Struct, frozen=True, omit_defaults=True):
    """AppSync's Resolver. `functions` are the pipeline's steps, already looked up, in order."""

    type_name: str
    field_name: str
    kind: str = "UNIT"
    data_source_name: str | None = None
    request_template: str | None = None
    response_template: str | None = None
    functions: tuple[FunctionSpec, ...] = ()
    runtime: dict[str, str] | None = None
    code: str | None = None
    max_batch_size: int = 0


class Handler(Protocol):
    """A mapping template, or a function of APPSYNC_JS or Python code."""

    @property
    def passes(self) -> tuple[str, ...] | None:
        """When it does nothing but hand on the result, or a member of it: the path to that. Otherwise None."""
        ...

    async def evaluate(self, ctx: Context) -> JSON:
        """Its value. Raises ResolverError, and vtl.Return when it ends early with a value."""
        ...


class Resolver(Protocol):
    """A compiled resolver; it holds no state of a run, so one serves all requests."""

    @property
    def gives_rows(self) -> bool:
        """Whether its value may be rows when the context says that they will do."""
        ...

    async def resolve(self, ctx: Context) -> JSON:
        """The field's value as plain JSON. Raises ResolverError; appended errors are in `ctx.out_errors`."""
        ...
