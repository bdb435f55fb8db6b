"""What the dialects have in common that begin with `connection_init` and answer queries and mutations, too.

For: `transport` and `apollo`, which add their words and moves. Owns: the ids in use and the timers.
Never: decides which message is legal; touches a socket, a task or a clock.
"""

from __future__ import annotations

import enum
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from syncline.core import json
from syncline.subprotocols.actions import Action, Close, Send
from syncline.subprotocols.admission import GOING_AWAY, NORMAL
from syncline.subprotocols.messages import EXTENSION, message
from syncline.subprotocols.port import ErrorObject, Handshake

INIT_SECONDS_MAX = 3.0
"""How long a client may take to say `connection_init`: the default of the graphql-ws library."""


class Stage(enum.Enum):
    """Where a connection is in its life."""

    WAITING = "waiting"  # for connection_init
    ADMITTING = "admitting"  # connection_init is being judged
    OPEN = "open"
    CLOSED = "closed"


class OperationProtocol(ABC):
    """One connection. `due` is the monotonic second at which `tick` has something to do."""

    operations = True
    """Queries and mutations are answered over the socket, too."""

    RESULT: ClassVar[str]
    """The type of the message that carries a payload."""
    BEAT: ClassVar[bytes]
    """The message that is sent now and then to an open connection."""

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
        return [Send(message(type="connection_ack"))]

    def accepted(self, id: str, told: Mapping[str, Any] | None = None) -> list[Action]:
        """The subscription is registered. The dialects have no word for that: only who asked for more is told."""
        if told is None or id not in self.ids:
            return []
        return [Send(message(id=id, type=self.RESULT, payload={"data": None, "extensions": {EXTENSION: told}}))]

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
        over: list[Action] = [self._failed(id, errors)]
        return [*over, *self._close(NORMAL, str(errors[0]["message"]))] if close else over

    def splice(self, id: str) -> tuple[bytes, bytes]:
        """What stands before and after a payload in a message of this operation."""
        return b'{"id":' + json.encode(id) + b',"type":"' + self.RESULT.encode() + b'","payload":', b"}"

    def tick(self, now: float) -> list[Action]:
        """The end of waiting for `connection_init`, beats, and the longest life of any connection."""
        if now < self.due or self.stage is Stage.CLOSED:
            return []
        if self.stage is Stage.WAITING:
            return self._late()
        if now >= self._ends:
            return self._close(GOING_AWAY, "the connection reached its maximum age")
        self.due = min(now + self._keep_alive_seconds, self._ends)
        return [Send(self.BEAT)] if self.stage is Stage.OPEN else []

    @abstractmethod
    def _late(self) -> list[Action]:
        """The client did not say `connection_init` in time."""

    @abstractmethod
    def _failed(self, id: str, errors: Sequence[ErrorObject]) -> Send:
        """The `error` message of an operation."""

    def _close(self, code: int, reason: str) -> list[Action]:
        self.stage = Stage.CLOSED
        self.due = float("inf")
        self.ids.clear()
        return [Close(code, reason)]
