"""Running a plan: resolvers are awaited, values completed, errors collected, nulls sent up.

For: `serve` (requests) and `subscribe` (what was published). Owns: one run's errors and counts.
Values inside which no resolver runs are completed by generated code; when that finds anything amiss, the same
value is completed again here, the careful way, which alone makes errors. Never: formats a response; knows HTTP.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from functools import partial
from typing import Any, NamedTuple

import msgspec
from graphql import GraphQLError

from syncline.auth import Identity
from syncline.core import SynclineError
from syncline.datasources import Context, Info, Shared, without_rows
from syncline.graphql import errors
from syncline.graphql.codegen import ANOMALIES
from syncline.graphql.errors import FieldFailed, Path
from syncline.graphql.logs import RequestLog
from syncline.graphql.plan import Plan, runs, selection_paths, selection_text
from syncline.graphql.scalars import complaint
from syncline.graphql.selection import FieldPlan, Shape
from syncline.resolvers import ResolverError

FAILURES_MAX = 20
"""Fields that failed whose contexts are held until the request is over, for its trace."""
TIMINGS_MAX = 500
Publish = Callable[[FieldPlan, Any], Awaitable[int] | None]
"""Publishes a field's value. What it returns, where the API is durable, is done once the publication is kept."""


class Bubble(Exception):
    """A null where the schema has `!`: the parent is null."""


class Surroundings(msgspec.Struct, frozen=True):
    """What resolvers see besides their field: the same for every field of a request."""

    api: str
    identity: Identity
    request: dict[str, Any]
    env: dict[str, str]
    given: dict[str, Any]
    variables: dict[str, Any]
    resolvers_max: int
    monotonic: Callable[[], float] = float
    log: RequestLog | None = None


class Failure(NamedTuple):
    """A field whose resolver failed: where in the answer, what it knew, why."""

    path: Path
    field: FieldPlan
    context: Context
    cause: SynclineError


