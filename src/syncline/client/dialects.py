"""The two dialects of a socket, as a client speaks them: what to say, and what was said.

For: `connection`. Owns: addresses and the forms of messages. Never: touches a socket or remembers anything.
Follows: AWS AppSync, "Building a real-time WebSocket client", and AppSync Events, "Event API WebSocket protocol".
Beyond them it names positions (docs/reference/realtime.md), in members that AppSync does not know.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeAlias

from syncline.client.auth import SOCKET_HEADERS, Signable
from syncline.client.errors import GraphQLError, RequestRefused, errors_of, refusal_of
from syncline.client.messages import Event, Message
from syncline.core import json

AWS_HOST = re.compile(r"(https://\w{26})\.appsync-api\.([\w-]+\.amazonaws\.com(?:\.cn)?/)")
ACK_TIMEOUT_MS = 300_000
SHOWN_BYTES_MAX = 200
"""Of an answer that is not what it should be."""


class Acknowledged(NamedTuple):
    """The connection is open; after so many silent seconds it is lost."""

    silence_seconds: float


class Rejected(NamedTuple):
    """The connection is not admitted."""

    errors: list[GraphQLError]
    final: bool


class Started(NamedTuple):
    """A subscription is in force. `told` is what Syncline says of positions, None elsewhere."""

    id: str
    told: Mapping[str, Any] | None


class Arrived(NamedTuple):
    """Messages of a subscription."""

    id: str
    messages: Sequence[Message | Event]


class Missed(NamedTuple):
    """The server could not deliver something."""

    id: str
    reason: str


class Failed(NamedTuple):
    """A subscription is refused, or over with an error."""

    id: str
    errors: list[GraphQLError]


class Ended(NamedTuple):
    """A subscription is over."""

    id: str


class Answered(NamedTuple):
    """What was published over the socket is answered."""

    id: str
    answer: dict[str, Any] | None
    errors: list[GraphQLError]


Said: TypeAlias = Acknowledged | Rejected | Started | Arrived | Missed | Failed | Ended | Answered


class Dialect(Protocol):
    """How one kind of API is spoken to."""

    subprotocol: str
    http: str
    """Where requests go."""
    socket: str
    """Where the socket is."""
    resumes: bool
    """Whether positions are asked for."""

    def opening(self, at: float) -> Signable:
        """What the handshake's credential is shown with."""
        ...

    def signable(self, payload: bytes, at: float) -> Signable:
        """The same for a message."""
        ...

    def start(self, id: str, payload: bytes, authorization: dict[str, str], wish: dict[str, Any]) -> bytes:
        """Subscribe. `wish` is what Syncline alone is asked."""
        ...

    def stop(self, id: str) -> bytes:
        """Unsubscribe."""
        ...

    def read(self, text: str | bytes) -> Said | None:
        """What a message says; None when it is only a sign of life."""
        ...


class GraphQLDialect:
    """AppSync's `graphql-ws`."""

    subprotocol = "graphql-ws"

    def __init__(self, url: str, *, resumes: bool) -> None:
        self.http = url
        self.socket = realtime_of(url, suffix="/realtime", aws_suffix="")
        self.resumes = resumes

    def opening(self, at: float) -> Signable:
        return Signable(f"{self.http}/connect", b"{}", SOCKET_HEADERS, at)

    def signable(self, payload: bytes, at: float) -> Signable:
        return Signable(self.http, payload, SOCKET_HEADERS, at)

    def start(self, id: str, payload: bytes, authorization: dict[str, str], wish: dict[str, Any]) -> bytes:
        extensions: dict[str, Any] = {"authorization": authorization}
        if self.resumes:
            extensions["syncline"] = wish
        message = {"data": payload.decode(), "extensions": extensions}
        return json.encode({"id": id, "type": "start", "payload": message})

    def stop(self, id: str) -> bytes:
        return json.encode({"id": id, "type": "stop"})

    def read(self, text: str | bytes) -> Said | None:
        message = decoded(text)
        reader = self.READERS.get(str(message.get("type")))
        return None if reader is None else reader(str(message.get("id", "")), object_in(message, "payload"))

    READERS: Mapping[str, Callable[[str, dict[str, Any]], Said]] = {
        "connection_ack": lambda _, payload: acknowledged(payload),
        "connection_error": lambda _, payload: rejected(payload),
        "start_ack": lambda id, payload: Started(id, told(object_in(payload, "extensions"))),
        "data": lambda id, payload: Arrived(id, [message_of(payload)]),
        "error": lambda id, payload: Failed(id, errors_of(payload.get("errors", payload))),
        "complete": lambda id, _: Ended(id),
    }


