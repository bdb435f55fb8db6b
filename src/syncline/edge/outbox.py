"""The outbox of a WebSocket: whole frames to a transport, and what the kernel tells of their arrival.

For: `edge.sockets`. Owns: the count of bytes. Never: knows a message. Only Linux tells how much a peer acknowledged;
elsewhere nothing is known to have arrived, and a returning subscription begins anew.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import socket
import ssl
import struct
from collections import deque
from collections.abc import Callable, Hashable
from typing import Any

from syncline.edge.frames import PLAIN, Deflated, Events, Plain
from syncline.hub import Ledger

try:
    import fcntl
except ImportError:  # Not on Windows.
    fcntl = None  # type: ignore[assignment]

SIOCOUTQ = 0x5411
TCP_INFO_BYTES = 256
BYTES_ACKED_AT = 120
"""Where `tcpi_bytes_acked` is in `struct tcp_info` (linux/tcp.h, since Linux 4.1)."""

ROUND_TRIP_AT = 68
"""Where `tcpi_rtt` is."""
TCP_CLOSE = 7
"""The state of a connection that was reset or is over (include/net/tcp_states.h)."""

NOWHERE = bytes(16)
"""An address of no family (AF_UNSPEC): to connect to it is to disconnect (man 2 connect)."""

RECORD_BYTES = 16384
"""The most that one TLS record carries."""
WRITES_PER_LOOK = 64
"""How often records that have arrived are forgotten. Those that have not are bounded by what an outbox may hold."""

OVERHEADS = {("TLSv1.3", ""): 22, ("TLSv1.2", "GCM"): 29, ("TLSv1.2", "CHACHA20"): 21}
"""What a TLS record has besides its content, by version and kind of cipher: header, nonce, tag, type."""


class Bypass(socket.socket):
    """A plain connection, to send on it past its transport. Detached, it refuses."""

    __slots__ = ()

    def __init__(self, transport: asyncio.Transport) -> None:
        self.attach(transport)

    def attach(self, transport: asyncio.Transport) -> None:
        """Send on the transport's connection from now on."""
        super().__init__(fileno=transport.get_extra_info("socket").fileno())

    def __del__(self) -> None:
        """The connection is the transport's: a socket let go of would close it, or who has its number by then."""
        self.detach()


class SocketOutbox:
    """`hub.Outbox` over a transport. The transport's high-water mark is the bound; reaching it closes the socket.

    `send` of a plain connection is the kernel's own: the transport's `write` costs a fifteenth of a delivery more. It
    refuses while something waits in the transport, and once the connection is over.
    """

    __slots__ = ("_arrivals", "_bypass", "_end", "_transport", "frame_header", "frames", "ledger", "pack")

    def __init__(
        self,
        transport: asyncio.Transport,
        frames: Plain | Deflated | Events = PLAIN,
        end: Callable[[], None] | None = None,
    ) -> None:
        self._transport = transport
        self._end = end or transport.abort
        self.frames = frames
        self.frame_header, self.pack = frames.frame_header, frames.pack
        self.ledger = Ledger()
        self._arrivals = arrivals(transport)
        self._bypass = Bypass(transport) if isinstance(self._arrivals, Arrivals) else None
        self._make_way()

    @property
    def framing(self) -> Hashable:
        return self.frames.framing

    @property
    def pending_bytes(self) -> int:
        return self._transport.get_write_buffer_size()

    @property
    def reached_bytes(self) -> int | None:
        return None if self._arrivals is None else self._arrivals.reached()

    @property
    def round_trip_ms(self) -> float | None:
        return None if self._arrivals is None else self._arrivals.round_trip_ms()

    @property
    def send(self) -> Callable[[bytes], int]:
        return self._send if self._bypass is None else self._bypass.send

    def _send(self, data: bytes) -> int:
        self.write(data)
        return len(data)

    def write(self, data: bytes) -> None:
        """Have the transport send it, after what waits there."""
        if isinstance(self._arrivals, TlsArrivals):
            self._arrivals.write(data)
        else:
            self._transport.write(data)
        self._make_way()

    def _make_way(self) -> None:
        """Nothing is sent past the transport while something waits in it."""
        if self._bypass is None:
            return
        if self._transport.get_write_buffer_size():
            self._bypass.detach()
        elif self._bypass.fileno() < 0:
            self._bypass.attach(self._transport)

    def own(self, frame: bytes) -> None:
        """Write a frame that is not the hub's, and note it."""
        self.write(frame)
        self.ledger.note(len(frame))
        if self.ledger.busy and (reached := self.reached_bytes) is not None:
            self.ledger.arrived(reached)

    def closed(self) -> bool:
        """The transport is about to go. Returns whether what it sent may still arrive: then call `freeze` later."""
        if self._bypass is not None:
            self._bypass.detach()  # Its number will soon be another connection's.
            self._bypass = None
        return self._arrivals is not None and self._arrivals.linger()

    def freeze(self) -> None:
        """What has arrived until now is what arrived: the kernel sends nothing of the rest any more."""
        if self._arrivals is not None:
            self._arrivals.freeze()

    def supersede(self) -> None:
        """The client goes on elsewhere: nothing more reaches it from here, and the connection ends."""
        self.freeze()
        self._end()


