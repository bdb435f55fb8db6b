"""Credentials on open connections to Event APIs: what ends, how it is told, how it is renewed."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from syncline.auth import Identity, NotAuthorized, TokenExpired
from syncline.core import SynclineError
from unit.events.conftest import Outbox, World, config

POOL = {"authType": "AMAZON_COGNITO_USER_POOLS", "cognitoConfig": {"userPoolId": "p", "awsRegion": "us-east-1"}}
MODES = [{"authType": "API_KEY"}, {"authType": POOL["authType"]}]
BOTH = config(
    authProviders=[{"authType": "API_KEY"}, POOL],
    connectionAuthModes=MODES,
    defaultPublishAuthModes=MODES,
    defaultSubscribeAuthModes=MODES,
)
OVER = {"errorType": "UnauthorizedException", "message": "Token has expired."}


class Callers:
    """An authenticator that knows its callers by name."""

    def __init__(self, opened: Any) -> None:
        self.opened = opened
        self.now = 100.0
        self.known: dict[str, Identity] = {}

    async def authenticate(self, api: Any, headers: Any, **_: Any) -> Identity:
        if "x-api-key" in headers:
            if headers["x-api-key"] not in api.keys:
                raise NotAuthorized
            return Identity("API_KEY", None, ("API_KEY",), credential=headers["x-api-key"])
        return self.known[headers["authorization"]]

    def check(self, api: Any, identity: Identity) -> None:
        if identity.mode not in api.modes:
            raise NotAuthorized
        if identity.mode == "API_KEY" and identity.credential not in api.keys:
            raise NotAuthorized
        if identity.expires <= self.now:
            raise TokenExpired


def user(name: str, expires: float) -> Identity:
    return Identity("AMAZON_COGNITO_USER_POOLS", {"sub": name, "issuer": "i"}, ("pool",), expires=expires)


@pytest.fixture
async def callers(world: World) -> Callers:
    await world.create(eventConfig=BOTH)
    callers = Callers(world.engine.auth.opened)
    world.engine._publisher._auth = callers  # type: ignore[assignment]
    callers.known = {"ada": user("ada", 150.0), "fresh": user("ada", 300.0), "eve": user("eve", 300.0)}
    return callers


def started(world: World, outbox: Outbox, name: str, *, id: str = "1", channel: str = "/default/a") -> Any:
    return msgspec.structs.replace(world.start(channel, outbox, id=id), authorization={"authorization": name})


@pytest.mark.rule("EVT-24")
async def test_an_expired_token_ends_what_it_opened_then_the_socket(
    world: World, callers: Callers, outbox: Outbox
) -> None:
    endpoint = await world.connect()
    await endpoint.subscribe(started(world, outbox, "ada"))
    callers.opened.recheck(now=149.0)
    assert outbox.messages == []
    callers.now = 151.0
    callers.opened.recheck(now=151.0)
    assert outbox.messages == [{"type": "subscribe_error", "id": "1", "errors": [OVER]}]
    assert outbox.closed
    await world.publish("/default/a", 1)
    assert outbox.events == []


@pytest.mark.rule("EVT-24")
async def test_only_what_the_credential_opened_ends(world: World, callers: Callers, outbox: Outbox) -> None:
    endpoint = await world.connect()
    await endpoint.subscribe(started(world, outbox, "ada"))
    await endpoint.subscribe(world.start("/default/a", outbox, id="2"))
    callers.now = 151.0
    callers.opened.recheck(now=151.0)
    assert [each["id"] for each in outbox.messages] == ["1"]
    assert not outbox.closed
    await world.publish("/default/a", 1)
    assert outbox.events == [("2", 1)]
    await world.call("DeleteApiKey", id=world.key)
    assert (outbox.messages[-1]["type"], outbox.messages[-1]["id"]) == ("subscribe_error", "2")
    assert outbox.messages[-1]["errors"][0]["errorType"] == "UnauthorizedException"
    assert outbox.closed


@pytest.mark.rule("EVT-24")
@pytest.mark.parametrize("where", ["namespace", "api"])
async def test_a_mode_that_is_taken_away_ends_what_it_opened(
    world: World, callers: Callers, outbox: Outbox, where: str
) -> None:
    endpoint = await world.connect()
    await endpoint.subscribe(started(world, outbox, "fresh"))
    if where == "api":
        await world.call("UpdateApi", name="chat", eventConfig=config())
    else:
        keys = [{"authType": "API_KEY"}]
        await world.call("UpdateChannelNamespace", name="default", subscribeAuthModes=keys)
    assert outbox.messages[0]["errors"][0]["errorType"] == "UnauthorizedException"
    assert outbox.closed


@pytest.mark.rule("EVT-25")
async def test_a_new_subscribe_with_the_same_id_renews_the_credential(
    world: World, callers: Callers, outbox: Outbox
) -> None:
    endpoint = await world.connect()
    first = await endpoint.subscribe(started(world, outbox, "ada"))
    assert await endpoint.subscribe(started(world, outbox, "fresh")) is first
    callers.now = 151.0
    callers.opened.recheck(now=151.0)
    assert outbox.messages == []
    await world.publish("/default/a", 1)
    assert outbox.events == [("1", 1)]
    for start in (started(world, outbox, "eve"), started(world, outbox, "fresh", channel="/default/b")):
        with pytest.raises(SynclineError, match="Duplicated operation with id 1"):
            await endpoint.subscribe(start)
    assert world.engine.live(world.api_id).figures.subscriptions == 1
    endpoint.closed()
    assert world.engine.live(world.api_id).figures.subscriptions == 0