class EventsDialect:
    """AppSync Events' `aws-appsync-event-ws`."""

    subprotocol = "aws-appsync-event-ws"

    def __init__(self, url: str, *, resumes: bool) -> None:
        self.http = url
        self.socket = realtime_of(url, suffix="/realtime", aws_suffix="/realtime")
        self.resumes = resumes

    def opening(self, at: float) -> Signable:
        return self.signable(b"{}", at)

    def signable(self, payload: bytes, at: float) -> Signable:
        return Signable(self.http, payload, SOCKET_HEADERS, at)

    def start(self, id: str, payload: bytes, authorization: dict[str, str], wish: dict[str, Any]) -> bytes:
        more = {"syncline": wish} if self.resumes else {}
        return json.encode(
            {"type": "subscribe", "id": id, **json.decode(payload), "authorization": authorization, **more}
        )

    def publish(self, id: str, payload: bytes, authorization: dict[str, str]) -> bytes:
        """Publish over the socket."""
        return json.encode({"type": "publish", "id": id, **json.decode(payload), "authorization": authorization})

    def show(self, id: str, state: Any) -> bytes:
        """Show another state to those who hear of a channel's members: not a message of AppSync's."""
        return json.encode({"type": "presence", "id": id, "state": state})

    def stop(self, id: str) -> bytes:
        return json.encode({"type": "unsubscribe", "id": id})

    def read(self, text: str | bytes) -> Said | None:
        message = decoded(text)
        reader = self.READERS.get(str(message.get("type")))
        return None if reader is None else reader(str(message.get("id", "")), message)

    READERS: Mapping[str, Callable[[str, dict[str, Any]], Said]] = {
        "connection_ack": lambda _, message: acknowledged(message),
        "connection_error": lambda _, message: rejected(message),
        "subscribe_success": lambda id, message: Started(id, told(message)),
        "subscribe_error": lambda id, message: Failed(id, errors_of(message.get("errors"))),
        "data": lambda id, message: Arrived(id, events_of(message)),
        "broadcast_error": lambda id, message: Missed(id, reason_of(errors_of(message.get("errors")))),
        "publish_success": lambda id, message: Answered(id, message, []),
        "publish_error": lambda id, message: Answered(id, None, errors_of(message.get("errors"))),
        "presence_success": lambda id, message: Answered(id, message, []),
        "presence_error": lambda id, message: Answered(id, None, errors_of(message.get("errors"))),
        "error": lambda id, message: Failed(id, errors_of(message.get("errors"))),
    }


def is_aws(url: str) -> bool:
    """Whether this is AppSync itself, under its own name."""
    return AWS_HOST.match(url) is not None


def host_of(url: str) -> str:
    """Host and port as the URL has them."""
    return url.split("/")[2]


def realtime_of(url: str, *, suffix: str, aws_suffix: str) -> str:
    """The address of an endpoint's socket."""
    socket, aws = AWS_HOST.subn(r"\1.appsync-realtime-api.\2", url)
    return "ws" + socket.removeprefix("http") + (aws_suffix if aws else suffix)


def told(holder: dict[str, Any]) -> Mapping[str, Any] | None:
    """What Syncline says of positions."""
    found = holder.get("syncline")
    return found if isinstance(found, dict) else None


def position_in(holder: dict[str, Any]) -> str | None:
    """Where something stands in line."""
    found = holder.get("position")
    return found if isinstance(found, str) else None


def acknowledged(holder: dict[str, Any]) -> Acknowledged:
    """A connection_ack's time-out."""
    found = holder.get("connectionTimeoutMs")
    return Acknowledged((found if isinstance(found, int | float) else ACK_TIMEOUT_MS) / 1000)


def rejected(holder: dict[str, Any]) -> Rejected:
    """A connection_error. As in aws-amplify, 400, 401 and 403 are final, and the types that mean the same."""
    entries, errors = holder.get("errors"), errors_of(holder.get("errors"))
    codes = (
        [entry.get("errorCode") for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    )
    named = any(error.unauthorized or (error.error_type or "").startswith("BadRequest") for error in errors)
    return Rejected(errors, named or any(code in (400, 401, 403) for code in codes))


def message_of(payload: dict[str, Any]) -> Message:
    """A message of a GraphQL subscription."""
    extensions = object_in(payload, "extensions")
    errors = errors_of(payload["errors"]) if "errors" in payload else []
    return Message(object_in(payload, "data"), tuple(errors), position_in(object_in(extensions, "syncline")))


def events_of(message: dict[str, Any]) -> list[Event]:
    """The events of a data message: one text, or, as AWS's guide shows it, a list of texts."""
    found = message.get("event")
    texts = found if isinstance(found, list) else [found]
    return [Event(value_of(text), position_in(message)) for text in texts]


def value_of(text: object) -> Any:
    """An event's value. What is no JSON is itself."""
    if not isinstance(text, str):
        return text
    try:
        return json.decode(text)
    except json.NotJson:
        return text


def reason_of(errors: Sequence[GraphQLError]) -> str:
    """Errors in one line."""
    return "; ".join(error.message for error in errors) or "the server did not say why"


def refusal_in(status: int, body: bytes) -> RequestRefused:
    """The exception for an HTTP answer that is none of what was asked."""
    errors = errors_of(decoded(body).get("errors"))
    shown = body[:SHOWN_BYTES_MAX].decode(errors="replace")
    return refusal_of(errors or [GraphQLError(f"HTTP {status}: {shown}")], status)


def object_in(holder: dict[str, Any], member: str) -> dict[str, Any]:
    """A member that is an object; the empty one otherwise."""
    found = holder.get(member)
    return found if isinstance(found, dict) else {}


def decoded(text: str | bytes) -> dict[str, Any]:
    """A message; what is none is the empty object."""
    try:
        found = json.decode(text)
    except (json.NotJson, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
