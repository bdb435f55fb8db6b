"""What a subprotocol asks of the one who drives it. Values only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeAlias

import msgspec


class Send(msgspec.Struct, frozen=True):
    """Send one text message, already encoded as UTF-8. `refusal` says what it refuses, for the server's own log."""

    text: bytes
    refusal: str = ""


class Connect(msgspec.Struct, frozen=True):
    """Admit the connection: answer with `connected` or `connect_refused`.

    `headers` is the authorization that came with the handshake; None: the request's own headers carry it.
    """

    headers: Mapping[str, str] | None


class Subscribe(msgspec.Struct, frozen=True):
    """Start a subscription: answer with `accepted` or `refused`.

    `raw` is the text that `payload` was decoded from; `extension` is what is asked of Syncline alone.
    """

    id: str
    payload: dict[str, Any]
    raw: str
    authorization: Mapping[str, str]
    extension: Mapping[str, Any] = {}


class Publish(msgspec.Struct, frozen=True):
    """Publish events to a channel: answer with `published` or `publish_refused`. `channel` and `events` are unread."""

    id: str
    channel: Any
    events: Any
    authorization: Mapping[str, str]


class Present(msgspec.Struct, frozen=True):
    """Show a member's new state to its channel; `id` is its subscription's. Answer with `shown` or `not_shown`."""

    id: str
    state: Any


class Unsubscribe(msgspec.Struct, frozen=True):
    """End a subscription. Not `known`: there is none of this id, and the client should have known."""

    id: str
    known: bool = True


class Close(msgspec.Struct, frozen=True):
    """Close the connection with a WebSocket close code."""

    code: int
    reason: str


Action: TypeAlias = Send | Connect | Subscribe | Publish | Present | Unsubscribe | Close
