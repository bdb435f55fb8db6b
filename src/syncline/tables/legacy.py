"""The parameters that expressions replaced, compiled to what the expressions compile to.

For: `parameters.py`. Owns: Expected, QueryFilter, ScanFilter, KeyConditions, AttributeUpdates, AttributesToGet and
ConditionalOperator, with AWS's sentences about them. Names are of top-level attributes: a dot in one is just a dot.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from syncline.core import Invalid
from syncline.tables import numbers
from syncline.tables.conditions import Predicate, contains_value, ordered, ordering_key
from syncline.tables.errors import invalid_values
from syncline.tables.key_conditions import CONDITIONS_MAX, LENGTH, KeyTest
from syncline.tables.projections import Projection, projection
from syncline.tables.scope import Values
from syncline.tables.updates import Change, Update
from syncline.tables.values import AttributeValue, Item, check, content_of, kind_of, make_set

TYPE_MISMATCH = "Type mismatch for attribute to update"
WRONG_RANGE = "The BETWEEN condition was provided a range where the lower bound is greater than the upper bound"
NOTHING_TO_JOIN = "ConditionalOperator cannot be used without Filter or Expected"

_ORDERED = ("S", "N", "B")
_SETS = ("SS", "NS", "BS")
_COUNTS = {"NULL": (0, 0), "NOT_NULL": (0, 0), "BETWEEN": (2, 2), "IN": (1, 1_000_000)}
"""How many values a comparison takes, at least and at most; one where it is not listed."""
_KINDS = {
    **dict.fromkeys(("LE", "LT", "GE", "GT", "CONTAINS", "NOT_CONTAINS", "IN", "BETWEEN"), _ORDERED),
    "BEGINS_WITH": ("S", "B"),
}
_KEY_OPERATORS = {
    "EQ": "=",
    "LE": "<=",
    "LT": "<",
    "GE": ">=",
    "GT": ">",
    "BETWEEN": "BETWEEN",
    "BEGINS_WITH": "begins_with",
}

Test = Callable[[AttributeValue | None, Sequence[AttributeValue]], bool]


def expected(conditions: Mapping[str, Any], joined_by: str | None) -> Predicate:
    """The condition that `Expected` is. Raises Invalid."""
    tests = {name: _expected(name, condition) for name, condition in conditions.items()}
    return _joined(tests, joined_by)


def filtered(conditions: Mapping[str, Any], joined_by: str | None) -> Predicate:
    """The filter that a QueryFilter or ScanFilter is. Raises Invalid."""
    return _joined({name: _condition(condition) for name, condition in conditions.items()}, joined_by)


def key_tests(conditions: Mapping[str, Any]) -> tuple[tuple[KeyTest, ...], dict[str, AttributeValue]]:
    """The tests that KeyConditions are, and their values under names of their own. Raises Invalid."""
    read = {name: _condition(condition) for name, condition in conditions.items()}
    if not 1 <= len(read) <= CONDITIONS_MAX:
        raise Invalid(LENGTH)
    tests: list[KeyTest] = []
    values: dict[str, AttributeValue] = {}
    for name, (comparison, given) in read.items():
        named = {f"{name} {position}": value for position, value in enumerate(given)}
        values |= named
        tests.append(KeyTest(name, _KEY_OPERATORS.get(comparison, comparison), tuple(named)))
    return tuple(tests), values


def attributes(names: Sequence[str]) -> Projection:
    """The projection that AttributesToGet is. Raises Invalid."""
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise invalid_values(f"Duplicate value in attribute name: {name}")
        seen.add(name)
    if not names:
        raise Invalid(
            "1 validation error detected: Value '[]' at 'attributesToGet' failed to satisfy constraint: "
            "Member must have length greater than or equal to 1"
        )
    return projection([(name,) for name in names])


def updates(given: Mapping[str, Any]) -> Update:
    """The update that AttributeUpdates is. An empty one makes an item of its key alone. Raises Invalid."""
    changes: list[Change] = []
    creates = not given
    for name, one in given.items():
        action = one.get("Action", "PUT")
        value = None if one.get("Value") is None else check(one["Value"])[0]
        _check_action(action, value)
        creates = creates or action != "DELETE"
        changes.append(_CHANGES[action](name, value))
    return Update(tuple([(name,) for name in given]), tuple(changes), creates)


def _joined(tests: Mapping[str, tuple[str, list[AttributeValue]]], joined_by: str | None) -> Predicate:
    if joined_by is not None and not tests:
        raise Invalid(NOTHING_TO_JOIN)
    parts = tuple([(name, _TESTS[comparison], values) for name, (comparison, values) in tests.items()])
    holds = any if joined_by == "OR" and parts else all

    def predicate(item: Item, values: Values) -> bool:
        return holds(test(item.get(name), given) for name, test, given in parts)

    return predicate


def _expected(name: str, condition: Mapping[str, Any]) -> tuple[str, list[AttributeValue]]:
    """One entry of Expected as a comparison and its values."""
    value, listed = condition.get("Value"), condition.get("AttributeValueList")
    comparison, exists = condition.get("ComparisonOperator"), condition.get("Exists")
    if value is not None and listed is not None:
        raise invalid_values(f"Value and AttributeValueList cannot be used together for Attribute: {name}")
    if comparison is not None:
        if exists is not None:
            raise invalid_values(f"Exists and ComparisonOperator cannot be used together for Attribute: {name}")
        if comparison not in ("NULL", "NOT_NULL") and value is None and listed is None:
            raise invalid_values(
                f"Value or AttributeValueList must be used with ComparisonOperator: {comparison} for Attribute: {name}"
            )
        return _compared(comparison, listed if value is None else [value])
    if listed is not None:
        raise invalid_values(f"AttributeValueList can only be used with a ComparisonOperator for Attribute: {name}")
    if exists is False:
        if value is not None:
            raise invalid_values(f"Value cannot be used when Exists is false for Attribute: {name}")
        return "NULL", []
    if value is None:
        shown = "null" if exists is None else "true"
        raise invalid_values(f"Value must be provided when Exists is {shown} for Attribute: {name}")
    return "EQ", [check(value)[0]]


def _condition(condition: Mapping[str, Any]) -> tuple[str, list[AttributeValue]]:
    return _compared(condition["ComparisonOperator"], condition.get("AttributeValueList"))


def _compared(comparison: str, given: Sequence[Any] | None) -> tuple[str, list[AttributeValue]]:
    """A comparison and its values, which fit each other."""
    values = [check(value)[0] for value in given or ()]
    least, most = _COUNTS.get(comparison, (1, 1))
    if not least <= len(values) <= most:
        raise invalid_values(f"Invalid number of argument(s) for the {comparison} ComparisonOperator")
    if len({kind_of(value) for value in values}) > 1:
        raise invalid_values("AttributeValues inside AttributeValueList must be of same type")
    for value in values:
        if kind_of(value) not in _KINDS.get(comparison, (kind_of(value),)):
            raise invalid_values(
                f"ComparisonOperator {comparison} is not valid for {kind_of(value)} AttributeValue type"
            )
    if comparison == "BETWEEN" and ordering_key(values[0]) > ordering_key(values[1]):
        raise Invalid(WRONG_RANGE)
    return comparison, values


def _ordering(holds: Callable[[Any, Any], bool]) -> Test:
    return lambda found, values: ordered(found, values[0], holds)


def _begins(found: AttributeValue | None, values: Sequence[AttributeValue]) -> bool:
    if found is None or kind_of(found) != kind_of(values[0]):
        return False
    return bool(content_of(found).startswith(content_of(values[0])))


_TESTS: dict[str, Test] = {
    "EQ": lambda found, values: found == values[0],
    "NE": lambda found, values: found != values[0],
    "LE": _ordering(operator.le),
    "LT": _ordering(operator.lt),
    "GE": _ordering(operator.ge),
    "GT": _ordering(operator.gt),
    "NULL": lambda found, values: found is None,
    "NOT_NULL": lambda found, values: found is not None,
    "CONTAINS": lambda found, values: found is not None and contains_value(found, values[0]),
    # AWS does this: what is not there contains nothing, and does not "not contain" it either.
    "NOT_CONTAINS": lambda found, values: found is not None and not contains_value(found, values[0]),
    "BEGINS_WITH": _begins,
    "IN": lambda found, values: found in values,
    "BETWEEN": lambda found, values: ordered(found, values[0], operator.ge) and ordered(found, values[1], operator.le),
}


def _check_action(action: str, value: AttributeValue | None) -> None:
    if value is None:
        if action != "DELETE":
            raise invalid_values("Only DELETE action is allowed when no attribute value is specified")
        return
    kind = kind_of(value)
    if action == "DELETE" and kind not in _SETS:
        raise invalid_values(f"DELETE action with value is not supported for the type {kind}")
    if action == "ADD" and kind not in ("N", "L", *_SETS):
        raise invalid_values(f"ADD action is not supported for the type {kind}")


def _put(name: str, value: AttributeValue | None) -> Change:
    return lambda item, values: value


def _add(name: str, value: AttributeValue | None) -> Change:
    assert value is not None, "ADD without a value was refused"
    kind, added = kind_of(value), content_of(value)

    def change(item: Item, values: Values) -> AttributeValue:
        old = _old(item, name, kind)
        if old is None:
            return value
        if kind == "N":
            return {"N": numbers.add(old, added)}
        if kind == "L":
            return {"L": [*old, *added]}
        return make_set(kind, list({*old, *added}))

    return change


def _delete(name: str, value: AttributeValue | None) -> Change:
    if value is None:
        return lambda item, values: None
    kind, taken = kind_of(value), set(content_of(value))

    def change(item: Item, values: Values) -> AttributeValue | None:
        left = set(_old(item, name, kind) or ()) - taken
        return make_set(kind, list(left)) if left else None

    return change


def _old(item: Item, name: str, kind: str) -> Any:
    """What the attribute holds, or None. Raises Invalid when it is of another type."""
    old = item.get(name)
    if old is None:
        return None
    if kind_of(old) != kind:
        raise Invalid(TYPE_MISMATCH)
    return content_of(old)


_CHANGES: dict[str, Callable[[str, AttributeValue | None], Change]] = {"PUT": _put, "ADD": _add, "DELETE": _delete}
