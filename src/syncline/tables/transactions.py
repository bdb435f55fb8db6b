"""TransactWriteItems and TransactGetItems: up to a hundred actions, all or nothing, at one moment.

For: the engine. Owns: the rules between a transaction's actions, the reasons of a cancellation, idempotency.
A transaction is one body, so no other write is ever in its way: there are no conflicts to report.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from syncline.core import Invalid
from syncline.store import Snapshot, Space, Transaction
from syncline.tables import tokens
from syncline.tables.capacity import READ, WRITE, figures, read_units
from syncline.tables.errors import CollectionTooLarge, ConditionalCheckFailed, TransactionCanceled
from syncline.tables.layout import decode_row, row_size
from syncline.tables.parameters import Parameters
from syncline.tables.projections import Projection
from syncline.tables.registry import OpenTable, Registry, table_name
from syncline.tables.single_writes import Bound, Write, read_check, read_delete, read_put, read_update
from syncline.tables.values import Item, check_item, size_of
from syncline.tables.writes import Stamp, Written

TRANSACTION_BYTES_MAX = 4 * 1024 * 1024
TRANSACTIONAL = 2
"""What is done in a transaction costs twice."""
ONE_ACTION = "TransactItems can only contain one of Check, Put, Update or Delete"
SAME_ITEM = "Transaction request cannot include multiple operations on one item"
TOO_LARGE = f"The transaction payload size cannot exceed {TRANSACTION_BYTES_MAX} bytes"
EMPTY_KEY = "cannot contain an empty"

Request = Mapping[str, Any]
Answer = dict[str, Any]
Reason = dict[str, Any]

_READERS: dict[str, Callable[[Registry, Request], Write]] = {
    "ConditionCheck": read_check,
    "Put": read_put,
    "Delete": read_delete,
    "Update": read_update,
}


class Outcome(NamedTuple):
    """What a transaction did: what each action found and left, or that it had been done before."""

    written: list[Written]
    repeated: bool


class TransactWrite:
    """One TransactWriteItems, checked. `stamp` gives each write its moment, `now` is the token's."""

    def __init__(self, registry: Registry, request: Request, stamp: Callable[[OpenTable], Stamp], now: float) -> None:
        self._request = request
        self._token = request.get("ClientRequestToken")
        self._digest = tokens.digest_of(request) if self._token is not None else b""
        self._now = now
        actions = [_action(entry) for entry in _entries(request)]
        self.writes = [_READERS[kind](registry, action) for kind, action in actions]
        if sum(_payload(action) for _, action in actions) > TRANSACTION_BYTES_MAX:
            raise Invalid(TOO_LARGE)
        self._bounds = self._bind(stamp)

    def body(self, txn: Transaction) -> Outcome:
        """Do everything, or raise TransactionCanceled with a reason for every action."""
        if self._token is not None and tokens.was_used(txn, self._token, self._digest, self._now):
            rows = [txn.get(Space.ITEM, bound.key) for bound in self._bounds]
            return Outcome([Written(row, row, 0.0, {}) for row in rows], repeated=True)
        reasons: list[Reason | None] = [None] * len(self._bounds)
        written: list[Written] = []
        for position, bound in enumerate(self._bounds):
            try:
                written.append(bound.body(txn))
            except ConditionalCheckFailed as refusal:
                reasons[position] = {**refusal.data, "Code": "ConditionalCheckFailed", "Message": refusal.message}
            except CollectionTooLarge as refusal:
                reason = {"Code": "ItemCollectionSizeLimitExceeded", "Message": refusal.message}
                raise _canceled_at(position, len(self._bounds), reason) from None
            except Invalid as refusal:
                raise _invalid_action(refusal, position, len(self._bounds)) from None
        if any(reasons):
            raise canceled(reasons)
        if self._token is not None:
            tokens.use(txn, self._token, self._digest, self._now)
        return Outcome(written, repeated=False)

    def touched(self) -> list[tuple[OpenTable, Item]]:
        """The tables, and the items or keys, that the actions are on."""
        return [(write.found, bound.item) for write, bound in zip(self.writes, self._bounds, strict=True)]

    def answer(self, outcome: Outcome) -> Answer:
        """The answer: what was asked about capacity. A repetition costs reads alone."""
        if self._request.get("ReturnConsumedCapacity", "NONE") == "NONE":
            return {}
        costs = _Costs()
        for (found, _, _), written in zip(self.writes, outcome.written, strict=True):
            if outcome.repeated:
                costs.add(found, read_units(row_size(written.old), consistent=True), {})
            else:
                costs.add(found, written.units, written.index_units)
        return {"ConsumedCapacity": costs.shown(self._request, READ if outcome.repeated else WRITE)}

    def _bind(self, stamp: Callable[[OpenTable], Stamp]) -> list[Bound]:
        """Check every key. The first that does not fit cancels, but two actions on one item are refused before."""
        bounds: list[Bound] = []
        failure: tuple[Invalid, int] | None = None
        for position, write in enumerate(self.writes):
            try:
                bounds.append(write.bind(stamp(write.found)))
            except Invalid as refusal:
                if EMPTY_KEY in refusal.message:
                    raise
                failure = failure or (refusal, position)
        if len({bound.key for bound in bounds}) < len(bounds):
            raise Invalid(SAME_ITEM)
        if failure is not None:
            raise _invalid_action(*failure, len(self.writes))
        return bounds


