"""Event APIs over HTTP: publishing, in AppSync's shape, and reading who is in a channel.

For: `engine`. Owns: the statuses. Never: decides who may publish.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

from syncline.auth import Signed
from syncline.core import (
    Clock,
    Denied,
    Failed,
    Meter,
    Request,
    Response,
    SynclineError,
    Throttled,
    TooLarge,
    Unauthenticated,
    Unavailable,
    json,
    settings,
)
from syncline.events.channels import channel_of
from syncline.events.errors import BadRequest, HandlerRefused, entries_of
from syncline.events.live_api import LiveApi
from syncline.events.publish import Caller, Publisher

TOKENS = 1
"""What every request costs: AppSync counts another for each 1,500 KB-seconds, which no request comes near here."""
PRESENCE_PATH = "/presence"
CONTENT_TYPE = "application/json;charset=UTF-8"
REASON_CHARACTERS_MAX = 512

STATUSES: tuple[tuple[type[SynclineError], int], ...] = (
    (HandlerRefused, 403),
    (Denied, 403),
    (Throttled, 429),
    (TooLarge, 413),
    (Unavailable, 503),
    (Failed, 500),
)
"""By kind, the first that fits; 400 for the rest."""


class NotServed(BadRequest):
    """No Event API is served here."""

    code = "UnknownOperationException"


class MethodWrong(BadRequest):
    """Events are published with POST."""


class ReadWrong(BadRequest):
    """Members are read with GET."""


class BodyUnreadable(BadRequest):
    """The body must be a JSON object with channel and events."""


class Server:
    """Answers HTTP requests."""

    def __init__(self, publisher: Publisher, clock: Clock, meter: Meter, limits: settings.Events) -> None:
        self._publisher, self._clock, self._meter, self._limits = publisher, clock, meter, limits

    async def respond(self, live: LiveApi | None, request: Request) -> Response:
        """The answer to one request, whatever it is."""
        if live is None:
            return self._refused(NotServed(), request, api="")
        started = self._clock.monotonic()
        live.figures.requests.add()
        live.figures.tokens.add(TOKENS)
        try:
            answer = await self._answer(live, request)
            response = Response(
                200, json.encode(answer), CONTENT_TYPE, [("x-amzn-appsync-tokensconsumed", str(TOKENS))]
            )
        except SynclineError as refusal:
            response = self._refused(refusal, request, api=live.api_id)
            (live.figures.errors_5xx if response.status >= 500 else live.figures.errors_4xx).add()
        live.figures.latency.observe((self._clock.monotonic() - started) * 1000)
        return response

    async def _answer(self, live: LiveApi, request: Request) -> dict[str, Any]:
        if request.path.rstrip("/").endswith(PRESENCE_PATH):
            return await self._members(live, request)
        if request.method != "POST":
            raise MethodWrong
        try:
            body = json.decode(request.body)
        except (json.NotJson, UnicodeDecodeError, RecursionError):
            raise BodyUnreadable from None
        if not isinstance(body, dict):
            raise BodyUnreadable
        signed = Signed("POST", (request.path, "/event"), request.query, request.body)
        caller = Caller(request.index, signed, request)
        return await self._publisher.publish(live, body.get("channel"), body.get("events"), caller)

    async def _members(self, live: LiveApi, request: Request) -> dict[str, Any]:
        """Who is in a channel, for those who may subscribe to it."""
        if request.method != "GET":
            raise ReadWrong
        named = dict(parse_qsl(request.query))
        channel = channel_of(named.get("channel", ""))
        namespace = live.namespace(channel.namespace)
        caller = Caller(request.index, Signed("GET", (request.path,), request.query), request)
        await self._publisher.enter(namespace, "subscribe", channel.presence, caller)
        return live.presence.shown(channel, self._limits.presence_members_shown_max)

    def _refused(self, refusal: SynclineError, request: Request, *, api: str) -> Response:
        entries = entries_of(refusal)
        code = entries[0]["errorType"]
        self._meter.event(
            "publish refused",
            room="events",
            api=api,
            code=code,
            reason=refusal.message[:REASON_CHARACTERS_MAX],
            request_id=request.id,
        )
        body = json.encode({"errors": entries})
        return Response(status_of(refusal), body, CONTENT_TYPE, [("x-amzn-errortype", code)])


def status_of(refusal: SynclineError) -> int:
    """The status of a refusal. Signatures have codes of their own and are 403, as everywhere in AppSync."""
    if isinstance(refusal, NotServed):
        return 404
    if isinstance(refusal, Unauthenticated):
        return 401 if refusal.code == "UnauthorizedException" else 403
    return next((status for kind, status in STATUSES if isinstance(refusal, kind)), 400)
