"""The front doors: which room answers a request, and which endpoint a WebSocket talks to.

For: `edge`. Owns: the order of the routes on the one port. Never: reads a body.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

from syncline.app.admin import Admin
from syncline.app.rooms import Rooms
from syncline.core import Clock, Meter, NotFound, Request, Response, Settings, call, json
from syncline.functions import CODE_LINKS
from syncline.hub import RealtimeEndpoint
from syncline.monitoring import PROMETHEUS_TYPE, prometheus_text
from syncline.wire import identify

if TYPE_CHECKING:
    from syncline.app.demo import DemoConfig

EVENT_PATH = "/event"
CA_PATH = "/.well-known/syncline-ca.pem"


class NoSuchPath(NotFound):
    """Nothing is served at {method} {path}."""

    code = "NotFoundException"


class Doors:
    """One port, many rooms."""

    def __init__(self, rooms: Rooms, settings: Settings, meter: Meter, clock: Clock) -> None:
        self.closing = False
        self._rooms = rooms
        self._settings = settings
        self._meter = meter
        self._admin = Admin(rooms, clock)
        self._pages: Callable[[str], Response | None] = lambda path: None

    def respond(self, request: Request) -> Awaitable[Response]:
        """The answer to one HTTP request. Raises SynclineError for what nobody serves, at once or when awaited."""
        path = request.path
        own = None if path == "/" else self._at(path, request)
        if own is not None:
            return own
        if request.method not in ("GET", "HEAD") or not self._rooms.userpools.publishes(path):
            service = identify(request)
            if service is not None:
                return self._rooms.aws.respond(request, service)
        return self._page(request)

    def _at(self, path: str, request: Request) -> Awaitable[Response] | None:
        """The answer of the room that has the path; None when its path tells nothing."""
        if path.startswith("/graphql"):
            return self._graphql(request)
        if path == EVENT_PATH or path.startswith(EVENT_PATH + "/"):
            return self._event(request)
        if path.startswith(CODE_LINKS):
            return self._rooms.functions.links.respond(request)
        if self._admin.recognises(request):
            return self._admin.respond(request)
        return None

    async def _page(self, request: Request) -> Response:
        """What the server itself publishes."""
        path = request.path
        if request.method in ("GET", "HEAD"):
            if self._rooms.userpools.publishes(path):
                return self._rooms.userpools.published(request, self._rooms.url)
            answer = self._own(path) or self._pages(path)
            if answer is not None:
                return answer
        raise NoSuchPath(method=request.method, path=path)

    def origins(self, request: Request) -> frozenset[str] | None:
        """The web origins that may make this request; None for all."""
        path = request.path
        if path.startswith("/graphql"):
            return self._rooms.graphql.origins(request)
        if path == EVENT_PATH or path.startswith(EVENT_PATH + "/"):
            return self._rooms.events.origins(request)
        return None

    def endpoint(self, request: Request) -> RealtimeEndpoint | None:
        """What the socket of this upgrade talks to, or None when nothing is there."""
        path = request.path
        if path == EVENT_PATH or path.startswith(EVENT_PATH + "/"):
            return self._rooms.events.endpoint(request)
        if not path.startswith("/graphql"):
            return None
        if "upgrade" not in request.index:
            self._enter(request)
        # On the bare path the API may be known only once the socket has named its key.
        return self._rooms.graphql.endpoint(self._rooms.graphql.api_of(request), request)

    def demo(self, url: str, clock: Clock) -> Demonstration:
        """Serve the demonstration's page; what is returned deploys its API when it runs."""
        from syncline.app.demo import demo_routes

        demonstration = Demonstration(url, clock, self._meter, self._settings.region)
        self._pages = demo_routes(lambda: demonstration.deployed)
        return demonstration

    def _graphql(self, request: Request) -> Awaitable[Response]:
        api = self._rooms.graphql.api_of(request)
        if api is None:
            raise NoSuchPath(method=request.method, path=request.path)
        self._enter(request)
        return self._rooms.graphql.respond(api, request)

    async def _event(self, request: Request) -> Response:
        self._enter(request)
        return await self._rooms.events.respond(request)

    def _enter(self, request: Request) -> None:
        # Requests of one connection share a task: each enters a call of its own, so that none inherits another's.
        call.enter(call.Call(request.id, self._settings.region, self._settings.account, source_ip=request.peer))

    def _own(self, path: str) -> Response | None:
        if path == "/healthz":
            return Response(body=json.encode({"status": "ok"}))
        if path == "/readyz":
            state = "closing" if self.closing else "ready"
            return Response(status=503 if self.closing else 200, body=json.encode({"status": state}))
        if path == "/metrics":
            return Response(body=prometheus_text(self._meter).encode(), content_type=PROMETHEUS_TYPE)
        if path == CA_PATH:
            return self._authority()
        return None

    def _authority(self) -> Response | None:
        """The development CA's certificate, for those who want to trust it; None with a certificate of one's own."""
        path = Path(self._settings.data) / "tls" / "ca.pem"
        if self._settings.tls_cert or not path.is_file():
            return None
        return Response(body=path.read_bytes(), content_type="application/x-pem-file")


class Demonstration:
    """The demonstration's deployment: a part that ends when it is done."""

    def __init__(self, url: str, clock: Clock, meter: Meter, region: str) -> None:
        self.deployed: DemoConfig | str | None = None
        self._url = url
        self._clock = clock
        self._meter = meter
        self._region = region

    async def run(self) -> None:
        """Deploy the recipe's API through public operations; a refusal is shown on the page."""
        from syncline.app.demo import DeploymentFailed, deploy_demo

        try:
            self.deployed = await deploy_demo(self._url, self._clock, region=self._region)
        except DeploymentFailed as refusal:
            self.deployed = f"The demo could not be deployed: {refusal}"
            self._meter.event("demo failed", url=self._url + "/", reason=str(refusal))
        else:
            self._meter.event("demo ready", url=self._url + "/", api=self.deployed.graphql_path)
