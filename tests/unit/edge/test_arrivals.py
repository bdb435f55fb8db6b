"""What arrived through TLS, with a kernel that says what the test wants."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from syncline.edge import outbox
from syncline.edge.outbox import TlsArrivals

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
