"""Publishing: events from one request to their subscribers, with an answer for each.

For: `serve` (HTTP) and `subscribe` (WebSocket). Owns: the order of checks, the limits, the form of the answer.
Never: knows how a request came in.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

import msgspec

from syncline.auth import (
    ApiAuth,
    Authenticator,
    Door,
    Identity,
    MessageRateExceeded,
    NotAuthorized,
    Opened,
    RateExceeded,
    Signed,
)
from syncline.core import (
    Clock,
    Ids,
    Rates,
    Request,
    SynclineError,
    TimeLimit,
    Unauthenticated,
    json,
    settings,
)
from syncline.events.channels import Channel, channel_of
from syncline.events.errors import BadRequest, InvalidChannel, PublishFailed, TooManyEvents
from syncline.events.handlers import Incoming, Moment, Outgoing, shown_request
from syncline.events.live_api import LiveApi, Served
from syncline.hub import Hub, Outbox

JSON = Any
T = TypeVar("T")
HANDLER_SECONDS_MAX = 30.0
"""AppSync's time for one request."""
Answer = dict[str, list[dict[str, JSON]]]


class Event(msgspec.Struct, frozen=True, weakref=False):
    """What the hub carries: the event's text as a JSON string, encoded once for all its subscribers. `origin`: the
    connection that is not to have it back."""

    payload: bytes
    origin: Outbox | None = None


class Caller(msgspec.Struct, frozen=True):
    """Who asks, and how: credentials (lower-case names), what a signature may cover, the HTTP request behind it, the
    connection if it is a message on one."""

    headers: Mapping[str, str]
    signed: Signed
    request: Request
    door: Door = "request"
    outbox: Outbox | None = None


