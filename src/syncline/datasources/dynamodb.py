"""AMAZON_DYNAMODB data sources: the request document becomes a table operation, its result plain JSON.

Owns: which members each operation takes, the conditions' second look at the item, AppSync's error texts
(graphql-api §5.6). Never: reads an expression or a key's meaning; the table engine does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any

from syncline.core import SynclineError, call
from syncline.datasources import conditions, transactions
from syncline.datasources.attributes import mapping_error, plain_item, same, typed_map
from syncline.datasources.errors import DataSourceError
from syncline.datasources.expressions import read_expression, read_projection
from syncline.datasources.model import JSON, Context, FunctionInvoker, ItemStore
from syncline.datasources.rows import Rows
from syncline.datasources.tokens import Tokens

Request = dict[str, Any]
Item = dict[str, Any]
Run = Callable[[Request], Awaitable[Request]]

COMMON = frozenset({"version", "operation"})
WRITE = COMMON | {"key", "condition", "_version", "customPartitionKey", "populateIndexFields"}
PAGE = COMMON | {"filter", "index", "nextToken", "limit", "consistentRead", "select", "projection"}
EXPRESSION = frozenset({"expression", "expressionNames", "expressionValues"})
ROWS: dict[str, Any] = {"show": bytes}
"""Bytes of bytes are the row itself."""
PLAIN: dict[str, Any] = {}
GIVES_ROWS = frozenset({"GetItem", "Query", "Scan"})
CONDITION = EXPRESSION | {"equalsIgnore", "consistentRead", "conditionalCheckFailedHandler"}


class DynamoDbSource:
    """One table. `functions` decide where a condition has a handler of its own."""

    def __init__(
        self, table: str, tables: ItemStore, tokens: Tokens, functions: FunctionInvoker | None = None, region: str = ""
    ) -> None:
        self._table = table
        self._functions = functions
        self._region = region
        self._tables = tables
        self._tokens = tokens
        self._operations: dict[str, tuple[frozenset[str], Callable[..., Awaitable[JSON]]]] = {
            "GetItem": (COMMON | {"key", "consistentRead", "projection"}, self._get),
            "PutItem": (WRITE | {"attributeValues"}, self._put),
            "UpdateItem": (WRITE | {"update"}, self._update),
            "DeleteItem": (WRITE, self._delete),
            "Query": (PAGE | {"query", "scanIndexForward"}, self._query),
            "Scan": (PAGE | {"totalSegments", "segment"}, self._scan),
            "BatchGetItem": (COMMON | {"tables"}, self._batch_get),
            "BatchPutItem": (COMMON | {"tables"}, self._batch_put),
            "BatchDeleteItem": (COMMON | {"tables"}, self._batch_delete),
            "TransactGetItems": (COMMON | {"transactItems"}, self._transact_get),
            "TransactWriteItems": (COMMON | {"transactItems"}, self._transact_write),
        }

    async def invoke(self, request: JSON, context: Context) -> JSON:
        """Run the operation that `request` names. Raises DataSourceError."""
        _, run = self._operation(request)
        try:
            options = ROWS if context.rows and request["operation"] in GIVES_ROWS else PLAIN
            if request["operation"] != "GetItem":
                context.shared.reads.clear()
            elif context.source is not None and not context.shared.mutation:
                return await self._get(request, context.shared.reads, **options)
            return await run(request, **options)
        except SynclineError as refusal:
            if isinstance(refusal, DataSourceError):
                raise
            arn = conditions.custom_handler(request["condition"]) if refusal.code == CHECK_FAILED else None
            if arn is None:
                raise service_error(refusal) from refusal
            return await self._handled(arn, request, refusal, context)

    async def _handled(self, arn: str, request: Request, refusal: SynclineError, context: Context) -> JSON:
        """The result after a function decided on a failed condition; a retry that fails is a refusal."""
        assert self._functions is not None, "a handler of conditions needs the function engine"
        current = _refused_item(refusal)
        shown = None if current is None else plain_item(current)
        decision = await conditions.decide(
            arn,
            self._functions,
            table=self._table,
            region=self._region,
            request=request,
            current=shown,
            context=context,
        )
        if decision.action == "discard":
            return shown
        if decision.action == "reject":
            raise service_error(refusal) from refusal
        _, run = self._operation(decision.request)
        try:
            return await run(decision.request)
        except SynclineError as again:
            raise again if isinstance(again, DataSourceError) else service_error(again) from again

    def _operation(self, request: JSON) -> tuple[frozenset[str], Callable[..., Awaitable[JSON]]]:
        """The operation that `request` names, and its members. Raises DataSourceError."""
        if type(request) is not dict:
            raise mapping_error("Expected a JSON object as the request of a DynamoDB data source.")
        operation = request.get("operation")
        found = self._operations.get(operation) if type(operation) is str else None
        if found is None:
            raise self._unknown(operation)
        members, _ = found
        if not request.keys() <= members:
            raise mapping_error(f"Unsupported element '$[{next(name for name in request if name not in members)}]'.")
        return found

    def _unknown(self, operation: JSON) -> DataSourceError:
        if operation is None:
            return mapping_error("Value for field '$[operation]' not found.")
        known = ", ".join(self._operations)
        return mapping_error(f"Unsupported operation '{operation}'. Supported operations are: {known}.")

    async def _get(self, request: Request, reads: dict[Hashable, Any] | None = None, **options: Any) -> JSON:
        ask: Request = {"TableName": self._table, "Key": _key(request)}
        if request.get("consistentRead") is True:
            ask["ConsistentRead"] = True
        if request.get("projection") is not None:
            read_projection(request["projection"], ask)
        if reads is None:
            item = (await self._tables.get_item(ask, **options)).get("Item")
        else:
            item = await self._read_once(ask, reads, options)
        if type(item) is bytes:
            return Rows([item], one=True)
        return None if item is None else plain_item(item)

    async def _read_once(self, ask: Request, reads: dict[Hashable, Any], options: dict[str, Any]) -> Any:
        """What GetItem finds; equal reads of one turn of the event loop ask the table once."""
        key = self, repr(ask), "show" in options
        if key in reads:
            return reads[key]
        item = (await self._tables.get_item(ask, **options)).get("Item")
        if not reads:
            asyncio.get_running_loop().call_soon(reads.clear)
        reads[key] = item
        return item

    async def _put(self, request: Request) -> JSON:
        item = _key(request)
        values = request.get("attributeValues")
        if values is not None:
            item |= typed_map(values, "$[attributeValues]")
        condition = _member(request, "condition", CONDITION)
        ask = {"TableName": self._table, "Item": item}
        if condition is None:
            await self._tables.put_item(ask)
            return plain_item(item)
        _condition(condition, ask)
        try:
            await self._tables.put_item(ask)
        except SynclineError as refusal:
            current = _refused_item(refusal)
            if current is None or not _equal(current, item, set(condition.get("equalsIgnore") or ())):
                raise
            return plain_item(current)
        return plain_item(item)

    async def _update(self, request: Request) -> JSON:
        ask = {"TableName": self._table, "Key": _key(request), "ReturnValues": "ALL_NEW"}
        update = _member(request, "update", EXPRESSION)
        if update is None:
            raise mapping_error("Value for field '$[update]' not found.")
        read_expression(update, ask, "UpdateExpression", "$[update]")
        condition = _member(request, "condition", CONDITION)
        if condition is not None:
            _condition(condition, ask)
        answer = await self._tables.update_item(ask)
        return plain_item(answer.get("Attributes") or {})

    async def _delete(self, request: Request) -> JSON:
        ask = {"TableName": self._table, "Key": _key(request), "ReturnValues": "ALL_OLD"}
        condition = _member(request, "condition", CONDITION)
        if condition is not None:
            _condition(condition, ask)
        try:
            answer = await self._tables.delete_item(ask)
        except SynclineError as refusal:
            if condition is not None and refusal.code == CHECK_FAILED and _refused_item(refusal) is None:
                return None
            raise
        item = answer.get("Attributes")
        return plain_item(item) if item else None

    async def _query(self, request: Request, **options: Any) -> JSON:
        ask: Request = {"TableName": self._table}
        query = _member(request, "query", EXPRESSION)
        if query is None:
            raise mapping_error("Value for field '$[query]' not found.")
        read_expression(query, ask, "KeyConditionExpression", "$[query]")
        _copy(request, ask, {"scanIndexForward": ("ScanIndexForward", bool)})
        return await self._page(request, ask, lambda ask: self._tables.query(ask, **options))

    async def _scan(self, request: Request, **options: Any) -> JSON:
        ask: Request = {"TableName": self._table}
        _copy(request, ask, {"totalSegments": ("TotalSegments", int), "segment": ("Segment", int)})
        return await self._page(request, ask, lambda ask: self._tables.scan(ask, **options))

    async def _page(self, request: Request, ask: Request, run: Run) -> JSON:
        _copy(request, ask, PAGE_MEMBERS)
        found = _member(request, "filter", EXPRESSION)
        if found:
            read_expression(found, ask, "FilterExpression", "$[filter]")
        if request.get("projection") is not None:
            read_projection(request["projection"], ask)
        if request.get("nextToken") is not None:
            ask["ExclusiveStartKey"] = self._tokens.open(request["nextToken"])
        answer = await run(ask)
        last, items = answer.get("LastEvaluatedKey"), answer.get("Items", ())
        return {
            "items": Rows(items) if items and type(items[0]) is bytes else [plain_item(item) for item in items],
            "nextToken": self._tokens.seal(last) if last else None,
            "scannedCount": answer.get("ScannedCount", 0),
        }

    async def _batch_get(self, request: Request) -> JSON:
        asked: Request = {}
        for table, wanted in _tables(request).items():
            if type(wanted.get("keys")) is not list:
                raise mapping_error(f"Expected JSON array for field '$[tables][{table}][keys]'.")
            keys = [typed_map(key, f"$[tables][{table}][keys]") for key in wanted["keys"]]
            asked[table] = {"Keys": keys}
            _copy(wanted, asked[table], {"consistentRead": ("ConsistentRead", bool)})
            if wanted.get("projection") is not None:
                read_projection(wanted["projection"], asked[table])
        answer = await self._tables.batch_get_item({"RequestItems": asked})
        found, left = answer.get("Responses", {}), answer.get("UnprocessedKeys", {})
        return {
            "data": {name: _in_key_order(each["Keys"], found.get(name, [])) for name, each in asked.items()},
            "unprocessedKeys": {
                name: [plain_item(key) for key in left.get(name, {}).get("Keys", ())] for name in asked
            },
        }

    async def _batch_put(self, request: Request) -> JSON:
        items = {
            table: [typed_map(item, f"$[tables][{table}]") for item in each]
            for table, each in _tables(request, list).items()
        }
        left = await self._batch_write(
            {name: [{"PutRequest": {"Item": item}} for item in items[name]] for name in items}
        )
        unprocessed = {name: [plain_item(each["PutRequest"]["Item"]) for each in left.get(name, ())] for name in items}
        return {"data": _plain_lists(items), "unprocessedItems": unprocessed}

    async def _batch_delete(self, request: Request) -> JSON:
        keys = {
            table: [typed_map(key, f"$[tables][{table}]") for key in each]
            for table, each in _tables(request, list).items()
        }
        left = await self._batch_write({name: [{"DeleteRequest": {"Key": key}} for key in keys[name]] for name in keys})
        unprocessed = {name: [plain_item(each["DeleteRequest"]["Key"]) for each in left.get(name, ())] for name in keys}
        return {"data": _plain_lists(keys), "unprocessedKeys": unprocessed}

    async def _transact_get(self, request: Request) -> JSON:
        ask = transactions.gets(request)
        try:
            return transactions.got(await self._tables.transact_get_items(ask))
        except SynclineError as refusal:
            raise service_error(refusal, transactions.cancellation(refusal, "items")) from refusal

    async def _transact_write(self, request: Request) -> JSON:
        ask, keys = transactions.writes(request)
        try:
            await self._tables.transact_write_items(ask)
        except SynclineError as refusal:
            raise service_error(refusal, transactions.cancellation(refusal, "keys")) from refusal
        return {"keys": keys, "cancellationReasons": None}

    async def _batch_write(self, writes: Request) -> Request:
        answer = await self._tables.batch_write_item({"RequestItems": writes})
        left: Request = answer.get("UnprocessedItems", {})
        return left


CHECK_FAILED = "ConditionalCheckFailedException"
PAGE_MEMBERS: dict[str, tuple[str, type]] = {
    "index": ("IndexName", str),
    "limit": ("Limit", int),
    "consistentRead": ("ConsistentRead", bool),
    "select": ("Select", str),
}
SELECTS = ("ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES", "SPECIFIC_ATTRIBUTES", "COUNT")
KINDS = {bool: "boolean", int: "integer", str: "string"}


def service_error(refusal: SynclineError, data: JSON = None) -> DataSourceError:
    """A refusal of the table engine as AppSync words it; a failed condition carries the current item."""
    current = _refused_item(refusal)
    try:
        request_id = call.current().request_id
    except LookupError:
        request_id = "null"
    message = refusal.message.removesuffix(".") if refusal.code == CHECK_FAILED else refusal.message
    facts = f"Service: AmazonDynamoDBv2; Status Code: 400; Error Code: {refusal.code}; Request ID: {request_id}"
    shown = data if current is None else plain_item(current)
    return DataSourceError(f"{message} ({facts})", f"DynamoDB:{refusal.code}", shown)


def _refused_item(refusal: SynclineError) -> Item | None:
    """The item that a failed condition was about; None when there was none."""
    return refusal.data.get("Item") if refusal.code == CHECK_FAILED else None


def _equal(current: Item, attempted: Item, ignored: set[str]) -> bool:
    names = (current.keys() | attempted.keys()) - ignored
    return all(same(current.get(name), attempted.get(name)) for name in names)


def _key(request: Request) -> Item:
    key = request.get("key")
    if key is None:
        raise mapping_error("Value for field '$[key]' not found.")
    return typed_map(key, "$[key]")


def _member(request: Request, name: str, members: frozenset[str]) -> Request | None:
    """A member that is an object of known members; None when absent or null."""
    found = request.get(name)
    if found is None:
        return None
    if type(found) is not dict:
        raise mapping_error(f"Expected JSON object for field '$[{name}]'.")
    if not found.keys() <= members:
        unknown = next(each for each in found if each not in members)
        raise mapping_error(f"Unsupported element '$[{name}][{unknown}]'.")
    return found


def _condition(condition: Request, ask: Request) -> None:
    conditions.custom_handler(condition)
    ignored = condition.get("equalsIgnore")
    if ignored is not None and not (type(ignored) is list and all(type(each) is str for each in ignored)):
        raise mapping_error("Expected JSON array of strings for field '$[condition][equalsIgnore]'.")
    read_expression(condition, ask, "ConditionExpression", "$[condition]")
    ask["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"


def _copy(request: Request, ask: Request, members: dict[str, tuple[str, type]]) -> None:
    """Copy the members that are there and of the right kind; null counts as absent."""
    for name, (member, kind) in members.items():
        value = request.get(name)
        if value is None:
            continue
        if type(value) is not kind or (name == "select" and value not in SELECTS):
            raise mapping_error(f"Expected JSON {KINDS[kind]} for field '$[{name}]', got an unsupported value instead.")
        ask[member] = value


def _tables(request: Request, kind: type = dict) -> dict[str, Any]:
    found = request.get("tables")
    if type(found) is not dict:
        raise mapping_error("Value for field '$[tables]' not found.")
    for name, each in found.items():
        if type(each) is not kind:
            raise mapping_error(f"Expected JSON {'array' if kind is list else 'object'} for field '$[tables][{name}]'.")
    return found


def _plain_lists(tables: dict[str, list[Item]]) -> JSON:
    return {name: [plain_item(item) for item in items] for name, items in tables.items()}


def _in_key_order(keys: list[Item], items: list[Item]) -> list[JSON]:
    """The items in the order of the keys asked for; null where there is none."""
    return [
        next((plain_item(item) for item in items if all(same(item.get(name), key[name]) for name in key)), None)
        for key in keys
    ]
