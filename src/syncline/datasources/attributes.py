"""DynamoDB's typed values in requests and results: from a template's JSON to the table engine's, and to plain JSON.

In requests numbers may be JSON numbers or strings, binary is base64 text, NULL may be null or true.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any

from syncline.datasources.errors import DataSourceError

JSON = Any
Typed = dict[str, Any]

DEPTH_MAX = 64
"""Deeper than DynamoDB's own limit of 32 levels, which the table engine enforces."""


def mapping_error(message: str) -> DataSourceError:
    """The request document cannot be understood."""
    return DataSourceError(message, "MappingTemplate")


def typed_map(values: JSON, where: str) -> dict[str, Typed]:
    """A map of attribute names to typed values. `where` is its place in the document: `$[key]`."""
    if type(values) is not dict:
        raise mapping_error(f"Expected JSON object for attribute map '{where}', but got {_kind(values)} instead.")
    return {name: typed(value, where, name) for name, value in values.items()}


def typed(value: JSON, where: str, name: str | int, depth: int = 0) -> Typed:
    """One typed value, as the table engine takes it."""
    if type(value) is not dict or len(value) != 1:
        place = f"{where}[{name}]"
        raise mapping_error(f"Expected JSON object for attribute value '{place}', but got {_kind(value)} instead.")
    ((tag, inner),) = value.items()
    if tag == "S" and type(inner) is str:
        return value
    reader = _READERS.get(tag)
    if reader is None or depth > DEPTH_MAX:
        raise mapping_error(f"Unsupported element '{where}[{name}][{tag}]'.")
    found = reader(inner, f"{where}[{name}]", depth)
    if found is None:
        raise mapping_error(f"Unable to read value for attribute '{where}[{name}][{tag}]': got {_kind(inner)}.")
    return {tag: found}


def _number(value: JSON) -> str | None:
    if type(value) is int:
        return str(value)
    if type(value) is float:
        return repr(value)
    return value if type(value) is str else None


def _binary(value: JSON) -> bytes | None:
    if type(value) is not str:
        return None
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return None


def _each(value: JSON, read: Callable[[JSON], Any]) -> list[Any] | None:
    if type(value) is not list:
        return None
    found = [read(each) for each in value]
    return None if None in found else found


def _list(value: JSON, where: str, depth: int) -> list[Typed] | None:
    if type(value) is not list:
        return None
    return [typed(each, where, at, depth + 1) for at, each in enumerate(value)]


def _map(value: JSON, where: str, depth: int) -> dict[str, Typed] | None:
    if type(value) is not dict:
        return None
    return {name: typed(each, where, name, depth + 1) for name, each in value.items()}


def _text(value: JSON) -> str | None:
    return value if type(value) is str else None


_READERS: dict[str, Callable[[JSON, str, int], Any]] = {
    "S": lambda value, where, depth: _text(value),
    "N": lambda value, where, depth: _number(value),
    "B": lambda value, where, depth: _binary(value),
    "BOOL": lambda value, where, depth: value if type(value) is bool else None,
    "NULL": lambda value, where, depth: True if value is None or value is True else None,
    "SS": lambda value, where, depth: _each(value, _text),
    "NS": lambda value, where, depth: _each(value, _number),
    "BS": lambda value, where, depth: _each(value, _binary),
    "L": _list,
    "M": _map,
}


def _kind(value: JSON) -> str:
    if value is None:
        return "'NULL_VALUE'"
    kinds = {str: "STRING", bool: "BOOLEAN", int: "NUMBER", float: "NUMBER", list: "ARRAY", dict: "OBJECT"}
    return f"'{kinds.get(type(value), 'OBJECT')}'"


def plain_item(item: dict[str, Typed]) -> dict[str, JSON]:
    """An item as plain JSON."""
    found: dict[str, JSON] = {}
    for name, value in item.items():
        # Most values are text; asking for it first is a third faster than unpacking the pair.
        if "S" in value:
            found[name] = value["S"]
            continue
        ((tag, inner),) = value.items()
        found[name] = _PLAIN[tag](inner)
    return found


def plain(value: Typed) -> JSON:
    """A typed value as plain JSON: numbers are numbers, sets are lists, binary is base64 text."""
    ((tag, inner),) = value.items()
    return inner if tag == "S" else _PLAIN[tag](inner)


def number(text: str) -> int | float:
    """A DynamoDB number: an integer where it is one."""
    try:
        return int(text)
    except ValueError:
        return float(text)


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


_PLAIN: dict[str, Callable[[Any], JSON]] = {
    "S": lambda inner: inner,
    "N": number,
    "BOOL": lambda inner: inner,
    "NULL": lambda inner: None,
    "B": _base64,
    "SS": list,
    "NS": lambda inner: [number(each) for each in inner],
    "BS": lambda inner: [_base64(each) for each in inner],
    "L": lambda inner: [plain(each) for each in inner],
    "M": plain_item,
}


def same(left: Typed | None, right: Typed | None) -> bool:
    """Whether two typed values mean the same: numbers by value, sets without order."""
    if left is None or right is None:
        return left is right
    ((tag, one),) = left.items()
    ((other_tag, other),) = right.items()
    if tag != other_tag:
        return False
    if tag in ("SS", "BS", "NS"):
        return sorted(_PLAIN[tag](one)) == sorted(_PLAIN[tag](other))
    if tag == "L":
        return len(one) == len(other) and all(map(same, one, other))
    if tag == "M":
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    return bool(_PLAIN[tag](one) == _PLAIN[tag](other))