class Run:
    """One execution of one plan."""

    __slots__ = (
        "errors",
        "failed",
        "failures",
        "plan",
        "publish",
        "resolved",
        "serialize",
        "shared",
        "surroundings",
        "timings",
    )

    def __init__(self, plan: Plan, surroundings: Surroundings, publish: Publish | None = None) -> None:
        self.plan = plan
        self.surroundings = surroundings
        self.publish = publish
        self.errors: list[dict[str, Any]] = []
        self.failed: set[Path] = set()
        self.resolved = 0
        self.shared = Shared(mutation=plan.mutation)
        self.failures: list[Failure] = []
        self.timings: list[tuple[Path, FieldPlan, float, float]] = []
        self.serialize = True

    @property
    def run(self) -> Run:
        """Itself: the reference way has a run inside."""
        return self

    async def data(self) -> dict[str, Any] | None:
        """The answer's `data`; its `errors` are in `errors` then."""
        try:
            if self.plan.mutation:
                return await self._mutate()
            return await self._object(self.plan.fields, None, (), parallel=self.plan.parallel)
        except Bubble:
            return None

    async def _mutate(self) -> dict[str, Any]:
        answer: dict[str, Any] = {}
        bubbling = False
        for field in self.plan.fields:
            try:
                value = answer[field.key] = await self._field(field, None, (field.key,))
            except Bubble:
                bubbling = True
                break
            if value is not None and field.key in self.plan.publications and self.publish is not None:
                rename = self.plan.publications[field.key]
                kept = self.publish(field, rename(value) if rename else value)
                if kept is not None:
                    await kept
        if bubbling:
            raise Bubble
        return answer

    async def projected(self, field: FieldPlan, value: Any) -> dict[str, Any] | None:
        """A published value as the answer to a subscription's only field: leaves stay as they are."""
        self.serialize = False
        try:
            return {field.key: await self._complete(field, field.shape, value, (field.key,))}
        except Bubble:
            return None

    # --- objects and their fields

    async def _object(self, fields: list[FieldPlan], source: Any, path: Path, *, parallel: bool) -> dict[str, Any]:
        if parallel:
            values = await _all([self._field(field, source, (*path, field.key)) for field in fields])
            return {field.key: value for field, value in zip(fields, values, strict=True)}
        answer: dict[str, Any] = {}
        bubbling = False
        for field in fields:
            try:
                answer[field.key] = await self._field(field, source, (*path, field.key))
            except Bubble:
                bubbling = True  # the other fields still run, and report what they find
        if bubbling:
            raise Bubble
        return answer

    async def _field(self, field: FieldPlan, source: Any, path: Path) -> Any:
        shape = field.shape
        try:
            value = await self.resolve(field, path) if source is None else await self._value(field, source, path)
        except FieldFailed as failure:
            self._fail(path, errors.field(failure, path, field.nodes[0]))
            value = None
        if shape.fast is not None and value is not None:
            try:
                return shape.fast(value)
            except ANOMALIES:
                value = without_rows(value)
        return await self._complete(field, shape, value, path)

    async def _value(self, field: FieldPlan, source: Any, path: Path) -> Any:
        if field.resolver is not None or field.blocked is not None:
            return await self.resolve(field, path, source)
        if field.name == "__typename":
            return field.parent
        return source.get(field.name)

    async def resolve(self, field: FieldPlan, path: Path, source: Any = None) -> Any:
        """The raw value of a field, by its resolver if it has one. Raises FieldFailed."""
        if field.blocked is not None:
            raise FieldFailed(field.blocked.message, field.blocked.error_type)  # its own, for its own traceback
        if field.resolver is None:
            return field.parent if field.name == "__typename" else None
        self.resolved += 1
        if self.resolved > self.surroundings.resolvers_max:
            raise FieldFailed("Resolver execution limit reached.", "ResolverExecutionLimitReached")
        try:
            arguments = field.arguments(self.surroundings.variables) if field.arguments else {}
        except ANOMALIES:
            raise FieldFailed(f"The arguments of {field.name} cannot be coerced.", "BadRequest") from None
        context = self.context(field, arguments, source)
        if self.surroundings.log is not None:
            context.log = self.surroundings.log.field(path, field)
        monotonic = self.surroundings.monotonic
        began = monotonic()
        try:
            value = await field.resolver.resolve(context)
        except SynclineError as failure:
            if len(self.failures) < FAILURES_MAX:
                self.failures.append(Failure(path, field, context, failure))
            self._appended(context, field, path)
            raise as_field_failure(failure, field) from None
        finally:
            if len(self.timings) < TIMINGS_MAX:
                self.timings.append((path, field, began, monotonic()))
        if context.out_errors:
            self._appended(context, field, path)
        return value

    def context(self, field: FieldPlan, arguments: dict[str, Any], source: Any) -> Context:
        """What the field's resolver is run with."""
        around = self.surroundings
        return Context(
            arguments,
            Info(
                field.name,
                field.parent,
                around.given,
                partial(selection_paths, field),
                partial(selection_text, field),
                field.shape.name,
            ),
            source,
            around.identity.claims,
            around.request,
            env=around.env,
            api_id=around.api,
            shared=self.shared,
            rows=field.rows,
        )

    def _appended(self, context: Context, field: FieldPlan, path: Path) -> None:
        for each in context.out_errors:
            failure = FieldFailed(
                str(each.get("message") or ""), each.get("errorType"), each.get("data"), each.get("errorInfo")
            )
            self.errors.append(errors.field(selected(failure, field), path, field.nodes[0]))

    def _fail(self, path: Path, entry: dict[str, Any]) -> None:
        self.failed.add(path)
        self.errors.append(entry)

    # --- completion, the careful way

    async def _complete(self, field: FieldPlan, shape: Shape, value: Any, path: Path) -> Any:
        if value is not None:
            try:
                value = await self._complete_present(field, shape, value, path)
            except Bubble:
                if shape.non_null:
                    raise
                return None
        if value is None and shape.non_null:
            if path not in self.failed:
                name = shape.name
                self._fail(path, errors.null_for_non_null(name, field.parent, path))
            raise Bubble
        return value

    async def _complete_present(self, field: FieldPlan, shape: Shape, value: Any, path: Path) -> Any:
        if shape.kind == "leaf":
            return self._leaf(shape, value, path)
        if shape.kind == "list":
            return await self._list(field, shape, value, path)
        if type(value) is not dict:
            return self._mismatch("OBJECT", path)
        fields = self._fields_of(shape, value)
        if fields is None:
            return self._mismatch(f"a type of {shape.name}, named by __typename", path)
        return await self._object(fields, value, path, parallel=runs(fields) > 1 and not shape.pure)

    def _fields_of(self, shape: Shape, value: dict[str, Any]) -> list[FieldPlan] | None:
        if shape.kind == "object":
            return shape.selections[shape.name]
        name = value.get("__typename")
        return shape.selections.get(name) if isinstance(name, str) else None

    async def _list(self, field: FieldPlan, shape: Shape, value: Any, path: Path) -> Any:
        item = shape.item
        if type(value) is not list or item is None:
            return self._mismatch("LIST", path)
        work = [self._complete(field, item, each, (*path, index)) for index, each in enumerate(value)]
        if shape.pure:
            return await _one_by_one(work)
        return await _all(work)

    def _leaf(self, shape: Shape, value: Any, path: Path) -> Any:
        if not self.serialize:
            return value
        try:
            return shape.leaf.coerce_output_value(value)
        except (GraphQLError, ValueError, TypeError, OverflowError) as failure:
            self._fail(path, errors.unserializable(complaint(shape.leaf, value, failure), path))
            return None

    def _mismatch(self, expected: str, path: Path) -> None:
        message = f"Can't resolve value ({errors.slashed(path)}) : type mismatch error, expected type {expected}"
        self._fail(path, {"path": list(path), "locations": None, "message": message})


