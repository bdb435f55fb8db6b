"""Messages as the dialects have them in common: JSON objects with a type.

For: `appsync`, `events`, `transport`. Never: knows which message is legal when.
"""

from __future__ import annotations

from typing import Any

from syncline.core import json
from syncline.subprotocols.port import ErrorObject

EXTENSION = "syncline"
"""Where a start, its acknowledgement and a message hold what AppSync does not have, within `extensions`."""


def message(**members: Any) -> bytes:
    """One message of the dialect."""
    return json.encode(members)


def extension_of(extensions: object) -> dict[str, Any]:
    """What a client asks of Syncline alone."""
    found = extensions.get(EXTENSION) if isinstance(extensions, dict) else None
    return found if isinstance(found, dict) else {}


def decoded(text: str | bytes) -> dict[str, Any]:
    """A JSON object; anything else is the empty one."""
    try:
        found = json.decode(text)
    except (json.NotJson, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def named(refusal: ErrorObject) -> str:
    """A refusal in one line."""
    return ": ".join(str(refusal[member]) for member in ("errorType", "message") if refusal.get(member))


def duplicated(id: str) -> ErrorObject:
    """A start with an id in use."""
    return {"errorType": "DuplicatedOperationError", "message": f"Duplicated operation with id {id}"}


def too_many(most: int) -> ErrorObject:
    """A start beyond the quota."""
    return {"errorType": "MaxSubscriptionsReachedError", "message": f"Max number of {most} subscriptions reached"}
