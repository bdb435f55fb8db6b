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
