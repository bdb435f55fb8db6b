"""Query and Scan: from a request to a plan, from a plan to one page.

For: the engine. Owns: the page's rules: read in order, count towards Limit and 1 MB, then filter, then project.
"""

from __future__ import annotations

import zlib
from bisect import bisect_left
from collections.abc import Callable, Mapping
from itertools import accumulate, count
from typing import Any

import msgspec

from syncline.core import Invalid
from syncline.store import Snapshot, Space, Store, keys
from syncline.tables.capacity import consumed, read_units
from syncline.tables.catalog import ALL, CREATING, DELETING, INCLUDE, Index
from syncline.tables.conditions import Predicate
from syncline.tables.errors import invalid_values
from syncline.tables.key_conditions import (
    INVALID_START,
    KeyTest,
    Parted,
    Range,
    check_start,
    part,
    passes,
    range_below,
)
from syncline.tables.layout import KEY_MISMATCH, Layout, decode_row, encoded_key, key_part, row_size, row_sizes
from syncline.tables.parameters import Parameters
from syncline.tables.projections import Projection
from syncline.tables.registry import OpenTable, Registry, table_name
from syncline.tables.scope import Values
from syncline.tables.values import Item, check_item

PAGE_BYTES_MAX = 1024 * 1024
FIRST_ROWS = 32
"""At least so many are read on the loop's own connection before it is known how long they are."""
LOOP_ROWS = 256
LOOP_BYTES = 128 * 1024
"""About so much of a page is read on the loop; the rest is left to a thread, whose wake-up alone costs 100 µs."""
ROWS_MAX = 10_000

Request = Mapping[str, Any]
Shape = tuple[Predicate | None, Projection | None]
"""A request's filter and projection."""
Show = Callable[[bytes], Any]
"""Makes of a row what the answer holds of it."""


class Plan(msgspec.Struct, frozen=True):
    """What to read and what to show of it."""

    open_table: OpenTable
    index: Index | None
    range: Range
    reverse: bool
    limit: int | None
    filter: Predicate | None
    values: Values
    projection: Projection | None
    counts_only: bool
    consistent: bool
    show: Show
    fetches: bool = False
    segment: int = 0
    segments: int = 1

    @property
    def is_plain(self) -> bool:
        """Whether each row read is counted and shown as it is, and nothing else is to be read for it."""
        shows_all = self.filter is None and self.projection is None and not self.counts_only
        return shows_all and self.segments == 1 and not self.fetches

    @property
    def key_names(self) -> tuple[str, ...]:
        """The attributes of LastEvaluatedKey."""
        own = self.open_table.table.key_names
        return (
            own if self.index is None else (*self.index.key_names, *(n for n in own if n not in self.index.key_names))
        )


class Page(msgspec.Struct):
    """What was read so far: the items that passed, how many were evaluated, their bytes, and where it stopped."""

    items: list[Any]
    count: int = 0
    evaluated: int = 0
    size: int = 0
    fetched_units: float = 0.0
    last: Item | None = None


class Chunk(msgspec.Struct):
    """A stretch of a page."""

    items: list[Any]
    count: int
    evaluated: int
    size: int
    fetched_units: float
    last: Item | None
    next_key: bytes | None
    full: bool


def query_plan(registry: Registry, request: Request, show: Show) -> Plan:
    """The plan of a Query. Raises Invalid or NotFound."""
    name = table_name(request)
    limit = _limit(request, "Value at 'Limit'")
    parameters = Parameters(request, "FilterExpression", "KeyConditionExpression", "ProjectionExpression")
    shape = None if parameters.uses_expressions else _shape(parameters)
    start = _given_start(request)
    parameters.require_key_condition()
    tests, (filter_, project) = _tests(parameters, shape)
    parameters.finish()
    found = registry.open(name)
    index = _index(found, request)
    keyed = index or found.table
    if start is not None and len(start) != len(_start_names(found, index)):
        raise Invalid(INVALID_START)
    parted = part(tests, keyed.hash_names, keyed.range_names, found.table.types, parameters.values, start)
    operands = {test.attribute: [key_part(parameters.values[name]) for name in test.operands] for test in parted.tests}
    prefix = found.layout.prefix if index is None else found.layout.index_prefix(index)
    prefix += keys.encode(tuple([operands[test.attribute][0] for test in parted.equal]))
    bounds = range_below(prefix, parted.last, operands[parted.last.attribute] if parted.last else [])
    reverse = request.get("ScanIndexForward") is False
    if start is not None:
        _require_own_key(found, start)
        is_one = index is None and len(parted.equal) == len(keyed.key_names)
        _check_query_start(start, keyed.hash_names, parted, operands, is_one=is_one)
        bounds = _after(bounds, _cursor(found.layout, index, start), reverse=reverse)
    _refuse_key_filter(parameters, keyed.key_names)
    counts_only = _counts_only(request, index, prefix="1 validation error detected: ")
    found.layout.refuse_opened(parameters.opened)
    return Plan(
        found, index, bounds, reverse, limit, filter_, parameters.values, project,
        consistent=request.get("ConsistentRead") is True,
        show=show,
        counts_only=counts_only,
        fetches=_fetches(found, index, request, parameters),
    )  # fmt: skip


