"""What is sent past the transport, on real connections whose peer stops reading and goes on."""

from __future__ import annotations

import asyncio
import gc
import socket
import sys
from collections.abc import AsyncIterator
from typing import Any

import pytest

from syncline.edge.outbox import SocketOutbox

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a way past the transport")

FRAME = 1000
Pair = tuple[SocketOutbox, asyncio.Transport, socket.socket]


@pytest.fixture
async def pair() -> AsyncIterator[Pair]:
    """An outbox, its transport, and the peer's end."""
    loop, made = asyncio.get_running_loop(), asyncio.Event()

    class Served(asyncio.Protocol):
        def connection_made(self, transport: Any) -> None:
            self.transport, self.outbox = transport, SocketOutbox(transport)
            transport.set_write_buffer_limits(high=1 << 30)
            made.set()

        def connection_lost(self, exc: BaseException | None) -> None:
            self.outbox.closed()

    served = Served()
    server = await loop.create_server(lambda: served, "127.0.0.1", 0)
    peer = socket.socket()
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    peer.setblocking(False)
    await loop.sock_connect(peer, server.sockets[0].getsockname())
    await made.wait()
    yield served.outbox, served.transport, peer
    served.transport.abort()
    server.close()
    await server.wait_closed()
    peer.close()


def deliver(outbox: SocketOutbox, number: int) -> bool:
    """As the hub does; returns whether it went past the transport."""
    frame = b"%0*d" % (FRAME, number)
    try:
        sent = outbox.send(frame)
    except OSError:
        sent = 0
    if sent != FRAME:
        outbox.write(frame[sent:])
    return sent == FRAME


async def numbers(peer: socket.socket, count: int) -> list[int]:
    """The next frames that the peer gets."""
    heard, loop = b"", asyncio.get_running_loop()
    while len(heard) < count * FRAME:
        heard += await loop.sock_recv(peer, min(65536, count * FRAME - len(heard)))
    return [int(heard[at : at + FRAME]) for at in range(0, len(heard), FRAME)]


@pytest.mark.rule("EDG-14")
async def test_nothing_passes_what_waits_in_the_transport(pair: Pair) -> None:
    outbox, transport, peer = pair
    number = 0
    for _ in range(3):  # It falls behind, and comes back, again and again.
        first = number
        while deliver(outbox, number):
            number += 1
        assert outbox.pending_bytes > 0
        for _ in range(50):
            number += 1
            assert not deliver(outbox, number), "what waits is first"
        with pytest.raises(OSError):
            outbox.send(b"past it")
        outbox.own(b"%0*d" % (FRAME, number + 1))
        number += 2
        assert await numbers(peer, number - first) == list(range(first, number))
        assert not outbox.pending_bytes
        assert not deliver(outbox, number), "the transport is asked once more, and has nothing waiting"
        assert deliver(outbox, number + 1)
        assert await numbers(peer, 2) == [number, number + 1]
        number += 2
    assert transport.get_write_buffer_size() == 0


@pytest.mark.rule("EDG-17")
async def test_an_outbox_that_is_forgotten_closes_nothing(pair: Pair) -> None:
    _, transport, peer = pair
    loose = SocketOutbox(transport)
    del loose
    gc.collect()
    transport.write(b"still there")
    assert await asyncio.get_running_loop().sock_recv(peer, 100) == b"still there"


async def test_a_connection_that_is_over_lets_go_of_its_number(pair: Pair) -> None:
    outbox, transport, _ = pair
    send = outbox.send  # The hub has it since the start.
    transport.abort()
    while outbox._bypass is not None:
        await asyncio.sleep(0)
    for _ in range(3):
        await asyncio.sleep(0)
    with socket.socket(), pytest.raises(OSError):  # The new one has the number now.
        send(b"for nobody")
