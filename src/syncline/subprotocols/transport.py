"""The WebSocket dialect `graphql-transport-ws`, which ordinary GraphQL clients speak, as a state machine.

For: `edge`, which drives it. Owns: which message is legal when.
Never: touches a socket, a task or a clock; looks into a GraphQL document.
Follows: "GraphQL over WebSocket Protocol" of the graphql-ws library.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from syncline.core import SynclineError, Throttled, json
from syncline.subprotocols.actions import Action, Connect, Send, Subscribe, Unsubscribe
from syncline.subprotocols.handshake import headers_of_init, offered
from syncline.subprotocols.messages import decoded, extension_of, message, too_many
from syncline.subprotocols.operations import OperationProtocol, Stage
from syncline.subprotocols.port import ErrorObject

GRAPHQL_TRANSPORT_WS = "graphql-transport-ws"

INVALID, UNAUTHORIZED, FORBIDDEN, FOREIGN, INIT_LATE, DUPLICATE, INIT_TWICE = 4400, 4401, 4403, 4406, 4408, 4409, 4429
"""The protocol's close codes."""

LATER = 1013
"""RFC 6455's "try again later": the dialect has no code for a client that comes too often."""


Move = Callable[["TransportProtocol", Mapping[str, Any]], list[Action]]


class TransportProtocol(OperationProtocol):
    """One connection."""

    RESULT = "next"
    BEAT = message(type="ping")

    def opened(self, now: float) -> list[Action]:
        """The WebSocket is open; the client speaks first, unless it speaks another dialect."""
        if GRAPHQL_TRANSPORT_WS not in offered(self._handshake.headers):
            return self._close(FOREIGN, "Subprotocol not acceptable")
        return super().opened(now)

    def connect_refused(self, error: SynclineError) -> list[Action]:
        """The connection is not admitted."""
        if self.stage is Stage.CLOSED:
            return []
        if isinstance(error, Throttled):
            return self._close(LATER, error.message)
        return self._close(FORBIDDEN, f"Forbidden: {error.message}")

    def receive(self, message: str | bytes) -> list[Action]:
        """A whole message. Never raises."""
        if self.stage is Stage.CLOSED:
            return []
        received = decoded(message)
        kind = received.get("type")
        move = self.MOVES.get(kind) if isinstance(kind, str) else None
        return self._invalid() if move is None else move(self, received)

    # --- moves

    def _init(self, received: Mapping[str, Any]) -> list[Action]:
        if self.stage is not Stage.WAITING:
            return self._close(INIT_TWICE, "Too many initialisation requests")
        payload = received.get("payload")
        if payload is not None and not isinstance(payload, dict):
            return self._invalid()
        self._headers = headers_of_init(self._handshake, payload or {})
        self.stage = Stage.ADMITTING
        return [Connect(self._headers)]

    def _subscribe(self, received: Mapping[str, Any]) -> list[Action]:
        if self.stage is not Stage.OPEN:
            return self._close(UNAUTHORIZED, "Unauthorized")
        id, payload = received.get("id"), received.get("payload")
        if not isinstance(id, str) or not id or not isinstance(payload, dict):
            return self._invalid()
        if not is_request(payload):
            return self._invalid()
        if id in self.ids:
            return self._close(DUPLICATE, f"Subscriber for {id} already exists")
        if len(self.ids) >= self._subscriptions_max:
            return [Send(message(id=id, type="error", payload=[too_many(self._subscriptions_max)]))]
        self.ids.add(id)
        raw = json.encode(payload).decode()
        return [Subscribe(id, payload, raw, self._headers, extension_of(payload.get("extensions")))]

    def _complete(self, received: Mapping[str, Any]) -> list[Action]:
        id = received.get("id")
        if not isinstance(id, str):
            return self._invalid()
        if id not in self.ids:
            return []
        self.ids.discard(id)
        return [Unsubscribe(id)]

    def _ping(self, received: Mapping[str, Any]) -> list[Action]:
        payload = received.get("payload")
        if payload is not None and not isinstance(payload, dict):
            return self._invalid()
        return [Send(message(type="pong", **({} if payload is None else {"payload": payload})))]

    def _pong(self, received: Mapping[str, Any]) -> list[Action]:
        return []

    def _invalid(self) -> list[Action]:
        return self._close(INVALID, "Invalid message received")

    def _late(self) -> list[Action]:
        return self._close(INIT_LATE, "Connection initialisation timeout")

    def _failed(self, id: str, errors: Sequence[ErrorObject]) -> Send:
        return Send(message(id=id, type="error", payload=list(errors)))

    MOVES: ClassVar[dict[str, Move]] = {
        "connection_init": _init,
        "subscribe": _subscribe,
        "complete": _complete,
        "ping": _ping,
        "pong": _pong,
    }


def is_request(payload: Mapping[str, Any]) -> bool:
    """Are the members of a `subscribe` of the protocol's types? What is not there, and null, is."""
    optional = (("operationName", str), ("variables", dict), ("extensions", dict))
    found = [(payload.get(name), kind) for name, kind in optional]
    return isinstance(payload.get("query"), str) and all(it is None or isinstance(it, kind) for it, kind in found)
