"""DynamoDB's limits that stand by no other rule: the last value that is taken, and the refusal of the next."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import pytest

from support import aws
from syncline.core import Request, Settings
from syncline.core.settings import Tables as TableSettings
from syncline.store import MemoryStore
from syncline.wire import Operations

V = "ValidationException: "
P = V + "One or more parameter values were invalid: "
SUBSCRIBER = "LimitExceededException: Subscriber limit exceeded: "


def index(name: str, *keys: str, **projection: Any) -> dict[str, Any]:
    return {
        "IndexName": name,
        "KeySchema": [
            {"AttributeName": key, "KeyType": kind} for key, kind in zip(keys, ("HASH", "RANGE"), strict=False)
        ],
        "Projection": projection or {"ProjectionType": "ALL"},
    }


def including(count: int, start: int = 0) -> dict[str, Any]:
    return {"ProjectionType": "INCLUDE", "NonKeyAttributes": [f"a{n}" for n in range(start, start + count)]}


def called(room: Any, operation: str, **request: Any) -> Awaitable[Any]:
    """The operation as clients reach it: checked against AWS's model."""
    return Operations({"dynamodb": room.api}).call("dynamodb", operation, request)


@pytest.mark.rule("TBL-75")
async def test_five_local_and_twenty_global_indexes(room: Any, refusal: Any) -> None:
    local = [index(f"local{n}", "id", "x") for n in range(6)]
    few = {"key": "id:S k:N", "attributes": "x:S"}
    assert await refusal(room.create("one", **few, LocalSecondaryIndexes=local)) == (
        P + "Number of LocalSecondaryIndexes exceeds per-table limit of 5"
    )
    wide = [index(f"global{n}", "x") for n in range(21)]
    over = P + "GlobalSecondaryIndex count exceeds the per-table limit of 20"
    assert await refusal(room.create("one", **few, GlobalSecondaryIndexes=wide)) == over
    await room.create("one", **few, LocalSecondaryIndexes=local[:5], GlobalSecondaryIndexes=wide[:20])
    more = {
        "TableName": "one",
        "AttributeDefinitions": [{"AttributeName": "x", "AttributeType": "S"}],
        "GlobalSecondaryIndexUpdates": [{"Create": wide[20]}],
    }
    assert await refusal(room.api.update_table(more)) == over


@pytest.mark.rule("TBL-75")
async def test_twenty_attributes_named_for_an_index_and_a_hundred_for_a_table(room: Any, refusal: Any) -> None:
    async def create(name: str, *counts: int) -> None:
        indexes = [index(f"by{n}", "x", **including(count, 20 * n)) for n, count in enumerate(counts)]
        names = [{"AttributeName": name, "AttributeType": "S"} for name in ("id", "x")]
        await called(
            room,
            "CreateTable",
            TableName=name,
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=names,
            BillingMode="PAY_PER_REQUEST",
            GlobalSecondaryIndexes=indexes,
        )

    assert "Member must have length less than or equal to 20" in await refusal(create("one", 21))
    assert (await refusal(create("two", 20, 20, 20, 20, 20, 1))).startswith(P + "The number of NonKeyAttributes")
    await create("three", 20, 20, 20, 20, 20)


@pytest.mark.rule("TBL-74")
async def test_as_many_tables_as_the_quota_says(new_room: Any, refusal: Any) -> None:
    assert Settings().tables.tables_max == 2500
    room = await new_room(MemoryStore(), settings=Settings(tables=TableSettings(tables_max=2)))
    await room.create("one")
    await room.create("two")
    assert await refusal(room.create("three")) == SUBSCRIBER + "There is a limit of 2 tables per subscriber"
    assert await refusal(room.create("two")) == "ResourceInUseException: Table already exists: two"
    await room.api.delete_table({"TableName": "two"})
    await room.create("three")


@pytest.mark.rule("TBL-74")
async def test_only_so_many_tables_are_changed_at_once(new_room: Any, refusal: Any) -> None:
    assert Settings().tables.changes_max == 500
    room = await new_room(MemoryStore(), settings=Settings(tables=TableSettings(changes_max=1)))
    await room.create("one")
    await room.create("two")
    change = {
        "TableName": "one",
        "AttributeDefinitions": [{"AttributeName": "x", "AttributeType": "S"}],
        "GlobalSecondaryIndexUpdates": [{"Create": index("by_x", "x")}],
    }
    await room.api.update_table(change)
    over = SUBSCRIBER + "Only 1 tables can be created, updated, or deleted simultaneously"
    assert await refusal(room.create("three")) == over
    assert await refusal(room.api.update_table(change | {"TableName": "two"})) == over
    assert await refusal(room.api.delete_table({"TableName": "two"})) == over
    await room.put({"id": {"S": "a"}}, "two")
    await room.engine.indexes.settle()
    await room.api.delete_table({"TableName": "two"})