async def _one_by_one(work: list[Coroutine[Any, Any, Any]]) -> list[Any]:
    values: list[Any] = []
    bubbling = False
    for each in work:
        try:
            values.append(await each)
        except Bubble:
            bubbling = True
    if bubbling:
        raise Bubble
    return values


async def _all(work: list[Coroutine[Any, Any, Any]]) -> list[Any]:
    """Every result, run side by side; raises only when all are done."""
    if len(work) == 1:
        return [await work[0]]
    results = await asyncio.gather(*work, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, Bubble):
            raise result
    if any(isinstance(result, Bubble) for result in results):
        raise Bubble
    return list(results)


def as_field_failure(failure: SynclineError, field: FieldPlan) -> FieldFailed:
    """A resolver's failure as an entry of `errors`."""
    if not isinstance(failure, ResolverError):
        return FieldFailed(failure.message, failure.code)
    message = failure.message
    if failure.error_type == "Unauthorized" and not message:
        message = f"Not Authorized to access {field.name} on type {field.parent}"
    return selected(FieldFailed(message, failure.error_type, failure.data or None, failure.error_info), field)


def selected(failure: FieldFailed, field: FieldPlan) -> FieldFailed:
    """The failure with its `data` filtered by what the field selects."""
    if isinstance(failure.data, (dict, list)):
        failure.data = _filtered(failure.data, field.shape)
    return failure


def _filtered(data: Any, shape: Shape) -> Any:
    while shape.item is not None:
        shape = shape.item
    if isinstance(data, list):
        return [_filtered(each, shape) for each in data]
    if not isinstance(data, dict) or not shape.selections:
        return data
    fields = shape.selections.get(data.get("__typename", shape.name)) or next(iter(shape.selections.values()))
    return {field.key: _filtered(data.get(field.name), field.shape) for field in fields}


def at_once(work: Awaitable[Any]) -> Any:
    """The result of a coroutine that has nothing to wait for: a completion without resolvers."""
    step = work.__await__()
    try:
        next(step)
    except StopIteration as done:
        return done.value
    raise AssertionError("a completion without resolvers does not wait")


def request_of(headers: list[tuple[str, str]], domain: str | None = None) -> dict[str, Any]:
    """`ctx.request`: headers by name, several of one name as a list, cookies left out."""
    seen: dict[str, Any] = dict(headers)
    if len(seen) < len(headers):
        seen = _repeats(headers)
    seen.pop("cookie", None)
    return {"headers": seen, "domainName": domain}


def _repeats(headers: list[tuple[str, str]]) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    for name, value in headers:
        if name not in seen:
            seen[name] = value
        elif isinstance(seen[name], list):
            seen[name].append(value)
        else:
            seen[name] = [seen[name], value]
    return seen
