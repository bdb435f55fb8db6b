"""Items: conditional writes, return values, projections, batches, capacity, indexes' upkeep."""

from __future__ import annotations

from typing import Any

import pytest

from syncline.core import call
from syncline.store import Space
from syncline.tables import ConditionalCheckFailed

ABSENT = "attribute_not_exists(id)"
GLOBAL = {
    "IndexName": "by_state",
    "KeySchema": [{"AttributeName": "st", "KeyType": "HASH"}, {"AttributeName": "ts", "KeyType": "RANGE"}],
}


@pytest.mark.rule("TBL-40")
async def test_a_failed_condition_changes_nothing_and_shows_the_item(things: Any, refusal: Any) -> None:
    old = {"id": {"S": "a"}, "v": {"N": "1"}}
    await things.put(old, ConditionExpression=ABSENT)
    again = {"id": {"S": "a"}, "v": {"N": "2"}}
    assert await refusal(things.put(again, ConditionExpression=ABSENT)) == (
        "ConditionalCheckFailedException: The conditional request failed"
    )
    with pytest.raises(ConditionalCheckFailed) as caught:
        await things.put(again, ConditionExpression=ABSENT, ReturnValuesOnConditionCheckFailure="ALL_OLD")
    assert caught.value.data == {"Item": old}
    with pytest.raises(ConditionalCheckFailed) as caught:
        await things.update("b", "SET v = :v", v={"N": "1"}, ConditionExpression="attribute_exists(id)")
    assert caught.value.data == {}
    with pytest.raises(ConditionalCheckFailed):
        await things.engine.delete_item(
            {"TableName": "things", "Key": {"id": {"S": "a"}}, "ConditionExpression": ABSENT}
        )
    assert await things.get("a") == old
    assert [record["eventName"] for record in await things.records()] == ["INSERT"]


@pytest.mark.rule("TBL-41")
async def test_put_and_delete_return_the_old_item_alone(things: Any, refusal: Any) -> None:
    old, new = {"id": {"S": "a"}, "v": {"N": "1"}}, {"id": {"S": "a"}}
    assert await things.put(old, ReturnValues="ALL_OLD") == {}
    assert await things.put(new, ReturnValues="ALL_OLD") == {"Attributes": old}
    delete = {"TableName": "things", "Key": {"id": {"S": "a"}}, "ReturnValues": "ALL_OLD"}
    assert await things.engine.delete_item(delete) == {"Attributes": new}
    assert await things.engine.delete_item(delete) == {}
    sentence = "ReturnValues can only be ALL_OLD or NONE"
    validated = f"ValidationException: 1 validation error detected: {sentence}"
    assert await refusal(things.put(new, ReturnValues="ALL_NEW")) == validated
    assert await refusal(things.engine.delete_item({**delete, "ReturnValues": "ALL_NEW"})) == validated
    # AWS does this: writes in a transaction, and reads, say what is wrong without the beginning.
    put = {"TableName": "things", "Item": new, "ConditionExpression": ""}
    refused = await refusal(things.engine.transact_write_items({"TransactItems": [{"Put": put}]}))
    assert refused == "ValidationException: Invalid ConditionExpression: The expression can not be empty;"


@pytest.mark.rule("TBL-24")
@pytest.mark.parametrize(
    ("projection", "shown"),
    [
        ("a", {"a": {"N": "1"}}),
        ("a, id", {"a": {"N": "1"}, "id": {"S": "x"}}),
        ("zz", {}),
        ("m.p.q", {"m": {"M": {"p": {"M": {"q": {"N": "2"}}}}}}),
        ("m.nope, m.p.nope", {}),
        ("l[2], l[0]", {"l": {"L": [{"S": "zero"}, {"S": "two"}]}}),
        ("l[3].x, l[3].y", {"l": {"L": [{"M": {"x": {"N": "1"}, "y": {"N": "2"}}}]}}),
        ("l[9]", {}),
        ("a.b", {}),
    ],
)
async def test_a_projection_shows_what_it_names(things: Any, projection: str, shown: dict[str, Any]) -> None:
    await things.put(
        {
            "id": {"S": "x"},
            "a": {"N": "1"},
            "m": {"M": {"p": {"M": {"q": {"N": "2"}, "r": {"N": "3"}}}}},
            "l": {
                "L": [
                    {"S": "zero"},
                    {"S": "one"},
                    {"S": "two"},
                    {"M": {k: {"N": n} for k, n in zip("xyz", "123", strict=True)}},
                ]
            },
        }
    )
    assert await things.get("x", ProjectionExpression=projection) == shown


