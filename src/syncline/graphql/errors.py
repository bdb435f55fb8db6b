"""Errors in AppSync's shapes: of a request, of a document, of a field.

For: execution and the HTTP door. Owns: the member order and the words of each shape (graphql-api reference, 1.3).
Never: decides a status; raises.
"""

from __future__ import annotations

from typing import Any

from graphql import FieldNode, Node

from syncline.core import Failed, Invalid, NotFound, SynclineError

Path = tuple[str | int, ...]
MESSAGE_CHARACTERS_MAX = 1500
"""Of a message that quotes a value: who sent a megabyte need not get it back, a hundred times."""


class MalformedRequest(Invalid):
    """Unable to parse GraphQL query."""

    code = "MalformedHttpRequestException"


class BadRequest(Invalid):
    """The request cannot be served as it is."""

    code = "BadRequestException"


class NoSchema(Failed):
    """No schema definition exists."""

    code = "GraphQLSchemaException"


class NoSuchApi(NotFound):
    """GraphQL API {api} not found."""

    code = "NotFoundException"


class OperationUnsupported(Invalid):
    """{operation} not supported through the realtime channel"""

    code = "UnsupportedOperation"


class FieldFailed(Exception):
    """A field has no value, for a reason that goes into `errors`."""

    def __init__(self, message: str, error_type: str | None, data: Any = None, info: Any = None) -> None:
        super().__init__(message)
        self.message, self.error_type, self.data, self.info = message, error_type, data, info


def location(node: Node) -> list[dict[str, Any]]:
    """Where `node` begins in its document, as the `locations` of an error."""
    if node.loc is None:
        return []
    place = node.loc.source.get_location(node.loc.start)
    return [{"line": place.line, "column": place.column, "sourceName": None}]


def transport(refusal: SynclineError) -> dict[str, Any]:
    """The only entry of a 4xx answer: the call did not get as far as a document."""
    return {"errorType": refusal.code, "message": refusal.message}


def document(message: str, node: Node | None) -> dict[str, Any]:
    """An entry about the document or its variables."""
    return {"path": None, "locations": location(node) if node else None, "message": shortened(message)}


def field(failure: FieldFailed, path: Path, node: FieldNode) -> dict[str, Any]:
    """An entry about a field whose resolver, or whose access, failed."""
    return {
        "path": list(path),
        "data": failure.data,
        "errorType": failure.error_type,
        "errorInfo": failure.info,
        "locations": location(node),
        "message": failure.message,
    }


def null_for_non_null(type_name: str, parent: str, path: Path) -> dict[str, Any]:
    """An entry about a null where the schema has `!`."""
    message = f"Cannot return null for non-nullable type: '{type_name}' within parent '{parent}' ({slashed(path)})"
    return {"path": list(path), "locations": None, "message": message}


def unserializable(reason: str, path: Path) -> dict[str, Any]:
    """An entry about a value that is not of the field's type."""
    return {
        "path": list(path),
        "locations": None,
        "message": shortened(f"Can't serialize value ({slashed(path)}) : {reason}"),
    }


def shortened(message: str) -> str:
    """The message, and of one too long its beginning and end."""
    if len(message) <= MESSAGE_CHARACTERS_MAX:
        return message
    half = MESSAGE_CHARACTERS_MAX // 2
    return f"{message[:half]} … {message[-half:]}"


def slashed(path: Path) -> str:
    """A path as AppSync writes it in text: `/list/items[32]/orderDate`."""
    return "".join(f"[{part}]" if isinstance(part, int) else f"/{part}" for part in path)


def denied(field_name: str, type_name: str) -> FieldFailed:
    """The caller may not see this field."""
    return FieldFailed(f"Not Authorized to access {field_name} on type {type_name}", "Unauthorized")
