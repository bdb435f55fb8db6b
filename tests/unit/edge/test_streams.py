"""Reserved event streams: whose they are, how long they wait, and how many may."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from syncline.core import Denied, Request, json
from syncline.edge import streams
from unit.edge.conftest import Endpoint, House, Opener, parsed, raw

TOKEN = "x-graphql-event-stream-token"
STREAM = {"accept": "text/event-stream"}


class Shared(Endpoint):
    """Of one API; the caller is who says so."""

    caller = ""

    async def connect(self, request: Request, authorization: Any) -> None:
        await super().connect(request, authorization)
        self.caller = request.header("x-caller")

    def api(self) -> str:
        return "api"

    async def admit(self, request: Request) -> None:
        if request.header("x-caller") != self.caller:
            raise Denied("another caller")

    def unsubscribe(self, id: str, *, known: bool = True) -> None:
        if id in self.subscriptions:
            super().unsubscribe(id)


@pytest.fixture
async def shared(serving: Opener) -> AsyncIterator[House]:
    async with serving() as house:

        def endpoint(request: Request) -> Shared:
            house.endpoints.append(Shared(house.hub))
            return house.endpoints[-1]  # type: ignore[return-value]

        house.endpoint = endpoint
        yield house


async def ask(house: House, method: str, path: str = "/graphql", body: Any = None, **headers: str) -> Any:
    sent = b"" if body is None else json.encode(body)
    named = {"x-caller": "me", "connection": "close", **headers}
    [answer] = parsed(await house.exchange(raw(path, sent, method=method, **named)))
    return answer


async def reserve(house: House) -> dict[str, str]:
    made = await ask(house, "PUT")
    assert made.status == 201
    return {TOKEN: made.body.decode()}


async def opened(house: House, token: dict[str, str]) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await house.connect()
    writer.write(raw("/graphql", method="GET", **STREAM, **token))
    assert b" 200 " in (await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)).split(b"\r\n")[0]
    return reader, writer


def operation(id: str) -> dict[str, Any]:
    return {"query": "subscription {onX}", "extensions": {"operationId": id}}


async def eventually(true: Any) -> None:
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0.01)


@pytest.mark.rule("EDG-32")
async def test_a_stream_is_its_callers_and_ends_with_its_connection(shared: House) -> None:
    token = await reserve(shared)
    endpoint = shared.endpoints[0]
    reader, writer = await opened(shared, token)
    assert (await ask(shared, "POST", body=operation("a"), **token)).status == 202
    first = await asyncio.wait_for(reader.readuntil(b"}\n\n"), 5)
    assert first.endswith(b'event: next\ndata: {"id":"a","payload":{"data":{"onX":"at once"}}}\n\n')
    other = {**token, "x-caller": "another"}
    assert (await ask(shared, "POST", body=operation("b"), **other)).status == 403
    assert (await ask(shared, "DELETE", "/graphql?operationId=a", **other)).status == 403
    assert list(endpoint.subscriptions) == ["a"]
    assert (await ask(shared, "POST", "/graphql/elsewhere", operation("b"), **token)).status == 404
    writer.close()
    await eventually(lambda: endpoint.closings)
    assert (await ask(shared, "POST", body=operation("b"), **token)).status == 404
    assert endpoint.closings == 1


@pytest.mark.rule("EDG-32")
async def test_a_reservation_waits_only_so_long_and_only_so_many_do(
    shared: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "RESERVATIONS_MAX", 2)
    monkeypatch.setattr(streams, "RESERVATION_SECONDS", 0.5)
    token = await reserve(shared)
    await reserve(shared)
    assert (await ask(shared, "PUT")).status == 429
    assert shared.endpoints[2].closings == 1
    await eventually(lambda: all(each.closings for each in shared.endpoints[:2]))
    assert (await ask(shared, "GET", **STREAM, **token)).status == 404
    reader, writer = await opened(shared, await reserve(shared))
    await asyncio.sleep(0.7)
    assert not reader.at_eof(), "an open stream does not expire"
    writer.close()


@pytest.mark.rule("EDG-32")
async def test_an_operation_ends_with_its_reason_and_then_its_id_is_free(shared: House) -> None:
    token = await reserve(shared)
    reader, writer = await opened(shared, token)
    await ask(shared, "POST", body=operation("a"), **token)
    shared.endpoints[0].starts[0].ended([{"message": "over"}], False)
    told = await asyncio.wait_for(reader.readuntil(b'event: complete\ndata: {"id":"a"}\n\n'), 5)
    assert b'{"id":"a","payload":{"errors":[{"message":"over"}]}}' in told
    assert (await ask(shared, "POST", body=operation("a"), **token)).status == 202
    writer.close()


@pytest.mark.rule("EDG-32")
async def test_elsewhere_the_methods_are_the_doors(house: House) -> None:
    for method in ("PUT", "DELETE"):
        assert (await ask(house, method, "/graphql", **{TOKEN: "x"})).status == 200
    assert [each.method for each in house.asked] == ["PUT", "DELETE"]