@pytest.mark.rule("TBL-25")
async def test_placeholders_and_what_they_stand_for_are_bounded(things: Any, refusal: Any) -> None:
    longest = "#" + "n" * 254
    await things.get("a", ProjectionExpression=longest, ExpressionAttributeNames={longest: "x"})
    too_long = {"ProjectionExpression": longest + "n", "ExpressionAttributeNames": {longest + "n": "x"}}
    assert "ExpressionAttributeNames contains invalid key" in await refusal(things.get("a", **too_long))
    names = {f"#n{n:02}": chr(97 + n) * 65_000 for n in range(20)}

    def asked(value: int) -> Any:
        expression = "SET " + ", ".join(f"{name} = :v" for name in names)
        return things.update("a", expression, v={"S": "x" * value}, ExpressionAttributeNames=names)

    assert "limit of 2 MB" in await refusal(asked(2 * 1024 * 1024 - 20 * 65_004 - 1))
    assert "Item size to update" in await refusal(asked(2 * 1024 * 1024 - 20 * 65_004 - 2))


@pytest.mark.rule("TBL-25")
async def test_a_hundred_choices_of_in(things: Any, refusal: Any) -> None:
    def asked(count: int) -> Any:
        values = {f":v{n}": {"S": str(n)} for n in range(count)}
        expression = f"id IN ({', '.join(values)})"
        return things.engine.scan(
            {"TableName": "things", "FilterExpression": expression, "ExpressionAttributeValues": values}
        )

    await things.put({"id": {"S": "99"}})
    assert (await asked(100))["Count"] == 1
    assert "operator or function: IN, number of operands: 102" in await refusal(asked(101))


@pytest.mark.rule("TBL-12")
async def test_an_attributes_name_has_at_most_65535_bytes(things: Any, refusal: Any) -> None:
    await things.put({"id": {"S": "a"}, "n" * 65_535: {"S": ""}})
    longer = {"id": {"S": "a"}, "é" * 32_768: {"S": ""}}
    assert "must be less than 65536 bytes" in await refusal(things.put(longer))


@pytest.mark.rule("TBL-3")
@pytest.mark.parametrize(("length", "bound"), [(2, "greater than or equal to 3"), (256, "less than or equal to 255")])
async def test_names_of_tables_indexes_and_keys(room: Any, refusal: Any, length: int, bound: str) -> None:
    name = "n" * length
    assert f"'tableName' failed to satisfy constraint: Member must have length {bound}" in await refusal(
        room.create(name)
    )

    async def create(**changed: Any) -> None:
        keys = changed.get("key", "id")
        await called(
            room,
            "CreateTable",
            TableName="tables",
            KeySchema=[{"AttributeName": keys, "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": keys, "AttributeType": "S"}],
            BillingMode="PAY_PER_REQUEST",
            GlobalSecondaryIndexes=[index(changed.get("index", "by_key"), keys)],
        )

    assert f"Member must have length {bound}" in await refusal(create(index=name))
    if length > 255:
        assert f"Member must have length {bound}" in await refusal(create(key=name))
    await create(index="i" * 255, key="k" * 255)


@pytest.mark.rule("TBL-44")
async def test_a_scan_has_a_million_segments_at_most(things: Any, refusal: Any) -> None:
    await called(things, "Scan", TableName="things", TotalSegments=1_000_000, Segment=999_999)
    assert "less than or equal to 1000000" in await refusal(
        called(things, "Scan", TableName="things", TotalSegments=1_000_001, Segment=0)
    )


@pytest.mark.rule("WIRE-20")
@pytest.mark.parametrize(("size", "status"), [(16 * 1024 * 1024, 200), (16 * 1024 * 1024 + 1, 413)])
async def test_a_request_has_16_mb_at_most(room: Any, size: int, status: int) -> None:
    headers = [("x-amz-target", "DynamoDB_20120810.ListTables"), ("content-type", "application/x-amz-json-1.0")]
    request = Request("POST", "/", "", headers, b"{}".ljust(size))
    assert (await aws.door({"dynamodb": room.api}, verify=False).respond(request)).status == status
