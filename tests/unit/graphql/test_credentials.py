"""Credentials on fields and open sockets: groups, denied fields, what ends when a credential is good no more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from syncline.auth import Identity, MessageRateExceeded, NotAuthorized, TokenExpired
from syncline.core import Settings, SynclineError, json, settings
from unit.graphql.conftest import Outbox, World

SDL = """
type Note { id: ID! text: String secret: String }
type Query {
  open: String
  staff: String @aws_cognito_user_pools(cognito_groups: ["staff"])
  old: String @aws_auth(cognito_groups: ["staff"])
  both: String @aws_api_key @aws_cognito_user_pools
}
type Mutation { put(id: ID!, text: String): Note @aws_api_key @aws_cognito_user_pools }
type Subscription {
  onPut(id: ID): Note @aws_subscribe(mutations: ["put"]) @aws_cognito_user_pools @aws_api_key
}
"""
POOL = {"userPoolId": "us-east-1_abcdefghi", "awsRegion": "us-east-1", "defaultAction": "ALLOW"}


class Door:
    """An authenticator that knows its callers by name."""

    def __init__(self, opened: Any) -> None:
        self.callers: dict[str, Identity] = {}
        self.now = 100.0
        self.opened = opened

    async def authenticate(self, api: Any, headers: Any, **_: Any) -> Identity:
        if "x-api-key" in headers:
            if headers["x-api-key"] not in api.keys:
                raise NotAuthorized
            return Identity("API_KEY", None, ("API_KEY",), credential=headers["x-api-key"])
        return self.callers[headers["authorization"]]

    def check(self, api: Any, identity: Identity) -> None:
        if identity.mode == "API_KEY" and identity.credential not in api.keys:
            raise NotAuthorized
        if identity.expires <= self.now:
            raise TokenExpired


class Refuses(msgspec.Struct, frozen=True):
    field: str

    def admits_field(self, type_name: str, field_name: str) -> bool:
        return f"{type_name}.{field_name}" != self.field


def ada(*groups: str, expires: float = 200.0, rule: Any = None) -> Identity:
    grants = ("AMAZON_COGNITO_USER_POOLS", *groups, *((rule,) if rule else ()))
    return Identity("AMAZON_COGNITO_USER_POOLS", {"sub": "ada", "issuer": "i"}, grants, expires=expires)


@pytest.fixture
async def door(world: Any) -> Door:
    door = Door(world.engine.auth.opened)
    world.engine._server._auth = door
    return door


async def made(world: Any, default: str = "ALLOW") -> None:
    await world.create(
        SDL,
        authenticationType="AMAZON_COGNITO_USER_POOLS",
        userPoolConfig={**POOL, "defaultAction": default},
        additionalAuthenticationProviders=[{"authenticationType": "API_KEY"}],
    )
    for name in ("open", "staff", "old", "both"):
        await world.local("Query", name, '{"version": "2018-05-29", "payload": "yes"}')
    await world.local("Mutation", "put")


async def ask(world: Any, query: str, name: str) -> Any:
    return json.decode((await world.post({"query": query}, {"authorization": name})).body)


@pytest.mark.rule("GQL-12")
async def test_groups_open_fields(world: Any, door: Door) -> None:
    await made(world)
    door.callers = {"ada": ada("staff"), "eve": ada()}
    query = "{open staff old both}"
    assert (await ask(world, query, "ada"))["data"] == {"open": "yes", "staff": "yes", "old": "yes", "both": "yes"}
    answer = await ask(world, query, "eve")
    assert answer["data"] == {"open": "yes", "staff": None, "old": None, "both": "yes"}
    assert [entry["message"] for entry in answer["errors"]] == [
        "Not Authorized to access staff on type Query",
        "Not Authorized to access old on type Query",
    ]
    assert (await world.ask(query))["data"] == {"open": None, "staff": None, "old": None, "both": "yes"}


@pytest.mark.rule("GQL-12")
async def test_a_pool_that_denies_by_default_opens_only_what_a_directive_names(world: Any, door: Door) -> None:
    await made(world, default="DENY")
    door.callers = {"ada": ada("staff")}
    assert (await ask(world, "{open staff both}", "ada"))["data"] == {"open": None, "staff": "yes", "both": "yes"}


@pytest.mark.rule("AUTH-12")
async def test_a_field_that_the_callers_rule_denies_is_null_and_named_wherever_it_is(world: Any, door: Door) -> None:
    await made(world)
    door.callers = {"ada": ada(rule=Refuses("Query.open")), "eve": ada(rule=Refuses("Note.secret"))}
    answer = await ask(world, "{open both}", "ada")
    assert answer["data"] == {"open": None, "both": "yes"}
    assert answer["errors"][0]["errorType"] == "Unauthorized"
    answer = await ask(world, 'mutation {put(id: "1", text: "t") {id secret}}', "eve")
    assert answer["errors"][0]["message"] == "Not Authorized to access secret on type Note"
    # The reference executor, which answers introspection beside fields, refuses the same.
    assert (await ask(world, "{open __schema {queryType {name}}}", "ada"))["data"]["open"] is None


async def subscribed(world: Any, outbox: Any, name: str, *, id: str = "1") -> Any:
    endpoint = await world.connect({"authorization": name})
    start = world.start("subscription {onPut {id}}", outbox, id=id)
    await endpoint.subscribe(msgspec.structs.replace(start, authorization={"authorization": name}))
    return endpoint


@pytest.mark.rule("GQL-40")
async def test_an_expired_token_ends_what_it_opened_with_the_typed_error_then_the_socket(
    world: Any, door: Door, outbox: Any
) -> None:
    await made(world)
    door.callers = {"ada": ada(expires=150.0)}
    await subscribed(world, outbox, "ada")
    world.engine.auth.opened.recheck(now=149.0)
    assert outbox.messages == []
    door.now = 151.0
    world.engine.auth.opened.recheck(now=151.0)
    assert [message["type"] for message in outbox.messages] == ["error", "complete"]
    assert outbox.messages[0]["payload"]["errors"] == [
        {"errorType": "UnauthorizedException", "message": "Token has expired."}
    ]
    assert outbox.closed


@pytest.mark.rule("GQL-40")
async def test_a_deleted_key_ends_what_it_opened_at_once(world: Any, door: Door, outbox: Any) -> None:
    await made(world)
    endpoint = await world.connect()
    await endpoint.subscribe(world.start("subscription {onPut {id}}", outbox))
    await world.call("DeleteApiKey", id=world.key)
    assert outbox.messages[0]["payload"]["errors"][0]["errorType"] == "UnauthorizedException"
    assert outbox.closed


@pytest.mark.rule("GQL-41")
async def test_a_new_start_with_the_same_id_renews_the_credential(world: Any, door: Door, outbox: Any) -> None:
    await made(world)
    door.callers = {"ada": ada(expires=150.0), "fresh": ada(expires=300.0), "eve": ada(expires=300.0)}
    eve = msgspec.structs.replace(door.callers["eve"], claims={"sub": "eve", "issuer": "i"})
    door.callers["eve"] = eve
    endpoint = await subscribed(world, outbox, "ada")
    again = world.start("subscription {onPut {id}}", outbox)
    await endpoint.subscribe(msgspec.structs.replace(again, authorization={"authorization": "fresh"}))
    door.now = 151.0
    world.engine.auth.opened.recheck(now=151.0)
    assert outbox.messages == []
    await ask(world, 'mutation {put(id: "1") {id}}', "fresh")
    await world.hub.drained()
    assert outbox.payloads == [{"data": {"onPut": {"id": "1"}}}]
    with pytest.raises(SynclineError, match="Duplicated operation with id 1"):
        await endpoint.subscribe(msgspec.structs.replace(again, authorization={"authorization": "eve"}))


@pytest.mark.rule("GQL-27")
@pytest.mark.parametrize(
    ("members", "code"),
    [
        ({"authenticationType": "AWS_LAMBDA"}, "BadRequestException"),
        ({"authenticationType": "OPENID_CONNECT", "openIDConnectConfig": {"issuer": "ftp://x"}}, "BadRequestException"),
        (
            {
                "authenticationType": "AMAZON_COGNITO_USER_POOLS",
                "userPoolConfig": POOL,
                "additionalAuthenticationProviders": [
                    {
                        "authenticationType": "AMAZON_COGNITO_USER_POOLS",
                        "userPoolConfig": {"userPoolId": POOL["userPoolId"], "awsRegion": "us-east-1"},
                    }
                ],
            },
            "BadRequestException",
        ),
    ],
)
async def test_a_mode_needs_its_configuration_and_no_pool_comes_twice(
    world: Any, members: dict[str, Any], code: str
) -> None:
    with pytest.raises(SynclineError) as refusal:
        await world.call("CreateGraphqlApi", name="x", **members)
    assert refusal.value.code == code


@pytest.mark.rule("AUTH-15")
async def test_calls_over_the_rate_are_refused_as_appsync_does(
    make_world: Callable[..., World], outbox: Outbox
) -> None:
    rates = settings.Rates(requests_per_api=1, connects_per_api=1, messages_per_api=1)
    world = make_world(settings=Settings(rates=rates))
    await world.create(SDL)
    endpoint = await world.connect()
    await endpoint.subscribe(world.start("subscription { onPut { id } }", outbox))

    assert (await world.post({"query": "{ open }"})).status == 200
    refused = await world.post({"query": "{ open }"})
    assert (refused.status, dict(refused.headers)["x-amzn-errortype"]) == (429, "ThrottlingException")
    told = [{"errorType": "ThrottlingException", "message": "Rate exceeded"}]
    assert json.decode(refused.body) == {"errors": told}
    with pytest.raises(MessageRateExceeded, match="Rate limit exceeded"):
        await endpoint.subscribe(world.start("subscription { onPut { id } }", outbox, id="2"))
    with pytest.raises(MessageRateExceeded, match="Rate limit exceeded"):
        await world.connect()
