"""`util.rds`: rows of a database's answer, from the Data API's own shape."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from syncline.core import json
from syncline.vtl import MethodFailed, text_of

JSON = Any
VALUES = ("longValue", "doubleValue", "stringValue", "booleanValue", "blobValue")
ARRAYS = ("longValues", "doubleValues", "stringValues", "booleanValues", "arrayValues")
DEPTH_MAX = 20


def to_json_object(result: JSON) -> JSON:
    """A list per statement of rows: maps by column label, columns that are null left out. Null for no result."""
    try:
        found = json.decode(result) if type(result) is str else result
    except json.NotJson:
        return None
    results = found.get("sqlStatementResults") if isinstance(found, dict) else None
    if type(results) is not list:
        return None
    return [_rows(each) for each in results]


def _rows(result: JSON) -> list[JSON]:
    if not isinstance(result, dict) or type(result.get("records")) is not list:
        return [{}]
    columns = result.get("columnMetadata") or []
    names = [str(each.get("label") or each.get("name") or "") for each in columns]
    return [_row(names, record) for record in result["records"]]


def _row(names: list[str], record: JSON) -> JSON:
    fields = record if type(record) is list else []
    row = {name: _value(field) for name, field in zip(names, fields, strict=False)}
    return {name: value for name, value in row.items() if value is not None}


def _value(field: JSON, depth: int = 0) -> JSON:
    if not isinstance(field, dict) or field.get("isNull") or depth > DEPTH_MAX:
        return None
    for name in VALUES:
        if name in field:
            return field[name]
    return _array(field.get("arrayValue"), depth)


def _array(array: JSON, depth: int) -> JSON:
    for name in ARRAYS:
        if isinstance(array, dict) and type(array.get(name)) is list:
            values = array[name]
            return [_array(each, depth + 1) for each in values] if name == "arrayValues" else values
    return None


def to_json_string(result: JSON) -> str:
    """The same as JSON text."""
    if result is None:
        raise MethodFailed(f"{text_of(result)} is not a result")
    return json.encode(to_json_object(result)).decode()


FUNCTIONS: dict[str, Callable[..., JSON]] = {"rds.toJsonObject": to_json_object, "rds.toJsonString": to_json_string}
