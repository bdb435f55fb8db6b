"""Errors as AWS's services name and number them.

For: the protocols' error answers. Owns: the status of a kind of error, and where one service's names differ.
Never: writes a protocol's shape.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from syncline.core import (
    Conflict,
    Denied,
    Failed,
    Invalid,
    NotFound,
    SynclineError,
    Throttled,
    TooLarge,
    Unauthenticated,
    Unavailable,
    Unsupported,
)
from syncline.wire.constraints import ConstraintsViolated
from syncline.wire.models import Model, Shape
from syncline.wire.scalars import NotConvertible

INTERNAL = "InternalFailure"


class UnknownOperation(NotFound):
    """{service} has no operation {operation}."""

    code = "UnknownOperationException"


class OperationUnsupported(Unsupported):
    """Syncline does not do {service}:{operation} yet."""


class ServiceUnsupported(Unsupported):
    """Syncline does not have the service {service} yet."""


class Failure(NamedTuple):
    """An error, ready for a protocol to write. `code` is the shape's name, `query_code` what query clients see."""

    status: int
    code: str
    query_code: str
    message: str
    message_member: str
    members: dict[str, Any]
    shape: str
    sender: bool


_REST_STATUS: tuple[tuple[type[SynclineError], int], ...] = (
    (UnknownOperation, 404),
    (Unsupported, 400),
    (Invalid, 400),
    (Unauthenticated, 403),
    (Denied, 403),
    (NotFound, 404),
    (Conflict, 409),
    (Throttled, 429),
    (TooLarge, 413),
    (Unavailable, 503),
    (Failed, 400),
)
"""By kind, for the REST protocols."""

_QUERY_STATUS: tuple[tuple[type[SynclineError], int], ...] = ((UnknownOperation, 400), (Throttled, 400), *_REST_STATUS)
_RPC_STATUS: tuple[tuple[type[SynclineError], int], ...] = ((TooLarge, 413), (Unavailable, 503))
STATUSES = {"rest-json": _REST_STATUS, "query": _QUERY_STATUS, "json": _RPC_STATUS}
"""By protocol and kind, the first that fits; 400 for the rest."""

_VALIDATION_CODES = {"logs": "InvalidParameterException", "cognito-idp": "InvalidParameterException"}
"""Services that do not call a broken constraint a ValidationException."""

_QUERY_CODES = {
    "ValidationException": "ValidationError",
    "SerializationException": "MalformedInput",
    "InvalidSignatureException": "SignatureDoesNotMatch",
    "UnrecognizedClientException": "InvalidClientTokenId",
    "MissingAuthenticationTokenException": "MissingAuthenticationToken",
    "IncompleteSignatureException": "IncompleteSignature",
    "AccessDeniedException": "AccessDenied",
    "ThrottlingException": "Throttling",
    "UnknownOperationException": "InvalidAction",
    "RequestEntityTooLargeException": "RequestEntityTooLarge",
    "ServiceUnavailableException": "ServiceUnavailable",
}
"""What the query protocol calls the errors that no service models."""

_LAMBDA_CODES = {"SerializationException": "InvalidRequestContentException"}

_CAPITAL_MESSAGE = frozenset({"SerializationException", "AccessDeniedException"})
"""Errors of no service whose text is in `Message`."""


class Failures:
    """The errors of one service."""

    def __init__(self, service: str, model: Model, *, protocol: str) -> None:
        self._service = service
        self._statuses = STATUSES[protocol]
        self._shapes: dict[str, tuple[str, Shape]] = {}
        for name, shape in model.shapes.items():
            if shape.exception:
                self._shapes.setdefault(name, (name, shape))
                if shape.error is not None and shape.error.code:
                    self._shapes.setdefault(shape.error.code, (name, shape))

    def of(self, error: SynclineError) -> Failure:
        """How `error` is told to a client of this service."""
        code = self._code(error)
        name, shape = self._shapes.get(code, (code, None))
        trait = shape.error if shape else None
        status = (trait.http_status_code if trait else 0) or self._status(error)
        return Failure(
            status=status,
            code=name,
            query_code=(trait.code if trait else "") or (code if shape else _QUERY_CODES.get(code, code)),
            message=error.message,
            message_member=_message_member(code, shape),
            members=self._members(error, shape, status),
            shape=name if shape else "",
            sender=status < 500,
        )

    def internal(self, request_id: str) -> Failure:
        """The answer to our own bug."""
        message = f"An internal failure; the server's log has it under request id {request_id}."
        return Failure(500, INTERNAL, INTERNAL, message, "message", {}, "", sender=False)

    def _code(self, error: SynclineError) -> str:
        code = error.code
        if isinstance(error, ConstraintsViolated):
            return _VALIDATION_CODES.get(self._service, code)
        if isinstance(error, NotConvertible) and self._service == "lambda":
            return _LAMBDA_CODES.get(code, code)
        return code

    def _status(self, error: SynclineError) -> int:
        return next((number for kind, number in self._statuses if isinstance(error, kind)), 400)

    def _members(self, error: SynclineError, shape: Shape | None, status: int) -> dict[str, Any]:
        members = dict(error.data)
        if self._service == "lambda" and shape is not None and "Type" in shape.members:
            members.setdefault("Type", "User" if status < 500 else "Service")
        return members


def _message_member(code: str, shape: Shape | None) -> str:
    if shape is None:
        return "Message" if code in _CAPITAL_MESSAGE else "message"
    return next((name for name in shape.members if name.lower() == "message"), "message")
