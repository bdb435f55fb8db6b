"""Attribute values: checked, in one canonical form, measured.

For: items, keys and expression values. Owns: the canonical form, in which two values are equal exactly when Python
says so: numbers are canonical text, sets are sorted.
Never: knows a table.

A value is a dict of exactly one type: `{"S": "x"}`, `{"N": "1"}`, `{"B": b""}`, `{"SS": […]}`, `{"M": {…}}` ….
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any, NoReturn

from syncline.core import Invalid
from syncline.tables import numbers
from syncline.tables.errors import Malformed, WrongJson, invalid_values, malformed_values

AttributeValue = dict[str, Any]
Item = dict[str, AttributeValue]

DEPTH_MAX = 32
ATTRIBUTE_NAME_BYTES_MAX = 65535
ITEM_BYTES_MAX = 400 * 1024
ITEM_TOO_LARGE = "Item size has exceeded the maximum allowed size"
COLLECTION_BYTES = 3
"""What a list or a map itself counts for."""

EMPTY_VALUE = "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
MANY_VALUES = (
    "Supplied AttributeValue has more than one datatypes set, must contain exactly one of the supported datatypes"
)
TOO_DEEP = (
    "Nesting Levels have exceeded supported limits: Attributes in the item have nested levels beyond supported limit"
)
NULL_NOT_TRUE = "Null attribute value types must have the value of true"

Sized = tuple[AttributeValue, int]


def check_item(item: Any) -> tuple[Item, int]:
    """The item in canonical form, and its size in bytes. Raises Invalid with AWS's sentence."""
    if type(item) is not dict:
        _wrong_json(item, "Map")
    checked: Item = {}
    total = 0
    for name, value in item.items():
        text = value.get("S") if type(value) is dict and len(value) == 1 else None
        if type(text) is str and text.isascii():
            checked[name], size = value, len(text)
        else:
            checked[name], size = check(value)
        plain = type(name) is str and name.isascii() and 0 < len(name) <= ATTRIBUTE_NAME_BYTES_MAX
        total += size + (len(name) if plain else name_size(name))
    return checked, total


def check(value: Any, depth: int = 1) -> Sized:
    """A value in canonical form, and its size in bytes. Raises Invalid with AWS's sentence."""
    if type(value) is not dict:
        raise Invalid(EMPTY_VALUE)
    if len(value) != 1:
        _refuse_mixed(value, depth)
    kind, content = next(iter(value.items()))
    if kind == "S" and type(content) is str:
        return value, len(content) if content.isascii() else text_size(content)
    if kind == "N":
        return _number(value, content, depth)
    checker = _CHECKERS.get(kind)
    if checker is None:
        raise Invalid(EMPTY_VALUE)
    return checker(value, content, depth)


def _refuse_mixed(value: Mapping[str, Any], depth: int) -> NoReturn:
    """Refuse a value of no type or of several, each of which AWS looks at before it counts them."""
    for kind, content in value.items():
        check({kind: content}, depth)
    raise Invalid(MANY_VALUES if value else EMPTY_VALUE)


def size_of_item(item: Item) -> int:
    """The size of an item already in canonical form."""
    return sum([text_size(name) + size_of(value) for name, value in item.items()])


def size_of(value: AttributeValue) -> int:
    """The size of a value already in canonical form."""
    return check(value)[1]


def text_size(text: str) -> int:
    """The length of `text` in UTF-8. Raises Invalid when it cannot be written so."""
    if text.isascii():
        return len(text)
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        raise Invalid("The text holds a lone surrogate, which is no character") from None


def name_size(name: Any) -> int:
    """The length of an attribute's name in UTF-8, checked."""
    if type(name) is not str:
        _wrong_json(name, "String")
    if not name:
        raise invalid_values("Empty attribute name")
    length = text_size(name)
    if length > ATTRIBUTE_NAME_BYTES_MAX:
        raise invalid_values("Attribute name is too large, must be less than 65536 bytes")
    return length


def kind_of(value: AttributeValue) -> str:
    """The value's type: S, N, B, SS, NS, BS, M, L, NULL or BOOL."""
    return next(iter(value))


def content_of(value: AttributeValue) -> Any:
    """What the value holds."""
    return next(iter(value.values()))


def copied(value: AttributeValue) -> AttributeValue:
    """A value that can be changed without changing this one."""
    kind, content = next(iter(value.items()))
    if kind == "M":
        return {"M": {name: copied(part) for name, part in content.items()}}
    if kind == "L":
        return {"L": [copied(part) for part in content]}
    return {kind: list(content)} if kind in ("SS", "NS", "BS") else value


