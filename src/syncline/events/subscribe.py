"""One WebSocket connection to an Event API: its subscriptions, and what it publishes.

For: `engine`, which makes one Endpoint per connection; `edge` drives it. Implements hub.PublishingEndpoint.
Owns: the connection's subscriptions. Never: frames a message.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from syncline.auth import Door, Identity, Leases, Signed
from syncline.core import Clock, Meter, Request, SynclineError, json, settings
from syncline.events.channels import Channel, channel_of
from syncline.events.connections import Connections, Ended
from syncline.events.errors import (
    BadRequest,
    DuplicatedOperation,
    Moved,
    NamespaceUnknown,
    NotPresent,
    StateTooLarge,
    SubscribeFailed,
    TooManyEventsOverSocket,
    TooManySubscriptions,
    entries_of,
)
from syncline.events.handlers import Moment, shown_request
from syncline.events.live_api import LiveApi, Served
from syncline.events.presence import member_id
from syncline.events.publish import Caller, Event, Publisher, payload_of
from syncline.hub import ErrorObject, Hub, Name, Outbox, Post, Start, Subscription, Wish, named, wish_of

PATH = "/event"
"""What signatures of every message cover, whatever the path of the socket."""


class Kept(msgspec.Struct):
    """A live subscription, and what it was started with."""

    start: Start
    identity: Identity
    channel: Channel
    subscription: Subscription
    name: Name | None = None
    """What it is called when it comes again."""
    member: str | None = None
    """Under which name it is present in its channel."""


class Endpoint:
    """What one connection talks to."""

    def __init__(
        self,
        publisher: Publisher,
        connections: Connections,
        hub: Hub,
        clock: Clock,
        meter: Meter,
        limits: settings.Events,
        live_of: Callable[[Mapping[str, str]], LiveApi],
    ) -> None:
        self._publisher, self._connections, self._hub = publisher, connections, hub
        self._clock, self._meter, self._limits = clock, meter, limits
        self._live_of = live_of
        self._live: LiveApi | None = None
        self._ends: Ended | None = None
        self.opened = 0.0
        """When it was connected, in monotonic seconds."""
        self._kept: dict[str, Kept] = {}
        self._leases = Leases(self._kept, self._check, self._credential_over)

    # --- hub.PublishingEndpoint

    async def connect(self, request: Request, authorization: Mapping[str, str] | None) -> None:
        """Admit the connection, or raise. `authorization` None: the request's own headers carry it."""
        headers = request.index if authorization is None else lowered(authorization)
        live = self._live_of(headers)
        live.figures.connect_requests.add()
        with live.figures.connects.counted():
            identity = await self._connect(live, headers, request)
        self._live, self._ends = live, Ended(live, identity, request, 0.0)
        self.opened = self._clock.monotonic()
        live.figures.connections += 1
        live.connections[self] = None
        self._publisher.opened.add(live.api_id, self._leases)

    async def subscribe(self, start: Start) -> Subscription:
        """Register with the hub, then return at once. Raises to refuse."""
        live = self._connected()
        live.figures.messages_in.add()
        with live.figures_of(start.payload["channel"]).subscribes.counted():
            channel = channel_of(start.payload["channel"], wildcard=True)
            identity = await self._admitted(live, live.namespace(channel.namespace), channel, start)
            renewed = self._renewed(start, identity)
            return renewed or await self._registered(live, channel, start, identity)

    async def publish(self, post: Post) -> dict[str, Any]:
        """Publish, then return what is said of each event."""
        live = self._connected()
        live.figures.messages_in.add()
        most = self._limits.events_per_publish_max
        if isinstance(post.events, list) and len(post.events) > most:
            live.figures_of(post.channel).publishes.client_errors.add()
            raise TooManyEventsOverSocket(limit=most)
        body = json.encode({"channel": post.channel, "events": post.events})
        asking = caller(lowered(post.authorization), post.request, body, outbox=post.outbox)
        return await self._publisher.publish(live, post.channel, post.events, asking)

    def unsubscribe(self, id: str, *, known: bool = True) -> None:
        """End one subscription; unknown ids are nothing to do."""
        if not known:
            self._connected().figures.unsubscribe_errors.add()
        kept = self._kept.pop(id, None)
        if kept is None:
            return
        self._hub.unsubscribe(kept.subscription)
        live = self._connected()
        self._leave(live, kept)
        live.figures.messages_in.add()
        live.figures.subscriptions -= 1
        live.namespace(kept.channel.namespace).figures.unsubscribes.add()

    def present(self, id: str, state: Any) -> None:
        """Show the other members of a channel another state. Raises NotPresent, StateTooLarge."""
        kept = self._kept.get(id)
        if kept is None or kept.member is None:
            raise NotPresent(id=id)
        live = self._connected()
        live.figures.messages_in.add()
        self._publisher.pace(live, caller({}, kept.start.request, b"", outbox=kept.start.outbox), 0)
        live.presence.update(kept.channel, kept.member, self._state(state))

    def closed(self, *, faulty: bool = False) -> None:
        """The connection is gone."""
        live = self._live
        if live is None:
            return
        for kept in self._kept.values():
            self._lose(live, kept)
            if kept.name is not None:
                live.returning.lost(kept.name, kept.subscription)
        live.figures.subscriptions -= len(self._kept)
        live.figures.connections -= 1
        (live.figures.disconnect_errors if faulty else live.figures.disconnects).add()
        seconds = self._clock.monotonic() - self.opened
        live.figures.connection_ms.observe(seconds * 1000)
        if self._ends is not None:
            self._connections.ended(self._ends._replace(seconds=seconds))
        del live.connections[self]
        self._publisher.opened.remove(live.api_id, self._leases)
        self._kept.clear()
        self._live = None

    def shown(self) -> dict[str, Any]:
        """This connection as its operator sees it."""
        live, ends = self._connected(), self._ends
        outbox = next((kept.start.outbox for kept in self._kept.values()), None)
        assert ends is not None, "only who is connected is looked at"
        return {
            "api": live.api_id,
            "connection": ends.request.id,
            "peer": ends.request.peer,
            "since": self._clock.now() - (self._clock.monotonic() - self.opened),
            "pendingBytes": 0 if outbox is None else outbox.pending_bytes,
            "roundTripMs": None if outbox is None else outbox.round_trip_ms,
            "position": self._hub.position(live.api_id),
            "subscriptions": [
                {
                    "id": kept.start.id,
                    "channel": kept.channel.path,
                    "mode": kept.identity.mode,
                    "member": kept.member,
                    "reached": self._hub.reached(kept.subscription),
                    "position": self._hub.position(self._line(live, kept.channel)),
                }
                for kept in self._kept.values()
            ],
        }

    def _lose(self, live: LiveApi, kept: Kept) -> None:
        """Forget a subscription that may come again."""
        self._hub.unsubscribe(kept.subscription)
        live.returning.release(kept.name, self)
        if kept.member is not None:
            live.presence.lost(kept.channel, kept.member, self)

    async def _connect(self, live: LiveApi, headers: Mapping[str, str], request: Request) -> Identity:
        asking = caller(headers, request, b"{}", "connect")
        identity = await self._publisher.admit(live.connect, asking, "EVENT_CONNECT")
        await self._connections.admit(live, identity, request)
        return identity

    # --- subscribing

    async def _admitted(self, live: LiveApi, namespace: Served, channel: Channel, start: Start) -> Identity:
        asking = caller(lowered(start.authorization), start.request, start.raw.encode())
        identity = await self._publisher.enter(namespace, "subscribe", channel, asking)
        kept, most = self._kept.get(start.id), self._limits.subscriptions_per_connection_max
        if kept is not None and (kept.channel != channel or kept.identity.caller != identity.caller):
            raise DuplicatedOperation(id=start.id)
        if kept is None and len(self._kept) >= most:
            raise TooManySubscriptions(limit=most)
        handler = namespace.handlers.on_subscribe
        if handler is not None:
            namespace.figures.subscribe_handlers.add()
            request = shown_request(start.request)
            moment = Moment(live.api_id, "SUBSCRIBE", channel, identity.claims, request)
            await self._publisher.in_time(live, moment, handler.passed(moment), SubscribeFailed())
        return identity

    def _renewed(self, start: Start, identity: Identity) -> Subscription | None:
        """The same subscription under a fresh credential of the same caller."""
        kept = self._kept.get(start.id)
        if kept is None:
            return None
        kept.start, kept.identity = start, identity
        if kept.member is not None and "presence" in start.extension:
            self._connected().presence.update(kept.channel, kept.member, self._asked_state(start))
        self._leases.added(identity)
        return kept.subscription

    async def _registered(self, live: LiveApi, channel: Channel, start: Start, identity: Identity) -> Subscription:
        features = live.namespace(channel.namespace).features  # it may have gone while the handler ran
        self._asked_state(start)  # nothing is registered for who asks for what cannot be
        line = self._line(live, channel)
        wish, complete = await self._wish(line, channel, start)
        if self._live is not live or self._line(live, channel) != line:
            raise NamespaceUnknown  # so may the connection, or the history
        subscription = self._subscription(live, start, channel, positions=wish is not None)
        name = named(start.id, channel.path, identity.caller)
        name = live.returning.register(subscription, start, name, self, wish)
        kept = self._kept[start.id] = Kept(start, identity, channel, subscription, name)
        self._leases.added(identity)
        live.figures.subscriptions += 1
        if not complete:
            subscription.told = {**(subscription.told or {}), "recovered": False}
        if features.presence:
            self._appear(live, kept)
        return subscription

    def _line(self, live: LiveApi, channel: Channel) -> str:
        """Whose line a channel's publications are in. What is told of members is never kept."""
        return live.namespace(channel.namespace).line if channel.about == channel else live.api_id

    async def _wish(self, line: str, channel: Channel, start: Start) -> tuple[Wish | None, bool]:
        """Where the client wants to begin, and whether all that it wants is there. Raises BadRequest."""
        asked = start.extension.get("history")
        if asked is None:
            return wish_of(start.extension, self._hub.epoch(line)), True
        last, most = asked.get("last") if isinstance(asked, dict) else None, self._limits.history_last_max
        if type(last) is not int or not 0 < last <= most:
            raise BadRequest(f"history.last is a number from 1 to {most}.")
        if not self._hub.durable(line):
            raise BadRequest(f"The namespace {channel.namespace} keeps no history.")
        position, complete = await self._hub.last((channel.topic(line),), last)
        return Wish(position, recoverable=True), complete

    def _subscription(self, live: LiveApi, start: Start, channel: Channel, *, positions: bool) -> Subscription:
        """What the hub is given: made anew when the namespace's features change."""
        line, echo = self._line(live, channel), live.namespace(channel.namespace).features.echo
        return Subscription(
            (channel.topic(line),),
            (positions, None if echo else start.outbox),
            None if echo else not_from(start.outbox),
            payload_of,
            start.outbox,
            start.prefix,
            start.suffix,
            stamp(self._hub.epoch(line)) if positions else None,
            lambda errors: self._ended(start.id, errors),
        )

    def _ended(self, id: str, entries: Sequence[ErrorObject]) -> None:
        """The hub has ended a subscription: nobody but its client is left to be told."""
        kept = self._kept.pop(id, None)
        if kept is not None:
            live = self._connected()
            live.figures.subscriptions -= 1
            self._leave(live, kept)
            # The last one that a credential takes along takes the socket along: clients come back with a fresh one.
            kept.start.ended(entries, self._leases.ending and not self._kept)

    # --- presence

    def _appear(self, live: LiveApi, kept: Kept) -> None:
        """Be a member of the channel, unless it is a pattern, a presence channel, or the client would rather not."""
        start, channel = kept.start, kept.channel
        if channel.wildcard or channel.about != channel or start.extension.get("presence") is False:
            return
        kept.member = member_id(start.id, kept.identity, start.request.id)
        live.presence.enter(channel, kept.member, kept.identity, self._asked_state(start), self)
        if "presence" in start.extension:
            told = live.presence.told(channel, kept.member)
            kept.subscription.told = {**(kept.subscription.told or {}), "presence": told}

    def _leave(self, live: LiveApi, kept: Kept) -> None:
        """Forget a subscription that has ended."""
        live.returning.release(kept.name, self)
        if kept.member is not None:
            live.presence.leave(kept.channel, kept.member, self)

    def _asked_state(self, start: Start) -> Any:
        asked = start.extension.get("presence")
        return self._state(asked.get("state") if isinstance(asked, dict) else None)

    def _state(self, state: Any) -> Any:
        most = self._limits.presence_state_bytes_max
        if len(json.encode(state)) > most:
            raise StateTooLarge(limit=most)
        return state

    # --- what ends

    def _check(self, kept: Kept) -> None:
        namespace = self._connected().namespace(kept.channel.namespace)
        self._publisher.check(namespace, "subscribe", kept.channel, kept.identity)

    def _credential_over(self, kept: Kept, refusal: SynclineError) -> None:
        self._meter.event(
            "subscription ended",
            room="events",
            api=self._connected().api_id,
            mode=kept.identity.mode,
            reason=refusal.message,
        )
        self._hub.end(kept.subscription, entries_of(refusal))

    # --- live_api.Connection

    def moved(self, namespace: str) -> None:
        """A namespace's publications are in another line, or for others. Who still catches up has to come again."""
        live = self._connected()
        for kept in [each for each in self._kept.values() if each.channel.namespace == namespace]:
            before, positions = kept.subscription, kept.subscription.stamp is not None
            kept.subscription = self._subscription(live, kept.start, kept.channel, positions=positions)
            if not self._hub.replace(before, kept.subscription):
                self._hub.end(kept.subscription, entries_of(Moved()))

    def gone(self, namespace: str | None) -> None:
        """A namespace, or the API, is no longer served."""
        for id, kept in list(self._kept.items()):
            if namespace in (None, kept.channel.namespace):
                del self._kept[id]
                self._connected().figures.subscriptions -= 1
                self._hub.unsubscribe(kept.subscription)
                self._leave(self._connected(), kept)
                kept.start.ended(entries_of(NamespaceUnknown()), False)

    def _connected(self) -> LiveApi:
        assert self._live is not None, "a connection subscribes only after it was admitted"
        return self._live


def caller(
    headers: Mapping[str, str],
    request: Request,
    body: bytes,
    door: Door = "message",
    outbox: Outbox | None = None,
) -> Caller:
    """Who sent a message. Signatures are made as for a POST to the HTTP endpoint."""
    base = request.path.removesuffix("/").removesuffix("/realtime")
    return Caller(headers, Signed("POST", (base, PATH), body=body), request, door, outbox)


def lowered(headers: Mapping[str, str]) -> dict[str, str]:
    """Header names in lower case: clients write them either way."""
    return {name.lower(): value for name, value in headers.items()}


def not_from(outbox: Outbox) -> Callable[[Any], bool]:
    """Holds for what came over other connections."""
    return lambda event: not isinstance(event, Event) or event.origin is not outbox


@lru_cache(maxsize=64)
def stamp(epoch: str) -> Callable[[bytes, int], bytes]:
    """Puts the position beside an event."""
    before = b',"position":"' + epoch.encode() + b":"

    def stamped(payload: bytes, position: int) -> bytes:
        return b'%b%b%d"' % (payload, before, position)

    return stamped