@pytest.mark.rule("TBL-24")
@pytest.mark.rule("TBL-31")
async def test_a_projection_may_not_overlap(things: Any, refusal: Any) -> None:
    start = "ValidationException: Invalid ProjectionExpression: Two document paths "
    end = " with each other; must remove or rewrite one of these paths; path one: "
    overlap = f"{start}overlap{end}[a], path two: [a, b]"
    assert await refusal(things.get("x", ProjectionExpression="a, a.b")) == overlap
    conflict = f"{start}conflict{end}[a, b], path two: [a, [1]]"
    assert await refusal(things.get("x", ProjectionExpression="a.b, a[1]")) == conflict


async def test_an_unknown_table_is_named_after_the_request_was_checked(things: Any, refusal: Any) -> None:
    unknown = "ResourceNotFoundException: Requested resource not found"
    assert await refusal(things.put({"id": {"S": "a"}}, "nowhere")) == unknown
    assert await refusal(things.get("a", "nowhere")) == unknown
    assert "Null attribute value" in await refusal(things.put({"id": {"NULL": False}}, "nowhere"))
    null_name = await refusal(things.engine.get_item({"Key": {}}))
    assert null_name.endswith("Value null at 'tableName' failed to satisfy constraint: Member must not be null")


async def test_a_table_may_be_named_by_its_arn(things: Any) -> None:
    arn = "arn:aws:dynamodb:us-east-1:000000000000:table/things"
    await things.put({"id": {"S": "a"}}, arn)
    assert await things.get("a", arn) == {"id": {"S": "a"}}


async def test_a_write_tells_the_call_its_position(things: Any) -> None:
    call.enter(call.Call(request_id="r", region="us-east-1", account="0"))
    await things.put({"id": {"S": "a"}})
    first = call.current().position
    await things.put({"id": {"S": "b"}})
    assert 0 < first < call.current().position


@pytest.mark.rule("TBL-46")
@pytest.mark.parametrize(
    ("size", "write", "strong"), [(10, 1, 1), (1024, 1, 1), (1025, 2, 1), (4096, 4, 1), (4097, 5, 2)]
)
async def test_capacity_rounds_up(things: Any, size: int, write: float, strong: float) -> None:
    item = {"id": {"S": "a"}, "v": {"S": "x" * (size - 4)}}
    answer = await things.put(item, ReturnConsumedCapacity="TOTAL")
    assert answer == {"ConsumedCapacity": {"TableName": "things", "CapacityUnits": write}}
    read = {"TableName": "things", "Key": {"id": {"S": "a"}}, "ReturnConsumedCapacity": "INDEXES"}
    shown = (await things.engine.get_item(read | {"ConsistentRead": True}))["ConsumedCapacity"]
    assert shown == {"TableName": "things", "CapacityUnits": strong, "Table": {"CapacityUnits": strong}}
    assert (await things.engine.get_item(read))["ConsumedCapacity"]["CapacityUnits"] == strong / 2
    delete = {"TableName": "things", "Key": {"id": {"S": "a"}}, "ReturnConsumedCapacity": "TOTAL"}
    assert (await things.engine.delete_item(delete))["ConsumedCapacity"]["CapacityUnits"] == write
    assert (await things.engine.delete_item(delete))["ConsumedCapacity"]["CapacityUnits"] == 1


async def indexed(room: Any, projection: dict[str, Any], **more: Any) -> None:
    index = {**GLOBAL, "Projection": projection}
    await room.create(attributes="st:S ts:N", GlobalSecondaryIndexes=[index], **more)


async def entries(room: Any) -> list[dict[str, Any]]:
    """The index's entries, whole."""
    return (await room.engine.scan({"TableName": "things", "IndexName": "by_state"}))["Items"]


