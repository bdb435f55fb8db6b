"""The Python client `gql`: AppSync's WebSocket transport in three modes, and its HTTP transport; plain and over TLS."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from contextlib import aclosing
from functools import partial
from typing import Any

import pytest
from botocore.credentials import Credentials
from gql import Client, gql
from gql.transport.appsync_auth import (
    AppSyncApiKeyAuthentication,
    AppSyncIAMAuthentication,
    AppSyncJWTAuthentication,
)
from gql.transport.appsync_websockets import AppSyncWebsocketsTransport
from gql.transport.exceptions import TransportQueryError, TransportServerError
from gql.transport.httpx import HTTPXAsyncTransport

from support.notes import Notes, deploy
from support.people import People
from support.server import REGION, Server
from syncline.client import GraphQLClient, Iam

TELL = 'mutation { tell(id: 1, text: "gql") { id text } }'
ON_TELL = "subscription { onTell { id text } }"
TOLD = {"onTell": {"id": "1", "text": "gql"}}


@pytest.fixture(params=["plain", "tls"])
def trust(request: pytest.FixtureRequest, server: Server) -> ssl.SSLContext | None:
    """None, or what trusts the development authority."""
    return authority(server) if request.param == "tls" else None


def authority(server: Server) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=server.environment()["SYNCLINE_CA"])


def addresses(url: str, trust: ssl.SSLContext | None) -> tuple[str, str, str]:
    """The URLs of requests and of the socket, and the host, as gql wants them."""
    rest = url.split("://")[1].replace("127.0.0.1", "localhost")
    host = rest.split("/")[0]
    return (f"http://{rest}", f"ws://{rest}", host) if trust is None else (f"https://{rest}", f"https://{rest}", host)


async def hear(
    transport: AppSyncWebsocketsTransport, ask: Callable[[], Awaitable[object]], subscription: str = ON_TELL
) -> dict[str, Any]:
    """The first message of a subscription, asked for until it comes: gql does not tell when it is in force."""

    async def first() -> dict[str, Any]:
        async with aclosing(session.subscribe(gql(subscription))) as messages:
            return await anext(messages)

    async with Client(transport=transport) as session, asyncio.TaskGroup() as group:
        heard = group.create_task(first())
        while not heard.done():
            await ask()
            await asyncio.sleep(0.05)
        return heard.result()


async def test_a_key_opens_requests_and_the_socket(notes: Notes, trust: ssl.SSLContext | None) -> None:
    http, socket, host = addresses(notes.url, trust)
    requests = HTTPXAsyncTransport(url=http, headers={"x-api-key": notes.key}, verify=trust or True)
    more: dict[str, Any] = {} if trust is None else {"ssl": trust}
    auth = AppSyncApiKeyAuthentication(host=host, api_key=notes.key)
    async with Client(transport=requests) as session:
        assert await session.execute(gql('{ echo(text: "é") }')) == {"echo": "é"}
        with pytest.raises(TransportQueryError, match="nothing"):
            await session.execute(gql("{ nothing }"))
        ask = partial(session.execute, gql(TELL))
        assert await hear(AppSyncWebsocketsTransport(url=socket, auth=auth, **more), ask) == TOLD
    stranger = AppSyncApiKeyAuthentication(host=host, api_key="da2-no")
    with pytest.raises(TransportServerError, match="UnauthorizedException"):
        await hear(AppSyncWebsocketsTransport(url=socket, auth=stranger, **more), partial(asyncio.sleep, 0))


async def test_a_signature_opens_the_socket(guarded: Server) -> None:
    notes, trust, exported = deploy(guarded, "GqlIam", mode="AWS_IAM"), authority(guarded), guarded.environment()
    _, socket, host = addresses(notes.url, trust)
    credentials = Credentials(exported["AWS_ACCESS_KEY_ID"], exported["AWS_SECRET_ACCESS_KEY"])
    auth = AppSyncIAMAuthentication(host=host, region_name=REGION, credentials=credentials)
    async with GraphQLClient(notes.url, auth=Iam(credentials, region=REGION)) as client:
        transport = AppSyncWebsocketsTransport(url=socket, auth=auth, ssl=trust)
        assert await hear(transport, partial(client.execute, TELL)) == TOLD


async def test_a_token_opens_requests_and_the_socket(guarded: Server) -> None:
    people = await asyncio.to_thread(People, guarded)
    token = (await asyncio.to_thread(people.sign_in))["AccessToken"]
    http, socket, host = addresses(f"{guarded.url}/graphql/{people.api}", None)
    auth = AppSyncJWTAuthentication(host=host, jwt=token)
    async with Client(transport=HTTPXAsyncTransport(url=http, headers={"Authorization": token})) as session:
        assert await session.execute(gql("{ me staff }")) == {"me": "ada", "staff": "yes"}
        ask = partial(session.execute, gql("mutation { say(id: 1) { id } }"))
        transport = AppSyncWebsocketsTransport(url=socket, auth=auth)
        assert await hear(transport, ask, "subscription { onSay { id } }") == {"onSay": {"id": "1"}}
