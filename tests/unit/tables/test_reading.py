"""Query and Scan: key conditions, pages, order, select, segments."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncline.store import MemoryStore

V = "ValidationException: "
A, B = {"S": "a"}, {"S": "b"}
K = "Invalid KeyConditionExpression: "


@pytest.fixture
async def numbered(room: Any) -> Any:
    """`things` keyed by id and number k: a has -2 to 7, b has 1; each with an equal number v."""
    await room.create(key="id:S k:N")
    for n in range(-2, 8):
        await room.put({"id": A, "k": {"N": str(n)}, "v": {"N": str(n)}})
    await room.put({"id": B, "k": {"N": "1"}, "v": {"N": "1"}})
    return room


def ks(answer: dict[str, Any]) -> list[int]:
    return [int(item["k"]["N"]) for item in answer["Items"]]


@pytest.mark.rule("TBL-11")
@pytest.mark.parametrize(
    ("condition", "found"),
    [
        ("id = :i", list(range(-2, 8))),
        ("id = :i AND k = :x", [2]),
        ("k = :x AND id = :i", [2]),
        ("(id = :i) AND (k < :x)", [-2, -1, 0, 1]),
        ("id = :i AND k <= :x", [-2, -1, 0, 1, 2]),
        ("id = :i AND k > :x", [3, 4, 5, 6, 7]),
        ("id = :i AND k >= :x", [2, 3, 4, 5, 6, 7]),
        ("id = :i AND :x < k", [3, 4, 5, 6, 7]),
        ("id = :i AND k BETWEEN :w AND :x", [-1, 0, 1, 2]),
    ],
)
async def test_key_conditions(numbered: Any, condition: str, found: list[int]) -> None:
    values: dict[str, Any] = {"i": A}
    if ":x" in condition:
        values["x"] = {"N": "2.0"}
    if ":w" in condition:
        values["w"] = {"N": "-1"}
    assert ks(await numbered.query(condition, **values)) == found
    assert ks(await numbered.query(condition, **values, ScanIndexForward=False)) == found[::-1]


@pytest.mark.rule("TBL-23")
@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        ("k = :x", "Query condition missed key schema element: id"),
        ("id > :i", "Query key condition not supported"),
        ("id = :i AND v = :x", "Query condition missed key schema element: k"),
        ("id = :i AND k = :x AND v = :x", "Conditions can be of length 1 or 2 only"),
        ("id = :i AND id = :i", K + "KeyConditionExpressions must only contain one condition per key"),
        ("id = :i OR k = :x", K + "Invalid operator used in KeyConditionExpression: OR"),
        ("id = :i AND NOT k = :x", K + "Invalid operator used in KeyConditionExpression: NOT"),
        ("id = :i AND k IN (:x)", K + "Invalid operator used in KeyConditionExpression: IN"),
        ("id = :i AND k <> :x", K + "Invalid operator used in KeyConditionExpression: <>"),
        ("id = :i AND contains(k, :x)", K + "Invalid operator used in KeyConditionExpression: contains"),
        ("id.x = :i", K + "KeyConditionExpressions cannot have conditions on nested attributes"),
        (
            "id = :i AND k = v",
            K + "Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition",
        ),
        ("id = :x", "One or more parameter values were invalid: Condition parameter type does not match schema type"),
    ],
)
async def test_a_wrong_key_condition_is_refused(numbered: Any, refusal: Any, condition: str, sentence: str) -> None:
    values = {name: value for name, value in (("i", A), ("x", {"N": "1"})) if f":{name}" in condition}
    assert await refusal(numbered.query(condition, **values)) == V + sentence


@pytest.mark.rule("TBL-43")
async def test_limit_counts_before_the_filter(numbered: Any) -> None:
    page = await numbered.query("id = :i", i=A, zero={"N": "0"}, FilterExpression="v > :zero", Limit=4)
    assert (page["Count"], page["ScannedCount"], ks(page)) == (1, 4, [1])
    assert page["LastEvaluatedKey"] == {"id": A, "k": {"N": "1"}}
    empty = await numbered.query("id = :i", i=A, zero={"N": "0"}, FilterExpression="v > :zero", Limit=2)
    assert (empty["Count"], empty["ScannedCount"], empty["Items"]) == (0, 2, [])
    assert "LastEvaluatedKey" in empty


@pytest.mark.rule("TBL-43")
async def test_a_page_that_ends_on_the_last_item_still_has_a_key(numbered: Any) -> None:
    page = await numbered.query("id = :i", i=A, Limit=10)
    assert "LastEvaluatedKey" in page
    rest = await numbered.query("id = :i", i=A, Limit=10, ExclusiveStartKey=page["LastEvaluatedKey"])
    assert (rest["Items"], "LastEvaluatedKey" in rest) == ([], False)
    assert "LastEvaluatedKey" not in await numbered.query("id = :i", i=A)


@pytest.mark.rule("TBL-43")
async def test_a_page_ends_at_1_mb(room: Any) -> None:
    await room.create(key="id:S k:N")
    for n in range(30):
        await room.put({"id": A, "k": {"N": str(n)}, "v": {"S": "x" * 100_000}})
    first = await room.query("id = :i", i=A)
    assert first["ScannedCount"] == 11
    second = await room.query("id = :i", i=A, ExclusiveStartKey=first["LastEvaluatedKey"])
    assert ks(first) + ks(second) == list(range(22))
    counted = await room.query("id = :i", i=A, Select="COUNT", FilterExpression="k2 = k3")
    assert (counted["Count"], counted["ScannedCount"], "Items" in counted) == (0, 11, False)


@pytest.mark.rule("TBL-43")
async def test_many_small_items_are_read_beyond_the_first_rows(room: Any) -> None:
    await room.create(key="id:S k:N")
    for n in range(300):
        await room.put({"id": A, "k": {"N": str(n)}})
    assert ks(await room.query("id = :i", i=A)) == list(range(300))
    page = await room.query("id = :i", i=A, Limit=40, ScanIndexForward=False)
    assert ks(page) == list(range(299, 259, -1))


@pytest.mark.rule("TBL-43")
@settings(max_examples=40, deadline=None)
@given(
    st.sets(st.tuples(st.sampled_from("pq"), st.integers(0, 6), st.integers(0, 9)), max_size=20),
    st.integers(1, 6),
    st.booleans(),
    st.sampled_from((None, "by_g", "by_l")),
)
def test_pages_joined_are_the_whole(
    new_room: Any, places: set[tuple[str, int, int]], limit: int, forward: bool, index: str | None
) -> None:
    async def run() -> None:
        room = await new_room(MemoryStore())
        keys_only = {"Projection": {"ProjectionType": "KEYS_ONLY"}}
        schema = [{"AttributeName": "g", "KeyType": "HASH"}, {"AttributeName": "x", "KeyType": "RANGE"}]
        local = [{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "x", "KeyType": "RANGE"}]
        await room.create(
            key="id:S k:N",
            attributes="g:S x:N",
            GlobalSecondaryIndexes=[{"IndexName": "by_g", "KeySchema": schema, **keys_only}],
            LocalSecondaryIndexes=[{"IndexName": "by_l", "KeySchema": local, **keys_only}],
        )
        for p, k, x in places:
            await room.put({"id": {"S": p}, "k": {"N": str(k)}, "g": {"S": "g"}, "x": {"N": str(x)}})
        condition, value = ("g = :v", {"S": "g"}) if index == "by_g" else ("id = :v", {"S": "p"})
        more = {"ScanIndexForward": forward, **({"IndexName": index} if index else {})}
        whole = (await room.query(condition, v=value, **more))["Items"]
        joined: list[Any] = []
        start: dict[str, Any] = {}
        while True:
            page = await room.query(condition, v=value, Limit=limit, **more, **start)
            joined += page["Items"]
            if "LastEvaluatedKey" not in page:
                break
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
        assert joined == whole
        by = "x" if index else "k"
        order = [int(item[by]["N"]) for item in whole]
        assert order == sorted(order, reverse=not forward)

    asyncio.run(run())


@pytest.mark.rule("TBL-43")
@pytest.mark.parametrize(
    ("start", "sentence"),
    [
        ({"id": A}, "The provided starting key is invalid"),
        ({"id": A, "x": {"N": "5"}}, "The provided starting key is invalid"),
        ({"id": A, "k": {"S": "x"}}, "The provided key element does not match the schema"),
        (
            {"id": A, "k": {}},
            "The provided starting key is invalid: Supplied AttributeValue is empty, "
            "must contain exactly one of the supported datatypes",
        ),
        ({"id": A, "k": {"N": "x"}}, "The parameter cannot be converted to a numeric value: x"),
        ({"id": B, "k": {"N": "5"}}, "The query can return at most one row and cannot be restarted"),
        ({"id": A, "k": {"N": "-5"}}, "The provided starting key does not match the range key predicate"),
        ({"id": B, "k": {"N": "-5"}}, "The provided starting key does not match the range key predicate"),
    ],
)
async def test_a_wrong_starting_key_is_refused(numbered: Any, refusal: Any, start: Any, sentence: str) -> None:
    operation = numbered.query("id = :i AND k > :x", i=A, x={"N": "0"}, ExclusiveStartKey=start)
    assert await refusal(operation) == V + sentence


@pytest.mark.rule("TBL-43")
async def test_a_start_in_another_partition_is_outside(numbered: Any, refusal: Any) -> None:
    operation = numbered.query("id = :i", i=A, ExclusiveStartKey={"id": B, "k": {"N": "5"}})
    assert await refusal(operation) == (
        V + "The provided starting key is outside query boundaries based on provided conditions"
    )


@pytest.mark.rule("TBL-43")
async def test_scan_reads_everything_page_by_page(numbered: Any, refusal: Any) -> None:
    scan = numbered.engine.scan
    first = await scan({"TableName": "things", "Limit": 9})
    rest = await scan({"TableName": "things", "ExclusiveStartKey": first["LastEvaluatedKey"]})
    assert len(first["Items"]) + len(rest["Items"]) == 11
    limit = "1 validation error detected: Value '0' at 'limit' failed to satisfy constraint: "
    limit += "Member must have value greater than or equal to 1"
    assert await refusal(scan({"TableName": "things", "Limit": 0})) == V + limit


@pytest.mark.rule("TBL-44")
async def test_segments_are_disjoint_and_complete(room: Any, refusal: Any) -> None:
    await room.create()
    for n in range(60):
        await room.put({"id": {"S": str(n)}})
    found: list[str] = []
    for segment in range(4):
        start: dict[str, Any] = {}
        while True:
            request = {"TableName": "things", "Segment": segment, "TotalSegments": 4, "Limit": 7, **start}
            page = await room.engine.scan(request)
            found += [item["id"]["S"] for item in page["Items"]]
            if "LastEvaluatedKey" not in page:
                break
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
    assert sorted(found) == sorted(str(n) for n in range(60))
    scan = room.engine.scan
    assert await refusal(scan({"TableName": "things", "Segment": 5, "TotalSegments": 5})) == (
        V + "The Segment parameter is zero-based and must be less than parameter TotalSegments: "
        "Segment: 5 is not less than TotalSegments: 5"
    )
    assert "TotalSegments parameter is required" in await refusal(scan({"TableName": "things", "Segment": 0}))
    assert "Segment parameter is required" in await refusal(scan({"TableName": "things", "TotalSegments": 1}))


@pytest.mark.rule("TBL-23")
@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (
            {"FilterExpression": "k = id"},
            "Filter Expression can only contain non-primary key attributes: Primary key attribute: id",
        ),
        ({"IndexName": "none"}, "The table does not have the specified index: none"),
        (
            {"Select": "SPECIFIC_ATTRIBUTES"},
            "1 validation error detected: Must specify the AttributesToGet or ProjectionExpression "
            "when choosing to get SPECIFIC_ATTRIBUTES",
        ),
        (
            {"Select": "COUNT", "ProjectionExpression": "v"},
            "1 validation error detected: Cannot specify the ProjectionExpression when choosing to get only the Count",
        ),
        (
            {"Select": "ALL_PROJECTED_ATTRIBUTES"},
            "1 validation error detected: ALL_PROJECTED_ATTRIBUTES can be used only when Querying using an IndexName",
        ),
        (
            {"Limit": 0},
            "1 validation error detected: Value at 'Limit' failed to satisfy constraint: "
            "Member must have value greater than or equal to 1",
        ),
    ],
)
async def test_a_query_that_contradicts_itself_is_refused(
    numbered: Any, refusal: Any, more: dict[str, Any], sentence: str
) -> None:
    assert await refusal(numbered.query("id = :i", i=A, **more)) == V + sentence


async def test_a_query_without_key_condition_is_refused(numbered: Any, refusal: Any) -> None:
    assert await refusal(numbered.engine.query({"TableName": "things"})) == (
        V + "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request."
    )


@pytest.mark.rule("TBL-42")
async def test_a_local_index_fetches_what_it_lacks_and_a_global_one_refuses(room: Any, refusal: Any) -> None:
    keys_only = {"Projection": {"ProjectionType": "KEYS_ONLY"}}
    local = [{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "x", "KeyType": "RANGE"}]
    await room.create(
        key="id:S k:N",
        attributes="x:N",
        LocalSecondaryIndexes=[{"IndexName": "by_l", "KeySchema": local, **keys_only}],
        GlobalSecondaryIndexes=[{"IndexName": "by_g", "KeySchema": [local[1] | {"KeyType": "HASH"}], **keys_only}],
    )
    item = {"id": A, "k": {"N": "1"}, "x": {"N": "2"}, "v": {"S": "far"}}
    await room.put(item)
    found = await room.query(
        "id = :i", i=A, IndexName="by_l", Select="ALL_ATTRIBUTES", ReturnConsumedCapacity="INDEXES"
    )
    assert found["Items"] == [item]
    assert found["ConsumedCapacity"]["CapacityUnits"] == 1.0
    assert found["ConsumedCapacity"]["LocalSecondaryIndexes"] == {"by_l": {"CapacityUnits": 0.5}}
    assert (await room.query("id = :i", i=A, IndexName="by_l", ProjectionExpression="v"))["Items"] == [
        {"v": {"S": "far"}}
    ]
    assert (await room.query("id = :i", i=A, IndexName="by_l"))["Items"] == [{n: item[n] for n in ("id", "k", "x")}]
    by_g = room.query("x = :x", x={"N": "2"}, IndexName="by_g", ProjectionExpression="v")
    assert "does not project" in await refusal(by_g)
    strong = room.query("x = :x", x={"N": "2"}, IndexName="by_g", ConsistentRead=True)
    assert await refusal(strong) == V + "Consistent reads are not supported on global secondary indexes"