@pytest.mark.rule("TBL-42")
@pytest.mark.parametrize(
    ("projection", "names"),
    [
        ({"ProjectionType": "ALL"}, {"id", "st", "ts", "x", "y"}),
        ({"ProjectionType": "KEYS_ONLY"}, {"id", "st", "ts"}),
        ({"ProjectionType": "INCLUDE", "NonKeyAttributes": ["x"]}, {"id", "st", "ts", "x"}),
    ],
)
async def test_an_index_holds_its_projection(room: Any, projection: dict[str, Any], names: set[str]) -> None:
    await indexed(room, projection)
    item = {"id": {"S": "a"}, "st": {"S": "open"}, "ts": {"N": "1"}, "x": {"S": "1"}, "y": {"S": "2"}}
    await room.put(item)
    assert await entries(room) == [{name: value for name, value in item.items() if name in names}]


@pytest.mark.rule("TBL-42")
async def test_an_index_is_sparse_and_follows_its_items(room: Any) -> None:
    await indexed(room, {"ProjectionType": "ALL"})
    await room.put({"id": {"S": "a"}, "st": {"S": "open"}})
    assert await entries(room) == []
    await room.update("a", "SET ts = :t", t={"N": "5"})
    assert await entries(room) == [{"id": {"S": "a"}, "st": {"S": "open"}, "ts": {"N": "5"}}]
    await room.update("a", "SET ts = :t", t={"N": "6"})
    assert [entry["ts"] for entry in await entries(room)] == [{"N": "6"}]
    await room.update("a", "SET x = :t", t={"N": "6"})
    assert [entry["x"] for entry in await entries(room)] == [{"N": "6"}]
    await room.update("a", "REMOVE st")
    assert await entries(room) == []
    await room.put({"id": {"S": "a"}, "st": {"S": "open"}, "ts": {"N": "1"}})
    await room.engine.delete_item({"TableName": "things", "Key": {"id": {"S": "a"}}})
    assert room.store.disk.order[Space.INDEX] == []


@pytest.mark.rule("TBL-42")
async def test_an_index_key_of_the_wrong_kind_is_refused(room: Any, refusal: Any) -> None:
    await indexed(room, {"ProjectionType": "ALL"})
    wrong = "ValidationException: One or more parameter values were invalid: Type mismatch for Index Key st "
    wrong += "Expected: S Actual: NULL IndexName: by_state"
    assert await refusal(room.put({"id": {"S": "a"}, "st": {"NULL": True}})) == wrong
    assert await refusal(room.update("a", "SET st = :v", v={"NULL": True})) == wrong
    assert (await refusal(room.put({"id": {"S": "a"}, "st": {"S": ""}}))).endswith(
        "cannot contain an empty string value. IndexName: by_state, IndexKey: st"
    )
    assert (await refusal(room.update("a", "SET st.x = :v", v={"N": "1"}))).endswith("IndexKey: st")


@pytest.mark.rule("TBL-46")
async def test_index_writes_are_billed_by_what_they_change(room: Any) -> None:
    await indexed(room, {"ProjectionType": "KEYS_ONLY"})
    item = {"id": {"S": "a"}, "st": {"S": "open"}, "ts": {"N": "1"}}
    assert await _billed(room, item) == (2, 1)
    assert await _billed(room, item | {"x": {"S": "untouched"}}) == (1, 0)
    assert await _billed(room, item | {"ts": {"N": "2"}}) == (3, 2)
    assert await _billed(room, {"id": {"S": "a"}}) == (2, 1)


async def _billed(room: Any, item: dict[str, Any]) -> tuple[float, float]:
    shown = (await room.put(item, ReturnConsumedCapacity="INDEXES"))["ConsumedCapacity"]
    arms = shown.get("GlobalSecondaryIndexes", {})
    return shown["CapacityUnits"], sum(arm["CapacityUnits"] for arm in arms.values())


