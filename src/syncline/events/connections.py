"""Handlers for connections, not in AppSync: who may connect, and who has gone.

For: `subscribe`, which asks and tells, and `engine`, which runs what is told. Owns: the API's two tags, and the queue
of connections that have ended. Never: keeps a connection waiting for its own end.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import Literal, NamedTuple

from syncline.auth import Identity
from syncline.core import Bounded, Meter, QueueFull, Request, SynclineError
from syncline.events.errors import BadRequest, SubscribeFailed
from syncline.events.handlers import Moment, shown_request
from syncline.events.live_api import LiveApi

PLACE = re.compile(r"(?P<kind>channelNamespace|datasources)/(?P<name>[A-Za-z0-9_-]+)")
TAGS = {"onConnect": "syncline:onConnect", "onDisconnect": "syncline:onDisconnect"}
ENDED_MAX = 10_000
AT_ONCE = 32


class Ended(NamedTuple):
    """A connection that was, and how long."""

    live: LiveApi
    identity: Identity
    request: Request
    seconds: float


class Connections:
    """Asks handlers, and tells them."""

    def __init__(self, meter: Meter) -> None:
        self._meter = meter
        self._ended: Bounded[Ended] = Bounded("ended connections", ENDED_MAX)

    async def admit(self, live: LiveApi, identity: Identity, request: Request) -> None:
        """Return when the API's handler agrees, or there is none. Raises what it refuses with."""
        await self._pass("onConnect", live, moment(live, "CONNECT", identity, request))

    def ended(self, ended: Ended) -> None:
        """A connection is gone: have its API's handler told."""
        if TAGS["onDisconnect"] not in ended.live.entry.api.tags:
            return
        try:
            self._ended.put(ended)
        except QueueFull as refusal:
            self._missed(ended, refusal.message)

    async def run(self) -> None:
        """Tell, some at once, until cancelled."""
        while True:
            some = await self._ended.take(AT_ONCE)
            async with asyncio.TaskGroup() as group:
                for each in some:
                    group.create_task(self._tell(each))

    async def _tell(self, ended: Ended) -> None:
        live, identity, request, seconds = ended
        try:
            await self._pass("onDisconnect", live, moment(live, "DISCONNECT", identity, request, seconds=seconds))
        except SynclineError as refusal:
            self._missed(ended, refusal.message)

    async def _pass(self, export: Literal["onConnect", "onDisconnect"], live: LiveApi, moment: Moment) -> None:
        place = place_of(live.entry.api.tags, export)
        if place is None:
            return
        handler = live.connection_handler(export, *place)
        if handler is None:
            self._meter.event("handler missing", room="events", api=live.api_id, export=export, place="/".join(place))
            raise SubscribeFailed
        await handler.passed(moment)

    def _missed(self, ended: Ended, reason: str) -> None:
        self._meter.event(
            "disconnection not told", room="events", api=ended.live.api_id, request_id=ended.request.id, reason=reason
        )


def moment(live: LiveApi, operation: str, identity: Identity, request: Request, **more: float) -> Moment:
    """What a connection's handler is shown."""
    connection = {"id": request.id, **more}
    return Moment(live.api_id, operation, None, identity.claims, shown_request(request), connection)


def place_of(tags: Mapping[str, str], export: Literal["onConnect", "onDisconnect"]) -> tuple[str, str] | None:
    """Where an API has such a handler: a kind and a name. Raises BadRequest."""
    text = tags.get(TAGS[export])
    if text is None:
        return None
    found = PLACE.fullmatch(text)
    if found is None:
        raise BadRequest(f"The tag {TAGS[export]} is channelNamespace/NAME or datasources/NAME, not {text}.")
    return found["kind"], found["name"]
