"""The messages of Apollo's older `subscriptions-transport-ws`, as a state machine.

For: `edge`, which drives it where a client offers `graphql-ws` without a credential in its handshake: AppSync's
clients always bring one there, Apollo's bring it in the payload of `connection_init`. Owns: which message is legal
when. Never: touches a socket, a task or a clock.
Follows: "GraphQL over WebSocket Protocol" of the subscriptions-transport-ws library, version 0.9.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from syncline.core import SynclineError, json
from syncline.subprotocols.actions import Action, Connect, Send, Subscribe, Unsubscribe
from syncline.subprotocols.admission import KEEP_ALIVE, NORMAL
from syncline.subprotocols.appsync import NO_HEADERS, connection_error_message
from syncline.subprotocols.handshake import CREDENTIAL_HEADERS, headers_of_init
from syncline.subprotocols.messages import decoded, extension_of, message, named, too_many
from syncline.subprotocols.operations import OperationProtocol, Stage
from syncline.subprotocols.port import ErrorObject

INVALID_TYPE: ErrorObject = {"message": "Invalid message type!"}
INVALID_START: ErrorObject = {"message": "Did not receive an id and a payload with a query."}
REFUSED = 1011

Move = Callable[["ApolloProtocol", Mapping[str, Any]], list[Action]]


class ApolloProtocol(OperationProtocol):
    """One connection."""

    RESULT = "data"
    BEAT = KEEP_ALIVE

    def connected(self) -> list[Action]:
        """The connection is admitted."""
        admitted = super().connected()
        return [*admitted, Send(KEEP_ALIVE)] if admitted else []

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

    def _late(self) -> list[Action]:
        return self._without_credential()

    def _failed(self, id: str, errors: Sequence[ErrorObject]) -> Send:
        return failed(id, *errors)

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
