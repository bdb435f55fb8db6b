"""The hub's borders: where messages leave (`Outbox`), who subscribes, and what a socket talks to.

For: `edge` implements `Outbox` and drives a `RealtimeEndpoint`; `graphql` implements the endpoint and
registers `Subscription`s. Never: a socket, a subprotocol, a schema.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, runtime_checkable

import msgspec

from syncline.core import Request
from syncline.hub.ledger import Ledger
from syncline.hub.topics import Topic

ErrorObject = dict[str, Any]
"""`message`, and `errorType` where there is one."""


class Outbox(Protocol):
    """Where the messages of one connection leave. Compared by identity."""

    @property
    def framing(self) -> Hashable:
        """Outboxes of equal framing answer `frame_header` and `pack` alike."""
        ...

    @property
    def pending_bytes(self) -> int:
        """How much was written here and has not left yet."""
        ...

    @property
    def ledger(self) -> Ledger:
        """Where its frames are noted: the hub's by the hub, the others by the outbox."""
        ...

    @property
    def reached_bytes(self) -> int | None:
        """How many of the bytes written here the peer is known to have; None when nobody can tell."""
        ...

    @property
    def round_trip_ms(self) -> float | None:
        """How long the peer takes to acknowledge; None when nobody can tell."""
        ...

    def supersede(self) -> None:
        """The client goes on elsewhere: what has not arrived will not arrive, and the connection ends."""
        ...

    def frame_header(self, length: int) -> bytes:
        """The bytes that announce a message of `length` bytes."""
        ...

    def pack(self, rest: bytes) -> bytes:
        """What follows a subscription's prefix in a message, as it leaves: the same for outboxes of equal framing."""
        ...

    @property
    def send(self) -> Callable[[bytes], int]:
        """Hand whole frames on at once. Returns how many bytes were taken; the rest is for `write`.

        Raises OSError when none are. The hub binds it once per subscription.
        """
        ...

    def write(self, data: bytes) -> None:
        """Queue whole frames, or the rest of some. Bounded: an outbox that overflows closes its connection.

        It never raises before `unsubscribe`, and calls nothing of the hub.
        """
        ...


class Hint(NamedTuple):
    """A subscription can only match values of which `read` says `wanted`. `fact`: hints of equal fact read alike."""

    fact: Hashable
    read: Callable[[Any], Hashable]
    wanted: Hashable


class Subscription(msgspec.Struct, eq=False):
    """One registered interest: every message is `prefix + payload + suffix`, what follows the prefix packed and the
    whole framed by the outbox.

    Subscriptions of equal `group` have equal `matches` and `project`: they run once per group and publication.
    `matches` None: every publication. `project` gives the payload, or None to send nothing; `stamp` adds the position
    to a payload. `ended` is called when the hub or its user ends the subscription, with error objects for the client.
    `told` is for the acknowledgement of the start. `index`: one of these hints holds for whatever matches; equal for
    equal `group`.
    """

    topics: tuple[Topic, ...]
    group: Hashable
    matches: Callable[[Any], bool] | None
    project: Callable[[Any], bytes | None]
    outbox: Outbox
    prefix: bytes
    suffix: bytes
    stamp: Callable[[bytes, int], bytes] | None = None
    ended: Callable[[Sequence[ErrorObject]], None] | None = None
    told: dict[str, Any] | None = None
    index: tuple[Hint, ...] | None = None
    complete_at: int | None = None
    """Once it has ended and its peer has all that it was sent: the last position that it could get."""


class Start(msgspec.Struct, frozen=True):
    """A client's wish to subscribe.

    `payload` is the decoded document ({"query", "variables", …}) and `raw` the text it was decoded from, which
    IAM signs. `authorization` are the headers of this start; `request` is the upgrade's. Messages of the
    subscription must be spliced as `prefix + payload + suffix` into `outbox`. `extension` is what the client asks of
    Syncline alone. `ended(errors, close)` tells the client that the subscription is over, and frees its id.
    """

    id: str
    payload: dict[str, Any]
    raw: str
    authorization: Mapping[str, str]
    outbox: Outbox
    prefix: bytes
    suffix: bytes
    request: Request
    extension: Mapping[str, Any] = {}
    ended: Callable[[Sequence[ErrorObject], bool], None] = lambda errors, close: None
    operations: bool = False
    """Queries and mutations are welcome, too."""
    caller: Any = None
    """What the endpoint's `admit` gave for the request behind this start, if it was asked."""


class Answer(msgspec.Struct, frozen=True):
    """What a start comes to that was a query or a mutation: `work` gives the whole answer, as JSON."""

    work: Callable[[], Awaitable[bytes]]


class RealtimeEndpoint(Protocol):
    """What one WebSocket connection talks to; made anew for each connection."""

    async def connect(self, request: Request, authorization: Mapping[str, str] | None) -> None:
        """Admit the connection or raise SynclineError. `authorization` None: the request's own headers carry it."""
        ...

    async def subscribe(self, start: Start) -> Subscription | Answer:
        """Register with the hub, then return at once; or how to get the answer, where the start welcomes that.

        Raises SynclineError to refuse.

        An error whose `data` holds `errors` (a list of error objects) is shown to the client as exactly those;
        any other as its code and message.
        """
        ...

    def unsubscribe(self, id: str, *, known: bool = True) -> None:
        """End one subscription; unknown ids are nothing to do. Not `known`: the client never started it."""
        ...

    def closed(self, *, faulty: bool = False) -> None:
        """The connection is gone: end all its subscriptions. Called once, never during `connect`.

        `faulty`: the client broke the protocol, or did not take what it was sent.
        It may come during `subscribe`, which then registers nothing or has `unsubscribe` called after it.
        """
        ...


@runtime_checkable
class SharedEndpoint(RealtimeEndpoint, Protocol):
    """An endpoint whose one connection is asked by several requests: GraphQL over SSE's single connection mode."""

    def api(self) -> str:
        """What it has connected to."""
        ...

    async def admit(self, request: Request) -> Any:
        """Who asks, for `Start.caller`. Raises SynclineError unless it is the caller that connected."""
        ...


class Post(msgspec.Struct, frozen=True):
    """A client's wish to publish: the message's own members, unread. `authorization` are the headers of this message.

    `outbox` is that of the connection it came over; `request` is the upgrade's.
    """

    channel: Any
    events: Any
    authorization: Mapping[str, str]
    outbox: Outbox
    request: Request


@runtime_checkable
class PublishingEndpoint(RealtimeEndpoint, Protocol):
    """An endpoint that takes publications as well: AppSync Events."""

    async def publish(self, post: Post) -> dict[str, Any]:
        """Publish, then return what the client is told of each event. Raises SynclineError to refuse them all."""
        ...

    def present(self, id: str, state: Any) -> None:
        """Show a subscription's new state to the other members of its channel. Raises SynclineError to refuse."""
        ...
