"""Values as Velocity 1.7 sees them: text forms, truth, comparison, arithmetic.

For: the generated code, which calls these by name. Numbers are Python's, printed as Java prints them.
"""

from __future__ import annotations

import math
from typing import Any, Protocol, runtime_checkable

from syncline.vtl.errors import MethodFailed
from syncline.vtl.weights import light, noted

Value = Any


@runtime_checkable
class Bound(Protocol):
    """An object handed in to templates: it says itself which properties and methods it has."""

    def vtl_property(self, name: str) -> Value:
        """`$object.name`."""
        ...

    def vtl_call(self, name: str, arguments: tuple[Value, ...]) -> Value:
        """`$object.name(arguments)`. Raises MethodFailed when there is no such method."""
        ...

    def vtl_plain(self) -> Value:
        """The object as plain JSON, when a template stores or encodes it."""
        ...


TEXT_MAX = 5 * 1024 * 1024
"""The longest text a template may make: AppSync's evaluated templates may be 5 MB."""


class Entry(dict[str, Value]):
    """An entry of `entrySet()`: `.key` and `.value`; encoded, it is `{key: value}`."""

    __slots__ = ("key", "value")

    def __init__(self, key: str, value: Value) -> None:
        super().__init__({key: value})
        self.key = key
        self.value = value


class Loop:
    """`$foreach`."""

    __slots__ = ("index", "parent", "size")

    def __init__(self, size: int, parent: Value) -> None:
        self.index = 0
        self.size = size
        self.parent = parent if type(parent) is Loop else None

    def vtl_property(self, name: str) -> Value:
        reader = _LOOP_PROPERTIES.get(name)
        return None if reader is None else reader(self)

    def vtl_call(self, name: str, arguments: tuple[Value, ...]) -> Value:
        """`isFirst()`, `hasNext()`, `getIndex()`…: the properties as Java's getters."""
        for prefix in ("get", "is"):
            if name.startswith(prefix):
                return self.vtl_property(name[len(prefix) :][:1].lower() + name[len(prefix) + 1 :])
        return self.vtl_property(name)

    def vtl_plain(self) -> Value:
        return {}

    @property
    def topmost(self) -> Loop:
        loop = self
        while loop.parent is not None:
            loop = loop.parent
        return loop


_LOOP_PROPERTIES = {
    "index": lambda loop: loop.index,
    "count": lambda loop: loop.index + 1,
    "hasNext": lambda loop: loop.index + 1 < loop.size,
    "first": lambda loop: loop.index == 0,
    "last": lambda loop: loop.index + 1 == loop.size,
    "parent": lambda loop: loop.parent,
    "topmost": lambda loop: loop.topmost,
}

PLAIN = frozenset({str, int, float, bool, type(None), list, dict, Entry})


def plain(value: Value) -> Value:
    """`value` as something that JSON can hold. Containers hold plain values already: storing makes sure."""
    if type(value) in PLAIN:
        return value
    converter = getattr(type(value), "vtl_plain", None)
    return text_of(value) if converter is None else converter(value)


def stored(value: Value) -> Value:
    """A reference's value as an element of a literal."""
    return noted(plain(value))


def text(value: Value, source: str) -> str:
    """What a reference prints; `source` stands for null."""
    kind = type(value)
    if kind is str:
        return value  # type: ignore[no-any-return]
    return source if value is None else text_of(value)


def text_of(value: Value) -> str:
    """Java's `toString()` of a value."""
    kind = type(value)
    if kind is str:
        return value  # type: ignore[no-any-return]
    if kind is bool:
        return "true" if value else "false"
    if kind is int:
        return str(value)
    if kind is float:
        return _float_text(value)
    if value is None:
        return "null"
    if kind is list or kind is dict or kind is Entry:
        return _container_text(light(value))
    if kind is Loop:
        return "{}"
    writer = getattr(kind, "vtl_text", None)
    if writer is not None:
        return str(writer(value))
    return text_of(plain(value)) if hasattr(kind, "vtl_plain") else str(value)


def _container_text(value: Value) -> str:
    kind = type(value)
    if kind is list:
        return "[" + ", ".join(map(_container_text, value)) + "]"
    if kind is Entry:
        return f"{value.key}={_container_text(value.value)}"
    if kind is dict:
        return "{" + ", ".join(f"{key}={_container_text(item)}" for key, item in value.items()) + "}"
    return text_of(value)


