"""The parameters that expressions replaced: they mean what their expressions mean, and AWS's sentences refuse them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncline.core import Invalid
from syncline.tables import key_conditions, legacy
from syncline.tables.parameters import Parameters

S = lambda text: {"S": text}  # noqa: E731
N = lambda number: {"N": str(number)}  # noqa: E731
INVALID = "ValidationException: One or more parameter values were invalid: "

scalars = st.one_of(
    st.sampled_from(["", "a", "ab", "b", "é"]).map(S),
    st.integers(-2, 3).map(N),
    st.binary(max_size=2).map(lambda b: {"B": b}),
)
stored = st.one_of(
    st.none(),
    scalars,
    st.just({"NULL": True}),
    st.lists(st.sampled_from("abc"), min_size=1, unique=True).map(lambda found: {"SS": sorted(found)}),
    st.lists(st.sampled_from("123"), min_size=1, unique=True).map(lambda found: {"NS": sorted(found)}),
    st.lists(scalars, max_size=3).map(lambda found: {"L": found}),
)
EXPRESSIONS = {
    "EQ": "a = :0",
    "NE": "a <> :0",
    "LE": "a <= :0",
    "LT": "a < :0",
    "GE": "a >= :0",
    "GT": "a > :0",
    "NULL": "attribute_not_exists(a)",
    "NOT_NULL": "attribute_exists(a)",
    "CONTAINS": "contains(a, :0)",
    "NOT_CONTAINS": "attribute_exists(a) AND NOT contains(a, :0)",
    "BEGINS_WITH": "begins_with(a, :0)",
    "BETWEEN": "a BETWEEN :0 AND :1",
    "IN": "a IN (:0, :1)",
}


@st.composite
def comparisons(draw: Any) -> tuple[str, list[Any]]:
    comparison = draw(st.sampled_from(sorted(EXPRESSIONS)))
    count = EXPRESSIONS[comparison].count(":")
    first = draw(scalars)
    values = [first] * min(count, 1) + draw(
        st.lists(
            scalars.filter(lambda v: v.keys() == first.keys()), min_size=max(0, count - 1), max_size=max(0, count - 1)
        )
    )
    return comparison, values


@pytest.mark.rule("TBL-26")
@settings(max_examples=400, deadline=None)
@given(value=stored, comparison=comparisons())
def test_a_comparison_means_what_its_expression_means(value: Any, comparison: Any) -> None:
    name, values = comparison
    item = {} if value is None else {"a": value}
    old: dict[str, Any] = {"ScanFilter": {"a": {"ComparisonOperator": name, "AttributeValueList": values}}}
    new: dict[str, Any] = {"FilterExpression": EXPRESSIONS[name]}
    if values:
        new["ExpressionAttributeValues"] = {f":{at}": value for at, value in enumerate(values)}
    answers = []
    for request in (old, new):
        try:
            parameters = Parameters(request, "FilterExpression")
            holds = parameters.condition("FilterExpression")
            assert holds is not None
            answers.append(holds(item, parameters.values))
        except Invalid:
            answers.append("refused")
    assert answers[0] == answers[1]


@pytest.mark.rule("TBL-26")
async def test_expected_guards_a_write(things: Any, refusal: Any) -> None:
    await things.put({"id": S("a"), "v": N(1), "w": N(2)}, Expected={"id": {"Exists": False}})
    failed = "ConditionalCheckFailedException: The conditional request failed"
    again = {"id": S("a"), "v": N(2)}
    assert await refusal(things.put(again, Expected={"id": {"Exists": False}})) == failed
    wrong = {"v": {"Value": N(9)}, "w": {"ComparisonOperator": "GT", "AttributeValueList": [N(1)]}}
    assert await refusal(things.put(again, Expected=wrong)) == failed
    assert await refusal(things.put(again, Expected=wrong, ConditionalOperator="AND")) == failed
    await things.put(again, Expected=wrong, ConditionalOperator="OR")
    delete = {"TableName": "things", "Key": {"id": S("a")}, "Expected": {"v": {"Value": N(2), "Exists": True}}}
    await things.engine.delete_item(delete)
    assert await things.get("a") is None


@pytest.mark.rule("TBL-26")
@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        (
            {"Value": N(1), "AttributeValueList": [N(1)]},
            "Value and AttributeValueList cannot be used together for Attribute: a",
        ),
        (
            {"Exists": True, "ComparisonOperator": "EQ"},
            "Exists and ComparisonOperator cannot be used together for Attribute: a",
        ),
        (
            {"ComparisonOperator": "LT"},
            "Value or AttributeValueList must be used with ComparisonOperator: LT for Attribute: a",
        ),
        (
            {"AttributeValueList": [N(1)]},
            "AttributeValueList can only be used with a ComparisonOperator for Attribute: a",
        ),
        ({}, "Value must be provided when Exists is null for Attribute: a"),
        ({"Exists": True}, "Value must be provided when Exists is true for Attribute: a"),
        ({"Exists": False, "Value": N(1)}, "Value cannot be used when Exists is false for Attribute: a"),
        (
            {"ComparisonOperator": "BETWEEN", "AttributeValueList": [N(1)]},
            "Invalid number of argument(s) for the BETWEEN ComparisonOperator",
        ),
        (
            {"ComparisonOperator": "NULL", "Value": N(1)},
            "Invalid number of argument(s) for the NULL ComparisonOperator",
        ),
        (
            {"ComparisonOperator": "IN", "AttributeValueList": [N(1), S("a")]},
            "AttributeValues inside AttributeValueList must be of same type",
        ),
        (
            {"ComparisonOperator": "LT", "Value": {"BOOL": True}},
            "ComparisonOperator LT is not valid for BOOL AttributeValue type",
        ),
    ],
)
async def test_an_expectation_that_cannot_be_right(things: Any, refusal: Any, condition: Any, sentence: str) -> None:
    assert await refusal(things.put({"id": S("a")}, Expected={"a": condition})) == INVALID + sentence


@pytest.mark.rule("TBL-26")
async def test_what_is_wrong_between_parameters(things: Any, refusal: Any) -> None:
    item = {"id": S("a")}
    wrong_way = {"a": {"ComparisonOperator": "BETWEEN", "AttributeValueList": [N(2), N(1)]}}
    assert (await refusal(things.put(item, Expected=wrong_way))).endswith(legacy.WRONG_RANGE)
    assert (await refusal(things.put(item, ConditionalOperator="OR"))).endswith(legacy.NOTHING_TO_JOIN)
    start = "ValidationException: Can not use both expression and non-expression parameters in the same request: "
    mixed = things.update("a", "SET v = :v", v=N(1), AttributeUpdates={"w": {"Value": N(1)}}, Expected={})
    validated = start.replace("ValidationException: ", "ValidationException: 1 validation error detected: ")
    assert await refusal(mixed) == (
        f"{validated}Non-expression parameters: {{AttributeUpdates, Expected}} "
        "Expression parameters: {UpdateExpression}"
    )
    mixed = things.get("a", AttributesToGet=["v"], ProjectionExpression="v")
    assert await refusal(mixed) == (
        f"{start}Non-expression parameters: {{AttributesToGet}} Expression parameters: {{ProjectionExpression}}"
    )


@pytest.mark.rule("TBL-26")
async def test_attribute_updates_put_add_and_delete(things: Any, refusal: Any) -> None:
    first = {"n": {"Action": "ADD", "Value": N(5)}, "s": {"Value": {"SS": ["x", "y"]}}, "d.o.t": {"Value": S("t")}}
    answer = await things.update("a", AttributeUpdates=first, ReturnValues="ALL_NEW")
    assert answer["Attributes"] == {"id": S("a"), "n": N(5), "s": {"SS": ["x", "y"]}, "d.o.t": S("t")}
    second = {
        "n": {"Action": "ADD", "Value": N(-2)},
        "s": {"Action": "DELETE", "Value": {"SS": ["x", "z"]}},
        "d.o.t": {"Action": "DELETE"},
        "l": {"Action": "ADD", "Value": {"L": [N(1)]}},
    }
    answer = await things.update("a", AttributeUpdates=second, ReturnValues="UPDATED_NEW")
    assert answer["Attributes"] == {"n": N(3), "s": {"SS": ["y"]}, "l": {"L": [N(1)]}}
    await things.update("a", AttributeUpdates={"s": {"Action": "DELETE", "Value": {"SS": ["y"]}}})
    await things.update("a", AttributeUpdates={"l": {"Action": "ADD", "Value": {"L": [N(2)]}}})
    assert await things.get("a") == {"id": S("a"), "n": N(3), "l": {"L": [N(1), N(2)]}}
    mismatch = things.update("a", AttributeUpdates={"n": {"Action": "ADD", "Value": {"SS": ["x"]}}})
    assert await refusal(mismatch) == "ValidationException: Type mismatch for attribute to update"
    own = things.update("a", AttributeUpdates={"id": {"Value": S("b")}})
    assert await refusal(own) == f"{INVALID}Cannot update attribute id. This attribute is part of the key"


@pytest.mark.rule("TBL-32")
async def test_attribute_updates_make_an_item_unless_they_only_delete(things: Any) -> None:
    await things.update("gone", AttributeUpdates={"v": {"Action": "DELETE"}})
    assert await things.get("gone") is None
    await things.update("bare", AttributeUpdates={})
    assert await things.get("bare") == {"id": S("bare")}


@pytest.mark.rule("TBL-26")
@pytest.mark.parametrize(
    ("update", "sentence"),
    [
        ({"Action": "PUT"}, "Only DELETE action is allowed when no attribute value is specified"),
        ({"Action": "DELETE", "Value": N(1)}, "DELETE action with value is not supported for the type N"),
        ({"Action": "ADD", "Value": S("x")}, "ADD action is not supported for the type S"),
    ],
)
async def test_an_action_that_cannot_be_right(things: Any, refusal: Any, update: Any, sentence: str) -> None:
    assert await refusal(things.update("a", AttributeUpdates={"v": update})) == INVALID + sentence


def is_equal(value: Any) -> dict[str, Any]:
    return {"ComparisonOperator": "EQ", "AttributeValueList": [value]}


@pytest.mark.rule("TBL-26")
async def test_key_conditions_and_filters_of_a_query(room: Any, refusal: Any) -> None:
    await room.create(key="id:S k:N")
    for k in range(6):
        await room.put({"id": S("a"), "k": N(k), "even": {"BOOL": k % 2 == 0}, "d.o.t": N(k)})
    query = lambda conditions, **more: room.engine.query(  # noqa: E731
        {"TableName": "things", "KeyConditions": conditions, **more}
    )
    between = {"ComparisonOperator": "BETWEEN", "AttributeValueList": [N(1), N(4)]}
    found = await query({"id": is_equal(S("a")), "k": between})
    assert [item["k"] for item in found["Items"]] == [N(k) for k in (1, 2, 3, 4)]
    found = await query(
        {"id": is_equal(S("a")), "k": between},
        QueryFilter={"even": is_equal({"BOOL": True})},
        AttributesToGet=["d.o.t"],
        ScanIndexForward=False,
    )
    assert found["Items"] == [{"d.o.t": N(4)}, {"d.o.t": N(2)}]
    assert found["ScannedCount"] == 4
    beside = {"FilterExpression": "even = :t", "ExpressionAttributeValues": {":t": {"BOOL": True}}}
    assert (await query({"id": is_equal(S("a"))}, **beside))["Count"] == 3
    for conditions, sentence in (
        ({}, "Conditions can be of length 1 or 2 only"),
        ({"k": is_equal(N(1))}, "Query condition missed key schema element: id"),
        ({"id": {"ComparisonOperator": "NE", "AttributeValueList": [S("a")]}}, key_conditions.NOT_INDEXABLE),
        ({"id": {"ComparisonOperator": "GT", "AttributeValueList": [S("a")]}}, "Query key condition not supported"),
        ({"id": is_equal(N(1))},
         "One or more parameter values were invalid: Condition parameter type does not match schema type"),
    ):  # fmt: skip
        assert await refusal(query(conditions)) == f"ValidationException: {sentence}"
    on_key = query({"id": is_equal(S("a"))}, QueryFilter={"k": is_equal(N(1))})
    assert (await refusal(on_key)).endswith(
        "QueryFilter can only contain non-primary key attributes: Primary key attribute: k"
    )
    select = query({"id": is_equal(S("a"))}, AttributesToGet=["k"], Select="COUNT")
    assert (await refusal(select)).endswith("Cannot specify the AttributesToGet when choosing to get only the Count")
    twice = query({"id": is_equal(S("a"))}, AttributesToGet=["k", "k"])
    assert await refusal(twice) == f"{INVALID}Duplicate value in attribute name: k"


@pytest.mark.rule("TBL-26")
async def test_attributes_to_get_in_every_read(things: Any, refusal: Any) -> None:
    await things.put({"id": S("a"), "v": N(1), "w": N(2)})
    assert await things.get("a", AttributesToGet=["w"]) == {"w": N(2)}
    found = await things.engine.scan({"TableName": "things", "AttributesToGet": ["v"]})
    assert found["Items"] == [{"v": N(1)}]
    keys = {"Keys": [{"id": S("a")}], "AttributesToGet": ["v"]}
    found = await things.engine.batch_get_item({"RequestItems": {"things": keys}})
    assert found["Responses"] == {"things": [{"v": N(1)}]}
    await things.create("others")
    mixed = {"things": keys, "others": {"Keys": [{"id": S("a")}], "ProjectionExpression": "v"}}
    assert "Can not use both expression" in await refusal(things.engine.batch_get_item({"RequestItems": mixed}))
