"""Presence: who is in a channel, what is told of it, and who comes back."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from syncline.core import SynclineError, json
from unit.events.conftest import Outbox, World

ROOM, WHO = "/rooms/lobby", "/rooms/lobby/$presence"
LONG = "0f6e2f1a-1d0c-4a55-9c7c-{:012d}"


class Hand:
    """A clock that somebody turns."""

    def __init__(self) -> None:
        self.at = 1000.0

    def now(self) -> float:
        return self.at

    monotonic = now


@pytest.fixture
async def house(world: World) -> World:
    await world.create("rooms")
    arn = (await world.call("GetChannelNamespace", name="rooms"))["channelNamespace"]["channelNamespaceArn"]
    await world.call("TagResource", resourceArn=arn, tags={"syncline:presence": "true"})
    world.hand = Hand()  # type: ignore[attr-defined]
    world.engine.live(world.api_id).presence._clock = world.hand  # type: ignore[attr-defined]
    return world


async def enter(world: World, number: int, outbox: Any = None, **extension: Any) -> Any:
    """A connection that is subscribed to the room."""
    endpoint = await world.connect()
    start = world.start(ROOM, outbox or Outbox(), id=LONG.format(number), **extension)
    subscription = await endpoint.subscribe(start)
    return endpoint, subscription, start.id


async def members(world: World, **headers: str) -> Any:
    request = world.upgrade()
    path = f"/event/{world.api_id}/presence"
    given = [*(headers or {"x-api-key": world.key}).items()]
    answer = await world.engine.respond(
        msgspec.structs.replace(request, path=path, query="channel=/rooms/lobby", headers=given)
    )
    return answer.status, json.decode(answer.body)


async def heard(world: World, outbox: Outbox) -> list[tuple[str, Any, int]]:
    await world.hub.drained()
    return [(event["type"], event["member"]["state"], event["count"]) for _, event in outbox.events]


@pytest.mark.rule("EVT-32")
async def test_members_join_change_leave_and_expire(house: World, outbox: Outbox) -> None:
    watcher = await house.connect()
    await watcher.subscribe(house.start(WHO, outbox, id="w"))
    ada, told, ada_id = await enter(house, 1, presence={"state": {"name": "ada"}})
    assert {**told.told["presence"], "member": ""} == {"member": "", "count": 1, "version": 1}
    bob, plain, bob_id = await enter(house, 2)
    assert plain.told is None, "who asks for nothing is told nothing"
    ada.present(ada_id, "away")
    assert [each["state"] for each in (await members(house))[1]["members"]] == ["away", None]
    bob.unsubscribe(bob_id)
    ada.closed()
    assert (await members(house))[1]["count"] == 1, "who has lost its connection is still there"
    house.hand.at += 31  # type: ignore[attr-defined]
    house.engine.live(house.api_id).presence.sweep()
    assert await heard(house, outbox) == [
        ("join", {"name": "ada"}, 1),
        ("join", None, 2),
        ("update", "away", 2),
        ("leave", None, 1),
        ("expire", "away", 0),
    ]
    assert (await members(house))[1] == {"channel": ROOM, "count": 0, "version": 0, "members": []}
    assert house.engine.live(house.api_id).presence.count == 0


@pytest.mark.rule("EVT-33")
async def test_who_comes_back_in_time_was_never_gone(house: World, outbox: Outbox) -> None:
    watcher = await house.connect()
    ada, told, _ = await enter(house, 1, presence={"state": 1})
    await watcher.subscribe(house.start(WHO, outbox, id="w"))
    presence = house.engine.live(house.api_id).presence
    ada.closed()
    house.hand.at += 29  # type: ignore[attr-defined]
    presence.sweep()
    again, twice, id = await enter(house, 1, presence={"state": 1})
    assert twice.told["presence"]["member"] == told.told["presence"]["member"]
    house.hand.at += 29  # type: ignore[attr-defined]
    presence.sweep()
    assert await heard(house, outbox) == []
    # A connection that has not noticed yet that it is dead holds nobody who is on another.
    once_more, _, _ = await enter(house, 1, presence={"state": 2})
    again.closed()
    house.hand.at += 100  # type: ignore[attr-defined]
    presence.sweep()
    once_more.unsubscribe(id)
    assert await heard(house, outbox) == [("update", 2, 1), ("leave", 2, 0)]


@pytest.mark.rule("EVT-33")
async def test_short_ids_and_other_callers_are_others(house: World) -> None:
    first, second = await house.connect(), await house.connect()
    for number, endpoint in enumerate((first, second)):
        start = house.start(ROOM, Outbox(), id="1")
        await endpoint.subscribe(
            msgspec.structs.replace(start, request=msgspec.structs.replace(start.request, id=f"c{number}"))
        )
    assert (await members(house))[1]["count"] == 2


@pytest.mark.rule("EVT-32")
async def test_who_is_no_member(house: World) -> None:
    endpoint = await house.connect()
    await endpoint.subscribe(house.start("/rooms/*", Outbox(), id="1"))
    await endpoint.subscribe(house.start(WHO, Outbox(), id="2"))
    await endpoint.subscribe(house.start(ROOM, Outbox(), id="3", presence=False))
    await endpoint.subscribe(house.start("/rooms/other", Outbox(), id="4"))
    status, found = await members(house)
    assert (status, found["count"]) == (200, 0)
    for id in ("1", "2", "3", "none"):
        with pytest.raises(SynclineError, match="No member of a channel is subscribed"):
            endpoint.present(id, 1)
    endpoint.closed()


@pytest.mark.rule("EVT-34")
async def test_members_are_told_to_those_who_may_subscribe_alone(house: World, outbox: Outbox) -> None:
    await house.call("CreateChannelNamespace", name="plain")
    endpoint = await house.connect()
    for channel in ("/plain/a/$presence", "/rooms/$presence/x", "/rooms/*/$presence", "/$presence"):
        with pytest.raises(SynclineError, match="Invalid Channel Format"):
            await endpoint.subscribe(house.start(channel, outbox))
    assert (await members(house, **{"x-api-key": "da2-no"}))[0] == 401
    assert (await house.post({"channel": WHO, "events": ["1"]})).status == 400
    arn = (await house.call("GetChannelNamespace", name="rooms"))["channelNamespace"]["channelNamespaceArn"]
    await house.call("TagResource", resourceArn=arn, tags={"syncline:policy": "/rooms/@sub"})
    assert (await members(house))[0] == 401
    with pytest.raises(SynclineError):
        await endpoint.subscribe(house.start(WHO, outbox))


@pytest.mark.rule("EVT-34")
async def test_a_state_has_a_limit_and_the_tag_ends_it_all(house: World, outbox: Outbox) -> None:
    endpoint, _, id = await enter(house, 1, presence={"state": 1})
    with pytest.raises(SynclineError, match="at most 4096 bytes"):
        endpoint.present(id, "x" * 5000)
    with pytest.raises(SynclineError, match="at most 4096 bytes"):
        await enter(house, 2, presence={"state": "x" * 5000})
    assert (await members(house))[1]["count"] == 1
    await endpoint.subscribe(house.start(WHO, outbox, id="w"))
    arn = (await house.call("GetChannelNamespace", name="rooms"))["channelNamespace"]["channelNamespaceArn"]
    await house.call("UntagResource", resourceArn=arn, tagKeys=["syncline:presence"])
    assert (await members(house))[0] == 400
    assert [each["id"] for each in outbox.messages] == ["w"], "what told of members has ended"
    endpoint.unsubscribe(id)
    endpoint.closed()
