"""What the edge asks of the house: an answer to a request, an endpoint for a WebSocket.

For: `app` implements `Doors`. Owns: the edge's own refusals, by name. Never: knows a route.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import NamedTuple, Protocol

from syncline.core import (
    Conflict,
    Denied,
    Invalid,
    NotFound,
    Request,
    Response,
    SynclineError,
    Throttled,
    TooLarge,
    Unauthenticated,
    Unavailable,
    Unsupported,
    json,
)
from syncline.hub import RealtimeEndpoint


class Doors(Protocol):
    """The rest of the house, as the edge sees it."""

    def respond(self, request: Request) -> Awaitable[Response]:
        """Answer one request. What it raises is logged and answered as an internal failure."""
        ...

    def origins(self, request: Request) -> frozenset[str] | None:
        """The web origins whose pages may make this request; None for all. Asked for requests that name theirs."""
        ...

    def endpoint(self, request: Request) -> RealtimeEndpoint | None:
        """What a WebSocket upgrade to this path talks to; None: `respond` answers the request instead."""
        ...


class Refusal(NamedTuple):
    """An answer that the edge gives by itself."""

    status: int
    code: str
    message: str

    @property
    def response(self) -> Response:
        """In a shape that both AppSync's clients and AWS SDKs read."""
        error = {"errorType": self.code, "message": self.message}
        body = {"__type": self.code, "message": self.message, "errors": [error]}
        return Response(self.status, json.encode(body), "application/json", [("x-amzn-errortype", self.code)])


MALFORMED = Refusal(400, "BadRequestException", "The request is not valid HTTP/1.1.")
REQUEST_LATE = Refusal(408, "RequestTimeoutException", "The request did not arrive in time.")
ADDRESS_LONG = Refusal(414, "RequestUriTooLongException", "The request's address is too long.")
HEADERS_LARGE = Refusal(431, "RequestHeaderFieldsTooLargeException", "The request's headers are too large.")
CONNECTIONS_FULL = Refusal(503, "ServiceUnavailableException", "The server holds as many connections as it may.")
CONNECTIONS_MANY = Refusal(429, "LimitExceededException", "The address holds as many connections as it may.")
CODING_UNKNOWN = Refusal(501, "NotImplementedException", "The only transfer coding is chunked.")
ORIGIN_REFUSED = Refusal(403, Denied.code, "Pages of this origin may not ask this API.")
RATE_EXCEEDED = Refusal(429, Throttled.code, "Rate exceeded")
FAILURE = Refusal(500, "InternalFailure", "Internal failure. The server's log tells more under this request id.")


def body_large(limit: int) -> Refusal:
    """The refusal of a body over `limit` bytes."""
    return Refusal(413, TooLarge.code, f"The request's body is larger than the limit of {limit} bytes.")


STATUSES: tuple[tuple[type[SynclineError], int], ...] = (
    (Unauthenticated, 401),
    (Denied, 403),
    (NotFound, 404),
    (Conflict, 409),
    (TooLarge, 413),
    (Throttled, 429),
    (Unavailable, 503),
    (Invalid, 400),
    (Unsupported, 400),
)
"""The status of an error that a door let through, by kind; other kinds are failures."""


def refusal_of(error: SynclineError) -> Refusal:
    """How an error that a door let through is answered."""
    for kind, status in STATUSES:
        if isinstance(error, kind):
            return Refusal(status, error.code, error.message)
    return Refusal(500, error.code, error.message)
