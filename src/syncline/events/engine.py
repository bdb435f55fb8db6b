"""The engine: every Event API as it serves, and the ways in.

For: `app` and `edge` (the data plane), `service` (the control plane). Owns: the live APIs.
Never: parses HTTP or frames; it is handed requests and starts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from syncline.auth import Authenticator, origins_of
from syncline.core import Clock, Ids, Meter, Request, Response, Settings, arns
from syncline.datasources import Engines
from syncline.events.catalog import Catalog, Entry
from syncline.events.connections import Connections
from syncline.events.errors import NoSuchApi
from syncline.events.features import features_of
from syncline.events.handlers import Handlers
from syncline.events.live_api import LiveApi
from syncline.events.model import Namespace
from syncline.events.presence import Presence
from syncline.events.publish import Publisher
from syncline.events.serve import Server
from syncline.events.subscribe import Endpoint
from syncline.hub import Hub, Keep
from syncline.monitoring import LogWriter
from syncline.resolvers import Library
from syncline.store import Store

UNNAMED = ("", "realtime", "presence")
"""What stands where an API's id would, on the bare paths."""
SWEEP_SECONDS = 1.0


class EventsEngine:
    """Event APIs: kept, served, subscribed to."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        ids: Ids,
        settings: Settings,
        meter: Meter,
        hub: Hub,
        auth: Authenticator,
        engines: Engines,
        public_url: Callable[[], str],
        logs: LogWriter,
    ) -> None:
        self.clock, self.ids, self.settings, self.meter = clock, ids, settings, meter
        self.hub, self.auth, self.public_url = hub, auth, public_url
        self.catalog = Catalog(store)
        self._engines, self._logs = engines, logs
        self._library = Library(clock, ids, meter, settings.javascript)
        self._live: dict[str, LiveApi] = {}
        self._publisher = Publisher(hub, auth, clock, ids, settings.events, settings.rates)
        self._connections = Connections(meter)
        self._server = Server(self._publisher, clock, meter, settings.events)

    async def load(self) -> None:
        """Take up every API in the store: once, at start."""
        await self.catalog.load()
        for entry in self.catalog.entries.values():
            self.start(entry)
            for namespace in entry.namespaces.values():
                if self.live(entry.api.api_id).served(namespace.name) is not None:
                    await self._settle_history(namespace)

    # --- the data plane

    async def respond(self, request: Request) -> Response:
        """Answer one request over HTTP; never raises for what a client did."""
        return await self._server.respond(self._live.get(self._api_of(request) or ""), request)

    def endpoint(self, request: Request) -> Endpoint:
        """What a new WebSocket connection talks to. On the bare path the API is found when it connects."""
        named = _named(request.path)

        def live_of(headers: Mapping[str, str]) -> LiveApi:
            return self.live(named or self._api_of_headers({**request.index, **headers}) or "")

        shared = self._publisher, self._connections, self.hub, self.clock, self.meter, self.settings.events
        return Endpoint(*shared, live_of)

    def origins(self, request: Request) -> frozenset[str] | None:
        """The web origins that may make this request; None for all."""
        live = self._live.get(self._api_of(request) or "")
        return None if live is None else origins_of(live.entry.api.tags)

    def connections(self, api_id: str | None = None) -> list[dict[str, Any]]:
        """Who is connected now, the oldest first: peer, channels, what waits, what arrived."""
        lives = self._live.values() if api_id is None else [self.live(api_id)]
        return [connection.shown() for live in lives for connection in live.connections]

    async def run(self) -> None:
        """Tell of connections that have ended and expire members who have not come back, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._connections.run())
            while True:
                await self.clock.sleep(SWEEP_SECONDS)
                for live in list(self._live.values()):
                    live.presence.sweep()

    def owns(self, api_id: str) -> bool:
        """Whether this is the id of an Event API."""
        return api_id in self._live

    def _api_of(self, request: Request) -> str | None:
        """The API a request is for: by path, else by Host, else by its key, else the only one."""
        return _named(request.path) or self._api_of_headers(request.index)

    def _api_of_headers(self, headers: Mapping[str, str]) -> str | None:
        label = headers.get("host", "").partition(".")[0]
        if label in self._live:
            return label
        key = headers.get("x-api-key", "")
        for api_id, live in self._live.items():
            if key in live.keys:
                return api_id
        return next(iter(self._live)) if len(self._live) == 1 else None

    # --- the control plane

    def live(self, api_id: str) -> LiveApi:
        """The live API. Raises NoSuchApi."""
        found = self._live.get(api_id)
        if found is None:
            raise NoSuchApi(api=api_id)
        return found

    def keys_changed(self, api_id: str) -> None:
        """Go by an API's keys as they are now, on open sockets, too."""
        self.live(api_id).refresh_keys()
        self.auth.opened.recheck(api_id)

    def start(self, entry: Entry) -> None:
        """Serve an API from now on."""
        presence = Presence(self.hub, self.clock, entry.api.api_id, self.settings.events.presence_seconds)
        library = self._library.for_api()
        live = LiveApi(entry, self._engines, library, self.meter, self._logs, presence, self.hub, self.clock)
        live.restore()
        self._live[live.api_id] = live

    async def serve(self, live: LiveApi, record: Namespace, handlers: Handlers) -> None:
        """Serve a namespace, new or changed, from now on; what its subscriptions may no longer hear ends."""
        before = live.served(record.name)
        await self._settle_history(record)
        await self.hub.drained()
        live.serve(record, handlers)
        now = live.namespace(record.name)
        if before is not None and (before.line, before.features.echo) != (now.line, now.features.echo):
            live.move(record.name)
        self.auth.opened.recheck(live.api_id)

    async def _settle_history(self, record: Namespace) -> None:
        """Keep what a namespace publishes, or no longer, as its tags say."""
        bounds, limits = features_of(record.tags).history, self.settings.hub
        line = f"{record.api_id}/{record.name}"
        if bounds is None:
            await self.hub.make_durable(line, durable=False)
            return
        seconds = min(bounds.get("seconds", limits.history_seconds), limits.history_seconds)
        most = min(bounds.get("bytes", limits.history_bytes_max), limits.history_bytes_max)
        keep = Keep(seconds, int(most), bounds.get("count", 0))
        await self.hub.make_durable(line, keep=keep, epoch=self.ids.uuid()[:8])

    async def forget_history(self, live: LiveApi, name: str) -> None:
        """A namespace is going to be deleted: what it kept goes first, for nothing would know of it after a crash."""
        await self.hub.make_durable(f"{live.api_id}/{name}", durable=False)

    async def stop(self, api_id: str) -> None:
        """Serve an API no longer; end its subscriptions."""
        await self.hub.drained()
        live = self._live.pop(api_id)
        live.end(None)
        for line in [api_id, *(f"{api_id}/{name}" for name in live.entry.namespaces)]:
            await self.hub.forget(line)
        self.meter.forget(api=api_id)

    def arn(self, resource: str) -> str:
        """An ARN of this account and region."""
        return str(arns.Arn("appsync", self.settings.region, self.settings.account, resource))


def _named(path: str) -> str | None:
    parts = path.split("/")
    return None if len(parts) < 3 or parts[2] in UNNAMED else parts[2]