class Publisher:
    """Publishes for every API."""

    def __init__(
        self,
        hub: Hub,
        auth: Authenticator,
        clock: Clock,
        ids: Ids,
        limits: settings.Events,
        rates: settings.Rates,
    ) -> None:
        self._hub, self._auth, self._ids, self._limits = hub, auth, ids, limits
        self._by_api = Rates(clock, rates.events_per_api)
        self._by_connection = Rates(clock, rates.publishes_per_connection)
        self._time = TimeLimit(HANDLER_SECONDS_MAX)

    async def publish(self, live: LiveApi, channel: JSON, events: JSON, caller: Caller) -> Answer:
        """Publish, then return what became of each event. Raises SynclineError when none was published."""
        with live.figures_of(channel).publishes.counted():
            place, texts = self._read(channel, events)
            namespace = live.namespace(place.namespace)
            identity = await self.enter(namespace, "publish", place, caller)
            self.pace(live, caller, len(texts))
            incoming = [Incoming(self._ids.uuid(), self._payload(text)) for text in texts]
            handled = await self._handled(live, namespace, place, identity, caller, incoming)
            return await self._sent(live, place, incoming, texts, handled, caller.outbox)

    async def in_time(self, live: LiveApi, moment: Moment, asked: Coroutine[Any, Any, T], late: SynclineError) -> T:
        """What a handler says, when that does not take longer than AppSync's requests may. Raises `late`."""
        try:
            return await self._time.run(asked)
        except TimeoutError:
            live.note(moment, f"it took longer than {self._time.seconds:g} seconds")
            raise late from None

    def pace(self, live: LiveApi, caller: Caller, events: int) -> None:
        """Return when that many events fit in the rates of the API and the connection. Raises Throttled."""
        fits = caller.outbox is None or self._by_connection.take(caller.request.id)
        if not fits or not self._by_api.take(live.api_id, events):
            live.figures.messages_dropped.add()
            raise RateExceeded if caller.outbox is None else MessageRateExceeded

    async def enter(self, namespace: Served, operation: str, channel: Channel, caller: Caller) -> Identity:
        """Who calls, when they may `publish` or `subscribe` there. Raises Unauthenticated."""
        identity = await self.admit(namespace.auth(operation), caller, f"EVENT_{operation.upper()}", channel)
        namespace.features.check(operation, channel, identity)
        return identity

    def check(self, namespace: Served, operation: str, channel: Channel, identity: Identity) -> None:
        """Raise Unauthenticated when what `identity` was let in with is good no more."""
        self._auth.check(namespace.auth(operation), identity)
        namespace.features.check(operation, channel, identity)

    async def admit(self, auth: ApiAuth, caller: Caller, operation: str, channel: Channel | None = None) -> Identity:
        """Who calls, when that is allowed. Raises Unauthenticated, in the one wording of Event APIs."""
        asked = {
            "operation": operation,
            "channelNamespaceName": channel.namespace if channel else None,
            "channel": channel.path if channel else None,
        }
        try:
            return await self._auth.authenticate(
                auth,
                caller.headers,
                source_ip=caller.request.peer,
                signed=caller.signed,
                asked=asked,
                door=caller.door,
            )
        except Unauthenticated as refusal:
            if refusal.code == NotAuthorized.code:
                raise NotAuthorized from refusal
            raise

    @property
    def opened(self) -> Opened:
        """What credentials have opened, on all APIs."""
        return self._auth.opened

    def _read(self, channel: JSON, events: JSON) -> tuple[Channel, list[str]]:
        if not isinstance(channel, str):
            raise InvalidChannel
        most = self._limits.events_per_publish_max
        if not isinstance(events, list) or not events or not all(isinstance(each, str) for each in events):
            raise BadRequest(f"events must be a list of 1 to {most} strings, each of them JSON.")
        if len(events) > most:
            raise TooManyEvents(limit=most)
        return channel_of(channel), events

    def _payload(self, text: str) -> JSON:
        size = len(text.encode())
        if size > self._limits.event_bytes_max:
            raise BadRequest(f"Event exceeded the limit of {self._limits.event_bytes_max} bytes: it has {size}.")
        try:
            return json.decode(text)
        except (json.NotJson, RecursionError):
            raise BadRequest("Each event must be a string of valid JSON.") from None

    async def _handled(
        self,
        live: LiveApi,
        namespace: Served,
        channel: Channel,
        identity: Identity,
        caller: Caller,
        incoming: list[Incoming],
    ) -> dict[str, Outgoing] | None:
        handler = namespace.handlers.on_publish
        if handler is None:
            return None
        namespace.figures.publish_handlers.add()
        request = shown_request(caller.request)
        moment = Moment(live.api_id, "PUBLISH", channel, identity.claims, request)
        return await self.in_time(live, moment, handler.published(moment, incoming), PublishFailed())

    async def _sent(
        self,
        live: LiveApi,
        channel: Channel,
        incoming: list[Incoming],
        texts: list[str],
        handled: dict[str, Outgoing] | None,
        outbox: Outbox | None,
    ) -> Answer:
        """Hand what goes on to the hub, in the request's order, and say what became of each."""
        namespace = live.namespace(channel.namespace)  # it may have gone while the handler ran
        outcomes = [Outgoing(None, None) if handled is None else handled.get(event.id) for event in incoming]
        going = [
            text if handled is None else self._text(namespace, event, outcome)
            for event, text, outcome in zip(incoming, texts, outcomes, strict=True)
        ]
        await self._broadcast(namespace, channel, [text for text in going if text is not None], outbox)
        figures = namespace.figures
        answer: Answer = {"failed": [], "successful": []}
        for index, (event, outcome, text) in enumerate(zip(incoming, outcomes, going, strict=True)):
            told: dict[str, JSON] = {"identifier": event.id, "index": index}
            if outcome is not None and outcome.error is not None:
                figures.failed.add()
                answer["failed"].append({**told, "message": outcome.error})
            elif text is None:
                figures.dropped.add()
            else:
                figures.successful.add()
                answer["successful"].append(told)
        return answer

    def _text(self, namespace: Served, event: Incoming, outcome: Outgoing | None) -> str | None:
        """The text that a handler's event becomes; None for one that is left out, or failed, or is too large."""
        if outcome is None or outcome.error is not None:
            return None
        text = json.encode(outcome.payload)
        if len(text) + len(event.id) <= self._limits.event_bytes_max:
            return text.decode()
        namespace.figures.broadcasts.client_errors.add()
        return None

    async def _broadcast(self, namespace: Served, channel: Channel, texts: list[str], outbox: Outbox | None) -> None:
        """Publish. Nothing is awaited in between: these events stay together. With a history, return once kept."""
        figures, line, hub = namespace.figures, namespace.line, self._hub
        topic, wider, kept = channel.topic(line), channel.wider(line), []
        for text in texts:
            payload = json.encode(text)
            event = Event(payload, None if namespace.features.echo else outbox)
            if hub.durable(line):
                size = len(payload)
                kept.append(hub.publish_durably(topic, event, commit=0, wider=wider, size=size, content=payload))
            else:
                hub.publish(topic, event, commit=0, wider=wider, size=len(payload))
        outcome = figures.broadcasts.server_errors
        try:
            await asyncio.gather(*kept)
            outcome = figures.broadcasts.successes
            for text in texts:
                figures.broadcast_bytes.observe(len(text))
        finally:
            outcome.add(len(texts))


def payload_of(event: Event | bytes) -> bytes:
    """The projection of every subscription. What comes from a history is the payload alone."""
    return event if isinstance(event, bytes) else event.payload