@pytest.mark.rule("TBL-45")
async def test_batches_write_and_read(things: Any) -> None:
    writes = [{"PutRequest": {"Item": {"id": {"S": str(n)}, "v": {"N": str(n)}}}} for n in range(25)]
    answer = await things.engine.batch_write_item(
        {"RequestItems": {"things": writes}, "ReturnConsumedCapacity": "TOTAL"}
    )
    assert answer == {
        "UnprocessedItems": {},
        "ConsumedCapacity": [{"TableName": "things", "CapacityUnits": 25.0}],
    }
    await things.engine.batch_write_item({"RequestItems": {"things": [{"DeleteRequest": {"Key": {"id": {"S": "3"}}}}]}})
    wanted = {"Keys": [{"id": {"S": str(n)}} for n in (2, 3, 4)], "ProjectionExpression": "v"}
    found = await things.engine.batch_get_item({"RequestItems": {"things": wanted}})
    assert found == {"Responses": {"things": [{"v": {"N": "2"}}, {"v": {"N": "4"}}]}, "UnprocessedKeys": {}}
    assert len(await things.records()) == 26


@pytest.mark.rule("TBL-45")
async def test_a_batch_is_refused_whole(things: Any, refusal: Any) -> None:
    good = {"PutRequest": {"Item": {"id": {"S": "a"}}}}
    write = things.engine.batch_write_item
    duplicate = "ValidationException: Provided list of item keys contains duplicates"
    assert await refusal(write({"RequestItems": {"things": [good, good]}})) == duplicate
    assert await refusal(write({"RequestItems": {"things": [good], "nowhere": [good]}})) == (
        "ResourceNotFoundException: Requested resource not found"
    )
    bad = {"PutRequest": {"Item": {"id": {"N": "1"}}}}
    mismatch = "ValidationException: The provided key element does not match the schema"
    assert await refusal(write({"RequestItems": {"things": [good, bad]}})) == mismatch
    assert await refusal(write({"RequestItems": {"things": [{"PutRequest": {"Item": {}}}]}})) == mismatch
    assert await refusal(write({"RequestItems": {"nowhere": [{"PutRequest": {"Item": {"id": {}}}}]}})) == (
        "ValidationException: Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
    )
    assert "less than or equal to 25" in await refusal(write({"RequestItems": {"things": [good] * 26}}))
    assert await refusal(write({})) == "ValidationException: The requestItems parameter is required for BatchWriteItem"
    assert await things.get("a") is None
    read = things.engine.batch_get_item
    assert await refusal(read({"RequestItems": {"things": {"Keys": [{"id": {"S": "a"}}] * 2}}})) == duplicate
    many = [{"id": {"S": str(n)}} for n in range(101)]
    assert "less than or equal to 100" in await refusal(read({"RequestItems": {"things": {"Keys": many}}}))


@pytest.mark.rule("TBL-45")
async def test_a_batch_read_over_16_mb_leaves_keys_unprocessed(things: Any) -> None:
    for n in range(45):
        await things.put({"id": {"S": str(n)}, "v": {"S": "x" * 390_000}})
    asked = {"things": {"Keys": [{"id": {"S": str(n)}} for n in range(45)]}}
    found = await things.engine.batch_get_item({"RequestItems": asked})
    left = found["UnprocessedKeys"]["things"]["Keys"]
    assert left
    assert len(found["Responses"]["things"]) + len(left) == 45


async def test_what_happens_is_counted(things: Any) -> None:
    await things.put({"id": {"S": "a"}})
    await things.get("a")
    with pytest.raises(ConditionalCheckFailed):
        await things.put({"id": {"S": "a"}}, ConditionExpression=ABSENT)
    counted = {(one.name, dict(one.labels).get("operation")): one for one in things.meter.instruments()}
    assert counted["syncline_tables_consumed_write_units_total", None].value == 2
    assert counted["syncline_tables_consumed_read_units_total", None].value == 0.5
    assert counted["syncline_tables_conditional_check_failures_total", None].value == 1
    assert counted["syncline_tables_request_ms", "PutItem"].count == 1


@pytest.mark.rule("TBL-31")
async def test_a_thousand_paths_are_checked_at_once(things: Any, refusal: Any) -> None:
    names = [f"a{n}" for n in range(600)]
    await things.put({"id": {"S": "a"}, "a7": {"S": "seven"}})
    assert await things.get("a", ProjectionExpression=",".join(names)) == {"a7": {"S": "seven"}}
    assert "path one: [a0], path two: [a0, x]" in await refusal(
        things.get("a", ProjectionExpression=",".join([*names, "a0.x"]))
    )
