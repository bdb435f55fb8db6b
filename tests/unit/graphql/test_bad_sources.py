"""Data sources that hang, drip or answer garbage: the field has an error of AppSync's, and a neighbour is answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from syncline.core import SystemClock, json
from syncline.core.settings import Http
from syncline.datasources import Engines, Outbound

SDL = "type Query { web(path: String): String near: Int }"
REQUEST = '{"version": "2018-05-29", "method": "GET", "resourcePath": "/$ctx.args.path"}'
RESPONSE = (
    "#if($ctx.error)$util.error($ctx.error.message, $ctx.error.type)#end$util.toJson($ctx.result.statusCode.toString())"
)


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One bad answer, named by the path."""
    how = (await reader.readline()).split()[1].decode()[1:]
    try:
        if how == "drips":
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
            while True:
                writer.write(b"x")
                await asyncio.sleep(0.01)
        elif how == "endless":
            writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while True:
                writer.write(b"400\r\n" + b"x" * 1024 + b"\r\n")
                await writer.drain()
        elif how == "headers":
            writer.write(b"HTTP/1.1 200 OK\r\n")
            while True:
                writer.write(b"X-A: " + b"x" * 1000 + b"\r\n")
                await writer.drain()
        elif how == "garbage":
            writer.write(b"\x00\xff" * 500 + b"\r\n\r\n")
        elif how == "circle":
            writer.write(b"HTTP/1.1 302 Found\r\nLocation: /circle\r\nContent-Length: 0\r\n\r\n")
        elif how == "hangs":
            await asyncio.sleep(60)
        await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


@pytest.fixture
async def port() -> AsyncIterator[int]:
    listener = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield listener.sockets[0].getsockname()[1]
    listener.close()


@pytest.mark.rule("GQL-29")
@pytest.mark.parametrize(
    ("how", "value", "kind"),
    [
        ("hangs", None, "Http:ExecutionTimeoutException"),
        ("drips", None, "Http:ExecutionTimeoutException"),
        ("endless", None, "Http:ResponseTooLargeException"),
        ("headers", None, "Http:ServiceUnavailableException"),
        ("garbage", None, "Http:ServiceUnavailableException"),
        ("closes", None, "Http:ServiceUnavailableException"),
        ("circle", "302", None),
    ],
)
async def test_a_bad_server_fails_its_field_alone(
    make_world: Any, port: int, how: str, value: str | None, kind: str | None
) -> None:
    outbound = Outbound(Http(seconds_max=0.4, response_bytes_max=10_000, allowed_networks="127.0.0.0/8"))
    world = make_world(Engines(outbound=outbound, clock=SystemClock()))
    await world.create(SDL)
    await world.local("Query", "near", '{"version": "2018-05-29", "payload": 1}')
    await world.call("CreateDataSource", name="web", type="HTTP", httpConfig={"endpoint": f"http://127.0.0.1:{port}"})
    templates = {"requestMappingTemplate": REQUEST, "responseMappingTemplate": RESPONSE}
    await world.call("CreateResolver", typeName="Query", fieldName="web", dataSourceName="web", **templates)
    bad = asyncio.ensure_future(world.post({"query": f'{{ web(path: "{how}") near }}'}))
    answered = 0
    while not bad.done():
        assert await world.ask("{ near }") == {"data": {"near": 1}}
        answered += 1
        await asyncio.sleep(0.005)
    answer = json.decode((await bad).body)
    assert answer["data"] == {"web": value, "near": 1}
    assert [each["errorType"] for each in answer.get("errors", ())] == ([kind] if kind else [])
    assert answered >= (20 if kind == "Http:ExecutionTimeoutException" else 1)
    await outbound.close()
