"""Coming back: what had arrived is told from bytes alone, and the rest comes in order, once."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncline.core import LoopClock, Meter, json
from syncline.core import settings as limits
from syncline.hub import Hub, Ledger, PositionPassed, Subscription, Topic

TOPICS = (Topic("api", "a"), Topic("api", "b"))


class Box:
    """An outbox that remembers every byte; `reached_bytes` of them have arrived."""

    framing: Hashable = "lines"
    pending_bytes = 0
    round_trip_ms = None

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.data = b""
        self.reached_bytes: int | None = None

    def pack(self, rest: bytes) -> bytes:
        return rest

    def frame_header(self, length: int) -> bytes:
        return b"%d:" % length

    def send(self, data: bytes) -> int:
        self.write(data)
        return len(data)

    def write(self, data: bytes) -> None:
        self.data += data

    def supersede(self) -> None:
        """Nothing more arrives here in any case."""

    def own(self, text: bytes) -> None:
        frame = self.frame_header(len(text)) + text
        self.write(frame)
        self.ledger.note(len(frame))

    def values(self, id: str, upto: int | None = None) -> list[int]:
        """What a peer that has so many bytes got of a subscription."""
        found, rest = [], self.data if upto is None else self.data[:upto]
        while b":" in rest:
            length, _, rest = rest.partition(b":")
            if len(rest) < int(length):
                break
            frame, rest = rest[: int(length)], rest[int(length) :]
            if frame.startswith(b"<%s " % id.encode()):
                found.append(json.decode(frame[len(id) + 2 : -1])["n"])
        return found


def subscription(box: Box, id: str, *topics: Topic, modulus: int = 1) -> Subscription:
    return Subscription(
        topics or TOPICS,
        (modulus,),
        (lambda value: value["n"] % modulus == 0) if modulus > 1 else None,
        json.encode,
        box,
        b"<%s " % id.encode(),
        b">",
    )


def make_hub(**more: Any) -> Hub:
    return Hub(LoopClock(), limits.Hub(**more), Meter(out=None))


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), st.integers(0, 1), st.integers(0, 60)),
        st.tuples(st.just("own"), st.integers(0, 30), st.just(0)),
        st.tuples(st.just("turn"), st.just(0), st.just(0)),
        st.tuples(st.just("subscribe"), st.integers(0, 3), st.integers(1, 3)),
        st.tuples(st.just("stop"), st.integers(0, 3), st.just(0)),
        st.tuples(st.just("arrive"), st.just(0), st.just(0)),
    ),
    max_size=60,
)


@pytest.mark.rule("HUB-11")
@settings(max_examples=300, deadline=None)
@given(steps=STEPS, part=st.floats(0, 1))
async def test_what_arrived_is_told_from_the_count_of_bytes_alone(steps: list[Any], part: float) -> None:
    hub, box, count = make_hub(), Box(), 0
    box.own(b"hello")
    live: dict[int, Subscription] = {}
    published: list[tuple[int, Topic]] = []
    floor = 0
    for kind, which, size in steps:
        if kind == "publish":
            count += 1
            published.append((count, TOPICS[which]))
            hub.publish(TOPICS[which], {"n": count, "x": "y" * size}, commit=0)
        elif kind == "own":
            box.own(b"o" * which)
        elif kind == "turn":
            await hub.drained()
        elif kind == "subscribe" and which not in live:
            after = max(count - size, 0) if which == 3 else None
            # The ids tell apart who is who, also when one ends and comes again.
            live[which] = subscription(box, f"{which}-{count}-{size}", *TOPICS[: 1 + which % 2], modulus=size)
            hub.subscribe(live[which], after=after)
        elif kind == "stop" and which in live:
            hub.unsubscribe(live.pop(which))
        elif kind == "arrive":
            await hub.drained()
            floor = len(box.data)
            box.ledger.arrived(floor)
    box.reached_bytes = floor + int((len(box.data) - floor) * part)
    for each in live.values():
        position = hub.reached(each)
        id = each.prefix[1:-1].decode()
        all_sent, arrived = box.values(id), box.values(id, box.reached_bytes)
        assert position is not None
        assert all(n <= position for n in arrived)
        assert all(n > position for n in all_sent[len(arrived) :])
    # Whoever returns gets what it has not, in order, and then what comes.
    again = Box()
    back = {}
    for each in live.values():
        id = each.prefix[1:-1].decode()
        modulus = each.group[0]  # type: ignore[index]
        position = hub.reached(each)
        hub.unsubscribe(each)
        back[id] = each, modulus, box.values(id, box.reached_bytes)
        hub.subscribe(subscription(again, id, *each.topics, modulus=modulus), after=position)
    for topic in TOPICS:
        count += 1
        published.append((count, topic))
        hub.publish(topic, {"n": count}, commit=0)
    await hub.drained()
    for id, (each, modulus, had) in back.items():
        wanted = [n for n, topic in published if topic in each.topics and n % modulus == 0]
        whole = had + again.values(id)
        assert whole == wanted[len(wanted) - len(whole) :], "nothing twice, nothing missed, in order"
        first = next(iter(box.values(id)), None)
        assert first is None or whole[0] == first


@pytest.mark.rule("HUB-12")
async def test_a_position_that_the_window_has_lost_is_told() -> None:
    hub, box = make_hub(window_bytes_max=100), Box()
    for n in range(50):
        hub.publish(TOPICS[0], {"n": n}, commit=0)
    with pytest.raises(PositionPassed):
        hub.subscribe(subscription(box, "late"), after=1)


@pytest.mark.rule("HUB-12")
async def test_a_long_way_back_goes_no_faster_than_the_outbox_takes_it() -> None:
    hub, box = make_hub(), Box()
    for n in range(1, 101):
        hub.publish(TOPICS[0], {"n": n, "x": "y" * 20_000}, commit=0)
    hub.subscribe(subscription(box, "s"), after=0)
    box.pending_bytes = 10**6
    await hub.drained()
    assert box.values("s") == []
    hub.publish(TOPICS[0], {"n": 101}, commit=0)
    box.pending_bytes = 0
    while not (few := box.values("s")):
        await asyncio.sleep(0.001)
    assert 5 < len(few) < 60
    while len(box.values("s")) < 101:
        await asyncio.sleep(0.005)
    assert box.values("s") == list(range(1, 102))


@pytest.mark.rule("HUB-13")
async def test_an_ended_subscription_is_told_and_gets_nothing_more() -> None:
    hub, box = make_hub(), Box()
    told: list[Any] = []
    one = subscription(box, "s")
    one.ended = told.append
    hub.subscribe(one)
    hub.end(one, [{"message": "over"}])
    hub.publish(TOPICS[0], {"n": 1}, commit=0)
    await hub.drained()
    assert (told, box.values("s")) == ([[{"message": "over"}]], [])


@pytest.mark.rule("HUB-11")
async def test_who_ended_before_everything_had_arrived_is_still_known() -> None:
    """A close frame that is acknowledged at once has the ledger forget what arrived, after the subscription's end."""
    hub, box = make_hub(), Box()
    before = subscription(box, "before")
    hub.subscribe(before)
    hub.publish(TOPICS[0], {"n": 1}, commit=0)
    await hub.drained()
    hub.unsubscribe(before)
    box.own(b"closing")
    box.reached_bytes = len(box.data)
    box.ledger.arrived(box.reached_bytes)
    for number in range(2, 5000):
        hub.publish(TOPICS[0], {"n": number}, commit=0)
    assert hub.reached(before) == 1


@pytest.mark.rule("HUB-20")
@pytest.mark.parametrize("caught_up", [True, False])
async def test_a_renewed_subscription_goes_on_where_it_was(caught_up: bool) -> None:
    hub, box = make_hub(), Box()
    for number in (1, 2):
        hub.publish(TOPICS[0], {"n": number}, commit=0)
    before, renewed = subscription(box, "one"), subscription(box, "one")
    hub.subscribe(before, after=0)
    if caught_up:
        await hub.drained()
    hub.publish(TOPICS[0], {"n": 3}, commit=0)
    hub.replace(before, renewed)
    hub.publish(TOPICS[0], {"n": 4}, commit=0)
    await hub.drained()
    assert box.values("one") == [1, 2, 3, 4]
