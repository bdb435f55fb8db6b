"""The promise of `start_ack`: what is published after it is delivered, every time, under load."""

from __future__ import annotations

import os
import random
from typing import Any

import pytest

from syncline.hub import Topic
from unit.graphql.conftest import Outbox

REGISTRATIONS = int(os.environ.get("SYNCLINE_REGISTRATIONS", "3000"))

SDL = """
type Note { id: ID! }
type Query { note: Note }
type Mutation { put(id: ID!): Note }
type Subscription { onPut: Note @aws_subscribe(mutations: ["put"]) }
"""


@pytest.mark.rule("GQL-20")
@pytest.mark.rule("HUB-1")
@pytest.mark.timeout(60 + REGISTRATIONS // 100)
async def test_a_registration_is_in_force_when_it_is_acknowledged(world: Any) -> None:
    """100,000 with SYNCLINE_REGISTRATIONS=100000."""
    await world.create(SDL)
    live = world.engine.live(world.api_id)
    endpoint, chance, published = await world.connect(), random.Random(1), 0
    topic = next(iter(live.schema.subscriptions["onPut"]))
    waiting: list[tuple[str, Outbox, int]] = []

    def publish() -> None:
        nonlocal published
        published += 1
        world.hub.publish(Topic(world.api_id, topic), {"id": str(published)}, commit=0)

    for n in range(REGISTRATIONS):
        for _ in range(chance.randrange(3)):
            publish()
        outbox = Outbox()
        await endpoint.subscribe(world.start("subscription {onPut {id}}", outbox, id=str(n)))
        # The acknowledgement would leave here: everything from now on is for this subscription, nothing before.
        waiting.append((str(n), outbox, published))
        if chance.random() < 0.7:
            publish()
        if len(waiting) == 50:
            publish()
            await world.hub.drained()
            for id, heard, after in waiting:
                ids = [int(payload["data"]["onPut"]["id"]) for payload in heard.payloads]
                assert ids == list(range(after + 1, published + 1)), f"registration {id}"
                endpoint.unsubscribe(id)
            waiting.clear()
