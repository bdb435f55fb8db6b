"""Key conditions: what a Query may ask of the keys, compiled to tests and turned into a range of keys.

For: Query. Owns: the sentences about key conditions.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import msgspec

from syncline.core import Invalid
from syncline.store import keys
from syncline.tables.conditions import CACHED_MAX, check_bounds
from syncline.tables.errors import invalid_values
from syncline.tables.grammar import parse_condition
from syncline.tables.scope import ORDERED_KINDS, Compiled, Scope, Values, walk
from syncline.tables.syntax import Between, Both, Call, Compare, Either, In, Node, Not, Path, Value, bare
from syncline.tables.values import kind_of

NOT_SUPPORTED = "Query key condition not supported"
_FLIPPED = {"=": "=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


class KeyTest(msgspec.Struct, frozen=True):
    """One test: the attribute, the operator, and the names of the values it takes."""

    attribute: str
    operator: str
    operands: tuple[str, ...]


class Range(msgspec.Struct, frozen=True):
    """The keys from `low` up to but not including `high`."""

    low: bytes
    high: bytes


@lru_cache(CACHED_MAX)
def compile_key_condition(kind: str, text: str, names: tuple[tuple[str, str], ...]) -> Compiled[tuple[KeyTest, ...]]:
    """The key condition `text` as one or two tests. Raises Invalid."""
    tree = bare(parse_condition(kind, text))
    scope = Scope(kind, names)
    scope.note(tree)
    parts = [bare(part) for part in tree.parts] if isinstance(tree, Both) else [tree]
    if any(isinstance(part, Both) for part in parts):
        raise Invalid("Conditions can be of length 1 or 2 only")
    for node in walk(tree):
        _refuse_operator(scope, node)
    if len(parts) > 2:
        raise Invalid("Conditions can be of length 1 or 2 only")
    tests = tuple([_test(scope, part) for part in parts])
    if len({test.attribute for test in tests}) != len(tests):
        raise Invalid("KeyConditionExpressions must only contain one condition per key")
    return scope.compiled(tests)


def split(tests: tuple[KeyTest, ...], hash_name: str, range_name: str | None) -> tuple[KeyTest, KeyTest | None]:
    """The test of the partition key and the one of the sort key, if any. Raises Invalid when they do not fit."""
    by_name = {test.attribute: test for test in tests}
    hash_test = by_name.pop(hash_name, None)
    if hash_test is None:
        raise Invalid(f"Query condition missed key schema element: {hash_name}")
    if hash_test.operator != "=":
        raise Invalid(NOT_SUPPORTED)
    range_test = by_name.pop(range_name, None) if range_name is not None else None
    if by_name:
        if range_name is not None:
            raise Invalid(f"Query condition missed key schema element: {range_name}")
        raise Invalid(NOT_SUPPORTED)
    return hash_test, range_test


def check_operands(test: KeyTest, wanted: str, values: Values) -> None:
    """Refuse values that are not of the key's type."""
    for name in test.operands:
        if kind_of(values[name]) != wanted:
            raise invalid_values("Condition parameter type does not match schema type")


def range_below(prefix: bytes, test: KeyTest | None, parts: list[keys.Part]) -> Range:
    """The keys below `prefix`, a partition, whose next part passes `test`; `parts` are its operands."""
    if test is None:
        return Range(prefix, prefix + b"\xff")
    low = prefix + keys.encode((parts[0],))
    past = low + b"\xff"
    if test.operator == "=":
        return Range(low, past)
    if test.operator == "<":
        return Range(prefix, low)
    if test.operator == "<=":
        return Range(prefix, past)
    if test.operator == ">":
        return Range(past, prefix + b"\xff")
    if test.operator == ">=":
        return Range(low, prefix + b"\xff")
    if test.operator == "BETWEEN":
        return Range(low, prefix + keys.encode((parts[1],)) + b"\xff")
    assert test.operator == "begins_with", "the compiler makes no other test"
    start = low[:-1]  # without the mark that ends text and bytes
    return Range(start, _after_all_with(start))


def _after_all_with(start: bytes) -> bytes:
    """The least bytes that sort after everything that begins with `start`."""
    trimmed = start.rstrip(b"\xff")
    return trimmed[:-1] + bytes((trimmed[-1] + 1,))


def _refuse_operator(scope: Scope, node: Node) -> None:
    found = None
    if isinstance(node, Either):
        found = "OR"
    elif isinstance(node, Not):
        found = "NOT"
    elif isinstance(node, In):
        found = "IN"
    elif isinstance(node, Compare) and node.operator == "<>":
        found = "<>"
    elif isinstance(node, Call) and node.function != "begins_with":
        found = node.function
    if found is not None:
        raise Invalid(f"Invalid operator used in KeyConditionExpression: {found}")


def _test(scope: Scope, node: Node) -> KeyTest:
    if isinstance(node, Compare):
        left, right = bare(node.left), bare(node.right)
        if isinstance(left, Value) and isinstance(right, Path):
            return _made(scope, right, _FLIPPED[node.operator], [left])
        return _made(scope, left, node.operator, [right])
    if isinstance(node, Between):
        if not isinstance(bare(node.operand), Path):
            raise Invalid(
                "Invalid condition in KeyConditionExpression: "
                "BETWEEN operator must have the key attribute as its first operand"
            )
        check_bounds(scope, node)
        return _made(scope, bare(node.operand), "BETWEEN", [bare(node.low), bare(node.high)])
    assert isinstance(node, Call), "other nodes were refused before"
    if len(node.arguments) != 2:
        raise scope.refusal(
            "Incorrect number of operands for operator or function; "
            f"operator or function: begins_with, number of operands: {len(node.arguments)}"
        )
    for argument in node.arguments:
        scope.check_constant(argument, "begins_with", ("S", "B"))
    return _made(scope, bare(node.arguments[0]), "begins_with", [bare(node.arguments[1])])


def _made(scope: Scope, attribute: Node, operator: str, operands: list[Node]) -> KeyTest:
    if not isinstance(attribute, Path):
        raise Invalid("Invalid condition in KeyConditionExpression: No key attribute specified")
    names: list[str] = []
    for operand in operands:
        if isinstance(operand, Path):
            raise Invalid("Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition")
        if not isinstance(operand, Value):
            raise Invalid("KeyConditionExpressions cannot contain nested operations")
        names.append(scope.value(operand))
        scope.check_constant(operand, operator, ORDERED_KINDS)
    path = scope.path(attribute)
    if len(path) > 1:
        raise Invalid("KeyConditionExpressions cannot have conditions on nested attributes")
    return KeyTest(str(path[0]), operator, tuple(names))


def passes(test: KeyTest, operands: list[Any], part: Any) -> bool:
    """Whether a key part passes the test, given the operands as key parts."""
    first = operands[0]
    if test.operator == "begins_with":
        return bool(part.startswith(first))
    if test.operator == "BETWEEN":
        return bool(first <= part <= operands[1])
    order = {"=": part == first, "<": part < first, "<=": part <= first, ">": part > first, ">=": part >= first}
    return bool(order[test.operator])
