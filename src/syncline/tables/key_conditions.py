"""Key conditions: what a Query may ask of the keys, compiled to tests and turned into a range of keys.

For: Query. Owns: the sentences about key conditions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from syncline.core import Invalid
from syncline.store import keys
from syncline.tables.conditions import CACHED_MAX, compile_condition
from syncline.tables.errors import invalid_values
from syncline.tables.grammar import parse_condition
from syncline.tables.layout import KEY_MISMATCH
from syncline.tables.scope import Compiled, Scope, Values
from syncline.tables.syntax import Between, Both, Call, Compare, Either, In, Node, Not, Path, Value, bare
from syncline.tables.values import Item, kind_of

INVALID_START = "The provided starting key is invalid"
NO_OPERATOR = "Invalid operator used in KeyConditionExpression"
NO_CONDITION = "Invalid condition in KeyConditionExpression"
NESTED = "KeyConditionExpressions cannot contain nested operations"
NOT_INDEXABLE = "Attempted conditional constraint is not an indexable operation"
NOT_SUPPORTED = "Query key condition not supported"
LENGTH = "Conditions can be of length 1 or 2 only"
CONDITIONS, CONDITIONS_MAX = 2, 8
"""On a key of one attribute for the partition and one to sort by, and on an index with four of each."""
INDEXABLE = frozenset({"=", "<", "<=", ">", ">=", "BETWEEN", "begins_with"})
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
    """The key condition `text` as its tests. Raises Invalid: first what any condition would."""
    compiled = compile_condition.__wrapped__(kind, text, names)
    scope = Scope(kind, names)
    tests: dict[str, KeyTest] = {}
    for node in _parts(bare(parse_condition(kind, text))):
        test = _test(scope, node)
        if test.attribute in tests:
            raise scope.refusal("KeyConditionExpressions must only contain one condition per key")
        tests[test.attribute] = test
    if len(tests) > CONDITIONS_MAX:
        raise Invalid(LENGTH)
    return compiled.running(tuple(tests.values()))


def _parts(tree: Node) -> Iterator[Node]:
    """What is joined by AND, left to right."""
    for part in tree.parts if isinstance(tree, Both) else ():
        yield from _parts(bare(part))
    if not isinstance(tree, Both):
        yield tree


class Parted(NamedTuple):
    """A key condition parted by the key: what equals part after part of it, and the test of the part after those."""

    equal: tuple[KeyTest, ...]
    last: KeyTest | None

    @property
    def tests(self) -> tuple[KeyTest, ...]:
        """All tests, in the order of the key."""
        return self.equal if self.last is None else (*self.equal, self.last)


def part(
    tests: tuple[KeyTest, ...],
    hash_names: Sequence[str],
    range_names: Sequence[str],
    types: Mapping[str, str],
    values: Values,
    start: Item | None = None,
) -> Parted:
    """The tests in the order of the key. Raises Invalid when they do not fit it, or their values not its `types`.

    So must a starting key; AWS looks at both attribute by attribute.

    Every attribute of the partition key equals something. Those of the sort key follow from the left without a gap,
    and all but the last of them equal something, too.
    """
    if len(tests) > max(CONDITIONS, len(hash_names) + len(range_names)):
        raise Invalid(LENGTH)
    if len(tests) > len(hash_names) and not range_names:
        raise Invalid(NOT_SUPPORTED)
    by_name = {test.attribute: test for test in tests}
    equal: list[KeyTest] = []
    for name in hash_names:
        check_start(start, name, types[name])
        test = by_name.pop(name, None)
        if test is None:
            raise Invalid(f"Query condition missed key schema element: {name}")
        _check_test(test, types[name], values)
        if test.operator != "=":
            raise Invalid(NOT_SUPPORTED)
        equal.append(test)
    last: KeyTest | None = None
    for name in range_names:
        check_start(start, name, types[name])
        if not by_name:
            continue
        if last is not None:
            raise Invalid(NOT_SUPPORTED)
        test = by_name.pop(name, None)
        if test is None:
            raise Invalid(f"Query condition missed key schema element: {name}")
        _check_test(test, types[name], values)
        if test.operator == "=":
            equal.append(test)
        else:
            last = test
    if by_name:
        raise Invalid(f"Query condition missed key schema element: {range_names[-1]}")
    return Parted(tuple(equal), last)


def check_start(start: Item | None, name: str, kind: str) -> None:
    """Refuse a starting key without the attribute `name` of type `kind`."""
    if start is None:
        return
    if name not in start:
        raise Invalid(INVALID_START)
    if kind not in start[name]:
        raise Invalid(KEY_MISMATCH)


def _check_test(test: KeyTest, wanted: str, values: Values) -> None:
    if test.operator not in INDEXABLE:
        raise Invalid(NOT_INDEXABLE)
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


def _test(scope: Scope, node: Node) -> KeyTest:
    operator, operands = _operation(scope, node)
    if isinstance(node, Between | Call) and not isinstance(operands[0], Path):
        raise scope.refusal(f"{NO_CONDITION}: {operator} operator must have the key attribute as its first operand")
    attribute: str | None = None
    for operand in operands:
        if isinstance(operand, Call):
            raise scope.refusal(NESTED if operand.function == "size" else f"{NO_OPERATOR}: {operand.function}")
        if isinstance(operand, Path):
            if attribute is not None:
                raise scope.refusal(f"{NO_CONDITION}: Multiple attribute names used in one condition")
            path = scope.path(operand)
            if len(path) > 1:
                raise scope.refusal("KeyConditionExpressions cannot have conditions on nested attributes")
            attribute = str(path[0])
    if attribute is None:
        raise scope.refusal(f"{NO_CONDITION}: No key attribute specified")
    if isinstance(operands[0], Value):
        operator = _FLIPPED[operator]
    return KeyTest(attribute, operator, tuple([one.name for one in operands if isinstance(one, Value)]))


def _operation(scope: Scope, node: Node) -> tuple[str, list[Node]]:
    """The operator and the operands. Raises Invalid when it is none for keys."""
    if isinstance(node, Compare) and node.operator != "<>":
        return node.operator, [bare(node.left), bare(node.right)]
    if isinstance(node, Between):
        return "BETWEEN", [bare(node.operand), bare(node.low), bare(node.high)]
    if isinstance(node, Call) and node.function == "begins_with":
        return "begins_with", [bare(argument) for argument in node.arguments]
    if isinstance(node, Call):
        raise scope.refusal(NESTED if node.function == "size" else f"{NO_OPERATOR}: {node.function}")
    found = {Either: "OR", Not: "NOT", In: "IN", Compare: "<>"}.get(type(node))
    raise scope.refusal(f"{NO_OPERATOR}: {found}" if found else f"{NO_CONDITION}: No key attribute specified")


def passes(test: KeyTest, operands: list[Any], part: Any) -> bool:
    """Whether a key part passes the test, given the operands as key parts."""
    first = operands[0]
    if test.operator == "begins_with":
        return bool(part.startswith(first))
    if test.operator == "BETWEEN":
        return bool(first <= part <= operands[1])
    order = {"=": part == first, "<": part < first, "<=": part <= first, ">": part > first, ">=": part >= first}
    return bool(order[test.operator])
