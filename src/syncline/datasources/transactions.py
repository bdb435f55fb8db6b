"""TransactGetItems and TransactWriteItems: the request document's entries as DynamoDB has them.

For: `dynamodb`. Owns: the members of an entry, the shape of a cancellation (graphql-api §5.6).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from syncline.core import SynclineError
from syncline.datasources.attributes import mapping_error, plain_item, typed_map
from syncline.datasources.expressions import read_expression, read_projection
from syncline.datasources.model import JSON

Request = dict[str, Any]

ENTRIES_MAX = 100
CONDITION = frozenset({"expression", "expressionNames", "expressionValues", "returnValuesOnConditionCheckFailure"})
GET = frozenset({"table", "key", "projection"})
WRITE = frozenset({"table", "operation", "key", "condition"})
CANCELED = "TransactionCanceledException"
TYPES = {"ConditionalCheckFailed": "ConditionCheckFailed"}
"""AppSync's names of reasons where they are not DynamoDB's."""


def gets(request: Request) -> Request:
    """A TransactGetItems request."""
    actions: list[Request] = []
    for at, entry in enumerate(_entries(request)):
        where = f"$[transactItems][{at}]"
        _known(entry, GET, where)
        ask: Request = {"TableName": _table(entry, where), "Key": _key(entry, where)}
        if entry.get("projection") is not None:
            read_projection(entry["projection"], ask)
        actions.append({"Get": ask})
    return {"TransactItems": actions}


def got(answer: Request) -> JSON:
    """The result of a TransactGetItems."""
    items = [each.get("Item") for each in answer.get("Responses", ())]
    shown = [None if item is None else plain_item(item) for item in items]
    return {"items": shown, "cancellationReasons": None}


def writes(request: Request) -> tuple[Request, list[JSON]]:
    """A TransactWriteItems request, and the keys it writes to as its result shows them."""
    actions: list[Request] = []
    keys: list[JSON] = []
    for at, entry in enumerate(_entries(request)):
        where = f"$[transactItems][{at}]"
        operation = entry.get("operation")
        found = _WRITERS.get(operation) if type(operation) is str else None
        if found is None:
            known = ", ".join(_WRITERS)
            raise mapping_error(f"Unsupported operation '{operation}' of '{where}'. Supported operations are: {known}.")
        kind, own, write = found
        _known(entry, WRITE | own, where)
        key = _key(entry, where)
        ask: Request = {"TableName": _table(entry, where)}
        write(entry, key, ask, where)
        _condition(entry, ask, where)
        actions.append({kind: ask})
        keys.append(plain_item(key))
    return {"TransactItems": actions}, keys


def cancellation(refusal: SynclineError, member: str) -> JSON:
    """What is beside the error of a transaction that was cancelled; null for any other refusal."""
    if refusal.code != CANCELED:
        return None
    return {member: None, "cancellationReasons": [_reason(each) for each in refusal.data["CancellationReasons"]]}


def _reason(reason: Request) -> JSON:
    code = reason.get("Code", "None")
    shown = {"type": TYPES.get(code, code), "message": reason.get("Message", "None")}
    return shown if reason.get("Item") is None else {"item": plain_item(reason["Item"]), **shown}


def _entries(request: Request) -> list[Request]:
    found = request.get("transactItems")
    if type(found) is not list or not found:
        raise mapping_error("Value for field '$[transactItems]' not found.")
    if len(found) > ENTRIES_MAX:
        raise mapping_error(f"'$[transactItems]' may have at most {ENTRIES_MAX} elements.")
    for at, each in enumerate(found):
        if type(each) is not dict:
            raise mapping_error(f"Expected JSON object for field '$[transactItems][{at}]'.")
    return found


def _known(entry: Request, members: frozenset[str], where: str) -> None:
    for name in entry:
        if name not in members:
            raise mapping_error(f"Unsupported element '{where}[{name}]'.")


def _table(entry: Request, where: str) -> str:
    table = entry.get("table")
    if type(table) is not str:
        raise mapping_error(f"Value for field '{where}[table]' not found.")
    return table


def _key(entry: Request, where: str) -> Request:
    if entry.get("key") is None:
        raise mapping_error(f"Value for field '{where}[key]' not found.")
    return typed_map(entry["key"], f"{where}[key]")


def _put(entry: Request, key: Request, ask: Request, where: str) -> None:
    ask["Item"] = {**key, **typed_map(entry.get("attributeValues") or {}, f"{where}[attributeValues]")}


def _update(entry: Request, key: Request, ask: Request, where: str) -> None:
    ask["Key"] = key
    if type(entry.get("update")) is not dict:
        raise mapping_error(f"Value for field '{where}[update]' not found.")
    read_expression(entry["update"], ask, "UpdateExpression", f"{where}[update]")


def _keyed(entry: Request, key: Request, ask: Request, where: str) -> None:
    ask["Key"] = key


_WRITERS: dict[str, tuple[str, frozenset[str], Callable[[Request, Request, Request, str], None]]] = {
    "PutItem": ("Put", frozenset({"attributeValues"}), _put),
    "UpdateItem": ("Update", frozenset({"update"}), _update),
    "DeleteItem": ("Delete", frozenset(), _keyed),
    "ConditionCheck": ("ConditionCheck", frozenset(), _keyed),
}


def _condition(entry: Request, ask: Request, where: str) -> None:
    condition = entry.get("condition")
    if condition is None:
        if entry["operation"] == "ConditionCheck":
            raise mapping_error(f"Value for field '{where}[condition]' not found.")
        return
    if type(condition) is not dict:
        raise mapping_error(f"Expected JSON object for field '{where}[condition]'.")
    _known(condition, CONDITION, f"{where}[condition]")
    read_expression(condition, ask, "ConditionExpression", f"{where}[condition]")
    if condition.get("returnValuesOnConditionCheckFailure") is not False:
        ask["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
