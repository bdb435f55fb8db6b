"""AppSync's WebSocket dialect `graphql-ws` as a state machine.

For: `edge`, which drives it. Owns: which message is legal when, the ids in use, and the dialect's timers.
Never: touches a socket, a task or a clock; looks into a GraphQL document.
Follows: AWS AppSync, "Building a real-time WebSocket client".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from syncline.core import Denied, NotFound, SynclineError, Throttled, Unauthenticated, Unavailable, json
from syncline.subprotocols.actions import Action, Send, Subscribe, Unsubscribe
from syncline.subprotocols.admission import (
    CONNECTION_SECONDS_MAX,
    KEEP_ALIVE,
    NORMAL,
    Admission,
    Admitted,
    Move,
    State,
    Words,
)
from syncline.subprotocols.handshake import GRAPHQL_WS, Undecodable, texts
from syncline.subprotocols.messages import EXTENSION, decoded, duplicated, extension_of, message, named, too_many
from syncline.subprotocols.port import ErrorObject, Handshake

UNAUTHORIZED: ErrorObject = {
    "errorType": "com.amazonaws.deepdish.graphql.auth#UnauthorizedException",
    "message": "You are not authorized to make this call.",
    "errorCode": 400,
}
NO_PROTOCOL: ErrorObject = {"message": "NoProtocolError", "errorCode": 400}
NOT_SUPPORTED: ErrorObject = {"message": "SubProtocolNotSupportedError", "errorCode": 400}
NO_HEADERS: ErrorObject = {"message": "Required headers are missing.", "errorCode": 400}
UNKNOWN: ErrorObject = {
    "errorType": "UnsupportedOperation",
    "message": "unknown not supported through the realtime channel",
}
NO_AUTHORIZATION: ErrorObject = {
    "errorType": "UnauthorizedException",
    "message": "Valid authorization header not provided.",
}


class AppSyncProtocol(Admitted):
    """One connection. `due` is the monotonic second at which `tick` has something to do."""

    operations = False
    """Only subscriptions are started over the socket."""

    def __init__(
        self,
        handshake: Handshake,
        *,
        subscriptions_max: int = 100,
        keep_alive_seconds: float = 60.0,
        connection_timeout_ms: int = 300_000,
        connection_seconds_max: float = CONNECTION_SECONDS_MAX,
    ) -> None:
        admission = Admission(WORDS, beat_seconds=keep_alive_seconds, seconds_max=connection_seconds_max)
        super().__init__(handshake, admission)
        self._subscriptions_max = subscriptions_max
        self._ack = message(type="connection_ack", payload={"connectionTimeoutMs": connection_timeout_ms})

    def accepted(self, id: str, told: Mapping[str, Any] | None = None) -> list[Action]:
        """The subscription is registered."""
        more = {} if told is None else {"payload": {"extensions": {EXTENSION: told}}}
        return [Send(message(type="start_ack", id=id, **more))] if self._starts.accepted(id) else []

    def refused(self, id: str, errors: Sequence[ErrorObject]) -> list[Action]:
        """The subscription is not registered; its id is free again."""
        return [error(id, *errors)] if self._starts.refused(id) else []

    def answered(self, id: str, payload: bytes) -> list[Action]:
        """Not in this dialect: queries and mutations are refused before."""
        raise AssertionError("the dialect has subscriptions only")

    def ended(self, id: str, errors: Sequence[ErrorObject], *, close: bool = False) -> list[Action]:
        """The subscription is over."""
        if not self._starts.end(id):
            return []
        over: list[Action] = [error(id, *errors), Send(message(type="complete", id=id))]
        return [*over, *self._admission.close(NORMAL, str(errors[0]["message"]))] if close else over

    def splice(self, id: str) -> tuple[bytes, bytes]:
        """What stands before and after a payload in a `data` message of this subscription."""
        return b'{"id":' + json.encode(id) + b',"type":"data","payload":', b"}"

    # --- moves

    def _init(self, received: Mapping[str, Any]) -> list[Action]:
        return [Send(self._ack), Send(KEEP_ALIVE)]

    def _start(self, received: Mapping[str, Any]) -> list[Action]:
        id, payload = received.get("id"), received.get("payload")
        if not isinstance(id, str) or not isinstance(payload, dict):
            return self._unknown(received)
        raw = payload.get("data")
        document = decoded(raw) if isinstance(raw, str) else {}
        if not isinstance(raw, str) or not document:
            return self._unknown(received)
        if id not in self._starts and len(self._starts) >= self._subscriptions_max:
            return [error(id, too_many(self._subscriptions_max))]
        extensions = payload.get("extensions")
        authorization = extensions.get("authorization") if isinstance(extensions, dict) else None
        if not isinstance(authorization, dict) or not authorization:
            return [error(id, duplicated(id) if id in self._starts else NO_AUTHORIZATION)]
        headers = texts(authorization)
        # An id in use: the same again is what it was (with a fresh credential, say), anything else is a mistake.
        if not self._starts.begin(id, raw):
            return [error(id, duplicated(id))]
        return [Subscribe(id, document, raw, headers, extension_of(extensions))]

    def _stop(self, received: Mapping[str, Any]) -> list[Action]:
        id = received.get("id")
        if not isinstance(id, str):
            return self._unknown(received)
        complete = Send(message(type="complete", id=id))
        return [Unsubscribe(id, known=self._starts.end(id)), complete]

    def _unknown(self, received: Mapping[str, Any]) -> list[Action]:
        # AWS sends this without an id; with one, clients that wait for an answer to it are told (SUB-9).
        return [error(received.get("id"), UNKNOWN)]

    MOVES: ClassVar[dict[tuple[State, str], Move]] = {
        # connection_init is optional: a start without it is a start.
        (State.READY, "connection_init"): _init,
        (State.READY, "start"): _start,
        (State.READY, "stop"): _stop,
    }

    OTHERWISE: ClassVar[dict[State, Move]] = {
        # What a client sends before it is admitted is ignored.
        State.CONNECTING: Admitted.ignore,
        State.REFUSED: Admitted.show_refusal,
        State.READY: _unknown,
        State.CLOSED: Admitted.ignore,
    }


def error(id: object, *errors: ErrorObject) -> Send:
    """An `error` message, with the id when there is one."""
    whose = {"id": id} if isinstance(id, str) else {}
    return Send(message(type="error", **whose, payload={"errors": list(errors)}), named(errors[0]))


CONNECTION_ERRORS: tuple[tuple[type[SynclineError], str | None, int], ...] = (
    (Undecodable, None, 400),
    (NotFound, "com.amazon.coral.service.http#HttpNotFoundException", 400),
    # aws-amplify gives up at 400, 401 and 403 and tries again at anything else.
    (Throttled, "LimitExceededError", 429),
    (Unavailable, None, 503),
)
"""How a refusal to connect is shown, by its kind: errorType (None: its own code) and errorCode."""


def connection_error(refusal: SynclineError) -> ErrorObject:
    """The error object of a `connection_error` message."""
    if isinstance(refusal, Unauthenticated | Denied):
        return UNAUTHORIZED
    for kind, name, code in CONNECTION_ERRORS:
        if isinstance(refusal, kind):
            return {"errorType": name or refusal.code, "message": refusal.message, "errorCode": code}
    return {"errorType": refusal.code, "message": refusal.message, "errorCode": 400}


def connection_error_message(refusal: ErrorObject) -> bytes:
    """What tells a client that it is not admitted."""
    return message(type="connection_error", payload={"errors": [refusal]})


WORDS = Words(GRAPHQL_WS, NO_PROTOCOL, NOT_SUPPORTED, NO_HEADERS, connection_error, connection_error_message)
