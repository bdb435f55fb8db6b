"""The hub's promises, shown with outboxes in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncline.core import LoopClock, Meter, json, settings
from syncline.hub import Hub, Ledger, PositionPassed, Subscription, Topic
from syncline.hub.window import PUBLICATION_BYTES

TOPIC = Topic("api", "onUpdate")
OTHER = Topic("api", "onDelete")


class Box:
    """An outbox that frames with a length line and keeps every write apart."""

    framing: Hashable = "lines"
    pending_bytes = 0
    round_trip_ms = None
    reached_bytes: int | None = None

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.writes: list[bytes] = []

    def pack(self, rest: bytes) -> bytes:
        return rest

    def frame_header(self, length: int) -> bytes:
        return b"%d:" % length

    def send(self, data: bytes) -> int:
        self.write(data)
        return len(data)

    def write(self, data: bytes) -> None:
        self.writes.append(data)

    @property
    def messages(self) -> list[str]:
        found, rest = [], b"".join(self.writes)
        while rest:
            length, _, rest = rest.partition(b":")
            found.append(rest[: int(length)].decode())
            assert len(rest) >= int(length), "a frame is as long as its header says"
            rest = rest[int(length) :]
        return found


def subscription(
    box: Box,
    *topics: Topic,
    group: Hashable = "all",
    id: str = "s",
    matches: Callable[[Any], bool] | None = None,
    project: Callable[[Any], bytes | None] = json.encode,
) -> Subscription:
    return Subscription(topics or (TOPIC,), group, matches, project, box, b"<%s " % id.encode(), b">")


@pytest.fixture
def hub() -> Hub:
    return make_hub()


def make_hub(**limits: Any) -> Hub:
    return Hub(LoopClock(), settings.Hub(**limits), Meter(out=None))


@pytest.mark.rule("HUB-1")
async def test_a_subscription_gets_only_what_was_published_after_it(hub: Hub) -> None:
    early, late = Box(), Box()
    hub.subscribe(subscription(early))
    hub.publish(TOPIC, 1, commit=0)
    hub.subscribe(subscription(late))
    hub.publish(TOPIC, 2, commit=0)
    await hub.drained()
    assert (early.messages, late.messages) == (["<s 1>", "<s 2>"], ["<s 2>"])


@pytest.mark.rule("HUB-1")
async def test_a_subscription_to_a_topic_nobody_had_gets_what_follows_in_the_same_tick(hub: Hub) -> None:
    box = Box()
    hub.subscribe(subscription(Box()))
    hub.publish(TOPIC, 0, commit=0)
    hub.subscribe(subscription(box, OTHER))
    hub.publish(OTHER, 1, commit=0)
    await hub.drained()
    assert box.messages == ["<s 1>"]


@pytest.mark.rule("HUB-2")
async def test_positions_count_from_one_in_each_api(hub: Hub) -> None:
    assert [hub.publish(TOPIC, n, commit=0) for n in range(3)] == [1, 2, 3]
    assert hub.publish(Topic("other", "onUpdate"), 0, commit=0) == 1
    assert (hub.position("api"), hub.position("none")) == (3, 0)


@pytest.mark.rule("HUB-3")
async def test_a_thousand_members_are_filtered_and_encoded_once(hub: Hub) -> None:
    calls: list[str] = []

    def matches(value: Any) -> bool:
        calls.append("matches")
        return True

    def project(value: Any) -> bytes:
        calls.append("project")
        return b"x"

    boxes = [Box() for _ in range(1000)]
    for box in boxes:
        hub.subscribe(subscription(box, matches=matches, project=project))
    hub.publish(TOPIC, 1, commit=0)
    await hub.drained()
    assert calls == ["matches", "project"]
    assert all(box.messages == ["<s x>"] for box in boxes)


@pytest.mark.rule("HUB-3")
async def test_members_of_equal_framing_are_packed_for_once(hub: Hub) -> None:
    packed: list[bytes] = []

    class Packing(Box):
        framing = "packed"

        def pack(self, rest: bytes) -> bytes:
            packed.append(rest)
            return rest.upper()

    boxes: list[Box] = [kind() for kind in (Box, Packing) for _ in range(100)]
    for box in boxes:
        hub.subscribe(subscription(box))
        hub.subscribe(subscription(box, OTHER, id="o", group="other"))
    for topic in (TOPIC, OTHER):
        hub.publish(topic, "x", commit=0)
    await hub.drained()
    assert packed == [b'"x">'] * 2
    assert [box.messages for box in boxes] == [['<s "x">', '<o "x">']] * 100 + [['<s "X">', '<o "X">']] * 100


@pytest.mark.rule("HUB-3")
async def test_what_a_group_does_not_match_is_not_projected(hub: Hub) -> None:
    box = Box()
    hub.subscribe(subscription(box, matches=lambda value: bool(value % 2)))
    for n in range(4):
        hub.publish(TOPIC, n, commit=0)
    await hub.drained()
    assert box.messages == ["<s 1>", "<s 3>"]


@pytest.mark.rule("HUB-4")
async def test_one_tick_is_one_write(hub: Hub) -> None:
    box = Box()
    hub.subscribe(subscription(box))
    for n in range(8):
        hub.publish(TOPIC, n, commit=0)
    await hub.drained()
    assert len(box.writes) == 1
    assert box.messages == [f"<s {n}>" for n in range(8)]


@pytest.mark.rule("HUB-4")
@pytest.mark.parametrize("taken", [0, 3, None])
async def test_what_is_not_taken_at_once_waits(hub: Hub, taken: int | None) -> None:
    class Narrow(Box):
        def send(self, data: bytes) -> int:
            if taken is None:
                raise BlockingIOError
            self.write(data[:taken])
            return taken

    narrow, wide = Narrow(), Box()
    for box in (narrow, wide):
        hub.subscribe(subscription(box))
    hub.publish(TOPIC, "x" * 9, commit=0)
    await hub.drained()
    assert narrow.messages == wide.messages == ['<s "xxxxxxxxx">']


@pytest.mark.rule("HUB-4")
async def test_several_subscriptions_of_one_outbox_leave_in_position_order_in_one_write(hub: Hub) -> None:
    box = Box()
    hub.subscribe(subscription(box, TOPIC, id="a"))
    hub.subscribe(subscription(box, OTHER, id="bb", group="b"))
    hub.subscribe(subscription(box, TOPIC, id="c", matches=lambda value: value > 1, group="big"))
    for n, topic in enumerate([TOPIC, OTHER, TOPIC]):
        hub.publish(topic, n, commit=0)
    await hub.drained()
    assert len(box.writes) == 1
    assert box.messages == ["<a 0>", "<bb 1>", "<a 2>", "<c 2>"]


@pytest.mark.rule("HUB-4")
async def test_two_equal_subscriptions_of_one_outbox_each_get_their_copy(hub: Hub) -> None:
    box, alone = Box(), Box()
    for each in (subscription(box, id="a"), subscription(box, id="b"), subscription(alone, id="c")):
        hub.subscribe(each)
    hub.publish(TOPIC, 1, commit=0)
    hub.publish(TOPIC, 2, commit=0)
    await hub.drained()
    assert box.messages == ["<a 1>", "<b 1>", "<a 2>", "<b 2>"]
    assert (len(box.writes), alone.messages) == (1, ["<c 1>", "<c 2>"])


@pytest.mark.rule("HUB-2")
async def test_a_subscription_to_two_topics_gets_both_in_order(hub: Hub) -> None:
    box = Box()
    hub.subscribe(subscription(box, TOPIC, OTHER))
    for n, topic in enumerate([OTHER, TOPIC, OTHER]):
        hub.publish(topic, n, commit=0)
    await hub.drained()
    assert box.messages == ["<s 0>", "<s 1>", "<s 2>"]
    assert len(box.writes) == 1


@pytest.mark.rule("HUB-5")
async def test_members_with_prefixes_of_different_length_are_framed_rightly(hub: Hub) -> None:
    boxes = {id: Box() for id in ("a", "bb", "ccc", "dd")}
    for id, box in boxes.items():
        hub.subscribe(subscription(box, id=id))
    hub.publish(TOPIC, "x" * 200, commit=0)
    hub.publish(TOPIC, "y", commit=0)
    await hub.drained()
    for id, box in boxes.items():
        assert box.messages == [f'<{id} "{"x" * 200}">', f'<{id} "y">']


@pytest.mark.rule("HUB-6")
async def test_nothing_is_written_after_unsubscribe(hub: Hub) -> None:
    box, waiting = Box(), Box()
    first = subscription(box)
    hub.subscribe(first)
    hub.publish(TOPIC, 1, commit=0)
    second = subscription(waiting)
    hub.subscribe(second)
    hub.unsubscribe(first)
    hub.unsubscribe(second)
    hub.unsubscribe(second)
    hub.publish(TOPIC, 2, commit=0)
    await hub.drained()
    assert box.writes == waiting.writes == []


@pytest.mark.rule("HUB-7")
async def test_a_value_over_the_limit_is_counted_and_not_delivered() -> None:
    meter = Meter(out=None)
    hub, box = Hub(LoopClock(), settings.Hub(payload_bytes_max=10), meter), Box()
    hub.subscribe(subscription(box))
    hub.subscribe(subscription(Box(), project=lambda value: b"z" * 11, group="long"))
    assert hub.publish(TOPIC, "x" * 9, commit=0) == 1
    assert hub.publish(TOPIC, "x" * 8, commit=0) == 2
    await hub.drained()
    assert box.messages == ['<s "xxxxxxxx">']
    assert meter.counter("syncline_hub_dropped_publications_total", api="api").value == 2
    assert meter.counter("syncline_hub_deliveries_total", api="api").value == 1


@pytest.mark.rule("HUB-8")
async def test_a_failing_group_does_not_hurt_the_others(hub: Hub) -> None:
    failures: list[BaseException] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context["exception"]))

    def project(value: Any) -> bytes:
        if value == 2:
            raise ZeroDivisionError
        return json.encode(value)

    before, broken, after = Box(), Box(), Box()
    hub.subscribe(subscription(before, group="before"))
    hub.subscribe(subscription(broken, group="broken", project=project))
    hub.subscribe(subscription(after, group="after"))
    for n in (1, 2, 3):
        hub.publish(TOPIC, n, commit=0)
    await hub.drained()
    assert before.messages == after.messages == ["<s 1>", "<s 2>", "<s 3>"]
    assert broken.messages == ["<s 1>", "<s 3>"]
    assert [type(failure) for failure in failures] == [ZeroDivisionError]


@pytest.mark.rule("HUB-9")
async def test_the_window_keeps_recent_publications_within_its_bytes() -> None:
    hub = make_hub(window_bytes_max=3 * (PUBLICATION_BYTES + 2))
    for n in range(10, 15):
        hub.publish(TOPIC, n, commit=n)
    assert [(each.position, each.value, each.commit) for each in hub.recent("api", after=3)] == [
        (4, 13, 13),
        (5, 14, 14),
    ]
    assert len(hub.recent("api", after=2)) == 3
    with pytest.raises(PositionPassed):
        hub.recent("api", after=1)


@pytest.mark.rule("HUB-9")
async def test_the_window_lets_go_of_what_is_too_old() -> None:
    class Still(LoopClock):
        at = 0.0

        def monotonic(self) -> float:
            return self.at

    clock = Still()
    hub = Hub(clock, settings.Hub(window_seconds=10), Meter(out=None))
    hub.publish(TOPIC, 1, commit=0)
    clock.at = 6
    hub.publish(TOPIC, 2, commit=0)
    clock.at = 12
    assert [each.value for each in hub.recent("api", after=1)] == [2]
    with pytest.raises(PositionPassed):
        hub.recent("api", after=0)


@pytest.mark.rule("HUB-10")
async def test_apis_do_not_see_each_other(hub: Hub) -> None:
    box = Box()
    hub.subscribe(subscription(box))
    hub.publish(Topic("other", "onUpdate"), 1, commit=0)
    await hub.drained()
    assert (box.writes, hub.recent("api", after=0)) == ([], [])
    await hub.forget("other")
    assert hub.position("other") == 0


@pytest.mark.rule("HUB-18")
async def test_a_flood_of_one_api_holds_up_no_other() -> None:
    """One that is published amid a flood leaves in the same turn, whatever of the flood still waits."""
    hub, quiet, other = make_hub(), Box(), Topic("other", "onUpdate")
    flooded = [Box() for _ in range(50)]
    for box in flooded:
        hub.subscribe(subscription(box))
    hub.subscribe(subscription(quiet, other))
    for n in range(200):
        hub.publish(TOPIC, f"{n} {'x' * 10_000}", commit=0)
    hub.publish(other, "amid", commit=0)
    for _ in range(3):
        await asyncio.sleep(0)
    assert quiet.messages == ['<s "amid">']
    assert 0 < len(flooded[0].messages) < 20
    turns = 0
    while len(flooded[0].messages) < 200:
        before = len(flooded[0].messages)
        hub.publish(other, turns, commit=0)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        turns += 1
        assert len(quiet.messages) == turns + 1
        assert len(flooded[0].messages) - before < 20
    assert all(box.messages == flooded[0].messages for box in flooded)
    assert [int(text.split()[1][1:]) for text in flooded[0].messages] == list(range(200))


moves = st.lists(
    st.one_of(
        st.tuples(st.just("publish"), st.integers(0, 1)),
        st.tuples(st.just("subscribe"), st.integers(0, 2), st.integers(0, 1), st.sampled_from(["g", "h"])),
        st.tuples(st.just("unsubscribe"), st.integers(0, 10)),
        st.tuples(st.just("tick")),
    ),
    max_size=40,
)


@pytest.mark.rule("HUB-1")
@pytest.mark.rule("HUB-2")
@pytest.mark.rule("HUB-6")
@given(moves)
def test_any_sequence_delivers_exactly_what_each_subscription_was_there_for(sequence: list[tuple[Any, ...]]) -> None:
    asyncio.run(play(sequence))


async def play(sequence: list[tuple[Any, ...]]) -> None:
    hub, boxes, topics = make_hub(), [Box() for _ in range(3)], [TOPIC, OTHER]
    live: list[tuple[str, int, int, Subscription]] = []
    expected: list[list[str]] = [[], [], []]
    waiting: list[tuple[int, str, str]] = []
    for number, (verb, *facts) in enumerate(sequence):
        if verb == "publish":
            position = hub.publish(topics[facts[0]], number, commit=0)
            assert position == sum(move[0] == "publish" for move in sequence[: number + 1])
            waiting += [(at, id, f"<{id} {number}>") for id, at, topic, _ in live if topic == facts[0]]
        elif verb == "subscribe":
            each = subscription(boxes[facts[0]], topics[facts[1]], group=facts[2], id=str(number))
            hub.subscribe(each)
            live.append((str(number), facts[0], facts[1], each))
        elif verb == "unsubscribe" and live:
            id, _, _, each = live.pop(facts[0] % len(live))
            hub.unsubscribe(each)
            waiting = [entry for entry in waiting if entry[1] != id]
        elif verb == "tick":
            await hub.drained()
            settle(waiting, expected, boxes)
    await hub.drained()
    settle(waiting, expected, boxes)
    for each in live:
        hub.unsubscribe(each[3])
    assert hub._channel(TOPIC.api).empty


def settle(waiting: list[tuple[int, str, str]], expected: list[list[str]], boxes: list[Box]) -> None:
    for at, _, message in waiting:
        expected[at].append(message)
    waiting.clear()
    for box, messages in zip(boxes, expected, strict=True):
        by_publication = [message.split()[1] for message in box.messages]
        assert by_publication == sorted(by_publication, key=lambda text: int(text.rstrip(">"))), "in position order"
        assert sorted(box.messages) == sorted(messages), "exactly once"
