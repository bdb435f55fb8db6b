"""How much an API and a connection may publish in a second."""

from __future__ import annotations

from typing import Any

import pytest

from syncline.core import Rates, SynclineError, json
from unit.events.conftest import Outbox, World


class Hand:
    def __init__(self) -> None:
        self.at = 0.0

    def monotonic(self) -> float:
        return self.at


@pytest.fixture
async def hand(world: World) -> Any:
    hand: Any = Hand()
    world.engine._publisher._by_api = Rates(hand, 10)
    world.engine._publisher._by_connection = Rates(hand, 2)
    await world.create()
    return hand


@pytest.mark.rule("EVT-39")
async def test_an_api_takes_so_many_events(world: World, hand: Hand) -> None:
    body = {"channel": "/default/a", "events": ["1"] * 5}
    assert [(await world.post(body)).status for _ in range(3)] == [200, 200, 429]
    refused = await world.post(body)
    assert json.decode(refused.body) == {"errors": [{"errorType": "ThrottlingException", "message": "Rate exceeded"}]}
    assert world.engine.live(world.api_id).figures.messages_dropped.value == 2
    hand.at += 0.5
    assert [(await world.post(body)).status for _ in range(2)] == [200, 429]


@pytest.mark.rule("EVT-39")
async def test_a_connection_sends_so_many_publications(world: World, hand: Hand, outbox: Outbox) -> None:
    endpoint = await world.connect()
    await endpoint.subscribe(world.start("/default/a", outbox))
    post = world.message("/default/a", ["1"], outbox)
    for _ in range(2):
        await endpoint.publish(post)
    with pytest.raises(SynclineError, match="Rate limit exceeded") as refused:
        await endpoint.publish(post)
    assert refused.value.code == "LimitExceededError"
    hand.at += 1
    await endpoint.publish(post)
    await world.hub.drained()
    assert len(outbox.events) == 3
