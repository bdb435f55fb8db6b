"""Global indexes with keys of several attributes."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from itertools import product
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncline.store import MemoryStore

V = "ValidationException: "
P = V + "One or more parameter values were invalid: "
TYPES = "a:S b:N c:S d:N e:S"
INDEX = {
    "IndexName": "by_all",
    "KeySchema": [
        {"AttributeName": n, "KeyType": k} for n, k in zip("abcde", ("HASH",) * 2 + ("RANGE",) * 3, strict=True)
    ],
    "Projection": {"ProjectionType": "ALL"},
}
KINDS = {"a": "S", "b": "N", "c": "S", "d": "N", "e": "S"}


def item(name: str, values: dict[str, str]) -> dict[str, Any]:
    return {"id": {"S": name}} | {key: {KINDS[key]: value} for key, value in values.items()}


async def put_all(room: Any) -> list[dict[str, Any]]:
    """Every combination of two values for each attribute, in an order that is none, and items that lack one."""
    made = [
        item(f"i{place * 7 % 32:02}", dict(zip("abcde", values, strict=True)))
        for place, values in enumerate(product(("x", "y"), ("1", "10"), ("p", "q"), ("2", "10"), ("m", "mm")))
    ]
    for one in made:
        await room.put(one)
    for name in "abcde":
        await room.put({key: value for key, value in made[0].items() if key != name} | {"id": {"S": f"lacks {name}"}})
    return made


def in_order(items: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(items, key=lambda one: (one["c"]["S"], Decimal(one["d"]["N"]), one["e"]["S"], one["id"]["S"]))


@pytest.mark.rule("TBL-73")
@pytest.mark.parametrize("live", [False, True])
async def test_an_index_of_five_attributes(room: Any, live: bool) -> None:
    if live:
        await room.create()
        made = await put_all(room)
        types = [{"AttributeName": name, "AttributeType": kind} for name, kind in KINDS.items()]
        change = {"AttributeDefinitions": types, "GlobalSecondaryIndexUpdates": [{"Create": INDEX}]}
        await room.api.update_table({"TableName": "things", **change})
        await room.engine.indexes.settle()
    else:
        await room.create(attributes=TYPES, GlobalSecondaryIndexes=[INDEX])
        made = await put_all(room)
    (shown,) = (await room.api.describe_table({"TableName": "things"}))["Table"]["GlobalSecondaryIndexes"]
    assert (shown["KeySchema"], shown["ItemCount"]) == (INDEX["KeySchema"], 32)
    found = await room.query("a = :a AND b = :b", a={"S": "x"}, b={"N": "1.0"}, IndexName="by_all")
    assert found["Items"] == in_order([one for one in made if one["a"] == {"S": "x"} and one["b"] == {"N": "1"}])
    await room.engine.delete_item({"TableName": "things", "Key": {"id": made[0]["id"]}})
    await room.update(made[1]["id"]["S"], "REMOVE d")
    again = await room.query("a = :a AND b = :b", a={"S": "x"}, b={"N": "1"}, IndexName="by_all")
    assert again["Items"] == [one for one in found["Items"] if one not in made[:2]]


HOLDS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda value, wanted: value == wanted,
    "<": lambda value, wanted: value < wanted,
    "<=": lambda value, wanted: value <= wanted,
    ">": lambda value, wanted: value > wanted,
    ">=": lambda value, wanted: value >= wanted,
    "begins_with": lambda value, wanted: str(value).startswith(wanted),
}
small = {"a": "xy", "b": ("1", "10"), "c": ("p", "q"), "d": ("2", "10"), "e": ("m", "mm")}


@pytest.mark.rule("TBL-73")
@pytest.mark.rule("TBL-43")
@settings(max_examples=60, deadline=None)
@given(data=st.data(), depth=st.integers(0, 3), limit=st.integers(1, 5), forward=st.booleans())
async def test_a_query_finds_what_a_model_finds_page_by_page(
    new_room: Any, data: st.DataObject, depth: int, limit: int, forward: bool
) -> None:
    room = await new_room(MemoryStore())
    await room.create(attributes=TYPES, GlobalSecondaryIndexes=[INDEX])
    made = await put_all(room)
    names = "ab" + "cde"[:depth]
    tests = [(name, "=", data.draw(st.sampled_from(small[name]))) for name in names]
    if depth:
        operators = sorted(HOLDS if KINDS[names[-1]] == "S" else HOLDS.keys() - {"begins_with"})
        tests[-1] = (names[-1], data.draw(st.sampled_from(operators)), tests[-1][2])

    def read(name: str, text: str) -> Any:
        return Decimal(text) if KINDS[name] == "N" else text

    def passes(one: dict[str, Any]) -> bool:
        return all(HOLDS[how](read(n, one[n][KINDS[n]]), read(n, wanted)) for n, how, wanted in tests)

    shown = [f"begins_with({n}, :{n})" if how == "begins_with" else f"{n} {how} :{n}" for n, how, _ in tests]
    condition = " AND ".join(data.draw(st.permutations(shown)))
    values = {n: {KINDS[n]: wanted} for n, _, wanted in tests}
    found: list[Any] = []
    start: dict[str, Any] = {}
    while True:
        page = await room.query(condition, IndexName="by_all", Limit=limit, ScanIndexForward=forward, **start, **values)
        found += page["Items"]
        if "LastEvaluatedKey" not in page:
            break
        assert page["LastEvaluatedKey"].keys() == {"id", *"abcde"}
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}
    expected = in_order([one for one in made if passes(one)])
    assert found == (expected if forward else expected[::-1])


@pytest.mark.rule("TBL-73")
async def test_what_a_condition_on_a_composed_key_may_not_be(room: Any, refusal: Any) -> None:
    await room.create(attributes=TYPES, GlobalSecondaryIndexes=[INDEX])

    async def refused(condition: str, table_alone: bool = False) -> str:
        names = {name for name in "abcdef" if f":{name}" in condition}
        values = {name: {KINDS.get(name, "S"): "1"} for name in names}
        index = {} if table_alone else {"IndexName": "by_all"}
        return str(await refusal(room.query(condition, **index, **values)))

    missed = V + "Query condition missed key schema element: "
    unsupported = V + "Query key condition not supported"
    assert await refused("a = :a") == missed + "b"
    assert await refused("a = :a AND b > :b") == unsupported
    assert await refused("a = :a AND b = :b AND d > :d") == missed + "c"
    assert await refused("a = :a AND b = :b AND c > :c AND d = :d") == unsupported
    assert await refused("a = :a AND b = :b AND c = :c AND d = :d AND e = :e AND f = :f") == (
        V + "Conditions can be of length 1 or 2 only"
    )
    assert await refused("a = :a AND b = :b AND c = :c", table_alone=True) == (
        V + "Conditions can be of length 1 or 2 only"
    )
    start = item("i", dict.fromkeys("abcde", "1"))
    query = room.query("a = :a AND b = :b", a={"S": "2"}, b={"N": "1"}, IndexName="by_all", ExclusiveStartKey=start)
    assert await refusal(query) == (
        V + "The provided starting key is outside query boundaries based on provided conditions"
    )


@pytest.mark.rule("TBL-73")
@pytest.mark.parametrize(
    ("schema", "sentence"),
    [
        ("a:RANGE b:HASH", V + "Invalid KeySchema: The first KeySchemaElement is not a HASH key type"),
        ("a:HASH c:RANGE b:HASH", "HASH key attributes must come before RANGE key attributes in the KeySchema of wide"),
        ("a:HASH b:HASH a:RANGE", "Two elements in the KeySchema of index wide have the same name"),
        ("a:HASH b:HASH c:HASH d:HASH e:HASH", "The KeySchema of index wide has more than 4 HASH key attributes"),
        ("f:HASH a:RANGE b:RANGE c:RANGE d:RANGE e:RANGE", "has more than 4 RANGE key attributes"),
    ],
)
async def test_a_composed_key_that_cannot_be(room: Any, refusal: Any, schema: str, sentence: str) -> None:
    elements = [dict(zip(("AttributeName", "KeyType"), one.split(":"), strict=True)) for one in schema.split()]
    index = INDEX | {"IndexName": "wide", "KeySchema": elements}
    found = await refusal(room.create(attributes=TYPES + " f:S", GlobalSecondaryIndexes=[index]))
    assert found.startswith(V)
    assert found.endswith(sentence)


@pytest.mark.rule("TBL-73")
async def test_the_old_way_to_ask_and_the_stream(room: Any) -> None:
    await room.create(attributes=TYPES, GlobalSecondaryIndexes=[INDEX], view="NEW_AND_OLD_IMAGES")
    await put_all(room)
    equal = {
        n: {"ComparisonOperator": "EQ", "AttributeValueList": [{KINDS[n]: v}]}
        for n, v in zip("abc", ("x", "1", "p"), strict=True)
    }
    more = {"d": {"ComparisonOperator": "GT", "AttributeValueList": [{"N": "2"}]}}
    request = {"TableName": "things", "IndexName": "by_all", "KeyConditions": equal | more}
    assert [one["d"] for one in (await room.engine.query(request))["Items"]] == [{"N": "10"}] * 2
    assert {tuple(record["dynamodb"]["Keys"]) for record in await room.records()} == {("id",)}
