"""The listener: http, https, ws and wss on one port.

For: `app`. Owns: the listening sockets, every connection's task, the order of a shutdown.
Never: parses HTTP.

The first byte of a connection tells TLS (0x16) from HTTP. It is looked at, not taken, before the connection gets a
protocol, so a client that says nothing holds up nobody.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
import ssl
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

from syncline.core import Clock, Ids, Meter, Request, settings
from syncline.edge.answers import answer
from syncline.edge.doors import CONNECTIONS_FULL, CONNECTIONS_MANY, Doors, Refusal
from syncline.edge.events import EventConnection
from syncline.edge.http import HttpConnection
from syncline.edge.site import Site
from syncline.edge.sockets import SocketConnection
from syncline.edge.streams import Streams
from syncline.edge.tls import Certificates, OwnCertificate

BACKLOG = 2048
ACCEPTS_PER_TURN = 128
CLIENT_HELLO = 0x16
DEAD_PEER_MS = 120_000
"""A peer that acknowledges nothing for so long is gone; TCP alone would keep it for a quarter of an hour."""
HANDSHAKE_SECONDS_MAX = 10.0
OUT_OF_FILES_SECONDS = 0.5
RENEWAL_SECONDS = 12 * 3600.0
HINT_SECONDS = 10.0
SPREAD_SECONDS_EACH = 0.001
"""Few sockets are closed at this distance, however long the spread may be."""
OUTSIDE_MAX = 64
OUTSIDE_SECONDS_MAX = 1.0
"""How many connections over the limit are told so at a time, and how long each may take to hear it."""

DISTRUST = frozenset({
    "SSLV3_ALERT_CERTIFICATE_UNKNOWN", "SSLV3_ALERT_BAD_CERTIFICATE", "TLSV1_ALERT_UNKNOWN_CA",
    "TLSV1_ALERT_CERTIFICATE_UNKNOWN", "TLSV1_ALERT_BAD_CERTIFICATE",
})  # fmt: skip
"""What OpenSSL calls the alerts of a client that does not trust our certificate."""


class Listener:
    """One port. `open` binds, `run` serves until `close`."""

    def __init__(
        self,
        limits: settings.Edge,
        doors: Doors,
        *,
        clock: Clock,
        ids: Ids,
        meter: Meter,
        realtime: settings.Hub | None = None,
        rates: settings.Rates | None = None,
        certificates: Certificates | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        body_limit_of: Callable[[Request], int | None] | None = None,
        tick_seconds: float = 1.0,
    ) -> None:
        self._clock, self._ids = clock, ids
        self._meter = meter
        self._limits = limits
        self._certificates = certificates
        self._host, self._port = host, port
        self._tick_seconds = tick_seconds
        self._site = Site(
            doors,
            limits,
            realtime or settings.Hub(),
            clock=clock,
            ids=ids,
            meter=meter,
            rates=rates,
            body_limit_of=body_limit_of,
        )
        self._site.streams = Streams(self._site, lambda: ids.bytes(24).hex())
        self._sockets: list[socket.socket] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._waiting = 0
        self._outside = 0
        self._stop = asyncio.Event()
        self._context: asyncio.Future[ssl.SSLContext] | None = None
        self._hinted_at = float("-inf")

    @property
    def port(self) -> int:
        """The port that is served; the one asked for until `open`."""
        return self._port

    async def open(self) -> None:
        """Bind. Raises OSError when the port is taken, CertificateUnusable when the user's own certificate is wrong."""
        if isinstance(self._certificates, OwnCertificate):
            self._certificates.context()
        first = bound(self._host, self._port)
        self._sockets.append(first)
        self._port = int(first.getsockname()[1])
        if self._host in ("127.0.0.1", "localhost"):
            # `localhost` is ::1 first for many clients.
            with contextlib.suppress(OSError):
                self._sockets.append(bound("::1", self.port))

    async def run(self) -> None:
        """Serve until `close`, then in order: accept nothing, finish requests, close sockets."""
        if not self._sockets:
            await self.open()
        async with asyncio.TaskGroup() as group:
            self._group = group
            self._site.spawn = lambda connection: self._spawn(self._drive(connection))
            beats = [group.create_task(self._beat(), name="edge beat"), group.create_task(self._prepare_tls())]
            self._accept_on()
            try:
                await self._stop.wait()
                await self._drain()
            finally:
                self._unbind()
                for connection in list(self._site.connections):
                    connection.abort()
                for task in [*beats, *self._tasks]:
                    task.cancel()

    def close(self) -> None:
        """Have `run` end in order, within `drain_seconds_max`."""
        self._stop.set()

    # --- accepting

    def _accept_on(self) -> None:
        if not self._stop.is_set():
            for each in self._sockets:
                asyncio.get_running_loop().add_reader(each, self._accept, each)

    def _accept_off(self) -> None:
        for each in self._sockets:
            asyncio.get_running_loop().remove_reader(each)

    def _unbind(self) -> None:
        self._accept_off()
        for each in self._sockets:
            each.close()
        self._sockets.clear()

    def _accept(self, listening: socket.socket) -> None:
        for _ in range(ACCEPTS_PER_TURN):
            try:
                accepted, address = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as failure:
                self._no_more_files(failure)
                return
            accepted.setblocking(False)
            if hasattr(socket, "TCP_USER_TIMEOUT"):
                accepted.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, DEAD_PEER_MS)
            self._spawn(self._counted(accepted, str(address[0])))

    def _spawn(self, work: Coroutine[Any, Any, Any]) -> None:
        task = self._group.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _no_more_files(self, failure: OSError) -> None:
        if failure.errno not in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
            raise failure
        self._meter.event("accepting paused", room="edge", reason=str(failure))
        self._accept_off()
        asyncio.get_running_loop().call_later(OUT_OF_FILES_SECONDS, self._accept_on)

    async def _counted(self, accepted: socket.socket, peer: str) -> None:
        fits, opened = self._site.arrived(peer), None
        try:
            if len(self._site.connections) + self._waiting >= self._limits.connections_max:
                await self._turn_away(accepted, peer, CONNECTIONS_FULL)
            elif not fits:
                await self._turn_away(accepted, peer, CONNECTIONS_MANY)
            else:
                opened = await self._serve(accepted, peer)
                if isinstance(opened, EventConnection):
                    await self._drive(opened)
        finally:
            # A WebSocket goes on without this task, and says itself when it is over.
            if not isinstance(opened, SocketConnection):
                self._site.left(peer)

    async def _serve(self, accepted: socket.socket, peer: str) -> SocketConnection | EventConnection | None:
        """One connection, from its first byte to its end, or to what it becomes."""
        context = None
        try:
            first = await self._first_byte(accepted)
            if first is None:
                accepted.close()
                return None
            context = await self._tls() if first == CLIENT_HELLO else None
            connection = await self._connected(accepted, peer, context)
        except ssl.SSLError as failure:
            self._distrusted(failure, peer)
            accepted.close()
        except (OSError, TimeoutError):
            accepted.close()
            if context is not None:
                # Many clients do not say that they do not trust us: they just leave.
                self._hint(peer, "left during the handshake")
        else:
            opened = await self._drive(connection)
            if context is not None and not connection.ended:
                self._hint(peer, "left before a request")
            return opened
        return None

    async def _drive(
        self, connection: HttpConnection | SocketConnection | EventConnection
    ) -> SocketConnection | EventConnection | None:
        """Have a connection do what it is for. Returns what it has become."""
        try:
            return await connection.run()
        except Exception as failure:  # noqa: BLE001 (the HTTP door: a connection's death is its own)
            self._site.failures.add()
            self._meter.failure("connection failed", failure, room="edge")
            connection.abort()
            return None

    async def _first_byte(self, accepted: socket.socket) -> int | None:
        """Look at what comes first: None when the client leaves or stays silent."""
        loop = asyncio.get_running_loop()
        arrived: asyncio.Future[None] = loop.create_future()
        loop.add_reader(accepted, wake, arrived)
        self._waiting += 1
        try:
            async with asyncio.timeout(self._limits.request_seconds_max):
                await arrived
        except TimeoutError:
            return None
        finally:
            self._waiting -= 1
            loop.remove_reader(accepted)
        first = accepted.recv(1, socket.MSG_PEEK)
        return first[0] if first else None

    async def _turn_away(self, accepted: socket.socket, peer: str, refusal: Refusal) -> None:
        """Say that there is no room, to as many as may stand outside."""
        self._site.refused(refusal.code, peer=peer)
        if self._outside >= OUTSIDE_MAX:
            accepted.close()
            return
        self._outside += 1
        request = Request("GET", "/", "", [], id=self._site.request_ids.next())
        response = answer(request, refusal.response, date_line=self._site.date_line, close=True)
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(OUTSIDE_SECONDS_MAX):
                await loop.sock_sendall(accepted, response)
                accepted.shutdown(socket.SHUT_WR)
                while await loop.sock_recv(accepted, 65536):
                    pass
        except (OSError, TimeoutError):
            return
        finally:
            self._outside -= 1
            accepted.close()

    async def _connected(self, accepted: socket.socket, peer: str, context: ssl.SSLContext | None) -> HttpConnection:
        connection = HttpConnection(self._site, peer, "https" if context else "http")
        await asyncio.get_running_loop().connect_accepted_socket(
            lambda: connection,
            accepted,
            ssl=context,
            ssl_handshake_timeout=HANDSHAKE_SECONDS_MAX if context else None,
        )
        return connection

    def _working(self) -> bool:
        """Is any connection still at work? Those that have said nothing yet are not."""
        return len(self._tasks) > self._waiting + self._outside

    # --- TLS

    async def _tls(self) -> ssl.SSLContext:
        """The context, made once. Raises OSError when there can be none."""
        if self._context is None:
            raise ConnectionError("no certificate is configured")
        return await asyncio.shield(self._context)

    async def _prepare_tls(self) -> None:
        """Make the context on a thread, so that a first start is not held up by it; look after it from then on."""
        certificates = self._certificates
        if certificates is None:
            return
        self._context = asyncio.get_running_loop().create_future()
        while True:
            context = await asyncio.to_thread(certificates.context)
            if self._context.done():
                self._context = asyncio.get_running_loop().create_future()
            self._context.set_result(context)
            await self._clock.sleep(RENEWAL_SECONDS)

    def _distrusted(self, failure: ssl.SSLError, peer: str) -> None:
        reason = failure.reason or str(failure)
        if reason in DISTRUST:
            self._hint(peer, reason)
        else:
            self._meter.event("TLS handshake failed", room="edge", peer=peer, reason=reason)

    def _hint(self, peer: str, reason: str) -> None:
        """Say how a client comes to trust the development CA: clients keep silent about it."""
        path = self._certificates.ca_path if self._certificates else None
        now = self._clock.monotonic()
        if path is None or now - self._hinted_at < HINT_SECONDS:
            return
        self._hinted_at = now
        self._meter.event(
            "client does not trust the development CA",
            room="edge",
            peer=peer,
            reason=reason,
            node=f"NODE_EXTRA_CA_CERTS={path}",
            aws=f"AWS_CA_BUNDLE={path}",
            chromium=f'certutil -d sql:$HOME/.pki/nssdb -A -t "C,," -n syncline -i {path}',
            curl=f"curl --cacert {path}",
        )

    # --- time and end

    async def _beat(self) -> None:
        while True:
            await self._clock.sleep(self._tick_seconds)
            self._site.tick()

    async def _drain(self) -> None:
        """Stop accepting, let requests finish, close sockets; what is left after the bound is aborted."""
        self._unbind()
        site = self._site
        site.shutting = True
        ends = self._clock.monotonic() + self._limits.drain_seconds_max
        live = [each for each in site.connections if isinstance(each, SocketConnection | EventConnection)]
        for connection in site.connections.difference(live):
            connection.shut()
        await self._shut_apart(live)
        while (site.connections or self._working()) and self._clock.monotonic() < ends:
            await self._clock.sleep(0.01)

    async def _shut_apart(self, live: Sequence[SocketConnection | EventConnection]) -> None:
        """Close what clients open again, in no order and not all at once: else they come back all at once."""
        most = min(self._limits.drain_spread_seconds, self._limits.drain_seconds_max / 2)
        each_seconds = min(most / max(len(live), 1), SPREAD_SECONDS_EACH)
        started = self._clock.monotonic()
        for n, connection in enumerate(sorted(live, key=lambda _: self._ids.fraction())):
            early = started + n * each_seconds - self._clock.monotonic()
            if early > 0:
                await self._clock.sleep(early)
            connection.shut()


def bound(host: str, port: int) -> socket.socket:
    """A listening socket. Raises OSError."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listening = socket.socket(family, kind, protocol)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind(address)
        listening.listen(BACKLOG)
        listening.setblocking(False)
    except OSError:
        listening.close()
        raise
    return listening


def wake(arrived: asyncio.Future[None]) -> None:
    """What waited for bytes may go on."""
    if not arrived.done():
        arrived.set_result(None)
