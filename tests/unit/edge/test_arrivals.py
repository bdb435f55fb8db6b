"""What arrived: through TLS with a kernel that says what the test wants; and with this one, what no longer does."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Iterator

import pytest

from support.cutting import cut_off
from syncline.edge import outbox
from syncline.edge.outbox import SocketOutbox, TlsArrivals

AHEAD, OVERHEAD = 3000, 22


class Kernel:
    """A connection whose peer acknowledges when it is told to."""

    def __init__(self) -> None:
        self.sent = self.acknowledged = AHEAD

    def told(self, _: int) -> tuple[int, int, int]:
        return self.acknowledged, self.sent - self.acknowledged, 1

    def take(self, content: bytes) -> None:
        self.sent += len(content) + OVERHEAD * -(-len(content) // 16384)


@pytest.fixture
def kernel(monkeypatch: pytest.MonkeyPatch) -> Kernel:
    made = Kernel()
    monkeypatch.setattr(outbox, "told", made.told)
    monkeypatch.setattr(outbox, "give_up", lambda _: None)
    return made


@pytest.fixture
def arrivals(kernel: Kernel) -> Iterator[TlsArrivals]:
    with open(os.devnull, "rb") as file:
        made = TlsArrivals(file.fileno(), OVERHEAD, kernel.take)
        yield made
        made.freeze()


@pytest.mark.rule("EDG-21")
def test_a_peer_silent_for_any_number_of_writes_is_told_from_where_it_was(
    kernel: Kernel, arrivals: TlsArrivals
) -> None:
    for _ in range(1000):
        arrivals.write(b"x" * 100)
    kernel.acknowledged = kernel.sent  # The last that is heard of it.
    for _ in range(40_000):
        arrivals.write(b"y" * 100)
    assert arrivals.reached() == 100_000
    kernel.acknowledged += 2 * (100 + OVERHEAD) + 50  # Half a record is none.
    assert arrivals.reached() == 100_200


@pytest.mark.rule("EDG-21")
def test_what_has_arrived_is_forgotten(kernel: Kernel, arrivals: TlsArrivals) -> None:
    for number in range(10_000):
        arrivals.write(b"x" * (number % 300 + 1) if number % 1000 else b"x" * 40_000)
        kernel.acknowledged = kernel.sent
        assert len(arrivals._sizes) <= outbox.WRITES_PER_LOOK
    assert arrivals.reached() == arrivals._content


SO_DETACH_FILTER = 27
RETRANSMITTED_SECONDS = 0.5
"""Two or three times by then: Linux begins after 200 ms."""


@pytest.mark.rule("EDG-33")
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells what arrived")
@pytest.mark.parametrize("way", ["taken over", "lost for long"])
async def test_what_is_under_way_when_a_client_goes_on_elsewhere_never_arrives(way: str) -> None:
    loop = asyncio.get_running_loop()
    with socket.create_server(("127.0.0.1", 0)) as listening, socket.socket() as client:
        client.connect(listening.getsockname())
        client.setblocking(False)
        accepted, _ = listening.accept()
        transport, _ = await loop.connect_accepted_socket(asyncio.Protocol, accepted)
        box = SocketOutbox(transport)
        box.own(b"arrived")
        assert await loop.sock_recv(client, 100) == b"arrived"
        cut_off(client)
        box.own(b"under way")
        if way == "taken over":
            box.supersede()
        else:
            assert box.closed()
            transport.abort()
            await asyncio.sleep(0)
            box.freeze()
        assert box.reached_bytes == len(b"arrived")
        client.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)
        with pytest.raises((TimeoutError, ConnectionResetError)):
            await asyncio.wait_for(loop.sock_recv(client, 100), RETRANSMITTED_SECONDS)
