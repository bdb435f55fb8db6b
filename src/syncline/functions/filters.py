"""Filter patterns of event source mappings: the EventBridge pattern language, compiled once.

Pure. A pattern is a JSON object; leaves are arrays whose elements are alternatives; sibling keys must all hold.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from syncline.core import Unsupported, json
from syncline.functions.errors import ParameterInvalid

Holds = Callable[[Any], bool]

PATTERN_LENGTH_MAX = 4096
ABSENT = object()
"""The value of a field that is not there."""


def compile_filter(text: str) -> Holds:
    """The pattern as a test of a record. Raises ParameterInvalid, or Unsupported for operators that are not built."""
    if len(text) > PATTERN_LENGTH_MAX:
        raise _invalid()
    try:
        pattern = json.decode(text)
    except json.NotJson:
        raise _invalid() from None
    if not isinstance(pattern, dict):
        raise _invalid()
    return _object(pattern)


def _object(pattern: dict[str, Any]) -> Holds:
    tests: list[Holds] = []
    for key, inner in pattern.items():
        if key == "$or" and isinstance(inner, list):
            tests.append(_either(inner))
        elif isinstance(inner, dict):
            tests.append(_inside(key, _object(inner)))
        elif isinstance(inner, list) and inner:
            tests.append(_inside(key, _leaf(inner)))
        else:
            raise _invalid()
    return lambda value: all(holds(value) for holds in tests)


def _either(options: list[Any]) -> Holds:
    if not options or not all(isinstance(option, dict) for option in options):
        raise _invalid()
    tests = [_object(option) for option in options]
    return lambda value: any(holds(value) for holds in tests)


def _inside(key: str, holds: Holds) -> Holds:
    return lambda value: holds(value.get(key, ABSENT) if isinstance(value, dict) else ABSENT)


def _leaf(options: list[Any]) -> Holds:
    tests = [_option(option) for option in options]

    def holds(value: Any) -> bool:
        # An array matches when any of its elements does.
        values = value if isinstance(value, list) else [value]
        return any(test(one) for test in tests for one in values)

    return holds


def _option(option: Any) -> Holds:
    if isinstance(option, list):
        raise _invalid()
    if not isinstance(option, dict):
        return lambda value: type(value) is type(option) and value == option
    if len(option) != 1:
        raise _invalid()
    ((operator, argument),) = option.items()
    if operator not in _OPERATORS:
        raise Unsupported(f"The filter operator {operator} is not supported.")
    return _OPERATORS[operator](argument)


def _prefix(argument: Any) -> Holds:
    if isinstance(argument, dict) and list(argument) == ["equals-ignore-case"]:
        start = _text(argument["equals-ignore-case"]).lower()
        return lambda value: isinstance(value, str) and value.lower().startswith(start)
    start = _text(argument)
    return lambda value: isinstance(value, str) and value.startswith(start)


def _suffix(argument: Any) -> Holds:
    if isinstance(argument, dict) and list(argument) == ["equals-ignore-case"]:
        end = _text(argument["equals-ignore-case"]).lower()
        return lambda value: isinstance(value, str) and value.lower().endswith(end)
    end = _text(argument)
    return lambda value: isinstance(value, str) and value.endswith(end)


def _ignore_case(argument: Any) -> Holds:
    wanted = _text(argument).lower()
    return lambda value: isinstance(value, str) and value.lower() == wanted


def _anything_but(argument: Any) -> Holds:
    if isinstance(argument, dict):
        inner = _option(argument)
        return lambda value: value is not ABSENT and not inner(value)
    unwanted = argument if isinstance(argument, list) else [argument]
    return lambda value: value is not ABSENT and value not in unwanted


def _exists(argument: Any) -> Holds:
    if not isinstance(argument, bool):
        raise _invalid()
    # Only leaves exist: an object in the record's place is none.
    return lambda value: (value is not ABSENT and not isinstance(value, dict)) == argument


def _wildcard(argument: Any) -> Holds:
    """Each `*` stands for any text. The parts are looked for one after the other: no text makes that slow."""
    first, *rest = _text(argument).split("*")
    if not rest:
        return lambda value: bool(value == first)
    *middle, last = rest

    def holds(value: Any) -> bool:
        if not isinstance(value, str) or len(value) < len(first) + len(last):
            return False
        at, end = len(first), len(value) - len(last)
        for part in middle:
            found = value.find(part, at, end)
            if found < 0:
                return False
            at = found + len(part)
        return value.startswith(first) and value.endswith(last)

    return holds


_COMPARE: dict[str, Callable[[float, float], bool]] = {
    "=": lambda left, right: left == right,
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
}


def _numeric(argument: Any) -> Holds:
    if not isinstance(argument, list) or len(argument) not in (2, 4):
        raise _invalid()
    pairs = list(zip(argument[::2], argument[1::2], strict=True))
    if not all(sign in _COMPARE and _is_number(number) for sign, number in pairs):
        raise _invalid()
    return lambda value: _is_number(value) and all(_COMPARE[sign](value, number) for sign, number in pairs)


_OPERATORS: dict[str, Callable[[Any], Holds]] = {
    "prefix": _prefix,
    "suffix": _suffix,
    "equals-ignore-case": _ignore_case,
    "anything-but": _anything_but,
    "numeric": _numeric,
    "exists": _exists,
    "wildcard": _wildcard,
}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(argument: Any) -> str:
    if not isinstance(argument, str):
        raise _invalid()
    return argument


def _invalid() -> ParameterInvalid:
    return ParameterInvalid("Invalid filter pattern definition.")
