"""Item collections: their sizes are what recomputing gives, and the limit holds in every way to write."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncline.core import Settings
from syncline.core.settings import Tables as TableSettings
from syncline.store import MemoryStore, Snapshot, Space
from syncline.tables.catalog import TABLES
from syncline.tables.errors import CollectionTooLarge, TransactionCanceled
from syncline.tables.item_collections import count_next
from syncline.tables.layout import row_size

LIMIT = 2000
SMALL = Settings(tables=TableSettings(item_collection_bytes_max=LIMIT))
TOO_LARGE = "ItemCollectionSizeLimitExceededException: Collection size exceeded."


def local(name: str, attribute: str, **projection: Any) -> dict[str, Any]:
    return {
        "IndexName": name,
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": attribute, "KeyType": "RANGE"}],
        "Projection": projection or {"ProjectionType": "ALL"},
    }


INDEXES = [local("by_age", "age"), local("by_name", "name", ProjectionType="INCLUDE", NonKeyAttributes=["text"])]


async def make(room: Any, *, ttl: bool = False) -> Any:
    await room.create("local", "id:S k:N", attributes="age:N name:S", LocalSecondaryIndexes=INDEXES)
    if ttl:
        specification = {"Enabled": True, "AttributeName": "due"}
        await room.api.update_time_to_live({"TableName": "local", "TimeToLiveSpecification": specification})
    return room


def item(part: str, number: int, **more: Any) -> dict[str, Any]:
    return {"id": {"S": part}, "k": {"N": str(number)}, **more}


async def sizes(room: Any) -> tuple[dict[bytes, int], dict[bytes, int]]:
    """The sizes that are kept, and those that all items and entries add up to, by partition."""
    layout = room.engine.registry.open("local").layout

    def rows(view: Snapshot, space: Space) -> list[Any]:
        return view.scan(space, layout.prefix, layout.prefix + b"\xff", limit=10_000)

    def body(view: Snapshot) -> tuple[dict[bytes, int], dict[bytes, int]]:
        kept = {key: int.from_bytes(size, "big") for key, size in rows(view, Space.COLLECTION) if key != layout.prefix}
        made: dict[bytes, int] = {}
        for _, row in rows(view, Space.ITEM) + rows(view, Space.INDEX):
            at = layout.partition(msgspec.json.decode(row[4:]))
            made[at] = made.get(at, 0) + row_size(row)
        return kept, made

    found: tuple[dict[bytes, int], dict[bytes, int]] = await room.store.read(body)
    return found


NAMES = st.sampled_from([None, "", "x" * 40, "y" * 3])
ITEMS = st.builds(
    lambda part, number, age, name, text, due: item(
        part,
        number,
        **({"age": {"N": str(age)}} if age else {}),
        **({"name": {"S": name}} if name else {}),
        text={"S": text},
        **({"due": {"N": "1"}} if due else {}),
    ),
    st.sampled_from("ab"),
    st.integers(0, 3),
    st.sampled_from([0, 1, 22]),
    NAMES,
    st.text("é.", max_size=200),
    st.booleans(),
)
STEPS = st.lists(
    st.tuples(st.sampled_from(["put", "delete", "update", "batch", "pair", "failed", "expire", "restart"]), ITEMS)
)


async def step(room: Any, kind: str, of: dict[str, Any]) -> None:
    key = {"id": of["id"], "k": of["k"]}
    other = {**of, "k": {"N": str(7 - int(of["k"]["N"]))}}
    if kind == "put":
        await room.put(of, "local")
    elif kind == "delete":
        await room.engine.delete_item({"TableName": "local", "Key": key})
    elif kind == "update":
        await room.update(key, "SET #t = :t REMOVE age", TableName="local", t=of["text"], **NAMED)
    elif kind == "batch":
        writes = [{"PutRequest": {"Item": of}}, {"DeleteRequest": {"Key": {"id": of["id"], "k": other["k"]}}}]
        await room.engine.batch_write_item({"RequestItems": {"local": writes}})
    elif kind == "expire":
        room.clock.move(1)
        await room.engine.housekeeping.expire_items()
    else:
        condition = {"ConditionExpression": "attribute_exists(nothing)"} if kind == "failed" else {}
        puts = [{"Put": {"TableName": "local", "Item": one}} for one in (of, other)]
        puts[1]["Put"].update(condition)
        await room.engine.transact_write_items({"TransactItems": puts})


NAMED = {"ExpressionAttributeNames": {"#t": "text"}}


@pytest.mark.rule("TBL-57")
@settings(max_examples=120, deadline=None)
@given(steps=STEPS)
async def test_kept_sizes_are_what_items_and_local_entries_add_up_to_and_within_the_limit(
    new_room: Any, steps: Any
) -> None:
    room = await make(await new_room(MemoryStore(), settings=SMALL), ttl=True)
    for kind, of in steps:
        if kind == "restart":
            room = await new_room(MemoryStore(room.store.disk), 2, SMALL)
            continue
        with contextlib.suppress(CollectionTooLarge, TransactionCanceled):
            await step(room, kind, of)
        kept, made = await sizes(room)
        assert kept == made
        assert all(size <= LIMIT for size in kept.values())


@pytest.mark.rule("TBL-58")
async def test_a_full_collection_takes_nothing_more_and_lets_go(new_room: Any, refusal: Any) -> None:
    room = await make(await new_room(MemoryStore(), settings=SMALL))
    await room.put(item("a", 1, text={"S": "x" * 1900}), "local")
    more = item("a", 2, text={"S": "x" * 200})
    assert await refusal(room.put(more, "local")) == TOO_LARGE
    growing = room.update({"id": {"S": "a"}, "k": {"N": "1"}}, "SET age = :n", TableName="local", n={"N": "5"})
    assert await refusal(growing) == TOO_LARGE  # the item itself has room, its index entry has none
    batch = {"RequestItems": {"local": [{"PutRequest": {"Item": more}}]}}
    assert await refusal(room.engine.batch_write_item(batch)) == TOO_LARGE
    await room.put(item("b", 2, text={"S": "x" * 200}), "local")  # another collection
    await room.put(item("a", 1, text={"S": "x" * 1600}), "local")
    await room.put(more, "local")
    kept, made = await sizes(room)
    assert kept == made


@pytest.mark.rule("TBL-58")
async def test_of_many_writers_at_once_as_many_succeed_as_there_is_room_for(new_room: Any) -> None:
    room = await make(await new_room(MemoryStore(), settings=SMALL))
    puts = [room.put(item("a", number, text={"S": "x" * 480}), "local") for number in range(9)]
    answers = await asyncio.gather(*puts, return_exceptions=True)
    assert sum(isinstance(answer, CollectionTooLarge) for answer in answers) == 5
    kept, made = await sizes(room)
    assert kept == made
    assert len(kept) == 1


@pytest.mark.rule("TBL-58")
async def test_a_transaction_over_the_limit_is_cancelled_whole_with_the_reason(new_room: Any) -> None:
    room = await make(await new_room(MemoryStore(), settings=SMALL))
    puts = [{"Put": {"TableName": "local", "Item": item("a", n, text={"S": "x" * 1200})}} for n in (1, 2)]
    with pytest.raises(Exception, match=r"\[None, ItemCollectionSizeLimitExceeded\]") as caught:
        await room.engine.transact_write_items({"TransactItems": puts})
    assert caught.value.data["CancellationReasons"] == [  # type: ignore[attr-defined]
        {"Code": "None"},
        {"Code": "ItemCollectionSizeLimitExceeded", "Message": "Collection size exceeded."},
    ]
    assert await sizes(room) == ({}, {})


@pytest.mark.rule("TBL-58")
async def test_the_limit_is_dynamodbs_and_is_not_for_tables_without_local_indexes(room: Any, new_room: Any) -> None:
    assert Settings().tables.item_collection_bytes_max == 10 * 2**30
    small = await new_room(MemoryStore(), settings=SMALL)
    await small.create("plain", "id:S k:N")
    for number in range(3):
        await small.put(item("a", number, text={"S": "x" * 1900}), "plain")
    layout = small.engine.registry.open("plain").layout
    kept = await small.store.read(lambda view: view.scan(Space.COLLECTION, layout.prefix, b"\xff", limit=9))
    assert kept == []


@pytest.mark.rule("TBL-13")
async def test_an_item_and_its_local_entries_are_400_kb_together(room: Any, refusal: Any) -> None:
    await make(room)
    large = item("a", 1, text={"S": "x" * 210_000})
    await room.put(large, "local")
    whole = {**large, "age": {"N": "1"}}
    assert "Item size has exceeded the maximum allowed size" in await refusal(room.put(whole, "local"))
    assert await room.get({"id": {"S": "a"}, "k": {"N": "1"}}, "local") == large


async def unsized(room: Any) -> None:
    """As a version that kept no sizes left the table."""
    layout = room.engine.registry.open("local").layout

    def body(txn: Any) -> None:
        for key, _ in txn.scan(Space.COLLECTION, layout.prefix, layout.prefix + b"\xff", limit=1000):
            txn.delete(Space.COLLECTION, key)
        TABLES.put(txn, msgspec.structs.replace(layout.table, sized=False), "local")

    await room.store.write(body)


@pytest.mark.rule("TBL-57")
async def test_the_sizes_of_a_table_from_before_are_counted_while_it_is_written_to(new_room: Any) -> None:
    store = MemoryStore()
    room = await make(await new_room(store))
    for number in range(250):
        await room.put(item("abc"[number % 3], number, age={"N": str(number)}, text={"S": "x" * number}), "local")
    await unsized(room)
    room = await new_room(MemoryStore(store.disk), 2)
    table = room.engine.registry.open("local")
    assert not table.table.sized
    assert (await room.store.write(lambda txn: count_next(txn, table.layout, 100))).result
    for number in (1, 2, 120, 248, 249):  # behind the place that the count has got to, and before it
        await room.put(item("abc"[number % 3], number, name={"S": "y"}), "local")
        await room.engine.delete_item({"TableName": "local", "Key": item("abc"[number % 3], number + 3)})
    await asyncio.gather(room.engine.housekeeping.round(), room.put(item("a", 777, age={"N": "1"}), "local"))
    assert room.engine.registry.open("local").table.sized
    kept, made = await sizes(room)
    assert kept == made
    assert len(kept) == 3


@pytest.mark.rule("TBL-2")
async def test_a_deleted_tables_sizes_go_with_its_rows(new_room: Any) -> None:
    store = MemoryStore()
    room = await make(await new_room(store))
    await room.put(item("a", 1), "local")
    await room.api.delete_table({"TableName": "local"})
    await room.engine.housekeeping.round()
    assert not store.disk.order[Space.COLLECTION]
