"""Key conditions: what a Query may ask of the keys, compiled to tests and turned into a range of keys.

For: Query. Owns: the sentences about key conditions.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

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
LENGTH = "Conditions can be of length 1 or 2 only"
CONDITIONS, CONDITIONS_MAX = 2, 8
"""On a key of one attribute for the partition and one to sort by, and on an index with four of each."""
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
        raise Invalid(LENGTH)
    for node in walk(tree):
        _refuse_operator(scope, node)
    if len(parts) > CONDITIONS_MAX:
        raise Invalid(LENGTH)
    tests = tuple([_test(scope, part) for part in parts])
    if len({test.attribute for test in tests}) != len(tests):
        raise Invalid("KeyConditionExpressions must only contain one condition per key")
    return scope.compiled(tests)


class Parted(NamedTuple):
    """A key condition parted by the key: what equals part after part of it, and the test of the part after those."""

    equal: tuple[KeyTest, ...]
    last: KeyTest | None

    @property
    def tests(self) -> tuple[KeyTest, ...]:
        """All tests, in the order of the key."""
        return self.equal if self.last is None else (*self.equal, self.last)


def part(tests: tuple[KeyTest, ...], hash_names: Sequence[str], range_names: Sequence[str]) -> Parted:
    """The tests in the order of the key. Raises Invalid when they do not fit it.

    Every attribute of the partition key equals something. Those of the sort key follow from the left without a gap,
    and all but the last of them equal something, too.
    """
    if len(tests) > max(CONDITIONS, len(hash_names) + len(range_names)):
        raise Invalid(LENGTH)
    by_name = {test.attribute: test for test in tests}
    equal: list[KeyTest] = []
    for name in hash_names:
        test = by_name.pop(name, None)
        if test is None:
            raise Invalid(f"Query condition missed key schema element: {name}")
        if test.operator != "=":
            raise Invalid(NOT_SUPPORTED)
        equal.append(test)
    last: KeyTest | None = None
    for name in range_names:
        if not by_name:
            break
        if last is not None:
            raise Invalid(NOT_SUPPORTED)
        test = by_name.pop(name, None)
        if test is None:
            raise Invalid(f"Query condition missed key schema element: {name}")
        if test.operator == "=":
            equal.append(test)
        else:
            last = test
    if by_name:
        raise Invalid(f"Query condition missed key schema element: {range_names[-1]}" if range_names else NOT_SUPPORTED)
    return Parted(tuple(equal), last)


def check_operands(test: KeyTest, wanted: str, values: Values) -> None:
    """Refuse values that are not of the key's type."""
    for name in test.operands:
        if kind_of(values[name]) != wanted:
            raise invalid_values("Condition parameter type does not match schema type")


def range_below(prefix: bytes, test: KeyTest | None, parts: list[keys.Part]) -> Range:
    """The keys that begin with `prefix` and whose next part passes `test`; `parts` are its operands."""
    if test is None:
        return Range(prefix, prefix + b"\xff")
    low = prefix + keys.encode((parts[0],))
    past = low + b"\xff"
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
