"""A proxy that loses connections in every way a network does, and never more than the network would.

A proxy acknowledges to the server what it has read, so one that dropped what it holds would lose more than any
network can. This one first stops the packets (a filter on its socket drops them unacknowledged, as a tunnel does),
then hands over what had arrived before, and only then ends the client's connection: what the server's kernel counts as
acknowledged has reached the client. It goes on taking what the client says: a network does not answer. A client that
writes over a connection that answers with a reset loses what it has not read by then (Node does, over TLS).
"""

from __future__ import annotations

import asyncio
import ctypes
import fcntl
import socket
import struct
import threading
from contextlib import suppress

SO_ATTACH_FILTER = 26
HELD_SECONDS = 3.0
"""How long the server still believes in a connection after a stall."""


class Instruction(ctypes.Structure):
    _fields_ = [("code", ctypes.c_ushort), ("jt", ctypes.c_ubyte), ("jf", ctypes.c_ubyte), ("k", ctypes.c_uint)]


DROP = Instruction(0x06, 0, 0, 0)  # BPF_RET | BPF_K, 0: keep nothing of any packet


def cut_off(connection: socket.socket) -> None:
    """From now on no packet reaches this socket; the other side's wait unacknowledged."""
    program = struct.pack("HP", 1, ctypes.addressof(DROP))
    connection.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)


def reset_on_close(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class Line:
    """One relayed connection."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client, self.server = client, server
        self.handing = 0
        self.over = asyncio.Event()
        """Nothing reaches the client over it any more."""
        self.tasks: list[asyncio.Task[None]] = []

    async def relay(self) -> None:
        loop = asyncio.get_running_loop()
        self.tasks = [
            loop.create_task(self._pump(self.client, self.server)),
            loop.create_task(self._pump(self.server, self.client)),
        ]
        await asyncio.gather(*self.tasks, return_exceptions=True)

    async def _pump(self, source: socket.socket, target: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        try:
            while await readable(source):
                # What is taken is handed over, whatever happens: `lose` waits for that.
                self.handing += target is self.client
                try:
                    data = source.recv(65536)
                    if not data:
                        target.shutdown(socket.SHUT_WR)
                        return
                    await loop.sock_sendall(target, data)
                finally:
                    self.handing -= target is self.client
        except OSError:
            if source is self.client:
                await self._ignore_client()

    async def _ignore_client(self) -> None:
        """Take what the client says, and tell nobody."""
        with suppress(OSError):
            while await readable(self.client) and self.client.recv(65536):
                pass

    async def lose(self, way: str) -> None:
        """End it: `half` closes, `cut` and `reset` tell the server at once, `stall` tells it much later."""
        loop = asyncio.get_running_loop()
        if way == "half":
            with suppress(OSError):  # The server was faster.
                self.server.shutdown(socket.SHUT_WR)
            return  # The server closes, and what it had sent before is relayed.
        cut_off(self.server)
        while self.handing:
            await asyncio.sleep(0)
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)
        while True:
            with suppress(OSError):
                while data := self.server.recv(1 << 20):
                    await loop.sock_sendall(self.client, data)
            # What has come in is acknowledged now: Linux would have waited 40 ms for something to send along with that.
            self.server.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
            while unacknowledged(self.client):
                await asyncio.sleep(0.001)
            # A packet that had passed the filter may have been on its way through a starved kernel.
            if not waiting(self.server):
                break
        if way == "reset":
            await asyncio.sleep(0.02)
            reset_on_close(self.client)
            self.client.close()
        else:
            with suppress(OSError):
                self.client.shutdown(socket.SHUT_WR)
        self.over.set()
        if way == "stall":
            await asyncio.sleep(HELD_SECONDS)
        reset_on_close(self.server)
        self.server.close()
        if way != "reset":
            await self._ignore_client()
            self.client.close()


async def readable(source: socket.socket) -> bool:
    """Wait for something to read; safe to cancel."""
    loop = asyncio.get_running_loop()
    ready: asyncio.Future[bool] = loop.create_future()
    loop.add_reader(source, lambda: ready.done() or ready.set_result(True))
    try:
        return await ready
    finally:
        loop.remove_reader(source)


SIOCINQ, SIOCOUTQ = 0x541B, 0x5411


def unacknowledged(connection: socket.socket) -> int:
    """How many bytes the peer's kernel has not acknowledged."""
    return asked(connection, SIOCOUTQ)


def waiting(connection: socket.socket) -> int:
    """How many bytes have come in and are not read."""
    return asked(connection, SIOCINQ)


def asked(connection: socket.socket, what: int) -> int:
    try:
        (count,) = struct.unpack("i", fcntl.ioctl(connection, what, b"\0" * 4))
    except OSError:
        return 0
    return int(count)


class CuttingProxy:
    """Relays a port of its own to `target`. `lose(way)` ends every connection that is open."""

    def __init__(self, target: int) -> None:
        self.target = target
        self.port = 0
        self.cuts = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._lines: set[Line] = set()
        self._losing: list[Line] = []
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> CuttingProxy:
        self._thread.start()
        self._call(self._listen())
        return self

    def __exit__(self, *_: object) -> None:
        self._call(self._end())
        self._listener.close()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def lose(self, way: str) -> int:
        """End what is open; returns how many connections that were."""
        return self._call(self._lose(way))

    @property
    def open(self) -> int:
        return len(self._lines)

    @property
    def settled(self) -> bool:
        """Whatever the client hears from now on came over a connection that has not been lost."""
        return all(line.over.is_set() for line in self._losing)

    def _call(self, work: object) -> int:
        found = asyncio.run_coroutine_threadsafe(work, self._loop).result(20)  # type: ignore[arg-type, var-annotated]
        return int(found or 0)

    async def _listen(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=512)
        self._listener.setblocking(False)
        self.port = self._listener.getsockname()[1]
        self._keep(self._accept())

    async def _accept(self) -> None:
        while True:
            client, _ = await self._loop.sock_accept(self._listener)
            client.setblocking(False)
            self._keep(self._serve(client))

    async def _serve(self, client: socket.socket) -> None:
        server = socket.socket()
        server.setblocking(False)
        await self._loop.sock_connect(server, ("127.0.0.1", self.target))
        for each in (client, server):
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        line = Line(client, server)
        self._lines.add(line)
        await line.relay()
        if line in self._lines:
            self._lines.discard(line)
            client.close()
            server.close()
            line.over.set()

    async def _lose(self, way: str) -> int:
        lines = list(self._lines)
        self._losing = [line for line in (*self._losing, *lines) if not line.over.is_set()]
        if way != "half":
            self._lines.clear()
        self.cuts += len(lines)
        for line in lines:
            self._keep(line.lose(way))
        return len(lines)

    async def _end(self) -> None:
        own = asyncio.current_task()
        left = [task for task in self._tasks if task is not own]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def _keep(self, work: object) -> None:
        task = self._loop.create_task(work)  # type: ignore[arg-type, var-annotated]
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
