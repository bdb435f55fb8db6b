"""The client of an Event API.

For: applications. Follows: AWS AppSync Events' HTTP and WebSocket APIs; works against both AppSync and Syncline.
Never: checks a channel's name.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Literal

from syncline.client.auth import Auth
from syncline.client.dialects import EventsDialect, host_of, is_aws
from syncline.client.errors import ClientError
from syncline.client.messages import Event, Published, State, Timing, published_of
from syncline.client.session import Options, Session
from syncline.client.subscription import Subscription
from syncline.core import Clock, Ids, SystemClock, SystemIds, json

WAITING_MAX = 1000


class EventsClient:
    """Publishing and subscribing: `async with EventsClient(url, auth=ApiKey("da2-…")) as client`.

    The arguments are those of GraphQLClient; `url` is the endpoint that ends in `/event` or `/event/API_ID`.
    """

    def __init__(
        self,
        url: str,
        *,
        auth: Auth,
        tls: ssl.SSLContext | None = None,
        resume: bool | None = None,
        timing: Timing | None = None,
        on_state: Callable[[State], None] | None = None,
        clock: Clock | None = None,
        ids: Ids | None = None,
    ) -> None:
        self._auth, self._clock, self._ids = auth, clock or SystemClock(), ids or SystemIds()
        options = Options(timing or Timing(), tls, self._clock, self._ids, on_state)
        self._dialect = EventsDialect(url, resumes=not is_aws(url) if resume is None else resume)
        self._session = Session(self._dialect, auth, options)

    async def __aenter__(self) -> EventsClient:
        await self._session.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    @property
    def state(self) -> State:
        """Where the socket is."""
        return self._session.connection.state

    async def publish(
        self, channel: str, events: Iterable[Any], *, over: Literal["http", "socket"] = "http"
    ) -> Published:
        """Publish up to five events, which are values that JSON can hold, and return what became of each.

        Raises Unauthorized, RequestRefused and ConnectionLost; over the socket it needs no round trip for a
        connection, and is in order with what this client published over it before.
        """
        body = json.encode({"channel": channel, "events": [json.encode(event).decode() for event in events]})
        if over == "http":
            return published_of(await self._session.post(body))
        self._session.check_open()
        shown = await self._auth.sign(self._dialect.signable(body, self._clock.now()))
        id = self._ids.uuid()
        message = self._dialect.publish(id, body, {"host": host_of(self._dialect.http), **shown})
        return published_of(await self._session.connection.ask(id, message))

    def subscribe(
        self,
        channel: str,
        *,
        after: str | None = None,
        last: int | None = None,
        presence: Any = None,
        waiting_max: int = WAITING_MAX,
    ) -> Subscription[Event]:
        """What is published to a channel, or with a final `/*` below it; `after` and `waiting_max` as in
        GraphQLClient.subscribe.

        With `last`, and without `after`, first come so many of the latest events of a namespace that keeps a history
        (`syncline:history`); a Gap before them says that there were more. In a namespace with `syncline:presence` a
        subscription is a member of its channel: `presence` is `{"state": …}` for others to see, or False to be none.
        """
        if (last is not None or presence is not None) and not self._dialect.resumes:
            raise ClientError("AppSync knows neither histories nor presence.")
        payload = json.encode({"channel": channel})
        live = self._session.subscribe(payload, after=after, last=last, waiting_max=waiting_max)
        live.flow.presence = presence
        return live

    async def show(self, live: Subscription[Event], state: Any) -> None:
        """Show another state of the member that a subscription is, now and after a lost connection.
        Raises RequestRefused and ConnectionLost."""
        live.flow.presence = {"state": state}
        if live.flow.live:  # Otherwise its next start shows it.
            await self._session.connection.ask(live.flow.id, self._dialect.show(live.flow.id, state))