def _shape(parameters: Parameters) -> Shape:
    """What a request shows of what it reads."""
    return parameters.condition("FilterExpression"), parameters.projection()


def _tests(parameters: Parameters, shape: Shape | None) -> tuple[tuple[KeyTest, ...], Shape]:
    """The key condition, and the filter and projection if they are not read yet.

    AWS reads all of a request's expressions, and asks what they use, before it asks whether the key condition is one.
    """
    try:
        tests = parameters.key_condition()
    except Invalid:
        parameters.condition("KeyConditionExpression")
        _shape(parameters)
        parameters.finish()
        raise
    return tests, shape or _shape(parameters)


def scan_plan(registry: Registry, request: Request, show: Show) -> Plan:
    """The plan of a Scan. Raises Invalid or NotFound."""
    name = table_name(request)
    limit = _limit(request, "Value '0' at 'limit'")
    parameters = Parameters(request, "FilterExpression", "ProjectionExpression")
    shape: Shape | None = None
    if not parameters.uses_expressions:
        project = parameters.projection()
        shape = parameters.condition("FilterExpression"), project
    start = _given_start(request)
    segment, segments = _segment(request)
    filter_, project = shape or _shape(parameters)
    parameters.finish()
    found = registry.open(name)
    index = _index(found, request)
    if start is not None:
        if len(start) != len(_start_names(found, index)):
            raise Invalid(f"{INVALID_START}: {KEY_MISMATCH}" if index is None else INVALID_START)
        for part_name in index.key_names if index else ():
            check_start(start, part_name, found.table.types[part_name])
    counts_only = _counts_only(request, index, prefix="")
    prefix = found.layout.prefix if index is None else found.layout.index_prefix(index)
    bounds = Range(prefix, prefix + b"\xff")
    if start is not None:
        _require_own_key(found, start)
        if _segment_of(found.layout, index, start, segments) != segment:
            raise Invalid(
                f"{INVALID_START}: Invalid ExclusiveStartKey. Please use ExclusiveStartKey with correct Segment. "
                f"TotalSegments: {segments} Segment: {segment}"
            )
        bounds = _after(bounds, _cursor(found.layout, index, start), reverse=False)
    found.layout.refuse_opened(parameters.opened)
    return Plan(
        found, index, bounds, False, limit, filter_, parameters.values, project,
        consistent=request.get("ConsistentRead") is True,
        show=show,
        counts_only=counts_only,
        fetches=_fetches(found, index, request, parameters),
        segment=segment,
        segments=segments,
    )  # fmt: skip