def _float_text(number: float) -> str:
    """Java's Double.toString: `2.5`, `1.0E10`, `1.0E-5`."""
    if number == 0 or 1e-3 <= abs(number) < 1e7:
        digits = repr(number)
        return digits if "e" not in digits else f"{number:.20f}".rstrip("0")
    mantissa, _, exponent = repr(number).partition("e")
    if not exponent:
        mantissa, _, exponent = _shortest_scientific(number).partition("e")
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}E{int(exponent)}"


def _shortest_scientific(number: float) -> str:
    sign, digits = ("-", repr(-number)) if number < 0 else ("", repr(number))
    whole, _, fraction = digits.partition(".")
    if whole != "0":
        exponent = len(whole) - 1
        figures = (whole + fraction).rstrip("0") or "0"
    else:
        figures = fraction.lstrip("0")
        exponent = -(len(fraction) - len(figures) + 1)
    return f"{sign}{figures[0]}.{figures[1:] or '0'}e{exponent}"


def true(value: Value) -> bool:
    """Only null and false are false."""
    return value is not None and value is not False


def is_number(value: Value) -> bool:
    """Whether Java would call it a Number."""
    return type(value) is int or type(value) is float


def eq(left: Value, right: Value) -> bool:
    """`==`: numbers by value, same classes by equality, all else by text."""
    if left is None or right is None:
        return left is right
    kind, other = type(left), type(right)
    if kind is other or (is_number(left) and is_number(right)):
        return bool(light(left) == light(right))
    return text_of(left) == text_of(right)


def ne(left: Value, right: Value) -> bool:
    """`!=`."""
    return not eq(left, right)


def lt(left: Value, right: Value) -> bool:
    """`<`, for numbers only."""
    return is_number(left) and is_number(right) and left < right


def le(left: Value, right: Value) -> bool:
    """`<=`, for numbers only."""
    return is_number(left) and is_number(right) and left <= right


def gt(left: Value, right: Value) -> bool:
    """`>`, for numbers only."""
    return is_number(left) and is_number(right) and left > right


def ge(left: Value, right: Value) -> bool:
    """`>=`, for numbers only."""
    return is_number(left) and is_number(right) and left >= right


def add(left: Value, right: Value, left_source: str, right_source: str) -> Value:
    """`+`: text joins, with a null's source; numbers add; all else is null."""
    if type(left) is str or type(right) is str:
        return bounded(text(left, left_source) + text(right, right_source))
    return _finite(left + right) if is_number(left) and is_number(right) else None


def bounded(whole: str) -> str:
    """`whole`, unless it outgrew the limit."""
    if len(whole) > TEXT_MAX:
        raise MethodFailed(f"a text may have at most {TEXT_MAX:,} characters")
    return whole


def sub(left: Value, right: Value) -> Value:
    """`-`; null unless both are numbers."""
    return _finite(left - right) if is_number(left) and is_number(right) else None


def mul(left: Value, right: Value) -> Value:
    """`*`; null unless both are numbers."""
    return _finite(left * right) if is_number(left) and is_number(right) else None


def div(left: Value, right: Value) -> Value:
    """Integers divide to an integer, towards zero; by zero is null."""
    if not (is_number(left) and is_number(right)) or right == 0:
        return None
    if type(left) is int and type(right) is int:
        quotient = abs(left) // abs(right)
        return quotient if (left < 0) == (right < 0) else -quotient
    return _finite(left / right)


def mod(left: Value, right: Value) -> Value:
    """The remainder has the dividend's sign; by zero is null."""
    if not (is_number(left) and is_number(right)) or right == 0:
        return None
    if type(left) is int and type(right) is int:
        remainder = abs(left) % abs(right)
        return remainder if left >= 0 else -remainder
    return math.fmod(left, right)


DIGITS_MAX = 4096
"""Bits of the largest integer arithmetic makes: beyond it a loop of multiplications would eat the server."""


def _finite(number: Value) -> Value:
    if type(number) is float:
        return number if math.isfinite(number) else None
    return number if number.bit_length() <= DIGITS_MAX else None
