"""Hostile requests: each is answered in the protocol's shape, and the next one is served."""

from __future__ import annotations

import asyncio
import datetime
from typing import Any

import botocore.auth
import pytest
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as Keys

from syncline.core import SynclineError, Unauthenticated, json

SDL = """
type Node { id: ID next: Node other: Node }
input Deep { in: Deep n: Int }
type Query { node: Node take(in: Deep, data: AWSJSON): String slow: Int }
type Mutation { put(id: ID): Node }
type Subscription { onPut(id: ID): Node @aws_subscribe(mutations: ["put"]) }
"""


def nested(depth: int) -> str:
    return "{node " + "{next " * depth + "{id}" + "}" * depth + "}"


def multiplying(levels: int) -> str:
    fragments = [f"fragment F{n} on Node {{next {{...F{n + 1}}} other {{...F{n + 1}}}}}" for n in range(levels)]
    return "{node {...F0}} " + " ".join(fragments) + f" fragment F{levels} on Node {{id}}"


BODIES = [
    json.encode({"query": nested(90)}),
    json.encode({"query": nested(5000)}),
    json.encode({"query": multiplying(30)}),
    json.encode({"query": "{take(in: " + "{in: " * 3000 + "{n: 1}" + "}" * 3000 + ")}"}),
    json.encode({"query": "{" + "node{id} " * 5000 + "}"}),
    json.encode({"query": "{" + " ".join(f"a{n}: node{{id}}" for n in range(30_000)) + "}"}),
    b'{"query": "{node {id}}", "variables": ' + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"}",
    b'{"query": "{node {id}}", "variables": [1]}',
    b'{"query": "{node {id}}", "variables": "x"}',
    b'{"query": "{node {id}}", "operationName": 7}',
    b'{"query": "\\ud800"}',
    b'{"query": null}',
    b"\x00" * 100,
    b"[" * 100_000,
    b'"' + b"a" * 100,
    json.encode({"query": "{node {id ...A}} fragment A on Node {...A}"}),
    json.encode({"query": "fragment A on Node {id}"}),
    json.encode({"query": "type A {b: Int}"}),
    json.encode({"query": '{take(data: "' + "[" * 50_000 + '")}'}),
    json.encode({"query": "query($d: AWSJSON) {take(data: $d)}", "variables": {"d": "[" * 50_000}}),
]


@pytest.mark.rule("GQL-29")
@pytest.mark.parametrize("body", BODIES, ids=range(len(BODIES)))
async def test_a_hostile_body_gets_an_answer(world: Any, body: bytes) -> None:
    await world.create(SDL)
    response = await world.post(body)
    assert response.status in (200, 400), response
    assert json.decode(response.body)
    assert await world.ask("{node {id}}") == {"data": {"node": None}}


@pytest.mark.rule("GQL-29")
async def test_a_request_that_takes_too_long(world: Any, monkeypatch: Any) -> None:
    class Never:
        gives_rows = False

        async def resolve(self, context: Any) -> Any:
            await asyncio.get_running_loop().create_future()

    monkeypatch.setattr(world.engine._server._limit, "seconds", 0.01)
    await world.create(SDL)
    live = world.engine.live(world.api_id)
    live._resolvers["Query", "slow"] = Never()
    live.settle()
    answer = await world.ask("{slow}")
    assert answer["data"] is None
    assert answer["errors"][0]["errorType"] == "ExecutionTimeout"


PAYLOADS: list[dict[str, Any]] = [
    {},
    {"query": 5},
    {"query": "subscription {onPut"},
    {"query": "subscription {onPut {id}}", "variables": [1]},
    {"query": "subscription {onPut {id}}", "operationName": 1},
    {"query": "subscription($id: ID!) {onPut(id: $id) {id}}"},
    {"query": "subscription {__typename}"},
    {"query": "subscription A {onPut {id}} subscription B {onPut {id}}"},
]


@pytest.mark.rule("GQL-29")
@pytest.mark.parametrize("payload", PAYLOADS, ids=range(len(PAYLOADS)))
async def test_a_hostile_start_is_refused(world: Any, outbox: Any, payload: dict[str, Any]) -> None:
    await world.create(SDL)
    endpoint = await world.connect()
    start = world.start("", outbox)
    start = type(start)(**{name: getattr(start, name) for name in start.__struct_fields__} | {"payload": payload})
    with pytest.raises(SynclineError):
        await endpoint.subscribe(start)
    await endpoint.subscribe(world.start("subscription {onPut {id}}", outbox))


def signed(path: str, body: bytes) -> dict[str, str]:
    headers = {
        "accept": "application/json, text/javascript",
        "content-encoding": "amz-1.0",
        "content-type": "application/json; charset=UTF-8",
        "host": "localhost:4000",
    }
    request = AWSRequest("POST", f"http://localhost:4000{path}", data=body, headers=headers)
    botocore.auth.SigV4Auth(Keys("AKIATEST", "secret"), "appsync", "us-east-1").add_auth(request)
    return dict(request.headers.items())


@pytest.mark.rule("AUTH-6")
@pytest.mark.parametrize("own", [True, False], ids=["the API's path", "the bare path"])
async def test_connect_and_start_signed_as_clients_sign_them(world: Any, outbox: Any, own: bool) -> None:
    await world.create(SDL, additionalAuthenticationProviders=[{"authenticationType": "AWS_IAM"}])
    base = f"/graphql/{world.api_id}" if own else "/graphql"

    assert datetime.datetime.now(datetime.UTC).year > 2020  # signatures are of now
    endpoint = await world.connect(signed(f"{base}/connect", b"{}"))
    start = world.start("subscription {onPut {id}}", outbox)
    start = type(start)(
        **{name: getattr(start, name) for name in start.__struct_fields__}
        | {"authorization": signed(base, start.raw.encode())}
    )
    # Only the default mode, API_KEY, may see a field without directives.
    with pytest.raises(SynclineError) as refusal:
        await endpoint.subscribe(start)
    assert refusal.value.data["errors"][0]["errorType"] == "Unauthorized"
    assert (await world.schema(SDL.replace("onPut(id: ID): Node", "onPut(id: ID): Node @aws_iam")))[
        "status"
    ] == "SUCCESS"
    await endpoint.subscribe(start)


@pytest.mark.rule("AUTH-6")
async def test_a_signed_connection_is_who_asks_where_operations_carry_no_credential(world: Any, outbox: Any) -> None:
    await world.create(SDL, additionalAuthenticationProviders=[{"authenticationType": "AWS_IAM"}])
    await world.schema(SDL.replace("onPut(id: ID): Node", "onPut(id: ID): Node @aws_iam"))
    headers = signed(f"/graphql/{world.api_id}/connect", b"{}")
    endpoint = await world.connect(headers)

    def asked(query: str, *, operations: bool) -> Any:
        start = world.start(query, outbox)
        own = {"authorization": headers, "operations": operations}
        return type(start)(**{name: getattr(start, name) for name in start.__struct_fields__} | own)

    with pytest.raises(Unauthenticated):
        await endpoint.subscribe(asked("subscription {onPut {id}}", operations=False))
    await endpoint.subscribe(asked("subscription {onPut {id}}", operations=True))
    answer = await endpoint.subscribe(asked("{slow}", operations=True))
    assert json.decode(await answer.work())["errors"][0]["errorType"] == "Unauthorized"
    await world.call("UpdateGraphqlApi", apiId=world.api_id, name="api", authenticationType="API_KEY")
    with pytest.raises(Unauthenticated):
        await endpoint.subscribe(asked("subscription {onPut {id}}", operations=True))
