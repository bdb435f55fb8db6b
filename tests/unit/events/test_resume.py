"""Positions on Event APIs: what was missed, in order, also through wildcards."""

from __future__ import annotations

from typing import Any

import pytest

from syncline.core import Invalid
from unit.events.conftest import Outbox, World


async def subscribe(world: World, outbox: Outbox, channel: str, **resume: Any) -> Any:
    endpoint = await world.connect()
    found = await endpoint.subscribe(world.start(channel, outbox, resume=resume))
    await world.hub.drained()
    return endpoint, found.told


@pytest.mark.rule("EVT-23")
async def test_a_subscription_goes_on_from_its_position(world: World) -> None:
    await world.create()
    first, second = Outbox(), Outbox()
    endpoint, told = await subscribe(world, first, "/default/a/*")
    assert told == {"recovered": False, "position": f"{world.hub.epoch(world.api_id)}:0"}
    await world.publish("/default/a/x", 1)
    [message] = first.messages
    assert message == {"type": "data", "id": "1", "event": "1", "position": f"{world.hub.epoch(world.api_id)}:1"}
    endpoint.closed()
    await world.publish("/default/b", "not for it")
    await world.publish("/default/a/y", 2, 3)
    _, told = await subscribe(world, second, "/default/a/*", position=message["position"])
    assert told == {"recovered": True, "position": message["position"]}
    await world.publish("/default/a/z", 4)
    assert second.events == [("1", 2), ("1", 3), ("1", 4)]


@pytest.mark.rule("EVT-23")
async def test_what_cannot_be_recovered_is_told(world: World) -> None:
    await world.create()
    await world.publish("/default/a", 1)
    _, told = await subscribe(world, Outbox(), "/default/a", position="other:0")
    assert told == {"recovered": False, "position": f"{world.hub.epoch(world.api_id)}:1"}
    with pytest.raises(Invalid):
        await subscribe(world, Outbox(), "/default/a", position="nonsense")


ID = "3f0c1b1e-7d1b-4a43-9d6e-6b8f1f6f3c11"


async def lost(world: World, *, id: str = ID) -> Any:
    """A connection whose client got 1 of 1, 2 before it was lost; 3 came later."""
    outbox = Outbox()
    endpoint = await world.connect()
    await endpoint.subscribe(world.start("/default/a/*", outbox, id=id))
    await world.publish("/default/a/x", 1)
    outbox.reached_bytes = outbox.ledger.written
    await world.publish("/default/a/x", 2)
    endpoint.closed()
    await world.publish("/default/a/y", 3)
    await world.publish("/default/b", "not for it")


@pytest.mark.rule("EVT-41")
async def test_the_same_subscribe_again_gets_what_its_client_missed(world: World, outbox: Outbox) -> None:
    await world.create()
    await lost(world)
    await (await world.connect()).subscribe(world.start("/default/a/*", outbox, id=ID))
    await world.publish("/default/a/x", 4)
    assert outbox.events == [(ID, 2), (ID, 3), (ID, 4)]
    assert all("position" not in message for message in outbox.messages)
    assert world.engine.live(world.api_id).figures.returns.resumed.value == 1


@pytest.mark.rule("EVT-41")
@pytest.mark.parametrize(("id", "channel"), [("1", "/default/a/*"), (ID, "/default/a/y"), (ID + "x", "/default/a/*")])
async def test_another_subscription_begins_anew(world: World, outbox: Outbox, id: str, channel: str) -> None:
    await world.create()
    await lost(world, id="1" if id == "1" else ID)
    await (await world.connect()).subscribe(world.start(channel, outbox, id=id))
    await world.publish("/default/a/y", 4)
    assert outbox.events == [(id, 4)]


@pytest.mark.rule("EVT-41")
async def test_who_has_ended_begins_anew_and_a_dead_connection_ends_without_a_word(
    world: World, outbox: Outbox
) -> None:
    await world.create()
    first, second = Outbox(), Outbox()
    before = await world.connect()
    await before.subscribe(world.start("/default/a", first, id=ID))
    before.unsubscribe(ID)
    await world.publish("/default/a", 1)
    await before.subscribe(world.start("/default/a", first, id=ID))
    first.reached_bytes = first.ledger.written
    await world.publish("/default/a", 2)
    after = await world.connect()
    await after.subscribe(world.start("/default/a", second, id=ID))
    await world.publish("/default/a", 3)
    assert (first.events, first.messages[1:], first.closed) == ([(ID, 2)], [], True)
    assert second.events == [(ID, 2), (ID, 3)]
    after.closed()
    live = world.engine.live(world.api_id)
    assert (live.figures.subscriptions, live.returning.present) == (0, {})
