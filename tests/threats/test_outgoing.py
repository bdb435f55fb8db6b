"""Server-side request forgery: what an API's author or a token's issuer names is reached only where it is public, or
where the settings allow it; by HTTP resolvers and by the fetching of keys alike.
"""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import RSAKey

from support.house import House, opened

INSIDE = [
    "http://127.0.0.1",
    "http://localhost",
    "http://2130706433",
    "http://0x7f000001",
    "http://0177.0.0.1",
    "http://127.1",
    "http://0.0.0.0",
    "http://10.0.0.1",
    "http://192.168.1.1",
    "http://169.254.169.254",
    "http://100.100.100.200",
    "http://[::1]",
    "http://[::]",
    "http://[fe80::1]",
    "http://[fd00:ec2::254]",
    "http://[::ffff:127.0.0.1]",
    "http://[::ffff:169.254.169.254]",
    "http://[64:ff9b::7f00:1]",
    "http://[2002:7f00:1::]",
]
SDL = b"type Query { ask: AWSJSON }"
REQUEST = '{"version": "2018-05-29", "method": "GET", "resourcePath": "/latest/meta-data/", "params": {}}'
RESPONSE = "#if($ctx.error)$util.error($ctx.error.message, $ctx.error.type)#end $util.toJson($ctx.result.statusCode)"


class Server:
    """A site on a loopback address that says one thing, and counts who asks."""

    def __init__(self, address: str) -> None:
        self.address, self.port, self.asked = address, 0, 0
        self.answer: dict[str, tuple[str, bytes]] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split()[1].decode()
        self.asked += 1
        head, body = self.answer.get(path, ("HTTP/1.1 404 Not Found", b""))
        writer.write(f"{head}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    @property
    def url(self) -> str:
        return f"http://{self.address}:{self.port}"


@asynccontextmanager
async def site(address: str, port: int = 0) -> AsyncIterator[Server]:
    made = Server(address)
    server = await asyncio.start_server(made.serve, address, port)
    made.port = server.sockets[0].getsockname()[1]
    async with server:
        yield made


async def asking(house: House, endpoint: str) -> Any:
    """What an API whose resolver asks this endpoint answers."""
    made = (await house.aws("appsync", "create_graphql_api", name="a", authenticationType="API_KEY"))["graphqlApi"]
    api_id, key = made["apiId"], (await house.aws("appsync", "create_api_key", apiId=made["apiId"]))["apiKey"]["id"]
    await house.aws("appsync", "start_schema_creation", apiId=api_id, definition=SDL)
    source = {"name": "web", "type": "HTTP", "httpConfig": {"endpoint": endpoint}}
    await house.aws("appsync", "create_data_source", apiId=api_id, **source)
    place = {"apiId": api_id, "typeName": "Query", "fieldName": "ask", "dataSourceName": "web"}
    templates = {"requestMappingTemplate": REQUEST, "responseMappingTemplate": RESPONSE}
    await house.aws("appsync", "create_resolver", **place, **templates)
    return await house.graphql(api_id, "{ ask }", {"x-api-key": key})


async def test_threat_ssrf_no_resolver_reaches_what_is_not_public(tmp_path: Path) -> None:
    async with opened(tmp_path / "data") as house, site("127.0.0.1") as inside:
        for endpoint in INSIDE:
            answer = await asking(house, f"{endpoint}:{inside.port}")
            assert answer["errors"][0]["message"].endswith("is not allowed."), (endpoint, answer)
        assert inside.asked == 0


async def test_threat_ssrf_a_redirect_is_an_answer_and_not_followed(tmp_path: Path) -> None:
    async with (
        opened(tmp_path / "data", http={"allowed_networks": "127.0.0.1/32"}) as house,
        site("127.0.0.1") as outside,
        site("127.0.0.2") as inside,
    ):
        outside.answer["/latest/meta-data/"] = (f"HTTP/1.1 302 Found\r\nLocation: {inside.url}/", b"")
        answer = await asking(house, outside.url)
        assert json.loads(answer["data"]["ask"]) == 302
        assert (outside.asked, inside.asked) == (1, 0)


async def test_threat_ssrf_a_name_that_changes_its_meaning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    meanings = iter(["127.0.0.1", *["127.0.0.2"] * 100])
    async with (
        opened(tmp_path / "data", http={"allowed_networks": "127.0.0.1/32"}) as house,
        site("127.0.0.1") as outside,
        site("127.0.0.2", outside.port) as inside,
    ):
        loop = asyncio.get_running_loop()
        real = loop.getaddrinfo

        async def rebinding(host: Any, port: Any, **more: Any) -> Any:
            return await real(next(meanings) if host == "rebind.test" else host, port, **more)

        monkeypatch.setattr(loop, "getaddrinfo", rebinding)
        outside.answer["/latest/meta-data/"] = ("HTTP/1.1 200 OK", b"{}")
        endpoint = f"http://rebind.test:{outside.port}"
        assert json.loads((await asking(house, endpoint))["data"]["ask"]) == 200
        answer = await asking(house, endpoint)
        assert answer["errors"][0]["message"] == "The address of rebind.test is not allowed."
        assert (outside.asked, inside.asked) == (1, 0)


def token(issuer: str, key: RSAKey) -> str:
    now = int(time.time())
    claims = {"iss": issuer, "sub": "ada", "aud": "a", "iat": now, "exp": now + 60}
    return jws.serialize_compact({"alg": "RS256", "kid": "k"}, json.dumps(claims).encode(), key)


async def lets_in(house: House, issuer: str, key: RSAKey) -> bool:
    provider = {"authenticationType": "OPENID_CONNECT", "openIDConnectConfig": {"issuer": issuer}}
    made = (await house.aws("appsync", "create_graphql_api", name="a", **provider))["graphqlApi"]
    await house.aws("appsync", "start_schema_creation", apiId=made["apiId"], definition=SDL)
    answer = await house.graphql(made["apiId"], "{ __typename }", {"authorization": token(issuer, key)})
    return "errors" not in answer


@pytest.mark.parametrize("way", ["allowed", "issuer inside", "keys inside", "redirect", "file"])
async def test_threat_ssrf_an_issuer_s_keys_are_fetched_from_public_places_only(tmp_path: Path, way: str) -> None:
    key = RSAKey.generate_key(2048, {"kid": "k"}, private=True)
    async with (
        opened(tmp_path / "data", http={"allowed_networks": "127.0.0.1/32"}) as house,
        site("127.0.0.1") as outside,
        site("127.0.0.2") as inside,
    ):
        keys = ("HTTP/1.1 200 OK", json.dumps({"keys": [key.as_dict(private=False)]}).encode())
        inside.answer["/keys"] = outside.answer["/keys"] = keys
        place = {"keys inside": f"{inside.url}/keys", "file": "file:///etc/passwd"}.get(way, f"{outside.url}/keys")
        found = ("HTTP/1.1 200 OK", json.dumps({"jwks_uri": place}).encode())
        discovery = "/.well-known/openid-configuration"
        inside.answer[discovery] = outside.answer[discovery] = found
        if way == "redirect":
            outside.answer["/keys"] = (f"HTTP/1.1 302 Found\r\nLocation: {inside.url}/keys", b"")
        issuer = inside.url if way == "issuer inside" else outside.url
        assert await lets_in(house, issuer, key) is (way == "allowed")
        assert inside.asked == 0


def test_loopback_has_more_than_one_address() -> None:
    """What these tests stand on."""
    with socket.socket() as one:
        one.bind(("127.0.0.2", 0))