class Get(NamedTuple):
    """One Get of a TransactGetItems."""

    found: OpenTable
    key: bytes
    projection: Projection | None


class TransactGet:
    """One TransactGetItems, checked."""

    def __init__(self, registry: Registry, request: Request) -> None:
        self._request = request
        entries = [entry.get("Get") or {} for entry in _entries(request)]
        read = [_read_get(registry, entry) for entry in entries]
        self.gets: list[Get] = []
        for position, (found, projection, key) in enumerate(read):
            try:
                checked = found.layout.key(found.layout.checked_key(key))
            except Invalid as refusal:
                raise _invalid_action(refusal, position, len(read)) from None
            self.gets.append(Get(found, checked, projection))
        if len({get.key for get in self.gets}) < len(self.gets):
            raise Invalid(SAME_ITEM)

    def body(self, view: Snapshot) -> list[bytes | None]:
        """The rows, all of one moment."""
        return [view.get(Space.ITEM, get.key) for get in self.gets]

    def answer(self, rows: list[bytes | None]) -> Answer:
        """The answer that shows the rows."""
        if sum(map(row_size, rows)) > TRANSACTION_BYTES_MAX:
            raise Invalid(TOO_LARGE)
        costs = _Costs()
        responses: list[Answer] = []
        for get, row in zip(self.gets, rows, strict=True):
            units = read_units(row_size(row), consistent=True)
            get.found.figures.read_units.add(units * TRANSACTIONAL)
            costs.add(get.found, units, {})
            responses.append({} if row is None else {"Item": _projected(row, get.projection)})
        answer: Answer = {"Responses": responses}
        if self._request.get("ReturnConsumedCapacity", "NONE") != "NONE":
            answer["ConsumedCapacity"] = costs.shown(self._request, READ)
        return answer


class _Costs:
    """Units by table, and by index."""

    def __init__(self) -> None:
        self._tables: dict[str, tuple[OpenTable, list[float], dict[str, float]]] = {}

    def add(self, found: OpenTable, units: float, index_units: Mapping[str, float]) -> None:
        _, own, by_index = self._tables.setdefault(found.table.name, (found, [], {}))
        own.append(units * TRANSACTIONAL)
        for name, cost in index_units.items():
            by_index[name] = by_index.get(name, 0.0) + cost * TRANSACTIONAL

    def shown(self, request: Request, direction: str) -> list[Answer]:
        arms = request.get("ReturnConsumedCapacity") == "INDEXES"
        return [
            figures(name, sum(own), *found.table.by_kind(by_index), arms=arms, direction=direction)
            for name, (found, own, by_index) in self._tables.items()
        ]


def canceled(reasons: Sequence[Reason | None]) -> TransactionCanceled:
    """The cancellation that gives every action its reason, in order."""
    shown = [{"Code": "None"} if reason is None else reason for reason in reasons]
    codes = ", ".join(reason["Code"] for reason in shown)
    return TransactionCanceled(codes=codes, data={"CancellationReasons": shown})


def _invalid_action(refusal: Invalid, position: int, count: int) -> TransactionCanceled:
    return _canceled_at(position, count, {"Code": "ValidationError", "Message": refusal.message})


def _canceled_at(position: int, count: int, reason: Reason) -> TransactionCanceled:
    reasons: list[Reason | None] = [None] * count
    reasons[position] = reason
    return canceled(reasons)


def _entries(request: Request) -> list[Request]:
    entries: list[Request] = request.get("TransactItems") or []
    if 1 <= len(entries) <= 100:
        return entries
    bound = "less than or equal to 100" if entries else "greater than or equal to 1"
    raise Invalid(
        f"1 validation error detected: Value '[{', '.join('{...}' for _ in entries)}]' at 'transactItems' failed to "
        f"satisfy constraint: Member must have length {bound}"
    )


def _action(entry: Request) -> tuple[str, Request]:
    given = [(kind, action) for kind, action in entry.items() if kind in _READERS and action is not None]
    if len(given) != 1:
        raise Invalid(ONE_ACTION)
    return given[0]


def _payload(action: Request) -> int:
    """The bytes of an action that count: the item or key, the expressions and their values."""
    items = [action.get(name) or {} for name in ("Item", "Key")]
    texts = [action.get(name) or "" for name in ("ConditionExpression", "UpdateExpression")]
    values = (action.get("ExpressionAttributeValues") or {}).values()
    return sum(check_item(item)[1] for item in items) + sum(map(size_of, values)) + sum(map(len, texts))


def _read_get(registry: Registry, entry: Request) -> tuple[OpenTable, Projection | None, Any]:
    name = table_name(entry)
    parameters = Parameters(entry, "ProjectionExpression")
    projection = parameters.projection()
    parameters.finish()
    return registry.open(name), projection, entry.get("Key")


def _projected(row: bytes, projection: Projection | None) -> Answer:
    item = decode_row(row)
    return item if projection is None else projection(item)
