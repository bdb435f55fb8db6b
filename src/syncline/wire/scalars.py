"""Scalars in their three notations: JSON, text (query strings, headers, forms), and the house's own values.

For: `readers.py`. Owns: conversion, and AWS's words for what cannot be converted.
Never: checks a constraint.
"""

from __future__ import annotations

import binascii
from collections.abc import Callable
from typing import Any, NamedTuple

from syncline.core import Invalid
from syncline.wire import instants

Convert = Callable[[Any], Any]

WRONG_BASE64 = "Invalid last non-pad Base64 character dectected"  # AWS's own spelling
NO_OBJECT = "Start of structure or map found where not expected"


class NotConvertible(Invalid):
    """The request has a value of the wrong type somewhere."""

    code = "SerializationException"


class Notation(NamedTuple):
    """How the scalars of one wire format become the house's values."""

    name: str
    string: Convert
    integer: Convert
    long: Convert
    double: Convert
    boolean: Convert
    blob: Convert
    timestamp: Convert

    def of(self, shape_type: str) -> Convert | None:
        """The conversion for a shape's type; None when that type is not a scalar."""
        if shape_type not in SCALARS:
            return None
        found: Convert = getattr(self, _ALIASES.get(shape_type, shape_type))
        return found


_ALIASES = {
    "character": "string",
    "short": "integer",
    "bigInteger": "long",
    "float": "double",
    "bigDecimal": "double",
}
_TYPES = ("string", "integer", "long", "double", "boolean", "blob", "timestamp")
SCALARS = frozenset({*_TYPES, *_ALIASES})


def token(value: Any) -> str:
    """The name that AWS's parser gives a JSON value."""
    if isinstance(value, bool):
        return "TRUE_VALUE" if value else "FALSE_VALUE"
    if isinstance(value, int):
        return "NUMBER_VALUE"
    return "DECIMAL_VALUE" if isinstance(value, float) else "STRING_VALUE"


def misplaced(value: Any, wanted: str, collection: str) -> NotConvertible:
    """The error for `value` where a `wanted` was expected."""
    if isinstance(value, dict):
        return NotConvertible(NO_OBJECT)
    if isinstance(value, list):
        return NotConvertible(f"Unrecognized collection type class {collection}")
    return NotConvertible(f"{token(value)} cannot be converted to {wanted}")


def string(value: Any) -> str:
    """JSON: a string."""
    if type(value) is str:
        return value
    raise misplaced(value, "String", "java.lang.String")


def _whole(value: Any, wanted: str, bits: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise misplaced(value, wanted, f"java.lang.{wanted}")
    if not -(1 << bits - 1) <= value < 1 << bits - 1:
        raise NotConvertible(f"Numeric value ({value}) out of range of {wanted.lower()}")
    return int(value)  # AWS does this: a decimal is cut, not refused.


def integer(value: Any) -> int:
    """JSON: a number of 32 bits; decimals are cut."""
    return _whole(value, "Integer", 32)


def long(value: Any) -> int:
    """JSON: a number of 64 bits; decimals are cut."""
    return _whole(value, "Long", 64)


def double(value: Any) -> float:
    """JSON: a number, or one of the three words for what JSON cannot write."""
    if isinstance(value, str) and value in ("NaN", "Infinity", "-Infinity"):
        return float(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise misplaced(value, "Double", "java.lang.Double")
    return value


def boolean(value: Any) -> bool:
    """JSON: true or false, also as the words AWS takes."""
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _word(value)
    raise misplaced(value, "Boolean", "java.lang.Boolean")


def _word(text: str) -> bool:
    lowered = text.lower()
    if lowered in ("true", "1", "yes"):
        return True
    if lowered in ("false", "0", "no"):
        return False
    raise NotConvertible("Unexpected token received from parser")


def blob(value: Any) -> bytes:
    """JSON: base64."""
    if type(value) is not str:
        if isinstance(value, dict | list):
            raise misplaced(value, "ByteBuffer", "java.nio.ByteBuffer")
        raise NotConvertible("only base-64-encoded strings are convertible to bytes")
    if len(value) % 4:
        raise NotConvertible(f"Base64 encoded length is expected a multiple of 4 bytes but found: {len(value)}")
    try:
        content = binascii.a2b_base64(value, strict_mode=True)
    except (binascii.Error, ValueError):
        raise NotConvertible(WRONG_BASE64) from None
    if (
        value.endswith("=")
        and binascii.b2a_base64(content[-(len(content) % 3) :], newline=False).decode() != value[-4:]
    ):
        raise NotConvertible(WRONG_BASE64)  # bits that no byte is made of
    return content


def timestamp(value: Any) -> float:
    """JSON: epoch seconds; text in AWS's notations too."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise misplaced(value, "Timestamp", "java.util.Date")
    return _instant_of(value) if isinstance(value, str) else _bounded(value)


def _instant_of(text: str) -> float:
    try:
        return _bounded(instants.from_text(text))
    except (ValueError, OverflowError, TypeError):
        raise NotConvertible(f"Invalid timestamp: {text[:64]}") from None


INSTANT_MAX = 253_402_300_799
"""The last second of the year 9999: what the notations can write."""


def _bounded(instant: float) -> float:
    if -62_135_596_800 <= instant <= INSTANT_MAX:
        return instant
    raise NotConvertible(f"Invalid timestamp: {instant}")


def _text(value: Any) -> str:
    if type(value) is str:
        return value
    raise NotConvertible("Unexpected complex element")


def _number_of(kind: Callable[[str], float], limit: Convert) -> Convert:
    def convert(value: Any) -> Any:
        try:
            return limit(kind(_text(value)))
        except (ValueError, OverflowError):
            raise NotConvertible(f"'{value[:64]}' is not a number") from None

    return convert


def _own_blob(value: Any) -> bytes:
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    return string(value).encode()


JSON = Notation("json", string, integer, long, double, boolean, blob, timestamp)
"""JSON bodies."""

TEXT = Notation(
    "text",
    _text,
    _number_of(int, integer),
    _number_of(int, long),
    _number_of(float, double),
    lambda value: _word(_text(value)),
    lambda value: blob(_text(value)),
    lambda value: _instant_of(_text(value)),
)
"""Query strings, headers, path labels and forms."""

OWN = Notation("own", string, integer, long, double, boolean, _own_blob, timestamp)
"""The house's values, for calls from other rooms: blobs are bytes."""
