"""A table room over a store in memory, with a clock that a test may move."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from syncline.bus import LocalBus
from syncline.core import Instant, Meter, SeededIds, Settings, SynclineError, SystemClock
from syncline.core.settings import Streams as StreamSettings
from syncline.store import MemoryStore
from syncline.streams import Streams
from syncline.tables import TableEngine, Tables, TableStreams
from syncline.wire.operations import resolved

DEFAULT = Settings()


class MovableClock(SystemClock):
    """The machine's time, and as much more as the test moved it by."""

    def __init__(self) -> None:
        self.moved = 0.0

    def now(self) -> Instant:
        return Instant(super().now() + self.moved)

    def move(self, seconds: float) -> None:
        self.moved += seconds


class Room:
    """The room's doors, and short ways to use them."""

    def __init__(self, store: MemoryStore, seed: int = 1, settings: Settings = DEFAULT) -> None:
        self.store = store
        self.clock = MovableClock()
        self.meter = Meter(out=None)
        self.streams = Streams(store, LocalBus(), self.clock, StreamSettings(), self.meter)
        self.engine = TableEngine(store, self.streams, self.clock, SeededIds(seed), settings, self.meter)
        self.api = Tables(self.engine)
        self.changes = TableStreams(self.engine, self.streams)

    async def create(self, name: str = "things", key: str = "id:S", **more: Any) -> dict[str, Any]:
        """Make a table whose key is like `id:S` or `id:S k:N`; `attributes` define index keys the same way."""
        own = [part.split(":") for part in key.split()]
        others = [part.split(":") for part in more.pop("attributes", "").split()]
        if view := more.pop("view", None):
            more["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": view}
        request = {
            "TableName": name,
            "AttributeDefinitions": [{"AttributeName": n, "AttributeType": t} for n, t in own + others],
            "KeySchema": [
                {"AttributeName": n, "KeyType": k} for (n, _), k in zip(own, ("HASH", "RANGE"), strict=False)
            ],
            "BillingMode": "PAY_PER_REQUEST",
            **more,
        }
        return (await self.api.create_table(request))["TableDescription"]

    async def put(self, item: dict[str, Any], table: str = "things", **more: Any) -> dict[str, Any]:
        return await self.engine.put_item({"TableName": table, "Item": item, **more})

    async def get(self, key: Any, table: str = "things", **more: Any) -> Any:
        answer = await self.engine.get_item({"TableName": table, "Key": as_key(key), **more})
        return answer.get("Item")

    async def update(self, key: Any, expression: str | None = None, **more: Any) -> dict[str, Any]:
        """UpdateItem; keyword arguments in lower case are `:values`."""
        values = {f":{name}": more.pop(name) for name in list(more) if name.islower()}
        request = {"TableName": "things", "Key": as_key(key), **more}
        if expression is not None:
            request["UpdateExpression"] = expression
        if values:
            request["ExpressionAttributeValues"] = values
        return await self.engine.update_item(request)

    async def query(self, condition: str, table: str = "things", **more: Any) -> dict[str, Any]:
        values = {f":{name}": more.pop(name) for name in list(more) if name.islower()}
        request = {"TableName": table, "KeyConditionExpression": condition, **more}
        return await self.engine.query(request | ({"ExpressionAttributeValues": values} if values else {}))

    async def matches(self, condition: str, **more: Any) -> bool:
        """Whether a filter lets the one item of `things` pass."""
        values = {f":{name}": more.pop(name) for name in list(more) if name.islower()}
        request = {"TableName": "things", "FilterExpression": condition, **more}
        answer = await self.engine.scan(request | ({"ExpressionAttributeValues": values} if values else {}))
        return bool(answer["Count"])

    async def records(self, arn: str | None = None) -> list[dict[str, Any]]:
        """Every record of a stream from the horizon."""
        arn = arn or (await self.changes.list_streams({}))["Streams"][-1]["StreamArn"]
        shown = (await self.changes.describe_stream({"StreamArn": arn}))["StreamDescription"]
        place = {"StreamArn": arn, "ShardId": shown["Shards"][0]["ShardId"], "ShardIteratorType": "TRIM_HORIZON"}
        iterator = await self.changes.get_shard_iterator(place)
        found: list[dict[str, Any]] = resolved((await self.changes.get_records(iterator))["Records"])
        return found


def as_key(key: Any) -> Any:
    return {"id": {"S": key}} if isinstance(key, str) else key


@pytest.fixture
async def room(store: MemoryStore) -> Room:
    room = Room(store)
    await room.engine.load()
    return room


@pytest.fixture
async def things(room: Room) -> Room:
    """A room with the table `things`, keyed by `id`, with a stream of both images."""
    await room.create(view="NEW_AND_OLD_IMAGES")
    return room


Refusal = Callable[[Awaitable[Any]], Awaitable[str]]


@pytest.fixture
def refusal() -> Refusal:
    """The code and the sentence with which an operation is refused."""

    async def refused(operation: Awaitable[Any]) -> str:
        with pytest.raises(SynclineError) as caught:
            await operation
        return f"{caught.value.code}: {caught.value.message}"

    return refused


@pytest.fixture(scope="session")
def new_room() -> Callable[[MemoryStore], Awaitable[Room]]:
    """Makes a room over a store: for restarts, and for properties that need a fresh one each time."""

    async def made(store: MemoryStore, seed: int = 1, settings: Settings = DEFAULT) -> Room:
        room = Room(store, seed, settings)
        await room.engine.load()
        return room

    return made
