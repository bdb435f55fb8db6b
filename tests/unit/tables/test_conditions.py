"""Conditions and filters: what they mean, and how wrong ones are refused."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncline.store import MemoryStore

ITEM = {
    "id": {"S": "a"},
    "s": {"S": "b"},
    "n": {"N": "5"},
    "b": {"B": b"xyz"},
    "l": {"L": [{"N": "1"}, {"S": "x"}]},
    "ss": {"SS": ["a", "b"]},
    "ns": {"NS": ["1", "2"]},
    "m": {"M": {"k": {"NULL": True}, "deep": {"L": [{"M": {"x": {"N": "7"}}}]}}},
    "flag": {"BOOL": True},
}
VALUES = {
    "any": {"S": "any"},
    "bb": {"S": "b"},
    "aa": {"S": "a"},
    "xx": {"S": "x"},
    "five": {"N": "5.0"},
    "fivee": {"N": "+5e0"},
    "six": {"N": "6"},
    "one": {"N": "1"},
    "two": {"N": "2"},
    "null": {"S": "NULL"},
    "list": {"L": [{"N": "1.0"}, {"S": "x"}]},
    "set": {"SS": ["b", "a"]},
    "xy": {"B": b"xy"},
    "seven": {"N": "7"},
    "yes": {"BOOL": True},
}


@pytest.mark.rule("TBL-20")
@pytest.mark.rule("TBL-21")
@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("z = :any", False),
        ("z < :six", False),
        ("z BETWEEN :aa AND :bb", False),
        ("z IN (:aa)", False),
        ("z = y", False),
        ("z <> :any", True),
        ("z <> y", True),
        ("NOT z = :any", True),
        ("contains(z, :aa)", False),
        ("begins_with(z, :aa)", False),
        ("attribute_type(z, :null)", False),
        ("size(z) = :two", False),
        ("s <> :five", True),
        ("n = :five", True),
        ("n = :fivee", True),
        ("s < :five", False),
        ("n < :six", True),
        ("n >= :five AND n <= :five", True),
        ("n BETWEEN :one AND :six", True),
        ("n IN (:one, :five)", True),
        ("n IN (:one, :six)", False),
        ("flag = :yes", True),
        ("l = :list", True),
        ("ss = :set", True),
        ("begins_with(n, :aa)", False),
        ("begins_with(s, :bb)", True),
        ("begins_with(b, :xy)", True),
        ("contains(ss, :aa)", True),
        ("contains(ss, :one)", False),
        ("contains(ns, :one)", True),
        ("contains(l, :xx)", True),
        ("contains(l, :one)", True),
        ("contains(s, :bb)", True),
        ("contains(b, :xy)", True),
        ("size(l) = :two", True),
        ("size(ss) = :two", True),
        ("size(s) = :one", True),
        ("size(n) > :one", False),
        ("size(:list) = :two", True),
        ("attribute_type(m.k, :null)", True),
        ("attribute_exists(l[1])", True),
        ("attribute_exists(l[2])", False),
        ("attribute_not_exists(m.deep[0].y)", True),
        ("m.deep[0].x = :seven", True),
        ("s[0] = :bb", False),
        ("n = :five OR z = :any AND z = :aa", True),
        ("(n = :five OR z = :any) AND z = :aa", False),
        ("NOT n = :five AND z = :any", False),
        ("NOT (n = :five AND z = :any)", True),
        ("not not n = :five", True),
        ("(n) = (:five)", True),
        (":five = :fivee", True),
    ],
)
async def test_the_truth_table(things: Any, condition: str, holds: bool) -> None:
    await things.put(ITEM)
    used = {name: value for name, value in VALUES.items() if f":{name}" in _placeholders(condition)}
    assert await things.matches(condition, **used) is holds


def _placeholders(text: str) -> set[str]:
    return {word for word in text.replace("(", " ").replace(")", " ").replace(",", " ").split() if word[0] == ":"}


@pytest.mark.rule("TBL-20")
async def test_size_counts_utf16_units(things: Any) -> None:
    await things.put({"id": {"S": "a"}, "s": {"S": "\U0001f600é"}})
    assert await things.matches("size(s) = :three", three={"N": "3"})


V = "ValidationException: 1 validation error detected: "
C = V + "Invalid ConditionExpression: "


@pytest.mark.rule("TBL-23")
@pytest.mark.parametrize(
    ("condition", "values", "sentence"),
    [
        ("", {}, "The expression can not be empty;"),
        ("!!", {}, 'Syntax error; token: "!", near: "!!"'),
        ("a =", {}, 'Syntax error; token: "<EOF>", near: "="'),
        ("a", {}, 'Syntax error; token: "<EOF>", near: "a"'),
        ("a = :v :v", {"v": {"S": "x"}}, 'Syntax error; token: ":v", near: ":v :v"'),
        ("_a = :v", {"v": {"S": "x"}}, 'Syntax error; token: "_", near: "_a"'),
        ("a = b = c", {}, 'Syntax error; token: "=", near: "b = c"'),
        ("a AND b", {}, 'Syntax error; token: "AND", near: "a AND b"'),
        ("abort = :v", {"v": {"S": "x"}}, "Attribute name is a reserved keyword; reserved keyword: abort"),
        ("a.Size = :v", {"v": {"S": "x"}}, "Attribute name is a reserved keyword; reserved keyword: Size"),
        (
            "#a = :v",
            {"v": {"S": "x"}},
            "An expression attribute name used in the document path is not defined; attribute name: #a",
        ),
        (
            "a = :v",
            {},
            "An expression attribute value used in expression is not defined; attribute value: :v",
        ),
        ("f(a)", {}, "Invalid function name; function: f"),
        (
            "size(a)",
            {},
            "The function is not allowed to be used this way in an expression; function: size",
        ),
        (
            "attribute_exists(a) = :v",
            {"v": {"S": "x"}},
            "The function is not allowed to be used this way in an expression; function: attribute_exists",
        ),
        (
            "a = if_not_exists(a, b)",
            {},
            "The function is not allowed in a condition expression; function: if_not_exists",
        ),
        (
            "size(a, b) = :v",
            {"v": {"S": "x"}},
            "Incorrect number of operands for operator or function; operator or function: size, number of operands: 2",
        ),
        (
            "a < :v",
            {"v": {"BOOL": True}},
            "Incorrect operand type for operator or function; operator or function: <, operand type: BOOL",
        ),
        (
            "begins_with(a, :v)",
            {"v": {"N": "1"}},
            "Incorrect operand type for operator or function; operator or function: begins_with, operand type: N",
        ),
        (
            "size(:v) = :v",
            {"v": {"N": "1"}},
            "Incorrect operand type for operator or function; operator or function: size, operand type: N",
        ),
        (
            "attribute_exists(:v)",
            {"v": {"S": "x"}},
            "Operator or function requires a document path; operator or function: attribute_exists",
        ),
        (
            "attribute_type(a, :v)",
            {"v": {"S": "DOG"}},
            "Invalid attribute type name found; type: DOG, valid types: {B,NULL,SS,BOOL,L,BS,N,NS,S,M}",
        ),
        ("((a = :v))", {"v": {"S": "x"}}, "The expression has redundant parentheses;"),
        (
            "a = a",
            {},
            "The first operand must be distinct from the remaining operands for this operator or function; "
            "operator: =, first operand: [a]",
        ),
        (
            "contains(a.b[0], a.b[0])",
            {},
            "The first operand must be distinct from the remaining operands for this operator or function; "
            "operator: contains, first operand: [a, b, [0]]",
        ),
        (
            "a BETWEEN :v AND :w",
            {"v": {"S": "a"}, "w": {"N": "1"}},
            "The BETWEEN operator requires same data type for lower and upper bounds; "
            "lower bound operand: AttributeValue: {S:a}, upper bound operand: AttributeValue: {N:1}",
        ),
        (
            "a BETWEEN :v AND :w",
            {"v": {"N": "2"}, "w": {"N": "1"}},
            "The BETWEEN operator requires upper bound to be greater than or equal to lower bound; "
            "lower bound operand: AttributeValue: {N:2}, upper bound operand: AttributeValue: {N:1}",
        ),
    ],
)
async def test_a_wrong_condition_is_refused(
    things: Any, refusal: Any, condition: str, values: dict[str, Any], sentence: str
) -> None:
    request: dict[str, Any] = {"ConditionExpression": condition}
    if values:
        request["ExpressionAttributeValues"] = {f":{name}": value for name, value in values.items()}
    assert await refusal(things.put({"id": {"S": "a"}}, **request)) == C + sentence


@pytest.mark.rule("TBL-22")
@pytest.mark.parametrize(
    ("request_part", "sentence"),
    [
        (
            {"ExpressionAttributeNames": {"#a": "a"}},
            "ExpressionAttributeNames can only be specified when using expressions",
        ),
        (
            {"ExpressionAttributeValues": {":a": {"S": "a"}}},
            "ExpressionAttributeValues can only be specified when using expressions: ConditionExpression is null",
        ),
        (
            {"ConditionExpression": "a = b", "ExpressionAttributeNames": {}},
            "ExpressionAttributeNames must not be empty",
        ),
        (
            {"ConditionExpression": "a = b", "ExpressionAttributeValues": {}},
            "ExpressionAttributeValues must not be empty",
        ),
        (
            {"ConditionExpression": "a = b", "ExpressionAttributeNames": {"a": "b"}},
            'ExpressionAttributeNames contains invalid key: Syntax error; key: "a"',
        ),
        (
            {"ConditionExpression": "a = :v", "ExpressionAttributeValues": {":v": {"N": "x"}}},
            "ExpressionAttributeValues contains invalid value: "
            "The parameter cannot be converted to a numeric value: x for key :v",
        ),
        (
            {"ConditionExpression": "a = b", "ExpressionAttributeNames": {"#a": "a", "#b": "b"}},
            "Value provided in ExpressionAttributeNames unused in expressions: keys: {#a, #b}",
        ),
        (
            {
                "ConditionExpression": "attribute_exists(id) OR a = :v",
                "ExpressionAttributeValues": {":v": {"S": "x"}, ":w": {"S": "y"}},
            },
            "Value provided in ExpressionAttributeValues unused in expressions: keys: {:w}",
        ),
    ],
)
async def test_names_and_values_are_defined_and_used(
    things: Any, refusal: Any, request_part: dict[str, Any], sentence: str
) -> None:
    assert await refusal(things.put({"id": {"S": "a"}}, **request_part)) == V + sentence


@pytest.mark.rule("TBL-25")
async def test_an_expression_is_bounded(things: Any, refusal: Any) -> None:
    long = "attribute_exists(" + "a" * 4079 + ")"
    assert await refusal(things.put(ITEM, ConditionExpression=long)) == (
        C + "Expression size has exceeded the maximum allowed size; expression size: 4097"
    )
    many = " AND ".join(["a<b"] * 151)
    assert await refusal(things.put(ITEM, ConditionExpression=many)) == (
        C + "The expression contains too many operators; operator count: 301"
    )
    await things.put(ITEM, ConditionExpression="NOT " + " OR ".join(["a<b"] * 150))
    for deep in ("(" * 2000 + "a", "NOT " * 1000 + "a<b", "size(" * 800, "((" * 1000 + "a<b" + "))" * 1000):
        assert (await refusal(things.put(ITEM, ConditionExpression=deep))).startswith(C)


@pytest.mark.rule("TBL-23")
async def test_every_reserved_word_is_refused_bare_and_taken_named(things: Any, refusal: Any) -> None:
    for word in ("name", "status", "data", "timestamp", "ttl", "zone", "abort", "values", "year"):
        assert "reserved keyword" in await refusal(things.get("a", ProjectionExpression=word))
        await things.get("a", ProjectionExpression="#w", ExpressionAttributeNames={"#w": word})


Tree = tuple[str, Any, Any]
Model = Callable[[dict[str, int]], bool]
LEVEL = {"or": 1, "and": 2, "not": 3, "test": 4}

leaves = st.tuples(
    st.just("test"), st.sampled_from(("<", "<=", "=", "<>", ">", ">=")), st.tuples(*[st.sampled_from("xyz")] * 2)
).filter(lambda leaf: leaf[2][0] != leaf[2][1])
trees = st.recursive(
    leaves,
    lambda below: st.one_of(
        st.tuples(st.sampled_from(("and", "or")), below, below), st.tuples(st.just("not"), below, st.none())
    ),
    max_leaves=12,
)


def written(tree: Tree, level: int = 0) -> str:
    """The tree as text with no more parentheses than precedence asks for."""
    kind, one, two = tree
    if kind == "test":
        return f"{two[0]} {one} {two[1]}"
    if kind == "not":
        text = f"NOT {written(one, LEVEL['not'])}"
    else:
        text = f"{written(one, LEVEL[kind])} {kind.upper()} {written(two, LEVEL[kind] + 1)}"
    return f"({text})" if LEVEL[kind] < level else text


def meaning(tree: Tree, item: dict[str, int]) -> bool:
    kind, one, two = tree
    if kind == "not":
        return not meaning(one, item)
    if kind == "and":
        return meaning(one, item) and meaning(two, item)
    if kind == "or":
        return meaning(one, item) or meaning(two, item)
    left, right = item.get(two[0]), item.get(two[1])
    if left is None or right is None:
        return bool(one == "<>")
    return {
        "<": left < right,
        "<=": left <= right,
        "=": left == right,
        "<>": left != right,
        ">": left > right,
        ">=": left >= right,
    }[one]


@pytest.mark.rule("TBL-20")
@pytest.mark.rule("TBL-21")
@settings(max_examples=80, deadline=None)
@given(trees, st.lists(st.dictionaries(st.sampled_from("xyz"), st.integers(-1, 1)), min_size=1, max_size=6))
def test_a_filter_means_what_its_tree_means(new_room: Any, tree: Tree, items: list[dict[str, int]]) -> None:
    async def run() -> list[int]:
        room = await new_room(MemoryStore())
        await room.create(key="id:N")
        for number, item in enumerate(items):
            fields = {name: {"N": str(value)} for name, value in item.items()}
            await room.put({"id": {"N": str(number)}, **fields})
        answer = await room.engine.scan({"TableName": "things", "FilterExpression": written(tree)})
        return [int(item["id"]["N"]) for item in answer["Items"]]

    assert asyncio.run(run()) == [number for number, item in enumerate(items) if meaning(tree, item)]
