"""One put, delete, update or check as asked for: read, checked, ready to be bound to its moment.

For: the single-item operations and the actions of a transaction. Owns: the order of AWS's checks. Binding checks the
keys against the table; a transaction tells of what that refuses in another way than of what is refused before.
"""

from __future__ import annotations

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
    parameters = _begun(request, "ConditionExpression")
    item, size = check_item(request.get("Item"))
    _check_returned(request)
    if size > ITEM_BYTES_MAX:
        raise Invalid(ITEM_TOO_LARGE)
    _, guard = _expressions(request, parameters)
    found = registry.open(name)

    def bind(stamp: Stamp) -> Bound:
        found.layout.check_put(item)
        found.layout.refuse_opened(parameters.opened)
        body = put_body(found.layout, item, encode_row(item, size), guard, stamp)
        return Bound(found.layout, item, body)

    return Write(found, bind)


def read_delete(registry: Registry, request: Request) -> Write:
    """A deletion as asked for. Raises Invalid or NotFound."""
    name = table_name(request)
    parameters = _begun(request, "ConditionExpression")
    asked, _ = check_item(request.get("Key"))
    _check_returned(request)
    _, guard = _expressions(request, parameters)
    found = registry.open(name)

    def bind(stamp: Stamp) -> Bound:
        key = found.layout.fitting_key(asked)
        found.layout.refuse_opened(parameters.opened)
        return Bound(found.layout, key, delete_body(found.layout, key, guard, stamp))

    return Write(found, bind)


def read_update(registry: Registry, request: Request) -> Write:
    """An update as asked for. Raises Invalid or NotFound."""
    name = table_name(request)
    parameters = _begun(request, "UpdateExpression", "ConditionExpression")
    asked, _ = check_item(request.get("Key"))
    update, guard = _expressions(request, parameters)
    found = registry.open(name)
    creates = update is None or update.creates

    def bind(stamp: Stamp) -> Bound:
        key = found.layout.fitting_key(asked)
        if update is not None:
            _refuse_key_changes(found, update)
        found.layout.refuse_opened(parameters.opened)
        body = update_body(found.layout, key, update, creates=creates, guard=guard, stamp=stamp)
        return Bound(found.layout, key, body)

    return Write(found, bind, update)


def read_check(registry: Registry, request: Request) -> Write:
    """A transaction's ConditionCheck as asked for. Raises Invalid or NotFound."""
    name = table_name(request)
    parameters = _begun(request, "ConditionExpression")
    asked, _ = check_item(request.get("Key"))
    _, guard = _expressions(request, parameters)
    found = registry.open(name)

    def bind(stamp: Stamp) -> Bound:
        key = found.layout.fitting_key(asked)
        found.layout.refuse_opened(parameters.opened)
        return Bound(found.layout, key, check_body(found.layout, key, guard))

    return Write(found, bind)


def validated(read: Callable[[Registry, Request], Write], registry: Registry, request: Request) -> Write:
    """What `read` makes of a write that is no action of a transaction: what is malformed is refused in its words."""
    try:
        return read(registry, request)
    except Malformed as refusal:
        raise Invalid(VALIDATED + refusal.message) from None


def _begun(request: Request, *kinds: str) -> Parameters:
    try:
        return Parameters(request, *kinds)
    except Invalid as refusal:
        raise _malformed(request, refusal) from None


def _expressions(request: Request, parameters: Parameters) -> tuple[Update | None, Guard]:
    try:
        update = parameters.update()
        condition = parameters.condition("ConditionExpression")
        parameters.finish()
    except Invalid as refusal:
        raise _malformed(request, refusal) from None
    shows_item = request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD"
    return update, Guard(condition, parameters.values, shows_item)


def _malformed(request: Request, refusal: Invalid) -> Invalid:
    """What a refusal of expressions is to single writes."""
    unreadable = EMPTY_VALUE in refusal.message or MANY_VALUES in refusal.message
    if refusal.code != Malformed.code or unreadable or uses_legacy_alone(request):
        return refusal
    return Malformed(refusal.message)


def _check_returned(request: Request) -> None:
    if request.get("ReturnValues", "NONE") not in ("NONE", "ALL_OLD"):
        raise Malformed("ReturnValues can only be ALL_OLD or NONE")


def _refuse_key_changes(found: OpenTable, update: Update) -> None:
    """Refuse an update of the table's key."""
    for path in update.paths:
        name = str(path[0])
        if name in found.table.key_names:
            raise Invalid(
                f"One or more parameter values were invalid: Cannot update attribute {name}. "
                "This attribute is part of the key"
            )
