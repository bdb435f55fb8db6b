"""The WebSocket dialect `graphql-transport-ws`, which ordinary GraphQL clients speak, as a state machine.

For: `edge`, which drives it. Owns: which message is legal when, the ids in use, and the dialect's timers.
Never: touches a socket, a task or a clock; looks into a GraphQL document.
Follows: "GraphQL over WebSocket Protocol" of the graphql-ws library.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from typing import Any, ClassVar

from syncline.core import SynclineError, Throttled, json
from syncline.subprotocols.actions import Action, Close, Connect, Send, Subscribe, Unsubscribe
from syncline.subprotocols.handshake import headers_of_init, offered
from syncline.subprotocols.messages import EXTENSION, decoded, extension_of, message, too_many
from syncline.subprotocols.port import ErrorObject, Handshake

GRAPHQL_TRANSPORT_WS = "graphql-transport-ws"

INIT_SECONDS_MAX = 3.0
"""How long a client may take to say `connection_init`: the default of the graphql-ws library."""

INVALID, UNAUTHORIZED, FORBIDDEN, FOREIGN, INIT_LATE, DUPLICATE, INIT_TWICE = 4400, 4401, 4403, 4406, 4408, 4409, 4429
"""The protocol's close codes."""

LATER = 1013
"""RFC 6455's "try again later": the dialect has no code for a client that comes too often."""


class Stage(enum.Enum):
    """Where a connection is in its life."""

    WAITING = "waiting"  # for connection_init
    ADMITTING = "admitting"  # connection_init is being judged
    OPEN = "open"
    CLOSED = "closed"


Move = Callable[["TransportProtocol", Mapping[str, Any]], list[Action]]


class TransportProtocol:
    """One connection. `due` is the monotonic second at which `tick` has something to do."""

    operations = True
    """Queries and mutations are answered over the socket, too."""

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
        """Ids of the operations under way."""
        self._handshake = handshake
        self._subscriptions_max = subscriptions_max
        self._keep_alive_seconds = keep_alive_seconds
        self._connection_seconds_max = connection_seconds_max
        self._ends = float("inf")
        self._headers: dict[str, str] = {}

    def opened(self, now: float) -> list[Action]:
        """The WebSocket is open; the client speaks first, unless it speaks another dialect."""
        if GRAPHQL_TRANSPORT_WS not in offered(self._handshake.headers):
            return self._close(FOREIGN, "Subprotocol not acceptable")
        self.due = now + INIT_SECONDS_MAX
        self._ends = now + self._connection_seconds_max
        return []

    def connected(self) -> list[Action]:
        """The connection is admitted."""
        if self.stage is not Stage.ADMITTING:
            return []
        self.stage = Stage.OPEN
        self.due += self._keep_alive_seconds - INIT_SECONDS_MAX
        return [Send(message(type="connection_ack"))]

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

    def accepted(self, id: str, told: Mapping[str, Any] | None = None) -> list[Action]:
        """The subscription is registered. The dialect has no word for that: only who asked for more is told."""
        if told is None or id not in self.ids:
            return []
        payload = {"data": None, "extensions": {EXTENSION: told}}
        return [Send(message(id=id, type="next", payload=payload))]

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
        over: list[Action] = [Send(message(id=id, type="error", payload=list(errors)))]
        return [*over, *self._close(1000, str(errors[0]["message"]))] if close else over

    def splice(self, id: str) -> tuple[bytes, bytes]:
        """What stands before and after a payload in a `next` message of this operation."""
        return b'{"id":' + json.encode(id) + b',"type":"next","payload":', b"}"

    def tick(self, now: float) -> list[Action]:
        """The end of waiting for `connection_init`, pings, and the longest life of any connection."""
        if now < self.due or self.stage is Stage.CLOSED:
            return []
        if self.stage is Stage.WAITING:
            return self._close(INIT_LATE, "Connection initialisation timeout")
        if now >= self._ends:
            return self._close(1001, "the connection reached its maximum age")
        self.due = min(now + self._keep_alive_seconds, self._ends)
        return [Send(PING)] if self.stage is Stage.OPEN else []

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

    def _close(self, code: int, reason: str) -> list[Action]:
        self.stage = Stage.CLOSED
        self.due = float("inf")
        self.ids.clear()
        return [Close(code, reason)]

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


PING = message(type="ping")
