"""The AWS scalars: what each accepts, what it gives back, and the words of its refusals.

For: `schema`, which puts them into every schema that names them. Owns: the grammar of each scalar.
Never: normalises; a string reaches a resolver as it was given, except AWSJSON, which is parsed.
"""

from __future__ import annotations

import datetime
import ipaddress
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import msgspec
from graphql import GraphQLEnumType, GraphQLScalarType, IntValueNode, StringValueNode, ValueNode

from syncline.core import json

OFFSET = r"(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d)?)"
TIME = r"(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d*)?)?"
DATE = r"(\d{4}-\d{2}-\d{2})"
DATE_ONLY = re.compile(rf"{DATE}{OFFSET}?", re.ASCII)
TIME_ONLY = re.compile(rf"{TIME}{OFFSET}?", re.ASCII)
DATE_TIME = re.compile(rf"{DATE}T{TIME}{OFFSET}", re.ASCII)
EMAIL = re.compile(r"[^\s@\"(),:;<>\[\\\]]+@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?")
PHONE_INTERNATIONAL = re.compile(r"\+[1-9]\d{0,2}(?:[ -]?\d+)+", re.ASCII)
PHONE_AMERICAN = re.compile(r"(?:1[ -]?)?[2-9]\d{2}[ -]?[2-9]\d{2}[ -]?\d{4}", re.ASCII)
SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s\x00-\x1f]+")
ADDRESS = re.compile(r"[0-9A-Fa-f:.]+(?:/\d{1,3})?", re.ASCII)


class NotAScalar(ValueError):
    """An input is not what the scalar accepts. Its text is the end of AppSync's sentence."""


class Unserializable(ValueError):
    """A resolver's value cannot be shown as the field's scalar. Its text is the end of AppSync's sentence."""


def _date(value: Any) -> bool:
    match = isinstance(value, str) and DATE_ONLY.fullmatch(value)
    return bool(match) and _is_real_date(match[1])  # type: ignore[index]


def _time(value: Any) -> bool:
    return isinstance(value, str) and TIME_ONLY.fullmatch(value) is not None


def _date_time(value: Any) -> bool:
    match = isinstance(value, str) and DATE_TIME.fullmatch(value)
    return bool(match) and _is_real_date(match[1])  # type: ignore[index]


def _is_real_date(text: str) -> bool:
    try:
        datetime.date.fromisoformat(text)
    except ValueError:
        return False
    return True


def _timestamp(value: Any) -> bool:
    return type(value) is int and -(2**63) <= value < 2**63


def _email(value: Any) -> bool:
    return isinstance(value, str) and EMAIL.fullmatch(value) is not None


def _url(value: Any) -> bool:
    if not isinstance(value, str) or not SCHEME.fullmatch(value):
        return False
    try:
        return "//" not in urlsplit(value).path
    except ValueError:
        return False


def _phone(value: Any) -> bool:
    if not isinstance(value, str):
        return False
    if value.startswith("+"):
        digits = sum(character.isdigit() for character in value)
        american = value.startswith("+1")
        found = PHONE_AMERICAN.fullmatch(value[1:]) if american else PHONE_INTERNATIONAL.fullmatch(value)
        return found is not None and 7 <= digits <= 15
    return PHONE_AMERICAN.fullmatch(value) is not None


def _ip_address(value: Any) -> bool:
    if not isinstance(value, str) or not ADDRESS.fullmatch(value):
        return False
    try:
        ipaddress.ip_interface(value)
    except ValueError:
        return False
    return True


STRINGS: dict[str, tuple[Callable[[Any], bool], str, str]] = {
    # scalar: what it accepts; its noun for an input; its noun for a result
    "AWSDate": (_date, "date", "Date"),
    "AWSTime": (_time, "time", "Time"),
    "AWSDateTime": (_date_time, "DateTime", "DateTime"),
    "AWSTimestamp": (_timestamp, "timestamp", "timestamp"),
    "AWSEmail": (_email, "email", "Email"),
    "AWSURL": (_url, "URL", "URL"),
    "AWSPhone": (_phone, "phone number", "Phone"),
    "AWSIPAddress": (_ip_address, "IP address", "IPAddress"),
}
JAVA_NAMES = {str: "String", int: "Integer", float: "Double", bool: "Boolean", list: "ArrayList", dict: "LinkedHashMap"}
NAMES = frozenset({*STRINGS, "AWSJSON"})
"""Every AWS scalar."""


def equip(scalar: GraphQLScalarType) -> None:
    """Give a declared AWS scalar its behaviour."""
    if scalar.name == "AWSJSON":
        scalar.coerce_output_value = serialize_json
        scalar.coerce_input_value = parse_json
        scalar.coerce_input_literal = _json_literal
        return
    accepts, input_noun, output_noun = STRINGS[scalar.name]
    scalar.coerce_output_value = _serializer(accepts, output_noun)
    scalar.coerce_input_value = parse = _parser(accepts, input_noun)
    scalar.coerce_input_literal = _literal(parse, scalar.name)


def complaint(leaf: Any, value: Any, failure: Exception) -> str:
    """Why a resolver's value is not of the field's scalar or enum, in AppSync's words."""
    if isinstance(failure, Unserializable):
        return str(failure)
    if isinstance(leaf, GraphQLEnumType):
        return f"Invalid input for Enum '{leaf.name}'. Unknown value '{value}'"
    return f"Expected type '{leaf.name}' but was '{java_name(value)}'."


def java_name(value: Any) -> str:
    """What AppSync calls the type of a JSON value."""
    return JAVA_NAMES.get(type(value), type(value).__name__)


def serialize_json(value: Any) -> str:
    """A result as AWSJSON: JSON text of whatever it is, strings included, encoded once."""
    try:
        return json.encode(value).decode()
    except (TypeError, RecursionError, msgspec.MsgspecError):
        raise Unserializable(f"Unable to serialize `{value}` as a valid Json Object.") from None


def parse_json(value: Any) -> Any:
    """An AWSJSON input, parsed."""
    if not isinstance(value, str):
        raise NotAScalar(f"Unable to parse `{value}` as valid JSON.")
    try:
        return json.decode(value)
    except (json.NotJson, RecursionError):
        raise NotAScalar(f"Unable to parse `{value}` as valid JSON.") from None


def _json_literal(node: ValueNode) -> Any:
    if not isinstance(node, StringValueNode):
        raise NotAScalar("An AWSJSON literal is a string that holds JSON.")
    return parse_json(node.value)


def _parser(accepts: Callable[[Any], bool], noun: str) -> Callable[[Any], Any]:
    def parse(value: Any) -> Any:
        if not accepts(value):
            raise NotAScalar(f"Unable to parse `{value}` as a valid {noun}.")
        return value

    return parse


def _literal(parse: Callable[[Any], Any], name: str) -> Callable[[ValueNode], Any]:
    kind = IntValueNode if name == "AWSTimestamp" else StringValueNode

    def literal(node: ValueNode) -> Any:
        if not isinstance(node, kind):
            raise NotAScalar(f"{name} cannot be written so.")
        return parse(int(node.value) if name == "AWSTimestamp" else node.value)

    return literal


def _serializer(accepts: Callable[[Any], bool], noun: str) -> Callable[[Any], Any]:
    def serialize(value: Any) -> Any:
        if not accepts(value):
            raise Unserializable(f"Unable to serialize `{value}` as a valid {noun} Object.")
        return value

    return serialize
