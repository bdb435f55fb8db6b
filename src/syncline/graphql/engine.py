"""The engine: every GraphQL API as it serves, and the ways in.

For: `app` and `edge` (the data plane), `service` (the control plane). Owns: the live APIs.
Never: parses HTTP or frames; it is handed requests and starts.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from syncline.auth import Authenticator, origins_of
from syncline.core import Clock, Ids, Meter, Request, Response, Settings, arns
from syncline.datasources import Engines
from syncline.graphql.catalog import Catalog, Entry
from syncline.graphql.errors import NoSuchApi
from syncline.graphql.fragments import Kept
from syncline.graphql.hosts import host_of, pattern_of
from syncline.graphql.live_api import LiveApi
from syncline.graphql.model import Remembered
from syncline.graphql.serve import Server
from syncline.graphql.subscribe import Endpoint
from syncline.graphql.traces import MutationNotConfirmed, NoSuchTrace, Sampling, Trace, in_short
from syncline.hub import Hub
from syncline.monitoring import LogWriter
from syncline.resolvers import Library
from syncline.store import Store

PATH = "/graphql"
DURABLE_TAG = "syncline:durable"
"""An API with this tag, `true`, is durable. AppSync has no word for it, but every tool can tag."""


class GraphqlEngine:
    """GraphQL APIs: kept, served, subscribed to."""

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
        dev = settings.mode == "dev"
        self._library = Library(clock, ids, meter, settings.javascript, settings.resolvers, reloads=dev)
        self._live: dict[str, LiveApi] = {}
        self._kept = Kept()
        self._server = Server(auth, hub, clock, ids, meter, Sampling(settings.traces, ids))

    async def load(self) -> None:
        """Take up every API in the store: once, at start."""
        await self.catalog.load()
        for entry in self.catalog.entries.values():
            self.start(entry)
            await self.settle_durability(entry.api.api_id)
            remembered = await self.catalog.take_remembered(entry.api.api_id)
            if remembered is not None:
                self.live(entry.api.api_id).returning.restore(remembered.positions)
        self.refresh_domains()

    # --- the data plane

    def respond(self, api_id: str | None, request: Request) -> Awaitable[Response]:
        """Answer one GraphQL request over HTTP; never raises for what a client did."""
        live = self._live.get(api_id or "")
        return self._server.respond(live, request)

    def endpoint(self, api_id: str | None, request: Request) -> Endpoint:
        """What a new WebSocket connection talks to. Without `api_id` the API is found when it connects."""
        return Endpoint(self._server, self.hub, self.clock, self.meter, lambda headers: self._live_of(api_id, headers))

    def origins(self, request: Request) -> frozenset[str] | None:
        """The web origins that may make this request; None for all."""
        live = self._live.get(self.api_of(request) or "")
        return None if live is None else origins_of(live.entry.api.tags)

    def api_of(self, request: Request) -> str | None:
        """The API a request is for: by path, else by Host, else by its key, else the only one."""
        named = self._named(request.path)
        return named if named else self.api_of_headers(request.index)

    def api_of_headers(self, headers: Mapping[str, str]) -> str | None:
        """The API that these headers (lower-case names) point to."""
        for host in (headers.get("host", ""), headers.get("x-appsync-domain", "")):
            domain = pattern_of(host_of(host), self.catalog.associations) if self.catalog.associations else None
            if domain is not None:
                return self.catalog.associations[domain].api_id
            label = host.partition(".")[0]
            if label in self._live:
                return label
        key = headers.get("x-api-key", "")
        for api_id, live in self._live.items():
            if key in live.keys:
                return api_id
        return next(iter(self._live)) if len(self._live) == 1 else None

    def _named(self, path: str) -> str | None:
        parts = path.split("/")
        if len(parts) < 3 or parts[2] in ("", "realtime", "connect"):
            return None
        return parts[2]

    def _live_of(self, api_id: str | None, headers: Mapping[str, str]) -> LiveApi:
        found = self._live.get(api_id or self.api_of_headers(headers) or "")
        if found is None:
            raise NoSuchApi(api=api_id or "")
        return found

    # --- for developers

    def connections(self, api_id: str | None = None) -> list[dict[str, Any]]:
        """Who is connected now, the oldest first: peer, subscriptions with their filters, what waits, what arrived."""
        lives = self._live.values() if api_id is None else [self.live(api_id)]
        return [
            {**endpoint.shown(), "position": self.hub.position(live.api_id)}
            for live in lives
            for endpoint in live.present
        ]

    def traces(self, api_id: str | None = None) -> list[dict[str, Any]]:
        """What failed lately, the newest first, in short."""
        lives = self._live.values() if api_id is None else [self.live(api_id)]
        return sorted(
            (in_short(each) for live in lives for each in reversed(list(live.traces))), key=lambda each: -each["at"]
        )

    def trace(self, trace_id: str) -> dict[str, Any]:
        """Everything that is told of one failed request. Raises NoSuchTrace."""
        return self._trace(trace_id)[1].shown

    async def replay(self, trace_id: str, request: Request, *, mutations: bool) -> dict[str, Any]:
        """Ask again what a trace tells of. Raises NoSuchTrace, MutationNotConfirmed, NotReplayable."""
        live, trace = self._trace(trace_id)
        if trace.mutation and not mutations:
            raise MutationNotConfirmed(id=trace_id)
        return await self._server.replay(live, trace, request)

    def _trace(self, trace_id: str) -> tuple[LiveApi, Trace]:
        for live in self._live.values():
            found = live.traces.find(trace_id)
            if found is not None:
                return live, found
        raise NoSuchTrace(id=trace_id)

    # --- the control plane

    @property
    def library(self) -> Library:
        """What resolvers are made of, for trying code out."""
        return self._library

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
        live = LiveApi(
            entry,
            self._engines,
            self._library,
            self.meter,
            self.clock,
            self._logs,
            self._kept,
            self.settings.traces,
            self.hub,
        )
        live.restore()
        self._live[live.api_id] = live

    def refresh_domains(self) -> None:
        """Let every API know its custom domains."""
        for api_id, live in self._live.items():
            live.domains = {each.domain_name for each in self.catalog.associations.values() if each.api_id == api_id}

    async def resettle(self, api_id: str) -> None:
        """Serve an API's changed schema or configuration, after everything published before was delivered."""
        await self.hub.drained()
        self.live(api_id).settle(schema_changed=True)
        self.auth.opened.recheck(api_id)

    async def settle_durability(self, api_id: str) -> None:
        """Keep an API's publications in the store, or no longer, as its tags say."""
        tags = self.live(api_id).entry.api.tags
        await self.hub.make_durable(api_id, durable=tags.get(DURABLE_TAG) == "true")

    async def close(self) -> None:
        """The server stops, its connections have ended: write down where the clients of durable APIs are."""
        for api_id, live in self._live.items():
            positions = live.returning.positions() if self.hub.durable(api_id) else {}
            if positions:
                await self.catalog.remember(api_id, Remembered(positions))

    async def stop(self, api_id: str) -> None:
        """Serve an API no longer; end its subscriptions."""
        await self.hub.drained()
        live = self._live.pop(api_id)
        live.schema = None
        live.settle(schema_changed=True)
        await self.hub.forget(api_id)
        self.meter.forget(api=api_id)

    def arn(self, resource: str) -> str:
        """An ARN of this account and region."""
        return str(arns.Arn("appsync", self.settings.region, self.settings.account, resource))
