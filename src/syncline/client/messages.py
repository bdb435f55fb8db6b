"""What subscribers and publishers get.

For: applications. Never: anything but values.
"""

from __future__ import annotations

import enum
from typing import Any

import msgspec

from syncline.client.errors import GraphQLError


class Message(msgspec.Struct, frozen=True):
    """What a mutation published: `data` as the subscription selects it. `position` is where it stands in line."""

    data: dict[str, Any]
    errors: tuple[GraphQLError, ...] = ()
    position: str | None = None


class Event(msgspec.Struct, frozen=True):
    """A published event, its JSON decoded. `position` is where it stands in line."""

    value: Any
    position: str | None = None


class Gap(msgspec.Struct, frozen=True):
    """Between the message before and the one after, something may be missing: load the state anew."""

    reason: str


class Outcome(msgspec.Struct, frozen=True):
    """What became of one event: its place in the request, its id, and why it failed if it did."""

    index: int
    identifier: str
    code: int | None = None
    message: str | None = None


class Published(msgspec.Struct, frozen=True):
    """What became of the events of one request. What a handler dropped is in neither."""

    successful: tuple[Outcome, ...] = ()
    failed: tuple[Outcome, ...] = ()


class State(enum.Enum):
    """Where a client's socket is."""

    IDLE = "idle"  # nothing needs it
    CONNECTING = "connecting"  # also while it waits for the next attempt
    CONNECTED = "connected"


class Timing(msgspec.Struct, frozen=True):
    """How patient a client is, in seconds."""

    ack_seconds: float = 15.0
    """The server's answer to a new connection, and to a subscription."""
    request_seconds: float = 30.0
    """The answer to a request, or to what is published over the socket."""
    ping_seconds: float = 20.0
    """How often the socket is asked whether it lives, and how long the answer may take."""
    backoff_seconds: float = 0.5
    """The longest wait before the first attempt to reconnect; it doubles with each, and the wait is drawn at random."""
    backoff_seconds_max: float = 20.0
    give_up_seconds: float | None = None
    """After so long without a connection subscriptions raise ConnectionLost. None: they wait for ever."""
    linger_seconds: float = 1.0
    """How long a socket that nothing needs stays open."""


def published_of(answer: dict[str, Any]) -> Published:
    """An answer's lists."""
    return Published(*(tuple(_outcomes(answer.get(kind))) for kind in ("successful", "failed")))


def _outcomes(found: object) -> list[Outcome]:
    entries = found if isinstance(found, list) else []
    return [
        Outcome(int(each["index"]), str(each.get("identifier", "")), each.get("code"), each.get("message"))
        for each in entries
    ]
