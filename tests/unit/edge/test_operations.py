"""Queries and mutations over graphql-transport-ws: beside each other, each answered once, none lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

from syncline.core import Invalid, json, settings
from syncline.hub import Answer, Start, Subscription
from unit.edge.conftest import Endpoint, House, Opener


class Working(Endpoint):
    """Answers with the query's text, once a test lets it."""

    def __init__(self, house: House) -> None:
        super().__init__(house.hub)
        self.gates: dict[str, asyncio.Event] = {}
        self.running = 0
        self.most = 0
        self.done: list[str] = []

    async def subscribe(self, start: Start) -> Subscription | Answer:  # type: ignore[override]
        text = start.payload["query"]
        return await super().subscribe(start) if text == "live" else Answer(lambda: self.work(text))

    async def work(self, text: str) -> bytes:
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await self.gates.setdefault(text, asyncio.Event()).wait()
        finally:
            self.running -= 1
        self.done.append(text)
        if text == "bad":
            raise Invalid("no good")
        return json.encode({"data": text})

    def unsubscribe(self, id: str, *, known: bool = True) -> None:
        if id in self.subscriptions:
            super().unsubscribe(id)

    def open(self, text: str) -> None:
        self.gates.setdefault(text, asyncio.Event()).set()


@asynccontextmanager
async def session(house: House) -> AsyncIterator[tuple[ClientConnection, Working]]:
    endpoint = Working(house)
    house.endpoint = lambda request: endpoint  # type: ignore[method-assign, assignment, return-value]
    async with connect(
        f"ws://127.0.0.1:{house.port}/graphql", subprotocols=[Subprotocol("graphql-transport-ws")]
    ) as ws:
        await say(ws, type="connection_init")
        assert (await hear(ws))["type"] == "connection_ack"
        yield ws, endpoint


async def say(ws: ClientConnection, **members: Any) -> None:
    await ws.send(json.encode(members).decode())


async def hear(ws: ClientConnection) -> Any:
    return json.decode(await asyncio.wait_for(ws.recv(), 5))


async def ask(ws: ClientConnection, id: str, text: str) -> None:
    await say(ws, type="subscribe", id=id, payload={"query": text})


@pytest.mark.rule("EDG-15")
@pytest.mark.rule("SUB-12")
async def test_a_slow_operation_holds_up_no_other(house: House) -> None:
    async with session(house) as (ws, endpoint):
        for id in ("slow", "quick", "bad", "live"):
            await ask(ws, id, id)
        assert await hear(ws) == {"id": "live", "type": "next", "payload": {"data": {"onX": "at once"}}}
        for id in ("quick", "slow"):
            endpoint.open(id)
            assert await hear(ws) == {"id": id, "type": "next", "payload": {"data": id}}
            assert await hear(ws) == {"id": id, "type": "complete"}
        endpoint.open("bad")
        refused = {"errorType": "ValidationException", "message": "no good"}
        assert await hear(ws) == {"id": "bad", "type": "error", "payload": [refused]}


@pytest.mark.rule("EDG-15")
async def test_an_answer_that_nobody_awaits_is_not_sent_under_a_used_again_id(house: House) -> None:
    async with session(house) as (ws, endpoint):
        await ask(ws, "1", "old")
        await say(ws, type="complete", id="1")
        await ask(ws, "1", "new")
        await say(ws, type="ping")
        assert (await hear(ws))["type"] == "pong"
        endpoint.open("old")
        while "old" not in endpoint.done:
            await asyncio.sleep(0.001)
        endpoint.open("new")
        assert await hear(ws) == {"id": "1", "type": "next", "payload": {"data": "new"}}


@pytest.mark.rule("EDG-15")
async def test_no_more_run_at_a_time_than_may_be_started(serving: Opener) -> None:
    async with (
        serving(realtime=settings.Hub(subscriptions_per_connection_max=3)) as house,
        session(house) as (ws, endpoint),
    ):
        for n in range(10):
            await ask(ws, str(n), str(n))
            await say(ws, type="complete", id=str(n))
        while endpoint.running < 3:
            await asyncio.sleep(0.001)
        for n in range(10):
            endpoint.open(str(n))
        while len(endpoint.done) < 10:
            await asyncio.sleep(0.001)
        assert endpoint.most == 3


@pytest.mark.rule("EDG-15")
async def test_what_has_begun_ends_although_its_client_leaves(house: House) -> None:
    async with session(house) as (ws, endpoint):
        await ask(ws, "1", "left")
        while not endpoint.running:
            await asyncio.sleep(0.001)
    endpoint.open("left")
    while not endpoint.done:
        await asyncio.sleep(0.001)
    assert (endpoint.done, endpoint.closings) == (["left"], 1)
