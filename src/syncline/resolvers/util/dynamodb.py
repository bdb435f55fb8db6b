"""`util.dynamodb.*`: plain values as DynamoDB's typed ones. N holds JSON numbers, as AppSync writes them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from syncline.core import json
from syncline.vtl import MethodFailed, plain

JSON = Any
Typed = dict[str, Any]


def to_dynamodb(value: JSON) -> Typed:
    """Any value, typed after its own type; never a set."""
    kind = type(value)
    if kind is str:
        return {"S": value}
    if kind is bool:
        return {"BOOL": value}
    if kind is int or kind is float:
        return {"N": value}
    if value is None:
        return {"NULL": None}
    if kind is list:
        return {"L": [to_dynamodb(each) for each in value]}
    if isinstance(value, dict):
        return {"M": {key: to_dynamodb(each) for key, each in value.items()}}
    return to_dynamodb(plain(value))


def _wrap(tag: str, value: JSON) -> Typed | None:
    return None if value is None else {tag: plain(value)}


def to_string(value: JSON) -> Typed | None:
    """An S; null stays null, here and in the next six."""
    return _wrap("S", value)


def to_string_set(values: JSON) -> Typed | None:
    """An SS."""
    return _wrap("SS", values)


def to_number(value: JSON) -> Typed | None:
    """An N."""
    return _wrap("N", value)


def to_number_set(values: JSON) -> Typed | None:
    """An NS."""
    return _wrap("NS", values)


def to_binary(value: JSON) -> Typed | None:
    """A B, from base64 text."""
    return _wrap("B", value)


def to_binary_set(values: JSON) -> Typed | None:
    """A BS."""
    return _wrap("BS", values)


def to_boolean(value: JSON) -> Typed | None:
    """A BOOL."""
    return _wrap("BOOL", value)


def to_null() -> Typed:
    """A NULL."""
    return {"NULL": None}


def to_list(values: JSON) -> Typed | None:
    """An L with each element typed."""
    return None if values is None else {"L": [to_dynamodb(each) for each in _kind(values, list)]}


def to_map(value: JSON) -> Typed | None:
    """An M with each value typed."""
    return None if value is None else {"M": to_map_values(value)}


def to_map_values(value: JSON) -> Typed | None:
    """A map with each value typed: an M without its wrapping."""
    if value is None:
        return None
    return {key: to_dynamodb(each) for key, each in _kind(plain(value), dict).items()}


def to_s3_object(key: JSON, bucket: JSON, region: JSON, version: JSON = None) -> Typed:
    """An S that tells where an object is."""
    place = {"key": key, "bucket": bucket, "region": region}
    if version is not None:
        place["version"] = version
    return {"S": json.encode({"s3": place}).decode()}


def from_s3_object(text: JSON) -> JSON:
    """The place that such an S tells."""
    if text is None:
        return None
    try:
        return json.decode(_kind(text, str))["s3"]
    except (json.NotJson, KeyError, TypeError):
        raise MethodFailed("the text is no S3 object") from None


def _kind(value: JSON, kind: type) -> Any:
    if not isinstance(value, kind):
        raise MethodFailed(f"a {'list' if kind is list else 'map' if kind is dict else 'string'} was expected")
    return value


TYPED: dict[str, Callable[..., JSON]] = {
    "toDynamoDB": to_dynamodb,
    "toString": to_string,
    "toStringSet": to_string_set,
    "toNumber": to_number,
    "toNumberSet": to_number_set,
    "toBinary": to_binary,
    "toBinarySet": to_binary_set,
    "toBoolean": to_boolean,
    "toNull": to_null,
    "toList": to_list,
    "toMap": to_map,
    "toMapValues": to_map_values,
    "toS3Object": to_s3_object,
}
"""Each has a twin named `…Json` whose result is the same as JSON text."""