class Arrivals:
    """A plain connection: acknowledged bytes are bytes that were written."""

    __slots__ = ("_descriptor", "_final", "_first", "_own")

    def __init__(self, descriptor: int, waiting: int) -> None:
        self._descriptor = descriptor
        self._own = False
        self._final: int | None = None
        acknowledged, queued, _ = told(descriptor)
        self._first = acknowledged + queued + waiting

    def reached(self) -> int | None:
        """How many bytes since this was made the peer has."""
        if self._descriptor < 0:
            return self._final
        return max(told(self._descriptor)[0] - self._first, 0)

    def round_trip_ms(self) -> float | None:
        """The kernel's estimate."""
        return None if self._descriptor < 0 else round_trip_us(self._descriptor) / 1000

    def linger(self) -> bool:
        """Outlive the transport while what it sent is under way."""
        if under_way(self._descriptor):
            self._descriptor = os.dup(self._descriptor)
            self._own = True
            finish(self._descriptor)
            return True
        self.freeze()
        return False

    def freeze(self) -> None:
        """Ask a last time, and give up the rest."""
        self._final = self.reached()
        give_up(self._descriptor)
        if self._own and self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1


class TlsArrivals:
    """A connection over TLS: what is acknowledged are records, of which we know the sizes.

    It holds a second descriptor, because the transport closes its own before it tells us.
    """

    __slots__ = (
        "_ahead",
        "_content",
        "_descriptor",
        "_final",
        "_forgotten",
        "_overhead",
        "_records",
        "_sizes",
        "_through",
        "_unlooked",
    )

    def __init__(self, descriptor: int, overhead: int, through: Callable[[bytes], None]) -> None:
        self._descriptor = os.dup(descriptor)
        self._overhead = overhead
        self._through = through
        self._content = 0
        self._records = 0
        self._ahead = 0
        """Bytes of the connection before the first of ours: hands shaken, the upgrade."""
        self._sizes: deque[int] = deque()
        """Of what was written and has not arrived, as far as we have looked."""
        self._forgotten = 0
        """Bytes of the records before those."""
        self._unlooked = 0
        self._final: int | None = None
        self._look()

    def write(self, content: bytes) -> None:
        """Write, and note in how many bytes that leaves."""
        self._unlooked += 1
        if self._unlooked >= WRITES_PER_LOOK:
            self._forget()
        self._through(content)
        self._content += len(content)
        self._records += self._sealed(len(content))
        self._sizes.append(len(content))

    def _sealed(self, length: int) -> int:
        return length + self._overhead * -(-length // RECORD_BYTES)

    def _look(self) -> int:
        """The acknowledged bytes. Records may wait within the transport, so the largest difference is the true one."""
        if self._descriptor < 0:
            return 0
        acknowledged, queued, _ = told(self._descriptor)
        self._ahead = max(self._ahead, acknowledged + queued - self._records)
        return acknowledged

    def _forget(self) -> None:
        """Let go of what has arrived, and of nothing else: a peer may acknowledge nothing for long."""
        self._unlooked = 0
        arrived = self._look() - self._ahead
        while self._sizes and (until := self._forgotten + self._sealed(self._sizes[0])) <= arrived:
            self._forgotten = until
            self._sizes.popleft()

    def reached(self) -> int | None:
        """How many bytes of content since this was made the peer has."""
        if self._descriptor < 0:
            return self._final
        left, content = self._look() - self._ahead, self._content
        left = self._records - left
        for length in reversed(self._sizes):
            if left <= 0:
                return content
            sealed = self._sealed(length)
            if left < sealed:
                whole = (sealed - left) // (RECORD_BYTES + self._overhead)
                return content - length + min(length, whole * RECORD_BYTES)
            left -= sealed
            content -= length
        return content  # What was forgotten had arrived.

    def round_trip_ms(self) -> float | None:
        """The kernel's estimate."""
        return None if self._descriptor < 0 else round_trip_us(self._descriptor) / 1000

    def linger(self) -> bool:
        """Outlive the transport while what it sent is under way."""
        if under_way(self._descriptor):
            finish(self._descriptor)
            return True
        self.freeze()
        return False

    def freeze(self) -> None:
        """Ask a last time, give up the rest, and let the connection go."""
        self._final = self.reached()
        give_up(self._descriptor)
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = -1


def arrivals(transport: asyncio.Transport) -> Arrivals | TlsArrivals | None:
    """What can tell how much of a transport's bytes arrived; None where nothing can."""
    found: Any = transport.get_extra_info("socket")
    sealed: ssl.SSLObject | None = transport.get_extra_info("ssl_object")
    if fcntl is None or found is None or not hasattr(socket, "TCP_INFO"):
        return None
    descriptor = found.fileno()
    try:
        if sealed is None:
            return Arrivals(descriptor, transport.get_write_buffer_size())
        overhead = overhead_of(sealed)
        return None if overhead is None else TlsArrivals(descriptor, overhead, transport.write)
    except (OSError, struct.error):
        return None  # An operating system that has the names but not the facts.


def overhead_of(sealed: ssl.SSLObject) -> int | None:
    """The bytes that each record has besides its content; None for a cipher that we do not know."""
    version, cipher = sealed.version(), (sealed.cipher() or ("", "", 0))[0]
    for (known, kind), overhead in OVERHEADS.items():
        if version == known and kind in cipher:
            return overhead
    return None


def facts_of(descriptor: int) -> bytes:
    """A connection's `struct tcp_info`. Raises OSError."""
    connection = socket.socket(fileno=descriptor)
    try:
        return connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_BYTES)
    finally:
        connection.detach()


