"""Indexes that come and go on a live table: statuses, backfill between writes, AWS's rules, figures."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from support import aws
from syncline.core import Invalid
from syncline.store import MemoryStore, Space
from syncline.tables.errors import IndexNotFound, TableBusy
from syncline.tables.index_builder import FILLED
from syncline.tables.layout import decode_row, encode_row
from syncline.tables.values import size_of_item

V = "ValidationException: "
P = V + "One or more parameter values were invalid: "
KEYS = [{"AttributeName": "st", "KeyType": "HASH"}, {"AttributeName": "n", "KeyType": "RANGE"}]
TYPES = [{"AttributeName": "st", "AttributeType": "S"}, {"AttributeName": "n", "AttributeType": "N"}]


def creation(name: str = "by_st", projection: str = "ALL", **more: Any) -> dict[str, Any]:
    create = {"IndexName": name, "KeySchema": KEYS, "Projection": {"ProjectionType": projection}, **more}
    return {"AttributeDefinitions": TYPES, "GlobalSecondaryIndexUpdates": [{"Create": create}]}


def deletion(name: str = "by_st") -> dict[str, Any]:
    return {"GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": name}}]}


async def update(room: Any, table: str = "things", **change: Any) -> Any:
    return (await room.api.update_table({"TableName": table, **change}))["TableDescription"]


async def described(room: Any) -> Any:
    return (await room.api.describe_table({"TableName": "things"}))["Table"]


async def entries(room: Any, name: str = "by_st") -> list[Any]:
    return (await room.engine.scan({"TableName": "things", "IndexName": name}))["Items"]


def recomputed(room: Any) -> dict[bytes, bytes]:
    """What the index rows of `things` must be, from its items alone."""
    found = room.engine.registry.open("things")
    rows: dict[bytes, bytes] = {}
    for _, row in room.store.disk.scan(Space.ITEM, found.layout.prefix, found.layout.prefix + b"\xff", limit=10**6):
        item = decode_row(row)
        for index in found.layout.kept_indexes:
            if found.layout.is_in(index, item):
                entry = found.layout.project(index, item)
                rows[found.layout.entry_key(index, item)] = encode_row(entry, size_of_item(entry))
    return rows


def stored(room: Any) -> dict[bytes, bytes]:
    disk = room.store.disk
    return {key: disk.values[Space.INDEX, key] for key in disk.order[Space.INDEX]}


def item(name: str, n: int, state: str | None = "open") -> dict[str, Any]:
    made: dict[str, Any] = {"id": {"S": name}, "n": {"N": str(n)}, "more": {"S": "x"}}
    return made if state is None else made | {"st": {"S": state}}


@pytest.mark.rule("TBL-70")
async def test_an_index_is_creating_then_active_and_holds_what_was_there(things: Any, refusal: Any) -> None:
    for n in range(250):
        await things.put(item(f"i{n}", n, "open" if n % 2 else None))
    shown = await update(things, **creation(projection="KEYS_ONLY"))
    assert shown["TableStatus"] == "UPDATING"
    (index,) = shown["GlobalSecondaryIndexes"]
    assert (index["IndexStatus"], index["Backfilling"], index["ItemCount"]) == ("CREATING", True, 0)
    assert (await described(things))["TableStatus"] == "UPDATING"
    assert await refusal(entries(things)) == f"{V}Cannot read from backfilling global secondary index: by_st"
    await things.engine.indexes.settle()
    shown = await described(things)
    (index,) = shown["GlobalSecondaryIndexes"]
    assert (shown["TableStatus"], index["IndexStatus"], index["ItemCount"]) == ("ACTIVE", "ACTIVE", 125)
    assert "Backfilling" not in index
    assert {d["AttributeName"] for d in shown["AttributeDefinitions"]} == {"id", "st", "n"}
    found = await things.query("st = :s AND n < :n", s={"S": "open"}, n={"N": "6"}, IndexName="by_st")
    assert found["Items"] == [{"st": {"S": "open"}, "n": {"N": str(n)}, "id": {"S": f"i{n}"}} for n in (1, 3, 5)]
    assert stored(things) == recomputed(things)
    assert index["IndexSizeBytes"] == sum(size_of_item(entry) for entry in await entries(things))


@pytest.mark.rule("TBL-70")
async def test_items_that_cannot_be_in_the_index_stay_in_the_table(things: Any, refusal: Any) -> None:
    await things.put(item("good", 1))
    for name, value in (("wrong", {"N": "1"}), ("empty", {"S": ""}), ("long", {"S": "x" * 2049})):
        await things.put(item(name, 1) | {"st": value})
    await update(things, **creation())
    await things.engine.indexes.settle()
    assert [entry["id"] for entry in await entries(things)] == [{"S": "good"}]
    # What was there may be changed elsewhere, and made right; nothing wrong may come anew.
    await things.update("wrong", "SET more = :m", m={"S": "y"})
    assert "Type mismatch for Index Key st" in await refusal(things.put(item("new", 1) | {"st": {"N": "1"}}))
    await things.update("wrong", "SET st = :s", s={"S": "open"})
    assert {entry["id"]["S"] for entry in await entries(things)} == {"good", "wrong"}
    assert stored(things) == recomputed(things)


@pytest.mark.rule("TBL-71")
async def test_an_index_is_removed_with_its_entries_and_definitions(things: Any, refusal: Any) -> None:
    for n in range(600):
        await things.put(item(f"i{n}", n))
    await update(things, **creation())
    await things.engine.indexes.settle()
    shown = await update(things, **deletion())
    assert shown["GlobalSecondaryIndexes"][0]["IndexStatus"] == "DELETING"
    assert await refusal(entries(things)) == f"{V}The table does not have the specified index: by_st"
    await things.put(item("during", 1) | {"st": {"N": "1"}})
    await things.engine.indexes.settle()
    shown = await described(things)
    assert shown["TableStatus"] == "ACTIVE"
    assert "GlobalSecondaryIndexes" not in shown
    assert [d["AttributeName"] for d in shown["AttributeDefinitions"]] == ["id"]
    assert stored(things) == {}
    await update(things, **creation())
    await things.engine.indexes.settle()
    assert len(await entries(things)) == 600


@pytest.mark.rule("TBL-72")
async def test_the_rules_about_changing_indexes(things: Any, refusal: Any) -> None:
    refused = lambda **change: refusal(update(things, **change))  # noqa: E731
    both = creation()["GlobalSecondaryIndexUpdates"] + creation("other")["GlobalSecondaryIndexUpdates"]
    assert await refused(AttributeDefinitions=TYPES, GlobalSecondaryIndexUpdates=both) == (
        "LimitExceededException: Subscriber limit exceeded: Only 1 online index can be created or deleted "
        "simultaneously per table"
    )
    assert (await refused(GlobalSecondaryIndexUpdates=[{}])).startswith(f"{P}One of GlobalSecondaryIndexUpdate.Update")
    same = creation()["GlobalSecondaryIndexUpdates"] + deletion()["GlobalSecondaryIndexUpdates"]
    assert await refused(GlobalSecondaryIndexUpdates=same) == (
        f"{P}Only one global secondary index update per index is allowed simultaneously. Index: by_st"
    )
    assert (await refused(**deletion("none"))).startswith("ResourceNotFoundException: Requested resource not found")
    undefined = creation() | {"AttributeDefinitions": TYPES[:1]}
    assert "not defined in AttributeDefinitions. Keys: [st, n]" in await refused(**undefined)
    redefined = [*TYPES, {"AttributeName": "id", "AttributeType": "N"}]
    assert "Attributes cannot be redefined" in await refused(**creation() | {"AttributeDefinitions": redefined})
    unused = [*TYPES, {"AttributeName": "zz", "AttributeType": "N"}]
    assert "AttributeDefinitions are not used" in await refused(**creation() | {"AttributeDefinitions": unused})
    units = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}
    assert await refused(**creation(ProvisionedThroughput=units)) == (
        f"{P}ProvisionedThroughput should not be specified for index: by_st when BillingMode is PAY_PER_REQUEST"
    )
    await update(things, **creation())
    busy = "ResourceInUseException: Attempt to change a resource which is still in use: Table is being updated: things"
    assert await refused(**creation("other")) == busy
    await things.engine.indexes.settle()
    assert await refused(**creation()) == f"{P}Index already exists: by_st"


@pytest.mark.rule("TBL-72")
async def test_an_index_has_its_own_figures_when_the_table_has(things: Any, refusal: Any) -> None:
    await update(things, **creation())
    await things.engine.indexes.settle()
    units = {"ReadCapacityUnits": 1, "WriteCapacityUnits": 2}
    provisioned = {"BillingMode": "PROVISIONED", "ProvisionedThroughput": units}
    assert await refusal(update(things, **provisioned)) == (
        f"{P}ProvisionedThroughput must be specified for index: by_st"
    )
    change = {"GlobalSecondaryIndexUpdates": [{"Update": {"IndexName": "by_st", "ProvisionedThroughput": units}}]}
    shown = await update(things, **provisioned, **change)
    assert shown["GlobalSecondaryIndexes"][0]["ProvisionedThroughput"] == {"NumberOfDecreasesToday": 0, **units}
    assert "for the index by_st will not change" in await refusal(update(things, **change))


@pytest.mark.rule("TBL-70")
async def test_a_restart_goes_on_where_the_index_had_got_to(things: Any, new_room: Any) -> None:
    for n in range(350):
        await things.put(item(f"i{n:03}", n))
    await update(things, **creation())
    settling = asyncio.ensure_future(things.engine.indexes.settle())
    while not await things.store.read(FILLED.list):
        await asyncio.sleep(0)
    settling.cancel()
    restarted = await new_room(MemoryStore(things.store.disk))
    assert (await described(restarted))["GlobalSecondaryIndexes"][0]["IndexStatus"] == "CREATING"
    await restarted.engine.indexes.settle()
    assert len(await entries(restarted)) == 350
    assert stored(restarted) == recomputed(restarted)
    assert await restarted.store.read(FILLED.list) == []


@pytest.mark.rule("TBL-71")
async def test_a_table_deleted_while_an_index_is_made_leaves_nothing(things: Any) -> None:
    for n in range(250):
        await things.put(item(f"i{n:03}", n))
    await update(things, **creation())
    settling = asyncio.ensure_future(things.engine.indexes.settle())
    while not await things.store.read(FILLED.list):
        await asyncio.sleep(0)
    await things.api.delete_table({"TableName": "things"})
    await settling
    await things.engine.housekeeping.round()
    assert stored(things) == {}
    assert await things.store.read(FILLED.list) == []


operations = st.lists(
    st.one_of(
        st.tuples(st.just("put"), st.integers(0, 9), st.integers(0, 3), st.sampled_from(["a", "b", None, 5])),
        st.tuples(st.just("delete"), st.integers(0, 9)),
        st.tuples(st.just("create")),
        st.tuples(st.just("remove")),
        st.tuples(st.just("turns"), st.integers(1, 4)),
    ),
    max_size=40,
)


@pytest.mark.rule("TBL-70")
@pytest.mark.rule("TBL-71")
@settings(max_examples=150, deadline=None)
@example(first=10, steps=[("put", 0, 0, "a"), ("create",), ("put", 0, 0, "b")])
@given(first=st.integers(0, 260), steps=operations)
async def test_entries_are_a_full_recomputation_whatever_happens_meanwhile(
    new_room: Any, first: int, steps: Any
) -> None:
    room = await new_room(MemoryStore())
    await room.create()
    await room.engine.batch_write_item(
        {"RequestItems": {"things": [{"PutRequest": {"Item": item(f"f{n}", n)}} for n in range(min(first, 25) or 1)]}}
    )
    for n in range(25, first, 5):
        await room.put(item(f"f{n}", n))
    writes: list[Any] = []
    builder = asyncio.ensure_future(room.engine.indexes.run())
    for step in steps:
        if step[0] in ("create", "remove"):
            with contextlib.suppress(TableBusy, IndexNotFound, Invalid):
                await update(room, **(creation() if step[0] == "create" else deletion()))
            continue
        if step[0] == "put":
            made = item(f"i{step[1]}", step[2], None)
            if step[3] is not None:
                made["st"] = {"N": "5"} if step[3] == 5 else {"S": step[3]}
            writes.append(asyncio.ensure_future(room.put(made)))
        elif step[0] == "delete":
            request = {"TableName": "things", "Key": {"id": {"S": f"i{step[1]}"}}}
            writes.append(asyncio.ensure_future(room.engine.delete_item(request)))
        elif step[0] == "turns":
            for _ in range(step[1]):
                await asyncio.sleep(0)
    await asyncio.gather(*writes, return_exceptions=True)
    while any(index.status != "ACTIVE" for index in room.engine.registry.open("things").table.indexes):
        await asyncio.sleep(0)
    builder.cancel()
    assert stored(room) == recomputed(room)
    for index in room.engine.registry.open("things").table.indexes:
        figures = room.engine.registry.open("things").figures.entries(index.name)
        assert figures.items == len(stored(room))
        assert figures.bytes == sum(int.from_bytes(row[:4], "big") for row in stored(room).values())


@pytest.mark.rule("TBL-70")
async def test_boto3_waits_for_an_index(things: Any) -> None:
    client = aws.client({"dynamodb": things.api}, "dynamodb")
    await things.put(item("a", 1))
    builder = asyncio.ensure_future(things.engine.indexes.run())
    await aws.called(client.update_table, TableName="things", **creation())
    await aws.called(client.get_waiter("table_exists").wait, TableName="things", WaiterConfig={"Delay": 1})
    table = (await aws.called(client.describe_table, TableName="things"))["Table"]
    assert table["GlobalSecondaryIndexes"][0]["IndexStatus"] == "ACTIVE"
    builder.cancel()
