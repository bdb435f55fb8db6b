"""Enhanced subscription filters: what `extensions.setSubscriptionFilter` installs, compiled.

For: `subscribe`, for what is published and for invalidations alike. Owns: the operators, the limits and what a filter
can be found by. Never: keeps a filter. Follows: AWS AppSync, "Defining enhanced subscriptions filters".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from operator import ge, gt, le, lt
from typing import Any, NamedTuple

from syncline.core import Invalid, json
from syncline.core.settings import Hub as Limits
from syncline.hub import Hint

Value = Any

NESTING_MAX = 5
"""Rules on deeper fields are ignored: AWS does this."""


class FilterRefused(Invalid):
    """{reason}"""

    code = "BadRequestException"

    def __init__(self, reason: str) -> None:
        entry = {"message": reason, "errorCode": 400}
        super().__init__(reason, data={"errors": [entry]}, reason=reason)


class Condition(NamedTuple):
    """One rule: a field, by its path, an operator and what it compares with."""

    path: tuple[str, ...]
    operator: str
    value: Value

    def holds(self, body: Value) -> bool:
        """Does the rule hold for a published value?"""
        found = body
        for name in self.path:
            found = found.get(name) if isinstance(found, dict) else None
        return OPERATORS[self.operator](found, self.value)


Rule = tuple[tuple[Condition, ...], ...]
"""Any of these, each of which is all of its conditions."""


class Filter(NamedTuple):
    """A compiled filter; `name` is equal for equal filters."""

    name: bytes
    rule: Rule

    def matches(self, body: Value) -> bool:
        """Is a value for subscribers with this filter? Top-level lists are for none: AWS does this."""
        if not isinstance(body, dict):
            return False
        return any(all(condition.holds(body) for condition in every) for every in self.rule)

    @property
    def paths(self) -> frozenset[tuple[str, ...]]:
        """The fields that it looks at."""
        return frozenset(condition.path for every in self.rule for condition in every)

    def hints(self) -> tuple[Hint, ...] | None:
        """By what it can be found: of each alternative a field that must equal something; None: not at all."""
        found: dict[Hint, None] = {}
        for every in self.rule:
            equal = next((each for each in every if each.operator in ("eq", "in") and each.value is not None), None)
            if equal is None:
                return None
            for wanted in equal.value if equal.operator == "in" else [equal.value]:
                found[hint(equal.path, wanted)] = None
        return tuple(found)


def compile_filter(given: Any, limits: Limits) -> Filter | None:
    """A filter as a handler gave it; None for null. Raises FilterRefused."""
    given = json.decode(given) if isinstance(given, str) and given else given
    if given is None:
        return None
    groups = given.get("filterGroup") if isinstance(given, dict) else None
    if not isinstance(groups, list) or not groups:
        raise FilterRefused("Invalid subscription filter: filterGroup is a list of filters.")
    rule = tuple(_every(group, limits) for group in groups)
    alternatives = sum(_alternatives(every) for every in rule)
    if alternatives > limits.filter_groups_max:
        raise FilterRefused(f"Filters exceed maximum groups limit {limits.filter_groups_max} for subscription")
    if len({each.path for every in rule for each in every}) > limits.filter_fields_max:
        raise FilterRefused(f"Filters exceed maximum attributes limit {limits.filter_fields_max} for subscription")
    return Filter(json.encode(given), rule)


def _alternatives(every: tuple[Condition, ...]) -> int:
    """How many entries of the group an entry is, once every `in` is written out."""
    count = 1
    for condition in every:
        count *= len(condition.value) if condition.operator == "in" else 1
    return count


def _every(group: Any, limits: Limits) -> tuple[Condition, ...]:
    filters = group.get("filters") if isinstance(group, dict) else None
    if not isinstance(filters, list):
        raise FilterRefused("Invalid subscription filter: an entry of filterGroup has filters.")
    conditions = (_condition(each, limits) for each in filters)
    return tuple(each for each in conditions if len(each.path) <= NESTING_MAX)


def _condition(given: Any, limits: Limits) -> Condition:
    members = given if isinstance(given, dict) else {}
    name, operator, value = (members.get(member) for member in ("fieldName", "operator", "value"))
    operator = {"lte": "le", "gte": "ge"}.get(str(operator), operator)
    if not isinstance(name, str) or not name or operator not in OPERATORS:
        raise FilterRefused(f"Invalid subscription filter: fieldName `{name}`, operator `{operator}`.")
    if operator not in LISTS and isinstance(value, list):
        raise FilterRefused(f"Invalid subscription filter: a value of operator `{operator}` is a scalar.")
    if operator in LISTS:
        most = {"containsAny": limits.filter_contains_any_max, "between": 2}.get(operator, limits.filter_in_max)
        if not isinstance(value, list) or (operator == "between" and len(value) != 2):
            raise FilterRefused(f"Invalid subscription filter: the value of operator `{operator}` is a list.")
        if len(value) > most:
            raise FilterRefused(f"subscription exceeds maximum value limit {most} for operator `{operator}`.")
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, (list, dict)) or (each is None and operator not in ("eq", "ne")):
            raise FilterRefused(f"Invalid subscription filter: a value of operator `{operator}` is a scalar.")
        if isinstance(each, str) and len(each) > limits.filter_text_max:
            raise FilterRefused(f"subscription exceeds maximum length {limits.filter_text_max} of a value.")
    return Condition(tuple(name.split(".")), operator, value)


# --- the operators: what is there, and what is compared with


def equal(found: Value, wanted: Value) -> bool:
    """Equal and of one kind: true is not 1."""
    return bool(found == wanted) and isinstance(found, bool) is isinstance(wanted, bool)


def ordered(compare: Callable[[Any, Any], bool]) -> Callable[[Value, Value], bool]:
    """A comparison of two numbers or two texts; others do not compare."""

    def holds(found: Value, wanted: Value) -> bool:
        return comparable(found, wanted) and compare(found, wanted)

    return holds


def comparable(one: Value, other: Value) -> bool:
    """Are these two texts or two numbers?"""
    if isinstance(one, str) or isinstance(other, str):
        return isinstance(one, str) and isinstance(other, str)
    return is_number(one) and is_number(other)


def is_number(value: Value) -> bool:
    """Is it a number? A boolean is none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def contains(found: Value, wanted: Value) -> bool:
    """A text within a text, or an element of a list."""
    if isinstance(found, list):
        return any(equal(each, wanted) for each in found)
    return isinstance(found, str) and isinstance(wanted, str) and wanted in found


