"""What a publication costs with many groups and many filters, in one process without sockets, and what waits costs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import connections
from rows import Row, medians

from syncline.core import LoopClock, Meter, json, settings
from syncline.graphql.filters import compile_filter
from syncline.hub import Hub, Ledger, Subscription, Topic

TOPIC = Topic("api", "put")
VALUE = {"id": "0123456789", "room": "r0", "title": "t" * 60, "content": "c" * 80}


class Sink:
    """An outbox whose socket costs nothing: what is measured is ours."""

    framing = "sink"
    pending_bytes = 0
    reached_bytes = None
    round_trip_ms = None

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.send: Callable[[bytes], int] = len

    def write(self, data: bytes) -> None:
        raise AssertionError("everything is taken at once")

    def pack(self, rest: bytes) -> bytes:
        return rest

    def frame_header(self, length: int) -> bytes:
        return b"\x81\x7e" + length.to_bytes(2, "big")


class Hearing(Sink):
    """One that tells when something came."""

    def __init__(self, heard: asyncio.Event) -> None:
        super().__init__()
        self._heard = heard
        self.send = self.hear

    def hear(self, data: bytes) -> int:
        self._heard.set()
        return len(data)


def subscription(n: int, group: object, **more: Any) -> Subscription:
    """One of many: equal `group` shares its encoding."""
    prefix = b'{"id":"%08d-0000-4000-8000-000000000000","type":"data","payload":' % n
    return Subscription((TOPIC,), group, more.pop("matches", None), json.encode, Sink(), prefix, b"}", **more)


async def spent(hubs: dict[str, Hub], publications: int) -> dict[str, float]:
    """Microseconds a publication takes in each hub: the least of many turns, since others use this machine."""
    least = dict.fromkeys(hubs, float("inf"))
    for _ in range(40):
        for name, hub in hubs.items():
            started = time.process_time()
            for _ in range(publications):
                hub.publish(TOPIC, VALUE, commit=0)
                await hub.drained()
            least[name] = min(least[name], (time.process_time() - started) / publications * 1e6)
    return least


def groups(count: int, each: int) -> Hub:
    """A hub of `count` groups with `each` members, all of which get what is published."""
    hub = Hub(LoopClock(), settings.Hub(), Meter(out=None))
    for n in range(count * each):
        hub.subscribe(subscription(n, n % count))
    return hub


def filters(count: int) -> Hub:
    """A hub of `count` distinct filters, one of which matches."""
    hub = Hub(LoopClock(), settings.Hub(), Meter(out=None))
    for n in range(count):
        rule = [{"fieldName": "room", "operator": "eq", "value": f"r{n}"}]
        found = compile_filter({"filterGroup": [{"filters": rule}]}, settings.Hub())
        assert found is not None
        hub.subscribe(subscription(n, found.name, matches=found.matches, index=found.hints()))
    return hub


async def fairness() -> tuple[float, float]:
    """Milliseconds until a lone event is delivered amid another API's flood of 1 GB, and until the flood is."""
    hub, other, heard = Hub(LoopClock(), settings.Hub(), Meter(out=None)), Topic("other", "put"), asyncio.Event()
    large = {"id": "0", "content": "c" * 10_000}
    for n in range(100):
        hub.subscribe(subscription(n, 0))
    lone = subscription(0, 0)
    lone.topics = (other,)
    lone.outbox = Hearing(heard)
    hub.subscribe(lone)
    for _ in range(1000):
        hub.publish(TOPIC, large, commit=0)
    hub.publish(other, VALUE, commit=0)
    started = time.perf_counter()
    await heard.wait()
    after = time.perf_counter() - started
    await hub.drained()
    return after * 1000, (time.perf_counter() - started) * 1000


def measured() -> dict[str, float]:
    """All figures, in microseconds a publication."""

    async def work() -> dict[str, float]:
        return (
            await spent({"one group of 10,000": groups(1, 10_000), "1,000 groups of 10": groups(1000, 10)}, 3)
            | (await spent({"10 filters": filters(10), "10,000 filters": filters(10_000)}, 100))
            | dict(zip(("lone", "flood"), await fairness(), strict=True))
        )

    return asyncio.run(work())


def rows(quick: bool) -> list[Row]:
    """The hub's own cost of a publication, without sockets; then durable mutations and a stalled reader, with them."""
    found = measured()
    whole, many = found["one group of 10,000"], found["1,000 groups of 10"]
    few, filters = found["10 filters"], found["10,000 filters"]
    lone, flood = found["lone"], found["flood"]
    groups = f"{many:.0f} µs  {many / whole:.2f}×, the hub alone: no sockets"
    return [
        Row("publication, one group of 10,000", f"{whole:.0f} µs"),
        Row("publication, 1,000 groups of 10", groups, "≤ 3 ×", many <= 3 * whole),
        Row("publication, 10 distinct filters", f"{few:.1f} µs"),
        Row("publication, 10,000 filters", f"{filters:.1f} µs  {filters / few:.2f}×", "≤ 2 ×", filters <= 2 * few),
        Row(
            "event amid another API's flood of 1 GB", f"{lone:.1f} ms of {flood:.0f} ms", "≤ 5 %", lone <= 0.05 * flood
        ),
        _durable(5 if quick else 20),
        *_stalled(5 if quick else 20, 1 if quick else 2),
    ]


def _durable(seconds: int) -> Row:
    found = connections.durable(seconds)
    p50, p99 = found["p50_ms"], found["p99_ms"]
    measured = (
        f"p50 {p50:.1f} ms  p99 {p99:.1f} ms  {found['cores']:.2f} cores  fdatasync {connections.fdatasync_ms():.1f} ms"
    )
    return Row("durable mutation → delivery, 1,000/s", measured, "≤ 3 / 20 ms", p50 <= 3 and p99 <= 20)


def _stalled(seconds: int, repeats: int) -> list[Row]:
    """In turns, since what else runs on this machine is felt in the tail."""
    runs: dict[int, list[dict[str, Any]]] = {0: [], 1: []}
    for _ in range(repeats):
        for count, each in runs.items():
            each.append(connections.stalled(seconds, count))
    without, beside = (min(each["p99_ms"] for each in runs[count]) for count in (0, 1))
    grown = medians(runs[1])["grown_mb"] - medians(runs[0])["grown_mb"]
    return [
        Row(
            "p99 of 1,000 readers beside one that stalls",
            f"{beside:.1f} ms, without it {without:.1f} ms  {(beside / without - 1) * 100:+.0f} %",
            "≤ +5 %",
            beside <= 1.05 * without,
        ),
        Row("memory that the stalled one costs", f"{max(grown, 0):.2f} MB", "≤ 1 MB", grown <= 1),
    ]
