"""Tables and functions as a data source's service role may use them.

For: `build`. Never: knows a policy; decides nothing. What was allowed before costs a look-up.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping
from typing import Any

import msgspec

from syncline.datasources.model import DataSourceRecord, Engines, FunctionInvoker, Invocation, ItemStore, Role

Request = Mapping[str, Any]
Answer = Awaitable[dict[str, Any]]


def under_role(record: DataSourceRecord, engines: Engines, api_id: str) -> Engines:
    """The engines as the record's role may use them."""
    if engines.role_of is None:
        return engines
    role = engines.role_of(record.service_role_arn, source=record.name, api_id=api_id)
    return msgspec.structs.replace(
        engines,
        tables=None if engines.tables is None else RoleTables(engines.tables, role),
        functions=None if engines.functions is None else RoleFunctions(engines.functions, role),
    )


class RoleTables:
    """The table engine behind a role."""

    def __init__(self, tables: ItemStore, role: Role) -> None:
        self._tables, self._role = tables, role

    def get_item(self, request: Request, /, **options: Any) -> Answer:
        return self._asked("GetItem", self._tables.get_item, request, **options)

    def put_item(self, request: Request, /) -> Answer:
        return self._asked("PutItem", self._tables.put_item, request)

    def update_item(self, request: Request, /) -> Answer:
        return self._asked("UpdateItem", self._tables.update_item, request)

    def delete_item(self, request: Request, /) -> Answer:
        return self._asked("DeleteItem", self._tables.delete_item, request)

    def query(self, request: Request, /, **options: Any) -> Answer:
        return self._asked("Query", self._tables.query, request, **options)

    def scan(self, request: Request, /, **options: Any) -> Answer:
        return self._asked("Scan", self._tables.scan, request, **options)

    def batch_get_item(self, request: Request, /) -> Answer:
        return self._asked("BatchGetItem", self._tables.batch_get_item, request)

    def batch_write_item(self, request: Request, /) -> Answer:
        return self._asked("BatchWriteItem", self._tables.batch_write_item, request)

    def transact_get_items(self, request: Request, /) -> Answer:
        return self._asked("TransactGetItems", self._tables.transact_get_items, request)

    def transact_write_items(self, request: Request, /) -> Answer:
        return self._asked("TransactWriteItems", self._tables.transact_write_items, request)

    def _asked(self, operation: str, ask: Callable[..., Answer], request: Request, **options: Any) -> Answer:
        table = request.get("TableName")
        asked = None if table is None else (operation, table, request.get("IndexName"))
        if asked is not None and self._role.knows(asked):
            return ask(request, **options)
        return self._checked(asked, operation, ask, request, **options)

    async def _checked(
        self, asked: Hashable, operation: str, ask: Callable[..., Answer], request: Request, **options: Any
    ) -> dict[str, Any]:
        await self._role.check(asked, "dynamodb", operation, dict(request))
        return await ask(request, **options)


class RoleFunctions:
    """The function engine behind a role."""

    def __init__(self, functions: FunctionInvoker, role: Role) -> None:
        self._functions, self._role = functions, role

    async def invoke(self, name_or_arn: str, payload: bytes, *, kind: str = "RequestResponse") -> Invocation:
        """Invoke the function, when the role may. Raises Denied."""
        if not self._role.knows(name_or_arn):
            await self._role.check(name_or_arn, "lambda", "Invoke", {"FunctionName": name_or_arn})
        return await self._functions.invoke(name_or_arn, payload, kind=kind)