def make_set(kind: str, members: list[Any]) -> AttributeValue:
    """A set in canonical form, of members in canonical form."""
    return {kind: sorted(members, key=Decimal) if kind == "NS" else sorted(members)}


def _text(value: AttributeValue, content: Any, depth: int) -> Sized:
    _wrong_json(content, "String")


def _number(value: AttributeValue, content: Any, depth: int) -> Sized:
    if type(content) is not str:
        _wrong_json(content, "String")
    text, size = numbers.measured(content)
    return (value if text == content else {"N": text}), size


def _binary(value: AttributeValue, content: Any, depth: int) -> Sized:
    if type(content) is not bytes:
        raise WrongJson("only base-64-encoded strings are convertible to bytes")
    return value, len(content)


def _boolean(value: AttributeValue, content: Any, depth: int) -> Sized:
    if type(content) is not bool:
        _wrong_json(content, "Boolean")
    return value, 1


def _null(value: AttributeValue, content: Any, depth: int) -> Sized:
    if type(content) is not bool:
        _wrong_json(content, "Boolean")
    if not content:
        raise malformed_values(NULL_NOT_TRUE)
    return value, 1


def _map(value: AttributeValue, content: Any, depth: int) -> Sized:
    if type(content) is not dict:
        _wrong_json(content, "Map")
    _check_depth(content, depth)
    total = COLLECTION_BYTES
    parts: Item = {}
    for name, part in content.items():
        parts[name], bytes_of_part = check(part, depth + 1)
        total += 1 + name_size(name) + bytes_of_part
    return {"M": parts}, total


def _list(value: AttributeValue, content: Any, depth: int) -> Sized:
    if type(content) is not list:
        _wrong_json(content, "List")
    _check_depth(content, depth)
    checked = [check(part, depth + 1) for part in content]
    return {"L": [part for part, _ in checked]}, COLLECTION_BYTES + sum([1 + bytes_of for _, bytes_of in checked])


def _check_depth(content: Any, depth: int) -> None:
    if depth >= DEPTH_MAX and content:
        raise Invalid(TOO_DEEP)


def _text_set(value: AttributeValue, content: Any, depth: int) -> Sized:
    _check_members(content, str, "An string set  may not be empty")
    if len(set(content)) != len(content):
        raise malformed_values(f"Input collection [{', '.join(content)}] contains duplicates.")
    return {"SS": sorted(content)}, sum([text_size(member) for member in content])


def _number_set(value: AttributeValue, content: Any, depth: int) -> Sized:
    _check_members(content, str, "An number set  may not be empty")
    members = [numbers.canonical(member) for member in content]
    if len(set(members)) != len(members):
        raise Malformed("Input collection contains duplicates")
    return make_set("NS", members), sum([numbers.size(member) for member in members])


def _binary_set(value: AttributeValue, content: Any, depth: int) -> Sized:
    _check_members(content, bytes, "Binary sets should not be empty")
    if len(set(content)) != len(content):
        shown = ", ".join(base64.b64encode(member).decode() for member in content)
        raise malformed_values(f"Input collection [{shown}]of type BS contains duplicates.")
    return {"BS": sorted(content)}, sum([len(member) for member in content])


def _check_members(content: Any, member_type: type, when_empty: str) -> None:
    if type(content) is not list:
        _wrong_json(content, "List")
    if not content:
        raise malformed_values(when_empty)
    for member in content:
        if type(member) is not member_type:
            _wrong_json(member, "String")


def _wrong_json(found: Any, wanted: str) -> NoReturn:
    if type(found) is dict:
        raise WrongJson("Start of structure or map found where not expected")
    if wanted in ("List", "Map"):
        raise WrongJson("Unexpected field type")
    if type(found) is list:
        raise WrongJson(f"Unrecognized collection type class java.lang.{wanted}")
    shown = {bool: f"{str(found).upper()}_VALUE", int: "NUMBER_VALUE", float: "DECIMAL_VALUE"}
    raise WrongJson(found=shown.get(type(found), "STRING_VALUE"), wanted=wanted)


_CHECKERS: dict[str, Callable[[AttributeValue, Any, int], Sized]] = {
    "S": _text,
    "N": _number,
    "B": _binary,
    "BOOL": _boolean,
    "NULL": _null,
    "M": _map,
    "L": _list,
    "SS": _text_set,
    "NS": _number_set,
    "BS": _binary_set,
}
