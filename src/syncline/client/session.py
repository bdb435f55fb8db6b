"""What both clients are made of: requests over one pool of HTTP connections, subscriptions over one socket.

For: `graphql` and `events`. Owns: the pool, and the socket's life from `open` to `close`.
Never: reads an answer's data.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec

from syncline.client.auth import Auth, Signable, credential_in
from syncline.client.connection import Connection
from syncline.client.dialects import Dialect, decoded, refusal_in
from syncline.client.errors import ClientError, ConnectionLost, RequestRefused, Unauthorized
from syncline.client.messages import State, Timing
from syncline.client.subscription import Subscription
from syncline.core import Clock, Ids

if TYPE_CHECKING:
    import httpcore2

JSON_HEADERS = {"content-type": "application/json; charset=UTF-8", "accept": "application/json"}


class Options(msgspec.Struct, frozen=True):
    """How a client goes about it."""

    timing: Timing
    tls: ssl.SSLContext | None
    clock: Clock
    ids: Ids
    on_state: Callable[[State], None] | None


class Session:
    """Open it before anything else."""

    def __init__(self, dialect: Dialect, auth: Auth, options: Options) -> None:
        self._dialect, self._auth, self._options = dialect, auth, options
        secure = dialect.http.startswith("https:")
        self._tls = (options.tls or ssl.create_default_context()) if secure else None
        self._group = asyncio.TaskGroup()
        self._life: asyncio.Task[None] | None = None
        self._pool: httpcore2.AsyncConnectionPool | None = None
        self.connection = Connection(
            dialect,
            auth,
            timing=options.timing,
            tls=self._tls,
            clock=options.clock,
            ids=options.ids,
            on_state=options.on_state,
        )

    async def open(self) -> None:
        """Begin. The socket is opened by the first subscription."""
        if self._life is not None:
            raise ClientError("A client is entered once; make another.")
        await self._group.__aenter__()
        self._life = self._group.create_task(self.connection.run())

    async def close(self) -> None:
        """End every subscription, the socket and the pool."""
        assert self._life is not None, "it was opened"
        self.connection.leave()
        self._life.cancel()
        await self._group.__aexit__(None, None, None)
        if self._pool is not None:
            await self._pool.aclose()

    def check_open(self) -> None:
        """Raise ClientError unless it is open."""
        if self._life is None or self._life.done():
            raise ClientError("The client is not open: use it within `async with`.")

    def subscribe(
        self, payload: bytes, *, after: str | None, last: int | None = None, waiting_max: int
    ) -> Subscription[Any]:
        """A subscription to what `payload` names."""
        self.check_open()
        flow = self.connection.flow(payload, after=after, last=last, waiting_max=waiting_max)
        return Subscription(flow, self.connection.drop)

    async def post(self, body: bytes) -> dict[str, Any]:
        """The answer to a request. Raises RequestRefused, Unauthorized, ConnectionLost."""
        self.check_open()
        refusal: RequestRefused
        for _ in range(2):
            signable = Signable(self._dialect.http, body, JSON_HEADERS, self._options.clock.now())
            shown = await self._auth.sign(signable)
            status, answer = await self._send({**JSON_HEADERS, **shown}, body)
            found = decoded(answer)
            if status < 300 and found:
                return found
            refusal = refusal_in(status, answer)
            if not isinstance(refusal, Unauthorized) or not self._auth.forget(credential_in(shown)):
                break
        raise refusal

    async def _send(self, headers: dict[str, str], body: bytes) -> tuple[int, bytes]:
        import httpcore2  # Imported with the first request: who only subscribes does without.

        if self._pool is None:
            self._pool = httpcore2.AsyncConnectionPool(ssl_context=self._tls, keepalive_expiry=15.0)
        encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        try:
            async with asyncio.timeout(self._options.timing.request_seconds):
                response = await self._pool.request("POST", self._dialect.http, headers=encoded, content=body)
                return response.status, response.content
        except (
            TimeoutError,
            OSError,
            httpcore2.TimeoutException,
            httpcore2.NetworkError,
            httpcore2.ProtocolError,
        ) as f:
            raise ConnectionLost(reason=str(f) or type(f).__name__) from f