async def read_page(store: Store, plan: Plan) -> Page:
    """One page: the first rows here and now, the rest without holding up the loop."""
    page, bounds, rows, long = Page([]), plan.range, _first_rows(plan.open_table), False
    for chunks in count(1):
        now, within = rows if plan.limit is None else min(rows, plan.limit - page.evaluated), bounds
        budget = PAGE_BYTES_MAX - page.size
        read = lambda view, now=now, within=within, budget=budget: _read_chunk(view, plan, within, now, budget)  # noqa: E731
        chunk: Chunk = await store.read(read, long=long)
        page.items += chunk.items
        page.count += chunk.count
        page.evaluated += chunk.evaluated
        page.size += chunk.size
        page.fetched_units += chunk.fetched_units
        if chunk.full or page.evaluated == plan.limit:
            page.last = chunk.last
            break
        if chunk.next_key is None:
            break
        bounds = _after(bounds, chunk.next_key, reverse=plan.reverse)
        average = max(1, page.size // max(1, page.evaluated))
        more = (LOOP_BYTES - page.size) // average if chunks == 1 and page.evaluated else 0
        long = more < 1
        rows = (PAGE_BYTES_MAX - page.size) // average + 1 if long else min(more, LOOP_ROWS)
        rows = max(1, min(ROWS_MAX, rows))
    return page


def _first_rows(found: OpenTable) -> int:
    """How many rows to read at first: more where the table's are short, so that small pages are one read."""
    figures = found.figures
    short = LOOP_BYTES * figures.items // (4 * figures.bytes) if figures.bytes > 0 else 0
    return max(FIRST_ROWS, min(LOOP_ROWS, short))


def shown_page(request: Request, plan: Plan, page: Page) -> dict[str, Any]:
    """The answer that shows a page."""
    units = read_units(page.size, consistent=plan.consistent)
    plan.open_table.figures.read_units.add(units + page.fetched_units)
    answer: dict[str, Any] = {"Count": page.count, "ScannedCount": page.evaluated}
    if not plan.counts_only:
        answer["Items"] = page.items if plan.projection is None else [plan.projection(item) for item in page.items]
    if page.last is not None:
        answer["LastEvaluatedKey"] = {name: page.last[name] for name in plan.key_names}
    table = plan.open_table.table.name
    if plan.index is None:
        return answer | consumed(request, table, units)
    arm = {plan.index.name: units}
    if plan.index.is_global:
        return answer | consumed(request, table, 0.0, global_indexes=arm)
    return answer | consumed(request, table, page.fetched_units, local_indexes=arm)


def _read_chunk(view: Snapshot, plan: Plan, bounds: Range, rows: int, budget: int) -> Chunk:
    """The next `rows` rows within `bounds`, or fewer: what they hold, up to the row that uses up `budget` bytes."""
    space = Space.ITEM if plan.index is None else Space.INDEX
    pairs = view.scan(space, bounds.low, bounds.high, limit=rows, reverse=plan.reverse)
    chunk = Chunk([], 0, 0, 0, 0.0, None, pairs[-1][0] if len(pairs) == rows else None, full=False)
    if plan.is_plain:
        return _read_plain(chunk, plan, [row for _, row in pairs], budget)
    layout = plan.open_table.layout
    for _, row in pairs:
        item = decode_row(row)
        if plan.segments > 1 and _segment_of(layout, plan.index, item, plan.segments) != plan.segment:
            continue
        chunk.last = item
        chunk.evaluated += 1
        chunk.size += row_size(row)
        if plan.fetches:
            whole = view.get(Space.ITEM, layout.key(item))
            assert whole is not None, "an index entry and its item are one commit"
            item = decode_row(whole)
            chunk.fetched_units += read_units(row_size(whole), consistent=plan.consistent)
        if plan.filter is None or plan.filter(item, plan.values):
            chunk.count += 1
            if not plan.counts_only:
                chunk.items.append(item)
        if chunk.size >= budget:
            chunk.full = True
            break
    return chunk


def _read_plain(chunk: Chunk, plan: Plan, rows: list[bytes], budget: int) -> Chunk:
    """The same where every row counts and is shown as it is: most of them, so without a question per row."""
    if not rows:
        return chunk
    sizes = row_sizes(rows)
    chunk.size = sum(sizes)
    if chunk.size >= budget:
        reached = list(accumulate(sizes))
        rows = rows[: bisect_left(reached, budget) + 1]
        chunk.size, chunk.full = reached[len(rows) - 1], True
    chunk.items = rows if plan.show is bytes else list(map(plan.show, rows))
    chunk.count = chunk.evaluated = len(rows)
    chunk.last = decode_row(rows[-1])
    return chunk


def _after(bounds: Range, key: bytes, *, reverse: bool) -> Range:
    """What is left of `bounds` after `key` in reading order."""
    if reverse:
        return Range(bounds.low, max(bounds.low, min(bounds.high, key)))
    return Range(max(bounds.low, key + b"\x00"), bounds.high)


def _limit(request: Request, where: str) -> int | None:
    limit = request.get("Limit")
    if limit is None:
        return None
    if type(limit) is not int or limit < 1:
        raise Invalid(
            f"1 validation error detected: {where} failed to satisfy constraint: "
            "Member must have value greater than or equal to 1"
        )
    return limit


def _index(found: OpenTable, request: Request) -> Index | None:
    name = request.get("IndexName")
    if name is None:
        return None
    index = found.table.index(name)
    if index is None or index.status == DELETING:
        raise Invalid(f"The table does not have the specified index: {name}")
    if index.status == CREATING:
        raise Invalid(f"Cannot read from backfilling global secondary index: {name}")
    if index.is_global and request.get("ConsistentRead") is True:
        raise Invalid("Consistent reads are not supported on global secondary indexes")
    return index


def _counts_only(request: Request, index: Index | None, *, prefix: str) -> bool:
    """Whether only counts are asked for. Refuses a Select that contradicts the rest."""
    select = request.get("Select")
    given = [name for name in ("ProjectionExpression", "AttributesToGet") if request.get(name) is not None]
    projects = bool(given)
    if select == "SPECIFIC_ATTRIBUTES" and not projects:
        raise Invalid(
            f"{prefix}Must specify the AttributesToGet or ProjectionExpression when choosing to get SPECIFIC_ATTRIBUTES"
        )
    if select == "ALL_PROJECTED_ATTRIBUTES" and index is None:
        raise Invalid(f"{prefix}ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName")
    if projects and select in ("ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES", "COUNT"):
        what = "only the Count" if select == "COUNT" else select
        raise Invalid(f"{prefix}Cannot specify the {given[0]} when choosing to get {what}")
    if select == "ALL_ATTRIBUTES" and index is not None and index.is_global and index.projection != ALL:
        raise invalid_values(
            f"Select type ALL_ATTRIBUTES is not supported for global secondary index {index.name} "
            "because its projection type is not ALL"
        )
    return bool(select == "COUNT")


def _fetches(found: OpenTable, index: Index | None, request: Request, parameters: Parameters) -> bool:
    """Whether a local index's entries do not hold all that is asked for. For a global one that is refused."""
    if index is None or index.projection == ALL:
        return False
    if request.get("Select") == "ALL_ATTRIBUTES":
        return True
    asked = parameters.projected()
    if asked is None:
        return False
    held = {*index.key_names, *found.table.key_names, *(index.included if index.projection == INCLUDE else ())}
    missing = asked - held
    if missing and index.is_global:
        raise invalid_values(f"Global secondary index {index.name} does not project {sorted(missing)}")
    return bool(missing)


def _refuse_key_filter(parameters: Parameters, key_names: tuple[str, ...]) -> None:
    kind, used = parameters.filtered() or ("", frozenset())
    for name in key_names:
        if name in used:
            raise Invalid(f"{kind} can only contain non-primary key attributes: Primary key attribute: {name}")


def _given_start(request: Request) -> Item | None:
    """ExclusiveStartKey with values that are right in themselves; None when absent."""
    given = request.get("ExclusiveStartKey")
    if given is None:
        return None
    try:
        return check_item(given)[0]
    except Invalid as refusal:
        # AWS does this: what is wrong with a number or a set of them is told without the beginning.
        is_plain = any(words in refusal.message for words in ("umber", "numeric value", "contains duplicates"))
        raise refusal if is_plain else Invalid(f"{INVALID_START}: {refusal.message}") from None


def _start_names(found: OpenTable, index: Index | None) -> set[str]:
    return {*found.table.key_names, *(index.key_names if index else ())}


def _require_own_key(found: OpenTable, start: Item) -> None:
    """Refuse a starting key without the table's own key in it."""
    if not found.layout.has_key(start):
        raise Invalid(f"{INVALID_START}: {KEY_MISMATCH}")


def _check_query_start(
    start: Item, hash_names: tuple[str, ...], parted: Parted, operands: Mapping[str, list[keys.Part]], *, is_one: bool
) -> None:
    """Refuse a starting key that is not within what the query reads; `is_one`: it reads one item."""
    failed = [
        test.attribute
        for test in parted.tests
        if not passes(test, operands[test.attribute], key_part(start[test.attribute]))
    ]
    if any(name not in hash_names for name in failed):
        raise Invalid("The provided starting key does not match the range key predicate")
    # AWS does this: with a condition on the sort key, a start in another partition is told as if there were one row.
    if is_one or (failed and len(parted.tests) > len(hash_names)):
        raise Invalid("The query can return at most one row and cannot be restarted")
    if failed:
        raise Invalid("The provided starting key is outside query boundaries based on provided conditions")


def _cursor(layout: Layout, index: Index | None, start: Item) -> bytes:
    """Where in the keyspace a starting key stands, whether or not something is there."""
    if index is None:
        return layout.key(start)
    return layout.entry_key(index, start)


def _segment(request: Request) -> tuple[int, int]:
    segment, segments = request.get("Segment"), request.get("TotalSegments")
    if segment is None and segments is None:
        return 0, 1
    if segments is None:
        raise Invalid(
            "The TotalSegments parameter is required but was not present in the request "
            "when Segment parameter is present"
        )
    if segment is None:
        raise Invalid(
            "The Segment parameter is required but was not present in the request "
            "when parameter TotalSegments is present"
        )
    if segment >= segments:
        raise Invalid(
            "The Segment parameter is zero-based and must be less than parameter TotalSegments: "
            f"Segment: {segment} is not less than TotalSegments: {segments}"
        )
    return segment, segments


def _segment_of(layout: Layout, index: Index | None, item: Item, segments: int) -> int:
    """The segment of an item: by its partition key alone, so that a partition is in one segment."""
    return zlib.crc32(encoded_key((index or layout.table).hash_names, item)) % segments
