"""Lost subscriptions: continued where they were, or begun anew for a reason that is told."""

from __future__ import annotations

import asyncio
import gc
import io
from typing import Any
from weakref import ref

import pytest

from syncline.core import Counter, Meter, Request, json
from syncline.core import settings as limits
from syncline.hub import GAPS, Figures, History, Hub, Returning, Start, Subscription, Topic, named, wish_of
from syncline.store import MemoryStore
from unit.hub.test_returning import Box, subscription

ID = "3f0c1b1e-7d1b-4a43-9d6e-6b8f1f6f3c11"
TOPIC = Topic("api", "a")


class Hand:
    """A clock that a test sets."""

    at = 1000.0

    def now(self) -> float:
        return self.at

    def monotonic(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += seconds
        await asyncio.sleep(0)


class Connection:
    """One connection, and its subscription."""

    def __init__(self, house: House) -> None:
        self.house, self.box = house, Box()
        self.opened = house.clock.at
        self.name: bytes | None = None
        self.subscription: Subscription
        house.clock.at += 0.001

    def start(
        self, id: str = ID, what: str = "document", who: str = "caller", *, topic: Topic = TOPIC, **resume: Any
    ) -> Connection:
        start = Start(id, {}, "", {}, self.box, b"", b"", Request("GET", "/", "", [], peer="192.0.2.1"))
        self.subscription = subscription(self.box, "s", topic)
        wish = wish_of({"resume": resume} if resume else {}, self.house.hub.epoch(topic.api))
        self.name = self.house.returning.register(self.subscription, start, named(id, what, who), self, wish)
        return self

    def closed(self) -> None:
        self.house.hub.unsubscribe(self.subscription)
        self.house.returning.release(self.name, self)
        if self.name is not None:
            self.house.returning.lost(self.name, self.subscription)

    def lost(self, *, arrived: bool = True) -> None:
        """Lost with everything arrived, or nobody knows what."""
        self.box.reached_bytes = len(self.box.data) if arrived else None
        self.closed()

    @property
    def heard(self) -> list[int]:
        return self.box.values("s")


class House:
    """A hub and who returns to it; what is logged."""

    def __init__(self, store: MemoryStore | None = None, **settings: Any) -> None:
        self.clock, self.log = Hand(), io.StringIO()
        meter, hub_limits = Meter(self.clock, self.log), limits.Hub(**settings)  # type: ignore[arg-type]
        history = None if store is None else History(store, self.clock, hub_limits, meter)  # type: ignore[arg-type]
        self.hub = Hub(self.clock, hub_limits, meter, history=history)  # type: ignore[arg-type]
        self.figures = Figures(Counter("resumed", ()), {gap: Counter(gap, ()) for gap in GAPS})
        self.returning = Returning(self.hub, self.clock, meter, self.figures, api="api")  # type: ignore[arg-type]
        self.published = 0

    async def publish(self, *, bytes: int = 0, topic: Topic = TOPIC) -> None:
        self.published += 1
        self.hub.publish(topic, {"n": self.published, "x": "y" * bytes}, commit=0)
        await self.hub.drained()

    @property
    def told(self) -> list[dict[str, Any]]:
        return [json.decode(line) for line in self.log.getvalue().splitlines()]

    @property
    def reasons(self) -> list[str]:
        told = [each["reason"] for each in self.told if each["event"] == "subscription not resumed"]
        assert {gap: told.count(gap) for gap in GAPS} == {g: c.value for g, c in self.figures.unresumed.items()}
        return told


@pytest.mark.rule("HUB-21")
async def test_who_comes_again_is_continued_without_a_word() -> None:
    house = House()
    first = Connection(house).start()
    await house.publish()
    first.lost()
    await house.publish()
    again = Connection(house).start()
    await house.publish()
    assert (first.heard, again.heard) == ([1], [2, 3])
    assert (house.told, house.figures.resumed.value) == ([], 1)


@pytest.mark.rule("HUB-21")
@pytest.mark.parametrize(
    ("reason", "settings", "away", "again"),
    [
        ("window seconds", {"window_seconds": 60.0}, 61.0, {}),
        ("window bytes", {"window_bytes_max": 1500}, 1.0, {}),
        ("another start", {}, 1.0, {"what": "another document"}),
        ("another caller", {}, 1.0, {"who": "somebody else"}),
        ("moved", {}, 1.0, {"topic": Topic("api/kept", "a")}),
        ("position unknown", {}, 1.0, {"position": "0:99"}),
        ("window bytes", {"window_bytes_max": 1500}, 1.0, {"position": "0:1"}),
    ],
)
async def test_who_cannot_be_continued_begins_anew_and_it_is_told_why(
    reason: str, settings: Any, away: float, again: dict[str, Any]
) -> None:
    house = House(**settings)
    first = Connection(house).start()
    await house.publish()
    first.lost()
    await house.publish(bytes=400)
    house.clock.at += away
    await house.publish(bytes=300)
    other = Connection(house).start(**again)
    await house.hub.drained()
    assert other.heard == []
    assert house.reasons == [reason]
    [told] = house.told
    line = again.get("topic", TOPIC).api
    assert told.items() >= {"api": "api", "id": ID, "peer": "192.0.2.1", "told": "position" in again}.items()
    assert told.items() >= house.hub.facts(line).items()
    if reason in ("window bytes", "moved") and "position" not in again:
        assert (told["after"], told["reached_bytes"], told["written_bytes"]) == (
            1,
            len(first.box.data),
            len(first.box.data),
        )
        assert told["away_seconds"] == pytest.approx(away, abs=0.1)


@pytest.mark.rule("HUB-21")
async def test_where_nobody_can_tell_what_arrived_that_is_the_reason() -> None:
    house = House()
    Connection(house).start().lost(arrived=False)
    Connection(house).start()
    assert house.reasons == ["arrival unknown"]


@pytest.mark.rule("HUB-21")
async def test_more_than_are_remembered_are_known_to_be_forgotten() -> None:
    house = House(lost_subscriptions_max=2)
    ids = [f"{ID}{n}" for n in range(5)]
    for id in ids:
        Connection(house).start(id).lost()
    for id in ids:
        Connection(house).start(id)
    # The first is one more than are known to be forgotten.
    assert (house.reasons, house.figures.resumed.value) == (["forgotten"] * 2, 2)


@pytest.mark.rule("HUB-21")
async def test_who_was_never_here_or_has_stopped_or_has_no_name_of_its_own_is_no_gap() -> None:
    house = House()
    stopped = Connection(house).start()
    house.hub.unsubscribe(stopped.subscription)
    house.returning.release(stopped.name, stopped)
    Connection(house).start()
    Connection(house).start("1").lost()
    Connection(house).start("1")
    assert house.reasons == []


@pytest.mark.rule("HUB-22")
async def test_a_connection_whose_client_is_elsewhere_is_left_and_what_it_had_goes_on() -> None:
    house = House()
    first = Connection(house).start()
    await house.publish()
    first.box.reached_bytes = 0
    second = Connection(house).start()
    await house.publish()
    assert (first.heard, second.heard, house.reasons) == ([1], [1, 2], [])
    third = Connection(house).start(position="0:1")
    await house.publish()
    assert (second.heard, third.heard, house.returning.present) == ([1, 2], [2, 3], {third.name: third})


@pytest.mark.rule("HUB-22")
async def test_a_late_start_over_an_older_connection_is_served_beside_the_newer() -> None:
    house = House()
    older, newer = Connection(house), Connection(house)
    newer.start()
    older.start()
    await house.publish()
    older.lost()
    newer.lost()
    await house.publish()
    again = Connection(house).start()
    await house.hub.drained()
    assert (older.heard, newer.heard, again.heard, house.reasons) == ([1], [1], [2], [])


@pytest.mark.rule("HUB-9")
@pytest.mark.parametrize(("seconds", "said"), [(359.0, ["window too short"]), (360.0, [])])
async def test_a_window_in_which_clients_do_not_notice_that_they_are_cut_off_is_named_at_start(
    seconds: float, said: list[str], store: MemoryStore
) -> None:
    log = io.StringIO()
    hub_limits, clock, meter = limits.Hub(window_seconds=seconds), Hand(), Meter(Hand(), log)  # type: ignore[arg-type]
    hub = Hub(clock, hub_limits, meter, history=History(store, clock, hub_limits, meter))  # type: ignore[arg-type]
    await hub.load()
    assert [json.decode(line)["event"] for line in log.getvalue().splitlines()] == said


@pytest.mark.rule("HUB-21")
@pytest.mark.parametrize(("keeps", "heard", "reasons"), [(100_000, [2, 3], []), (500, [], ["history"])])
async def test_a_durable_api_gives_what_its_history_has_or_says_that_it_has_not(
    keeps: int, heard: list[int], reasons: list[str], store: MemoryStore
) -> None:
    house = House(store, window_bytes_max=0, history_bytes_max=keeps)
    running = asyncio.create_task(house.hub.run())
    await house.hub.make_durable("api")
    first = Connection(house).start()
    for n in (1, 2, 3):
        if n == 2:
            first.lost()
        await house.hub.publish_durably(TOPIC, {"n": n, "x": "y" * 400}, commit=0)
        await house.hub.drained()
    async with asyncio.timeout(5):
        while keeps == 500 and house.hub.facts("api")["history_after"] < 2:
            await asyncio.sleep(0.001)
        again = Connection(house).start()
        while again.heard != heard:
            await asyncio.sleep(0.001)
    assert house.reasons == reasons
    running.cancel()


@pytest.mark.rule("HUB-21")
async def test_of_a_connection_lost_a_while_ago_a_place_is_all_that_is_kept() -> None:
    house = House()
    first = Connection(house).start()
    await house.publish()
    first.box.reached_bytes = len(first.box.data)
    await house.publish()
    first.closed()
    box = ref(first.box)
    house.clock.at += 16
    Connection(house).start(ID + "x").lost()
    del first
    gc.collect()
    assert box() is None
    again = Connection(house).start()
    await house.hub.drained()
    assert (again.heard, house.reasons) == ([2], [])
