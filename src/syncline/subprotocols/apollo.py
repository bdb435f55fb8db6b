"""The messages of Apollo's older `subscriptions-transport-ws`, as a state machine.

For: `edge`, which drives it where a client offers `graphql-ws` without a credential in its handshake: AppSync's
clients always bring one there, Apollo's bring it in the payload of `connection_init`. Owns: which message is legal
when, the ids in use, and the timers. Never: touches a socket, a task or a clock.
Follows: "GraphQL over WebSocket Protocol" of the subscriptions-transport-ws library, version 0.9.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from syncline.core import SynclineError, json
from syncline.subprotocols.actions import Action, Close, Connect, Send, Subscribe, Unsubscribe
from syncline.subprotocols.admission import GOING_AWAY, KEEP_ALIVE, NORMAL
from syncline.subprotocols.appsync import NO_HEADERS, connection_error_message
from syncline.subprotocols.handshake import CREDENTIAL_HEADERS, headers_of_init
from syncline.subprotocols.messages import EXTENSION, decoded, extension_of, message, named, too_many
from syncline.subprotocols.port import ErrorObject, Handshake
from syncline.subprotocols.transport import INIT_SECONDS_MAX, Stage

INVALID_TYPE: ErrorObject = {"message": "Invalid message type!"}
INVALID_START: ErrorObject = {"message": "Did not receive an id and a payload with a query."}
REFUSED = 1011

Move = Callable[["ApolloProtocol", Mapping[str, Any]], list[Action]]


class ApolloProtocol:
    """One connection. `due` is the monotonic second at which `tick` has something to do."""

    operations = True

    def __init__(
        self,
        handshake: Handshake,
        *,
        subscriptions_max: int = 100,
        keep_alive_seconds: float = 60.0,
        connection_seconds_max: float = float("inf"),
    ) -> None:
        self.stage = Stage.WAITING
        self.due = float("inf")
        self.ids: set[str] = set()
        self._handshake = handshake
        self._subscriptions_max = subscriptions_max
        self._keep_alive_seconds, self._connection_seconds_max = keep_alive_seconds, connection_seconds_max
        self._ends = float("inf")
        self._headers: dict[str, str] = {}

    def opened(self, now: float) -> list[Action]:
        """The WebSocket is open; the client speaks first."""
        self.due = now + INIT_SECONDS_MAX
        self._ends = now + self._connection_seconds_max
        return []

    def connected(self) -> list[Action]:
        """The connection is admitted."""
        if self.stage is not Stage.ADMITTING:
            return []
        self.stage = Stage.OPEN
        self.due += self._keep_alive_seconds - INIT_SECONDS_MAX
        return [Send(message(type="connection_ack")), Send(KEEP_ALIVE)]

    def connect_refused(self, error: SynclineError) -> list[Action]:
        """The connection is not admitted."""
        if self.stage is Stage.CLOSED:
            return []
        told = message(type="connection_error", payload={"message": error.message})
        return [Send(told, error.message), *self._close(REFUSED, error.message)]

    def receive(self, message: str | bytes) -> list[Action]:
        """A whole message. Never raises."""
        received = decoded(message)
        if self.stage is Stage.WAITING:
            return self._init(received)
        if self.stage is not Stage.OPEN:
            return []
        kind = received.get("type")
        move = self.MOVES.get(kind) if isinstance(kind, str) else None
        return [failed(received.get("id"), INVALID_TYPE)] if move is None else move(self, received)

    def accepted(self, id: str, told: Mapping[str, Any] | None = None) -> list[Action]:
        """The subscription is registered. The dialect has no word for that: only who asked for more is told."""
        if told is None or id not in self.ids:
            return []
        return [Send(message(id=id, type="data", payload={"data": None, "extensions": {EXTENSION: told}}))]

    def refused(self, id: str, errors: Sequence[ErrorObject]) -> list[Action]:
        """The operation failed before it began; its id is free again."""
        return self.ended(id, errors)

    def answered(self, id: str, payload: bytes) -> list[Action]:
        """The operation was a query or a mutation, and this is its answer."""
        if id not in self.ids:
            return []
        self.ids.discard(id)
        before, after = self.splice(id)
        return [Send(before + payload + after), Send(message(id=id, type="complete"))]

    def ended(self, id: str, errors: Sequence[ErrorObject], *, close: bool = False) -> list[Action]:
        """The subscription is over."""
        if id not in self.ids:
            return []
        self.ids.discard(id)
        over: list[Action] = [failed(id, *errors)]
        return [*over, *self._close(NORMAL, str(errors[0]["message"]))] if close else over

    def splice(self, id: str) -> tuple[bytes, bytes]:
        """What stands before and after a payload in a `data` message of this operation."""
        return b'{"id":' + json.encode(id) + b',"type":"data","payload":', b"}"

    def tick(self, now: float) -> list[Action]:
        """The end of waiting for `connection_init`, keep-alives, and the longest life of any connection."""
        if now < self.due or self.stage is Stage.CLOSED:
            return []
        if self.stage is Stage.WAITING:
            return self._without_credential()
        if now >= self._ends:
            return self._close(GOING_AWAY, "the connection reached its maximum age")
        self.due = min(now + self._keep_alive_seconds, self._ends)
        return [Send(KEEP_ALIVE)] if self.stage is Stage.OPEN else []

    # --- moves

    def _init(self, received: Mapping[str, Any]) -> list[Action]:
        payload = received.get("payload")
        if received.get("type") != "connection_init" or not isinstance(payload, dict):
            return self._without_credential()
        self._headers = headers_of_init(self._handshake, payload)
        if not any(name.lower() in CREDENTIAL_HEADERS for name in self._headers):
            return self._without_credential()
        self.stage = Stage.ADMITTING
        return [Connect(self._headers)]

    def _without_credential(self) -> list[Action]:
        """As to a client of AppSync's that forgot it."""
        reason = named(NO_HEADERS)
        return [Send(connection_error_message(NO_HEADERS), reason), *self._close(NORMAL, reason)]

    def _again(self, received: Mapping[str, Any]) -> list[Action]:
        return [Send(message(type="connection_ack"))]

    def _start(self, received: Mapping[str, Any]) -> list[Action]:
        id, payload = received.get("id"), received.get("payload")
        if not isinstance(id, str) or not isinstance(payload, dict) or not isinstance(payload.get("query"), str):
            return [failed(id, INVALID_START)]
        # An id in use is used anew: this dialect does so.
        before = self._stop(received)
        if len(self.ids) >= self._subscriptions_max:
            return [*before, failed(id, too_many(self._subscriptions_max))]
        self.ids.add(id)
        raw = json.encode(payload).decode()
        return [*before, Subscribe(id, payload, raw, self._headers, extension_of(payload.get("extensions")))]

    def _stop(self, received: Mapping[str, Any]) -> list[Action]:
        id = received.get("id")
        if not isinstance(id, str) or id not in self.ids:
            return []
        self.ids.discard(id)
        return [Unsubscribe(id)]

    def _terminate(self, received: Mapping[str, Any]) -> list[Action]:
        return self._close(NORMAL, "the client has ended the connection")

    def _close(self, code: int, reason: str) -> list[Action]:
        self.stage = Stage.CLOSED
        self.due = float("inf")
        self.ids.clear()
        return [Close(code, reason)]

    MOVES: ClassVar[dict[str, Move]] = {
        "connection_init": _again,
        "start": _start,
        "stop": _stop,
        "connection_terminate": _terminate,
    }


def failed(id: object, *errors: ErrorObject) -> Send:
    """An `error` message: clients read either `message` or `errors`."""
    whose = {"id": id} if isinstance(id, str) else {}
    payload = {"message": errors[0]["message"], "errors": list(errors)}
    return Send(message(type="error", **whose, payload=payload), named(errors[0]))
