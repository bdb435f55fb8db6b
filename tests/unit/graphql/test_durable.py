"""A durable API: marked by a tag, its mutations answer once their publications are kept."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from syncline.core import Meter, SystemClock
from syncline.core.settings import Hub as HubSettings
from syncline.hub import History, Hub
from syncline.store import MemoryStore, StoreBusy
from unit.graphql.conftest import Outbox, World

SDL = """
type Note { id: ID! }
type Query { note: Note }
type Mutation { put(id: ID!): Note }
type Subscription { onPut: Note @aws_subscribe(mutations: ["put"]) }
"""
TAGS = {"syncline:durable": "true"}


@pytest.fixture
async def api(store: MemoryStore, clock: SystemClock, meter: Meter) -> AsyncIterator[World]:
    world = World(store, clock, meter)
    world.hub = world.engine.hub = Hub(clock, HubSettings(), meter, history=History(store, clock, HubSettings(), meter))
    world.engine._server._hub = world.hub
    await world.create(SDL, tags=TAGS)
    await world.local("Mutation", "put")
    async with asyncio.TaskGroup() as group:
        running = group.create_task(world.hub.run())
        yield world
        running.cancel()


async def subscribed(api: World, outbox: Outbox, **resume: str) -> dict[str, Any]:
    start = api.start("subscription { onPut { id } }", outbox)
    start = msgspec.structs.replace(start, extension={"resume": resume})
    told: dict[str, Any] = (await (await api.connect()).subscribe(start)).told
    return told


def heard(outbox: Outbox) -> list[str]:
    return [payload["data"]["onPut"]["id"] for payload in outbox.payloads]


@pytest.mark.rule("GQL-70")
async def test_a_mutation_is_answered_after_its_publication_is_kept(api: World, outbox: Outbox) -> None:
    assert api.hub.durable(api.api_id)
    position = (await subscribed(api, outbox))["position"]
    assert await api.ask("mutation { a: put(id: 1) { id } b: put(id: 2) { id } }") == {
        "data": {"a": {"id": "1"}, "b": {"id": "2"}}
    }
    assert api.hub.position(api.api_id) == 2
    await api.hub.drained()
    assert heard(outbox) == ["1", "2"]
    kept = await History(api.store, api.clock, HubSettings(), api.meter).load()
    assert kept[api.api_id].last == 2
    again = Outbox()
    assert (await subscribed(api, again, position=position))["recovered"]


@pytest.mark.rule("GQL-70")
async def test_a_publication_that_cannot_be_kept_fails_its_mutation(
    api: World, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(_: Any) -> Any:
        raise StoreBusy(waiting=1)

    await subscribed(api, outbox)
    monkeypatch.setattr(api.hub._history, "append", refuse)
    response = await api.post({"query": "mutation { put(id: 1) { id } }"})
    assert (response.status, b"ThrottlingException" in response.body) == (429, True)
    await api.hub.drained()
    assert outbox.data == b""


@pytest.mark.rule("GQL-70")
async def test_tags_are_in_force_at_once(api: World) -> None:
    arn = (await api.call("GetGraphqlApi"))["graphqlApi"]["arn"]
    await api.ask("mutation { put(id: 1) { id } }")
    await api.call("UntagResource", resourceArn=arn, tagKeys=list(TAGS))
    assert not api.hub.durable(api.api_id)
    await api.ask("mutation { put(id: 2) { id } }")
    await api.call("TagResource", resourceArn=arn, tags=TAGS)
    await api.ask("mutation { put(id: 3) { id } }")
    assert (api.hub.durable(api.api_id), api.hub.position(api.api_id)) == (True, 3)
    await api.call("TagResource", resourceArn=arn, tags={"syncline:durable": "false"})
    assert not api.hub.durable(api.api_id)
    await api.call("TagResource", resourceArn=arn, tags=TAGS)
    await api.call("DeleteGraphqlApi", apiId=api.api_id)
    assert await History(api.store, api.clock, HubSettings(), api.meter).load() == {}
