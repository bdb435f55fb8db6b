"""What can go wrong for a client, by name.

For: applications, which catch these; the room's other modules raise nothing else. Never: a socket's or a library's
own exception.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from syncline.core import SynclineError

UNAUTHORIZED = ("UnauthorizedException", "Unauthorized", "NotAuthorizedException")


class GraphQLError(msgspec.Struct, frozen=True):
    """One entry of an answer's `errors`."""

    message: str
    error_type: str | None = None
    path: tuple[str | int, ...] = ()
    data: Any = None
    error_info: Any = None

    @property
    def unauthorized(self) -> bool:
        """Whether another credential might have helped."""
        kind = (self.error_type or "").rpartition("#")[2]
        return kind in UNAUTHORIZED or "Token expired" in self.message


class ClientError(SynclineError):
    """Whatever a client of ours raises."""

    code = "ClientError"


class GraphQLFailed(ClientError):
    """The answer has errors. `errors` are they; `partial` is what there is of the data."""

    code = "GraphQLFailed"

    def __init__(self, errors: Sequence[GraphQLError], partial: Any = None) -> None:
        super().__init__("; ".join(error.message for error in errors))
        self.errors = tuple(errors)
        self.partial = partial


class RequestRefused(ClientError):
    """The server does not do what was asked. `errors` are its own words, `error_type` the first one's type."""

    code = "RequestRefused"

    def __init__(self, errors: Sequence[GraphQLError], status: int | None = None) -> None:
        kind = errors[0].error_type
        super().__init__(f"{kind}: {errors[0].message}" if kind else errors[0].message)
        self.errors = tuple(errors)
        self.error_type = kind
        self.status = status


class Unauthorized(RequestRefused):
    """The credential does not open this, and there is no fresher one."""

    code = "Unauthorized"


class ConnectionLost(ClientError):
    """There is no answer: {reason}. Whether the server has done what was asked is not known."""

    code = "ConnectionLost"


class TokenUnavailable(ClientError):
    """The application's token function failed: {reason}"""

    code = "TokenUnavailable"


def errors_of(found: object) -> list[GraphQLError]:
    """The entries of an `errors` member, which some servers send as one object."""
    entries = found if isinstance(found, list) else [found]
    return [_error_of(entry) for entry in entries if isinstance(entry, dict)]


def refusal_of(errors: Sequence[GraphQLError], status: int | None = None) -> RequestRefused:
    """The exception for a refusal."""
    unauthorized = status == 401 or any(error.unauthorized for error in errors)
    kind = Unauthorized if unauthorized else RequestRefused
    return kind(errors or [GraphQLError("The server refused and did not say why.")], status)


def _error_of(entry: dict[str, Any]) -> GraphQLError:
    kind, path = entry.get("errorType"), entry.get("path")
    return GraphQLError(
        str(entry.get("message") or kind or "refused"),
        kind if isinstance(kind, str) else None,
        tuple(path) if isinstance(path, list) else (),
        entry.get("data"),
        entry.get("errorInfo"),
    )
