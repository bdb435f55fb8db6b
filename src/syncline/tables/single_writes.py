"""One put, delete, update or check as asked for: read, checked, ready to be bound to its moment.

For: the single-item operations and the actions of a transaction. Owns: the order of AWS's checks. Binding checks the
keys against the table; a transaction tells of what that refuses in another way than of what is refused before.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from syncline.core import Invalid
from syncline.store import Transaction
from syncline.tables.errors import Malformed
from syncline.tables.layout import Layout, encode_row
from syncline.tables.parameters import Parameters, uses_legacy_alone
from syncline.tables.registry import OpenTable, Registry, table_name
from syncline.tables.updates import Update
from syncline.tables.values import EMPTY_VALUE, ITEM_BYTES_MAX, ITEM_TOO_LARGE, MANY_VALUES, Item, check_item
from syncline.tables.writes import Guard, Stamp, Written, check_body, delete_body, put_body, update_body

VALIDATED = "1 validation error detected: "

Request = Mapping[str, Any]
Body = Callable[[Transaction], Written]


class Bound(NamedTuple):
    """A write of one item: the item or its key, and the body that does it."""

    layout: Layout
    item: Item
    body: Body

    @property
    def key(self) -> bytes:
        """Where the item stands in the keyspace."""
        return self.layout.key(self.item)


class Write(NamedTuple):
    """A write whose parameters are right. `bind` checks its keys and gives the body. `update` is UpdateItem's own."""

    found: OpenTable
    bind: Callable[[Stamp], Bound]
    update: Update | None = None


def read_put(registry: Registry, request: Request) -> Write:
    """A put as asked for. Raises Invalid or NotFound."""
    name = table_name(request)
    item, size = check_item(request.get("Item"))
    _, guard = _expressions(request, "ConditionExpression")
    _check_returned(request)
    if size > ITEM_BYTES_MAX:
        raise Invalid(ITEM_TOO_LARGE)
    found = registry.open(name)

    def bind(stamp: Stamp) -> Bound:
        found.layout.check_put(item)
        body = put_body(found.layout, item, encode_row(item, size), guard, stamp)
        return Bound(found.layout, item, body)

    return Write(found, bind)


def read_delete(registry: Registry, request: Request) -> Write:
    """A deletion as asked for. Raises Invalid or NotFound."""
    name = table_name(request)
    asked, _ = check_item(request.get("Key"))
    _, guard = _expressions(request, "ConditionExpression")
    _check_returned(request)
    found = registry.open(name)

    def bind(stamp: Stamp) -> Bound:
        key = found.layout.fitting_key(asked)
        return Bound(found.layout, key, delete_body(found.layout, key, guard, stamp))

    return Write(found, bind)


def read_update(registry: Registry, request: Request) -> Write:
    """An update as asked for. Raises Invalid or NotFound."""
    name = table_name(request)
    asked, _ = check_item(request.get("Key"))
    update, guard = _expressions(request, "UpdateExpression", "ConditionExpression")
    found = registry.open(name)
    apply = None if update is None else functools.partial(update.apply, values=guard.values)
    creates = update is None or update.creates

    def bind(stamp: Stamp) -> Bound:
        key = found.layout.fitting_key(asked)
        if update is not None:
            _refuse_key_changes(found, update)
        body = update_body(found.layout, key, apply, creates=creates, guard=guard, stamp=stamp)
        return Bound(found.layout, key, body)

    return Write(found, bind, update)


def read_check(registry: Registry, request: Request) -> Write:
    """A transaction's ConditionCheck as asked for. Raises Invalid or NotFound."""
    name = table_name(request)
    asked, _ = check_item(request.get("Key"))
    _, guard = _expressions(request, "ConditionExpression")
    found = registry.open(name)

    def bind(stamp: Stamp) -> Bound:
        key = found.layout.fitting_key(asked)
        return Bound(found.layout, key, check_body(found.layout, key, guard))

    return Write(found, bind)


def validated(read: Callable[[Registry, Request], Write], registry: Registry, request: Request) -> Write:
    """What `read` makes of a PutItem or UpdateItem: what is malformed is refused in the words of these two."""
    try:
        return read(registry, request)
    except Malformed as refusal:
        raise Invalid(VALIDATED + refusal.message) from None


def _expressions(request: Request, *kinds: str) -> tuple[Update | None, Guard]:
    try:
        parameters = Parameters(request, *kinds)
        update = parameters.update() if "UpdateExpression" in kinds else None
        condition = parameters.condition("ConditionExpression")
        parameters.finish()
    except Invalid as refusal:
        unreadable = EMPTY_VALUE in refusal.message or MANY_VALUES in refusal.message
        if refusal.code != Malformed.code or unreadable or uses_legacy_alone(request):
            raise
        raise Malformed(refusal.message) from None
    shows_item = request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
    return update, Guard(condition, parameters.values, shows_item)


def _check_returned(request: Request) -> None:
    if request.get("ReturnValues", "NONE") not in ("NONE", "ALL_OLD"):
        raise Malformed("ReturnValues can only be ALL_OLD or NONE")


def _refuse_key_changes(found: OpenTable, update: Update) -> None:
    """Refuse an update of the table's key, or one inside a key attribute of the table or an index."""
    index_keys = found.layout.index_key_names
    for path in update.paths:
        name = str(path[0])
        is_own = name in found.table.key_names
        if len(path) > 1 and (is_own or name in index_keys):
            raise Invalid(
                "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: "
                f"{'Key' if is_own else 'IndexKey'}: {name}"
            )
        if is_own:
            raise Invalid(
                f"One or more parameter values were invalid: Cannot update attribute {name}. "
                "This attribute is part of the key"
            )
