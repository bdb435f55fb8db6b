"""`util.*`: tests, defaults, text codecs.

Owns: the functions that need neither clock, ids nor the field's run.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any
from urllib.parse import quote_plus, unquote_plus

from syncline.core import json
from syncline.vtl import MethodFailed, pattern, text_of

JSON = Any


def quiet(_value: JSON) -> str:
    """Evaluates its argument, prints nothing."""
    return ""


def parse_json(text: JSON) -> JSON:
    """JSON text as a value; null stays null."""
    if text is None:
        return None
    try:
        return json.decode(text_of(text))
    except json.NotJson as refusal:
        raise MethodFailed(f"Unable to parse JSON: {refusal}") from None


def is_null(value: JSON) -> bool:
    """Whether the value is null."""
    return value is None


def is_null_or_empty(value: JSON) -> bool:
    """Whether the value is null or has nothing in it."""
    return value is None or value in ("", [], {})


def is_null_or_blank(value: JSON) -> bool:
    """Whether the value is null or only blanks."""
    return value is None or (type(value) is str and not value.strip())


def default_if_null(value: JSON, other: JSON) -> JSON:
    """`other` when the value is null."""
    return other if value is None else value


def default_if_null_or_empty(value: JSON, other: JSON) -> JSON:
    """`other` when the value is null or has nothing in it."""
    return other if is_null_or_empty(value) else value


def default_if_null_or_blank(value: JSON, other: JSON) -> JSON:
    """`other` when the value is null or only blanks."""
    return other if is_null_or_blank(value) else value


def is_string(value: JSON) -> bool:
    """Whether the value is text."""
    return type(value) is str


def is_number(value: JSON) -> bool:
    """Whether the value is a number."""
    return type(value) in (int, float)


def is_boolean(value: JSON) -> bool:
    """Whether the value is true or false."""
    return type(value) is bool


def is_list(value: JSON) -> bool:
    """Whether the value is a list."""
    return type(value) is list


def is_map(value: JSON) -> bool:
    """Whether the value is a map."""
    return type(value) is dict


_TYPES = {type(None): "Null", int: "Number", float: "Number", str: "String", dict: "Map", list: "List", bool: "Boolean"}


def type_of(value: JSON) -> str:
    """`Null`, `Number`, `String`, `Map`, `List`, `Boolean` or `Object`."""
    return _TYPES.get(type(value), "Object")


def matches(regex: JSON, text: JSON) -> bool:
    """Whether the regular expression finds something in the text."""
    return pattern(text_of(regex)).search(text_of(text))


def url_encode(text: JSON) -> str:
    """As a form encodes it: blanks are `+`."""
    # Java's URLEncoder keeps `*` and encodes `~`; Python's does the opposite.
    return quote_plus(text_of(text), safe="*").replace("~", "%7E")


def url_decode(text: JSON) -> str:
    """The reverse of `url_encode`."""
    return unquote_plus(text_of(text))


def base64_encode(text: JSON) -> str:
    """The text's UTF-8 bytes as base64."""
    return base64.b64encode(text_of(text).encode()).decode()


def base64_decode(text: JSON) -> str:
    """The bytes as text: VTL has no other use for them."""
    try:
        return base64.b64decode(text_of(text), validate=True).decode(errors="replace")
    except binascii.Error as refusal:
        raise MethodFailed(f"Illegal base64: {refusal}") from None


_ESCAPES = {'"': '\\"', "'": "\\'", "\\": "\\\\", "/": "\\/"} | {"\b": "\\b", "\n": "\\n", "\t": "\\t"}
_ESCAPES |= {"\f": "\\f", "\r": "\\r"}


def escape_javascript(text: JSON) -> str:
    """As commons-lang 2 does it: everything outside printable ASCII as `\\uXXXX`."""
    return "".join(map(_escaped, text_of(text)))


def _escaped(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    if " " <= character <= "~":
        return character
    units = memoryview(character.encode("utf-16-le")).cast("H")
    return "".join(f"\\u{unit:04X}" for unit in units)


FUNCTIONS: dict[str, Callable[..., JSON]] = {
    "parseJson": parse_json,
    "isNull": is_null,
    "isNullOrEmpty": is_null_or_empty,
    "isNullOrBlank": is_null_or_blank,
    "defaultIfNull": default_if_null,
    "defaultIfNullOrEmpty": default_if_null_or_empty,
    "defaultIfNullOrBlank": default_if_null_or_blank,
    "isString": is_string,
    "isNumber": is_number,
    "isBoolean": is_boolean,
    "isList": is_list,
    "isMap": is_map,
    "typeOf": type_of,
    "matches": matches,
    "urlEncode": url_encode,
    "urlDecode": url_decode,
    "base64Encode": base64_encode,
    "base64Decode": base64_decode,
    "escapeJavaScript": escape_javascript,
}