def round_trip_us(descriptor: int) -> int:
    """The smoothed round-trip time in microseconds. Raises OSError, struct.error."""
    (found,) = struct.unpack_from("=I", facts_of(descriptor), ROUND_TRIP_AT)
    return int(found)


def told(descriptor: int) -> tuple[int, int, int]:
    """What the kernel says: bytes that the peer acknowledged, bytes that it was given and the peer has not, its state.

    Raises OSError, struct.error.
    """
    facts = facts_of(descriptor)
    (acknowledged,) = struct.unpack_from("=Q", facts, BYTES_ACKED_AT)
    (queued,) = struct.unpack("=i", fcntl.ioctl(descriptor, SIOCOUTQ, b"\0" * 4))
    return acknowledged, queued, facts[0]


def under_way(descriptor: int) -> bool:
    """Is something sent that may still arrive?"""
    if descriptor < 0:
        return False
    try:
        _, queued, state = told(descriptor)
    except OSError:
        return False
    return queued > 0 and state != TCP_CLOSE


def give_up(descriptor: int) -> None:
    """Reset the connection at once, instead of sending on what is under way for minutes.

    Where a network comes back, that would arrive beside what a returning subscription is given. A reset at the close
    would come too late: an acknowledgement that arrives before it has the kernel send more.
    """
    if under_way(descriptor):
        ctypes.CDLL(None).connect(descriptor, NOWHERE, len(NOWHERE))


def finish(descriptor: int) -> None:
    """Say that nothing more comes: the transport's close does not, while we hold the connection."""
    connection = socket.socket(fileno=descriptor)
    try:
        connection.shutdown(socket.SHUT_WR)
    except OSError:
        return  # The peer was faster.
    finally:
        connection.detach()