def between(found: Value, wanted: Value) -> bool:
    """Within both ends, which belong to it."""
    low, high = wanted
    return comparable(found, low) and comparable(found, high) and low <= found <= high


OPERATORS: dict[str, Callable[[Value, Value], bool]] = {
    "eq": equal,
    "ne": lambda found, wanted: not equal(found, wanted),
    "le": ordered(le),
    "lt": ordered(lt),
    "ge": ordered(ge),
    "gt": ordered(gt),
    "contains": contains,
    "notContains": lambda found, wanted: not contains(found, wanted),
    "beginsWith": lambda found, wanted: isinstance(found, str) and isinstance(wanted, str) and found.startswith(wanted),
    "in": lambda found, wanted: any(equal(found, each) for each in wanted),
    "notIn": lambda found, wanted: not any(equal(found, each) for each in wanted),
    "between": between,
    "containsAny": lambda found, wanted: isinstance(found, list) and any(contains(found, each) for each in wanted),
}
LISTS = frozenset({"in", "notIn", "between", "containsAny"})


# --- what filters are found by


def hint(path: tuple[str, ...], wanted: Value) -> Hint:
    """What can match has at `path` what reads as `wanted` does."""
    return Hint(path, reader(path), key_of(wanted))


@lru_cache(maxsize=4096)
def reader(path: tuple[str, ...]) -> Callable[[Value], str | None]:
    """A function from a value to the key of what it has at a path."""

    def read(body: Value) -> str | None:
        for name in path:
            body = body.get(name) if isinstance(body, dict) else None
        return key_of(body)

    return read


def key_of(value: Value) -> str | None:
    """Equal for scalars that any filter takes for equal, as text or as themselves; None for what is no scalar."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return None if value is None or isinstance(value, (list, dict)) else json.encode(value).decode()


def hints_of(arguments: Iterable[tuple[str, Value]]) -> tuple[Hint, ...] | None:
    """By what a subscription with arguments can be found: by the first that wants a scalar."""
    for name, wanted in arguments:
        if key_of(wanted) is not None and not isinstance(wanted, bool):
            return (hint((name,), wanted),)
    return None
