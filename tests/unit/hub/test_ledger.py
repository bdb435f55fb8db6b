"""Where a peer is, told from the count of its bytes alone: over several lines, renewals, and turns cut short."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncline.hub import Subscription, Topic, fanout
from unit.hub.test_returning import Box, make_hub, subscription

LINES = (Topic("api", "a"), Topic("api/kept", "a"))

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), st.integers(0, 1), st.integers(0, 40)),
        st.tuples(st.just("own"), st.integers(0, 30), st.just(0)),
        st.tuples(st.just("tick"), st.just(0), st.just(0)),
        st.tuples(st.just("turn"), st.just(0), st.just(0)),
        st.tuples(st.just("subscribe"), st.integers(0, 3), st.integers(1, 3)),
        st.tuples(st.just("renew"), st.integers(0, 3), st.integers(1, 3)),
        st.tuples(st.just("arrive"), st.just(0), st.just(0)),
    ),
    max_size=60,
)


@pytest.mark.rule("HUB-1")
@pytest.mark.rule("HUB-11")
@pytest.mark.rule("HUB-20")
@pytest.mark.parametrize("turn_bytes", [30, 100_000])
@settings(max_examples=200, deadline=None)
@given(steps=STEPS, part=st.floats(0, 1), after_ticks=st.integers(0, 3))
async def test_nothing_is_missed_or_doubled(turn_bytes: int, steps: list[Any], part: float, after_ticks: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fanout, "FLUSH_BYTES", turn_bytes)
        await cut_after(steps, part, after_ticks)


async def cut_after(steps: list[Any], part: float, after_ticks: int) -> None:
    """Do the steps, lose the line when a part of its bytes has arrived, come back: whole, once, in order."""
    hub, box, counts = make_hub(), Box(), [0, 0]
    live: dict[int, Subscription] = {}
    since: dict[int, int] = {}
    renewals, floor = 0, 0
    for kind, which, size in steps:
        if kind == "publish":
            counts[which] += 1
            hub.publish(LINES[which], {"n": counts[which], "x": "y" * size}, commit=0)
        elif kind == "own":
            box.own(b"o" * which)
        elif kind == "tick":
            await asyncio.sleep(0)
        elif kind == "turn":
            await hub.drained()
        elif kind == "subscribe" and which not in live:
            live[which], since[which] = subscription(box, f"{which}", LINES[which % 2]), counts[which % 2]
            live[which].group = size, which // 2
            hub.subscribe(live[which])
        elif kind == "renew" and which in live:
            renewals += 1
            before, live[which] = live[which], subscription(box, f"{which}", LINES[which % 2])
            live[which].group = renewals  # as with other rights: in a group of its own
            hub.replace(before, live[which])
        elif kind == "arrive":
            floor = len(box.data)
            box.ledger.arrived(floor)
    for _ in range(after_ticks):
        await asyncio.sleep(0)
    box.reached_bytes = floor + int((len(box.data) - floor) * part)
    again = Box()
    for which, each in live.items():
        hub.unsubscribe(each)
        hub.subscribe(subscription(again, f"{which}", LINES[which % 2]), after=hub.reached(each))
    await hub.drained()
    for which in live:
        whole = box.values(f"{which}", box.reached_bytes) + again.values(f"{which}")
        assert whole == list(range(since[which] + 1, counts[which % 2] + 1))


async def in_the_midst_of_a_publication(*ids: str) -> tuple[Any, dict[str, Any], dict[str, Subscription]]:
    """Each id in a group and an outbox of its own; a group after the first fails: the turn has ended with that."""
    hub = make_hub()
    boxes = {id: Box() for id in (*ids, "failing")}
    live = {id: subscription(boxes[id], id, LINES[0]) for id in (ids[0], "failing", *ids[1:])}
    live["failing"].matches = lambda value: 1 / 0  # type: ignore[assignment, return-value]
    for id, each in live.items():
        each.group = id
        hub.subscribe(each)
    del live["failing"]
    failed: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: failed.append(context["exception"]))
    hub.publish(LINES[0], {"n": 1}, commit=0)
    while not failed:
        await asyncio.sleep(0)
    assert not any(boxes[id].data for id in ids)
    return hub, boxes, live


@pytest.mark.rule("HUB-8")
@pytest.mark.rule("HUB-20")
async def test_who_is_renewed_when_a_turn_has_failed_gets_everything_once() -> None:
    hub, boxes, live = await in_the_midst_of_a_publication("a", "b")
    for id in live:
        renewed = subscription(boxes[id], id, LINES[0])
        renewed.group = f"renewed {id}"
        hub.replace(live[id], renewed)
    await hub.drained()
    assert [boxes[id].values(id) for id in live] == [[1], [1]]


@pytest.mark.rule("HUB-8")
@pytest.mark.rule("HUB-11")
async def test_who_is_lost_when_a_turn_has_failed_is_known_not_to_have_it() -> None:
    hub, boxes, live = await in_the_midst_of_a_publication("a", "b")
    for id in live:
        hub.unsubscribe(live[id])
        boxes[id].reached_bytes = len(boxes[id].data)
    await hub.drained()
    assert [hub.reached(each) for each in live.values()] == [0, 0]


@pytest.mark.rule("HUB-20")
async def test_what_had_not_arrived_before_a_renewal_comes_again() -> None:
    hub, box = make_hub(), Box()
    before = subscription(box, "one", LINES[0])
    hub.subscribe(before)
    hub.publish(LINES[0], {"n": 1}, commit=0)
    await hub.drained()
    box.reached_bytes = len(box.data)
    hub.publish(LINES[0], {"n": 2}, commit=0)
    await hub.drained()
    first, second = subscription(box, "one", LINES[0]), subscription(box, "one", LINES[0])
    hub.replace(before, first)
    hub.replace(first, second)
    hub.publish(LINES[0], {"n": 3}, commit=0)
    await hub.drained()
    hub.unsubscribe(second)
    assert hub.reached(second) == 1
