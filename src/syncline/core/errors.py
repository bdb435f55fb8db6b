"""The one tree of errors.

For: every room. Inside, code raises by kind and name; only the doors (wire, graphql, subprotocols, edge)
translate an error into a status, an error type or a close code.
Never: holds a status, a GraphQL path or a protocol's shape.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any, ClassVar


class SynclineError(Exception):
    """Something was refused or failed.

    A subclass sets `code` (the name that clients of the protocol know) and may write its sentence as its
    docstring, with the facts as `{names}`: `raise SubscriberTooSlow(id=…, pending=…, limit=…)`.
    Where AWS fixes the text, pass it: `raise TableNotFound("Requested resource not found: Table: t not found")`.

    `data` holds extra members that the protocol's error shape carries (e.g. `Item`, `CancellationReasons`).
    """

    code: ClassVar[str] = "InternalFailure"

    def __init__(self, message: str | None = None, /, *, data: Mapping[str, Any] | None = None, **facts: Any) -> None:
        self.message: str = self._sentence(facts) if message is None else message
        self.data: dict[str, Any] = dict(data or {})
        self.facts: dict[str, Any] = facts
        super().__init__(self.message)

    @classmethod
    def _sentence(cls, facts: Mapping[str, Any]) -> str:
        return inspect.cleandoc(cls.__doc__ or cls.code).format(**facts)


class Invalid(SynclineError):
    """The request cannot be right, whatever the state."""

    code = "ValidationException"


class Unauthenticated(SynclineError):
    """We do not know you."""

    code = "UnauthorizedException"


class Denied(SynclineError):
    """We know you; no."""

    code = "AccessDeniedException"


class NotFound(SynclineError):
    """There is no such thing."""

    code = "ResourceNotFoundException"


class Conflict(SynclineError):
    """The state disagrees with the request."""

    code = "ConflictException"


class Throttled(SynclineError):
    """Too much; try again later."""

    code = "ThrottlingException"


class TooLarge(SynclineError):
    """Over a limit that has a name."""

    code = "RequestEntityTooLargeException"


class Unavailable(SynclineError):
    """A dependency is away; retry."""

    code = "ServiceUnavailableException"


class Failed(SynclineError):
    """The user's own code (a function, a resolver) failed."""

    code = "Failed"


class Unsupported(SynclineError):
    """Syncline does not do that yet."""

    code = "UnsupportedOperation"
