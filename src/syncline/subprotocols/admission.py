"""The opening moves that AppSync's two dialects share: who is asked in, how a refusal is shown, and the beats.

For: `appsync` and `events`, which own the words. Owns: the state of a connection, its timers, and its ids.
Never: judges a credential; knows a message beyond the opening.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, NamedTuple

from syncline.core import SynclineError
from syncline.subprotocols.actions import Action, Close, Connect, Send
from syncline.subprotocols.handshake import CREDENTIAL_HEADERS, Undecodable, authorization_of, offered
from syncline.subprotocols.messages import decoded, message, named
from syncline.subprotocols.port import ErrorObject, Handshake
from syncline.subprotocols.starts import Starts

CONNECTION_SECONDS_MAX = 24 * 3600.0
"""AWS closes a connection after a day; so do we, that clients exercise their reconnect."""

REFUSAL_SECONDS = 1.0
"""How long a refusal waits for the client's first message. Node's aws-amplify loses a frame that comes with the
upgrade's answer, and then retries for ever what is final."""

NORMAL, GOING_AWAY = 1000, 1001

KEEP_ALIVE = message(type="ka")


class State(enum.Enum):
    """Where a connection is in its life."""

    CONNECTING = "connecting"  # being admitted
    REFUSED = "refused"  # not admitted; the client is told at its first message
    READY = "ready"  # admitted
    CLOSED = "closed"


class Words(NamedTuple):
    """What a dialect calls the ways to be refused: `shown` makes a refusal's message."""

    dialect: str
    no_protocol: ErrorObject
    not_supported: ErrorObject
    no_headers: ErrorObject
    error_of: Callable[[SynclineError], ErrorObject]
    shown: Callable[[ErrorObject], bytes]


class Admission:
    """One connection's opening and end. `due` is the monotonic second at which `tick` has something to do."""

    __slots__ = ("_beat_seconds", "_ends", "_refusal", "_seconds_max", "_words", "due", "starts", "state")

    def __init__(self, words: Words, *, beat_seconds: float, seconds_max: float) -> None:
        self.state = State.CONNECTING
        self.due = float("inf")
        self.starts = Starts()
        self._words = words
        self._beat_seconds, self._seconds_max = beat_seconds, seconds_max
        self._ends = float("inf")
        self._refusal: ErrorObject = words.no_headers

    def opened(self, handshake: Handshake, now: float) -> list[Action]:
        """The WebSocket is open: ask for admission, or note why there can be none."""
        self._ends = now + self._seconds_max
        self.due = now + REFUSAL_SECONDS
        subprotocols = offered(handshake.headers)
        if self._words.dialect not in subprotocols:
            return self._refuse(self._words.not_supported if subprotocols else self._words.no_protocol)
        try:
            headers = authorization_of(subprotocols, handshake.query)
        except Undecodable as refusal:
            return self.refused(refusal)
        if headers is None and not any(name in handshake.index for name in CREDENTIAL_HEADERS):
            return self._refuse(self._words.no_headers)
        return [Connect(headers)]

    def admitted(self) -> list[Action]:
        """The connection is admitted."""
        if self.state is State.CONNECTING:
            self.state = State.READY
            self.due += self._beat_seconds - REFUSAL_SECONDS
        return []

    def refused(self, error: SynclineError) -> list[Action]:
        """The connection is not admitted."""
        return self._refuse(self._words.error_of(error))

    def show_refusal(self) -> list[Action]:
        """Tell why, and close; with 1000, as AWS does after a failure, too."""
        reason = named(self._refusal)
        return [Send(self._words.shown(self._refusal), reason), *self.close(NORMAL, reason)]

    def tick(self, now: float) -> list[Action]:
        """Keep-alives, the end of a refused connection, and the longest life of any."""
        if now < self.due or self.state is State.CLOSED:
            return []
        if self.state is State.REFUSED:
            return self.show_refusal()
        if now >= self._ends:
            return self.close(GOING_AWAY, "the connection reached its maximum age")
        self.due = min(now + self._beat_seconds, self._ends)
        return [] if self.state is State.CONNECTING else [Send(KEEP_ALIVE)]

    def close(self, code: int, reason: str) -> list[Action]:
        """The end."""
        self.state = State.CLOSED
        self.due = float("inf")
        self.starts.clear()
        return [Close(code, reason)]

    def _refuse(self, refusal: ErrorObject) -> list[Action]:
        if self.state is State.CONNECTING:
            self.state = State.REFUSED
            self._refusal = refusal
        return []


Move = Callable[[Any, Mapping[str, Any]], list[Action]]


class Admitted:
    """What both dialects do alike: a machine over an `Admission`, whose moves are its own."""

    MOVES: ClassVar[dict[tuple[State, str], Move]]
    """By state and type of message."""
    OTHERWISE: ClassVar[dict[State, Move]]

    def __init__(self, handshake: Handshake, admission: Admission) -> None:
        self._handshake, self._admission = handshake, admission
        self._starts = admission.starts

    @property
    def due(self) -> float:
        """The monotonic second at which `tick` has something to do."""
        return self._admission.due

    @property
    def ids(self) -> set[str]:
        """Ids of the live subscriptions and of those being started."""
        return self._starts.ids

    def opened(self, now: float) -> list[Action]:
        """The WebSocket is open."""
        return self._admission.opened(self._handshake, now)

    def connected(self) -> list[Action]:
        """The connection is admitted."""
        return self._admission.admitted()

    def connect_refused(self, error: SynclineError) -> list[Action]:
        """The connection is not admitted."""
        return self._admission.refused(error)

    def tick(self, now: float) -> list[Action]:
        """Keep-alives and ends."""
        return self._admission.tick(now)

    def receive(self, message: str | bytes) -> list[Action]:
        """A whole message. Never raises."""
        received = decoded(message)
        kind = received.get("type")
        state = self._admission.state
        move = self.MOVES.get((state, kind if isinstance(kind, str) else ""))
        return (move or self.OTHERWISE[state])(self, received)

    def ignore(self, received: Mapping[str, Any]) -> list[Action]:
        """Nothing comes of it."""
        return []

    def show_refusal(self, received: Mapping[str, Any]) -> list[Action]:
        """Tell who was not admitted why."""
        return self._admission.show_refusal()
