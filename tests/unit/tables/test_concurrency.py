"""Many writers at once: nothing lost, indexes equal to what the items say, records equal to what happened."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncline.core import Conflict
from syncline.store import MemoryStore


@pytest.mark.rule("TBL-49")
async def test_no_increment_is_lost(things: Any) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(50):
            group.create_task(things.update("a", "ADD n :one", one={"N": "1"}))
    assert (await things.get("a"))["n"] == {"N": "50"}
    images = [record["dynamodb"]["NewImage"]["n"]["N"] for record in await things.records()]
    assert images == [str(n) for n in range(1, 51)]


@pytest.mark.rule("TBL-49")
async def test_of_many_that_must_be_first_one_is(things: Any) -> None:
    async def attempt(n: int) -> bool:
        try:
            await things.put({"id": {"S": "a"}, "by": {"N": str(n)}}, ConditionExpression="attribute_not_exists(id)")
        except Conflict:
            return False
        return True

    async with asyncio.TaskGroup() as group:
        attempts = [group.create_task(attempt(n)) for n in range(20)]
    (winner,) = [n for n, one in enumerate(attempts) if one.result()]
    assert (await things.get("a"))["by"] == {"N": str(winner)}


writes = st.tuples(
    st.sampled_from(("put", "delete", "move")),
    st.sampled_from("abc"),
    st.sampled_from(("p", "q", None)),
    st.integers(0, 3),
)


@pytest.mark.rule("TBL-42")
@settings(max_examples=50, deadline=None)
@given(st.lists(writes, max_size=25))
def test_indexes_equal_a_recomputation(new_room: Any, asked: list[Any]) -> None:
    async def run() -> None:
        room = await new_room(MemoryStore())
        keys = [{"AttributeName": "g", "KeyType": "HASH"}, {"AttributeName": "x", "KeyType": "RANGE"}]
        index = {"IndexName": "by_g", "KeySchema": keys, "Projection": {"ProjectionType": "ALL"}}
        await room.create(attributes="g:S x:N", GlobalSecondaryIndexes=[index], view="NEW_AND_OLD_IMAGES")

        async def do(kind: str, name: str, g: str | None, x: int) -> None:
            if kind == "put":
                extra = {} if g is None else {"g": {"S": g}}
                await room.put({"id": {"S": name}, "x": {"N": str(x)}, **extra})
            elif kind == "move":
                await room.update(name, "SET x = :x", x={"N": str(x)})
            else:
                await room.engine.delete_item({"TableName": "things", "Key": {"id": {"S": name}}})

        async with asyncio.TaskGroup() as group:
            for one in asked:
                group.create_task(do(*one))
        items = (await room.engine.scan({"TableName": "things"}))["Items"]
        entries = (await room.engine.scan({"TableName": "things", "IndexName": "by_g"}))["Items"]
        expected = [item for item in items if "g" in item and "x" in item]
        assert entries == sorted(expected, key=lambda i: (i["g"]["S"], int(i["x"]["N"]), i["id"]["S"]))
        replayed: dict[str, Any] = {}
        for record in await room.records():
            change = record["dynamodb"]
            assert replayed.get(change["Keys"]["id"]["S"]) == change.get("OldImage")
            replayed[change["Keys"]["id"]["S"]] = change.get("NewImage")
        assert [replayed[name] for name in sorted(replayed) if replayed[name]] == items

    asyncio.run(run())
