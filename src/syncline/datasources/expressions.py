"""Expressions of a request document: text, names and values as DynamoDB's own request has them.

For: `dynamodb` and `transactions`. Never: reads an expression; the table engine does.
"""

from __future__ import annotations

from typing import Any

from syncline.datasources.attributes import mapping_error, typed_map
from syncline.datasources.model import JSON

Request = dict[str, Any]


def read_expression(found: Request, ask: Request, member: str, where: str) -> None:
    """Put an expression into `ask` as `member`; its names and values join those that are there."""
    expression = found.get("expression")
    if type(expression) is not str:
        raise mapping_error(f"Value for field '{where}[expression]' not found.")
    ask[member] = expression
    names, values = found.get("expressionNames"), found.get("expressionValues")
    if names is not None and not _is_names(names):
        raise mapping_error(f"Expected JSON object of strings for field '{where}[expressionNames]'.")
    if names:
        ask["ExpressionAttributeNames"] = {**ask.get("ExpressionAttributeNames", {}), **names}
    if values:
        typed = typed_map(values, f"{where}[expressionValues]")
        ask["ExpressionAttributeValues"] = {**ask.get("ExpressionAttributeValues", {}), **typed}


def _is_names(names: JSON) -> bool:
    return type(names) is dict and all(type(each) is str for each in names.values())


def read_projection(found: JSON, ask: Request) -> None:
    """Put a projection into `ask`."""
    if type(found) is not dict:
        raise mapping_error("Expected JSON object for field '$[projection]'.")
    read_expression({**found, "expressionValues": None}, ask, "ProjectionExpression", "$[projection]")
