"""The wire services: DynamoDB's operations by name. No rules of their own.

What is read goes out as the rows hold it: answers hold `msgspec.Raw` for items that are JSON already.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from syncline.tables.coverage import TABLE_OPERATIONS
from syncline.tables.engine import TableEngine
from syncline.tables.layout import shown_row

Request = Mapping[str, Any]
Answer = dict[str, Any]

ENDPOINT_MINUTES = 1440
ACCOUNT_UNITS, TABLE_UNITS = 80_000, 40_000
"""AWS's default quotas, which clients read as figures; nothing here enforces them."""


class Tables:
    """The service `dynamodb`."""

    coverage = TABLE_OPERATIONS

    def __init__(self, engine: TableEngine, url: Callable[[], str] | None = None) -> None:
        """`url` tells where this server is reached, once it listens; without it the settings say."""
        self._engine = engine
        self._url = url
        self._control = engine.control

    async def create_table(self, request: Request) -> Answer:
        return await self._control.create(request)

    async def describe_table(self, request: Request) -> Answer:
        return await self._control.describe(request)

    async def update_table(self, request: Request) -> Answer:
        return await self._control.update(request)

    async def delete_table(self, request: Request) -> Answer:
        return await self._control.delete(request)

    async def list_tables(self, request: Request) -> Answer:
        return await self._control.list(request)

    async def tag_resource(self, request: Request) -> Answer:
        return await self._control.tag(request)

    async def untag_resource(self, request: Request) -> Answer:
        return await self._control.untag(request)

    async def list_tags_of_resource(self, request: Request) -> Answer:
        return await self._control.list_tags(request)

    async def describe_time_to_live(self, request: Request) -> Answer:
        return await self._control.describe_time_to_live(request)

    async def update_time_to_live(self, request: Request) -> Answer:
        return await self._control.update_time_to_live(request)

    async def describe_continuous_backups(self, request: Request) -> Answer:
        return await self._control.describe_continuous_backups(request)

    async def describe_limits(self, request: Request) -> Answer:
        """AWS's default quotas."""
        return {
            "AccountMaxReadCapacityUnits": ACCOUNT_UNITS,
            "AccountMaxWriteCapacityUnits": ACCOUNT_UNITS,
            "TableMaxReadCapacityUnits": TABLE_UNITS,
            "TableMaxWriteCapacityUnits": TABLE_UNITS,
        }

    async def describe_endpoints(self, request: Request) -> Answer:
        """This server, or clients that discover endpoints would leave it."""
        settings = self._engine.settings
        reached = self._url() if self._url is not None else settings.public_url
        address = urlsplit(reached).netloc or f"{settings.host}:{settings.port}"
        return {"Endpoints": [{"Address": address, "CachePeriodInMinutes": ENDPOINT_MINUTES}]}

    def put_item(self, request: Request) -> Awaitable[Answer]:
        return self._engine.put_item(request)

    def get_item(self, request: Request) -> Awaitable[Answer]:
        return self._engine.get_item(request, show=shown_row)

    def update_item(self, request: Request) -> Awaitable[Answer]:
        return self._engine.update_item(request)

    def delete_item(self, request: Request) -> Awaitable[Answer]:
        return self._engine.delete_item(request)

    def query(self, request: Request) -> Awaitable[Answer]:
        return self._engine.query(request, show=shown_row)

    def scan(self, request: Request) -> Awaitable[Answer]:
        return self._engine.scan(request, show=shown_row)

    async def batch_get_item(self, request: Request) -> Answer:
        return await self._engine.batch_get_item(request)

    async def batch_write_item(self, request: Request) -> Answer:
        return await self._engine.batch_write_item(request)

    async def transact_write_items(self, request: Request) -> Answer:
        return await self._engine.transact_write_items(request)

    async def transact_get_items(self, request: Request) -> Answer:
        return await self._engine.transact_get_items(request)
