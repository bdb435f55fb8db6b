"""Filter patterns of event source mappings: the EventBridge pattern language, compiled once.

Pure. A pattern is a JSON object; leaves are arrays whose elements are alternatives; sibling keys must all hold.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from typing import Any

from syncline.core import json
from syncline.functions.errors import ParameterInvalid

Holds = Callable[[Any], bool]

PATTERN_LENGTH_MAX = 4096
NUMBER_MAX = 5e9
"""EventBridge compares numbers between minus and plus this."""
ABSENT = object()
"""The value of a field that is not there."""


def compile_filter(text: str) -> Holds:
    """The pattern as a test of a record. Raises ParameterInvalid."""
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
        if key == "$or" and isinstance(inner, list) and all(isinstance(option, dict) for option in inner):
            tests.append(_either(inner))
        elif isinstance(inner, dict):
            tests.append(_inside(key, _object(inner)))
        elif isinstance(inner, list) and inner:
            tests.append(_inside(key, _leaf(inner)))
        else:
            raise _invalid()
    return lambda value: all(holds(value) for holds in tests)


def _either(options: list[Any]) -> Holds:
    if not options:
        raise _invalid()
    tests = [_object(option) for option in options]
    return lambda value: any(holds(value) for holds in tests)


def _inside(key: str, holds: Holds) -> Holds:
    def inside(value: Any) -> bool:
        # An array matches when any of its elements does, objects in arrays as well.
        if isinstance(value, list) and value:
            return any(inside(one) for one in value)
        return holds(value.get(key, ABSENT) if isinstance(value, dict) else ABSENT)

    return inside


def _leaf(options: list[Any]) -> Holds:
    tests = [_option(option) for option in options]

    def holds(value: Any) -> bool:
        values = value if isinstance(value, list) else [value]
        return any(test(one) for test in tests for one in values)

    return holds


def _option(option: Any) -> Holds:
    if isinstance(option, list):
        raise _invalid()
    if not isinstance(option, dict):
        return lambda value: type(value) is type(option) and value == option
    return _OPERATORS[_only(option)](next(iter(option.values())))


def _only(option: dict[str, Any]) -> str:
    """The one operator of an option. Raises for none, several and unknown ones."""
    if len(option) != 1 or not option.keys() <= _OPERATORS.keys():
        raise _invalid()
    return next(iter(option))


def _text_test(argument: Any, test: Callable[[str, str], bool]) -> Holds:
    """A test of text against text, which `{"equals-ignore-case": …}` makes blind to case."""
    if isinstance(argument, dict) and list(argument) == ["equals-ignore-case"]:
        wanted = _text(argument["equals-ignore-case"]).lower()
        return lambda value: isinstance(value, str) and test(value.lower(), wanted)
    exact = _text(argument)
    return lambda value: isinstance(value, str) and test(value, exact)


def _prefix(argument: Any) -> Holds:
    return _text_test(argument, str.startswith)


def _suffix(argument: Any) -> Holds:
    return _text_test(argument, str.endswith)


def _ignore_case(argument: Any) -> Holds:
    wanted = _text(argument).lower()
    return lambda value: isinstance(value, str) and value.lower() == wanted


def _anything_but(argument: Any) -> Holds:
    if isinstance(argument, dict):
        operator = _only(argument)
        if operator not in ("prefix", "suffix", "equals-ignore-case", "wildcard"):
            raise _invalid()
        inner = argument[operator]
        texts = inner if isinstance(inner, list) and inner else [inner]
        if not all(isinstance(one, str) and one for one in texts):
            # AWS does this: no empty text here, and no test within a test.
            raise _invalid()
        tests = [_OPERATORS[operator](one) for one in texts]
        return lambda value: value is not ABSENT and not any(test(value) for test in tests)
    unwanted = argument if isinstance(argument, list) else [argument]
    if not unwanted or not (all(isinstance(one, str) for one in unwanted) or all(_is_number(one) for one in unwanted)):
        raise _invalid()
    return lambda value: value is not ABSENT and (isinstance(value, bool) or value not in unwanted)


def _exists(argument: Any) -> Holds:
    if not isinstance(argument, bool):
        raise _invalid()
    # Only leaves exist: an object in the record's place is none.
    return lambda value: (value is not ABSENT and not isinstance(value, dict)) == argument


_WILDCARD = re.compile(r"(?:\\[*\\]|[^\\])*")


def _wildcard(argument: Any) -> Holds:
    text = _text(argument)
    if not _WILDCARD.fullmatch(text) or re.search(r"(?<!\\)\*\*", text):
        raise _invalid()
    parts = re.findall(r"\\.|[^\\]", text, flags=re.DOTALL)
    shape = re.compile("".join(".*" if part == "*" else re.escape(part[-1]) for part in parts), re.DOTALL)
    return lambda value: isinstance(value, str) and shape.fullmatch(value) is not None


def _cidr(argument: Any) -> Holds:
    try:
        block = ipaddress.ip_network(_text(argument), strict=False)
    except ValueError:
        raise _invalid() from None
    if "/" not in argument:
        raise _invalid()

    def holds(value: Any) -> bool:
        try:
            return isinstance(value, str) and ipaddress.ip_address(value) in block
        except ValueError:
            return False

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
    for sign, number in pairs:
        if not isinstance(sign, str) or sign not in _COMPARE or not _is_number(number) or abs(number) > NUMBER_MAX:
            raise _invalid()
    if len(pairs) == 2 and not _is_range(pairs):
        raise _invalid()
    return lambda value: _is_number(value) and all(_COMPARE[sign](value, number) for sign, number in pairs)


def _is_range(pairs: list[tuple[str, float]]) -> bool:
    """A lower bound, then an upper one that is higher."""
    (first, low), (second, high) = pairs
    return first in (">", ">=") and second in ("<", "<=") and low < high


_OPERATORS: dict[str, Callable[[Any], Holds]] = {
    "prefix": _prefix,
    "suffix": _suffix,
    "equals-ignore-case": _ignore_case,
    "anything-but": _anything_but,
    "numeric": _numeric,
    "exists": _exists,
    "wildcard": _wildcard,
    "cidr": _cidr,
}


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(argument: Any) -> str:
    if not isinstance(argument, str):
        raise _invalid()
    return argument


def _invalid() -> ParameterInvalid:
    return ParameterInvalid("Invalid filter pattern definition.")
