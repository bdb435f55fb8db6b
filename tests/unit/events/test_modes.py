"""Who may do what, beyond keys: authorizer functions and the policies of signers (conformance E25, E26)."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec
import pytest

from syncline.auth import Authenticator, Authorizer
from syncline.core import Meter, Unauthenticated, json
from syncline.core.call import Caller
from syncline.store import MemoryStore
from unit.events.conftest import ROOT, Outbox, World, config

LAMBDA = [{"authType": "AWS_LAMBDA"}]
IAM = [{"authType": "AWS_IAM"}]


class Answer(NamedTuple):
    payload: bytes
    function_error: str | None = None


class Function:
    """An authorizer function."""

    def __init__(self) -> None:
        self.asked: list[Any] = []
        self.answer: Any = {"isAuthorized": True, "handlerContext": {"who": "me"}}

    async def __call__(self, name: str, event: bytes) -> Answer:
        self.asked.append(json.decode(event))
        return Answer(json.encode(self.answer))


@pytest.fixture
def function() -> Function:
    return Function()


@pytest.fixture
async def guarded(store: MemoryStore, clock: Any, meter: Meter, function: Function) -> World:
    authorizer = Authorizer(clock, meter, function, account="000000000000")
    world = World(store, clock, meter, auth=Authenticator(clock, None, None, authorizer))
    provider = {"authType": "AWS_LAMBDA", "lambdaAuthorizerConfig": {"authorizerUri": "arn:f"}}
    modes = dict.fromkeys(("connectionAuthModes", "defaultPublishAuthModes", "defaultSubscribeAuthModes"), LAMBDA)
    await world.create(eventConfig=config(authProviders=[provider], **modes))
    return world


async def said(world: World, channel: str = "default/x") -> int:
    body = json.encode({"channel": channel, "events": ["1"]})
    headers = {"authorization": "token"}
    status: int = (await world.post(body, headers=headers)).status
    return status


@pytest.mark.rule("EVT-20")
async def test_the_function_is_told_the_operation(guarded: World, function: Function, outbox: Outbox) -> None:
    assert await said(guarded) == 200
    context = {**function.asked[0]["requestContext"], "requestId": ""}
    assert context == {
        "apiId": guarded.api_id,
        "accountId": "000000000000",
        "requestId": "",
        "operation": "EVENT_PUBLISH",
        "channelNamespaceName": "default",
        "channel": "/default/x",
    }
    endpoint = await guarded.connect({"Authorization": "token"})
    context = function.asked[1]["requestContext"]
    assert (context["operation"], context["channelNamespaceName"], context["channel"]) == ("EVENT_CONNECT", None, None)
    start = guarded.start("/default/*", outbox)
    await endpoint.subscribe(msgspec.structs.replace(start, authorization={"Authorization": "token"}))
    assert function.asked[2]["requestContext"]["operation"] == "EVENT_SUBSCRIBE"
    assert function.asked[2]["requestContext"]["channel"] == "/default/*"


@pytest.mark.rule("EVT-20")
@pytest.mark.parametrize("answer", [{}, None, {"isAuthorized": False}, {"isAuthorized": "true"}, []])
async def test_anything_but_yes_is_no(guarded: World, function: Function, answer: Any) -> None:
    function.answer = answer
    assert await said(guarded) == 401


@pytest.mark.rule("EVT-20")
async def test_a_decision_is_remembered_for_its_channel(guarded: World, function: Function) -> None:
    await said(guarded)
    await said(guarded)
    assert len(function.asked) == 2, "by default nothing is remembered"
    function.answer = {"isAuthorized": True, "ttlOverride": 60}
    for channel in ("default/x", "default/x", "/default/x", "default/y"):
        assert await said(guarded, channel) == 200
    assert len(function.asked) == 4


class Allowed:
    """What a signer's policies allow."""

    def __init__(self, resources: list[str]) -> None:
        self.resources = resources

    def admits(self, resource: str) -> bool:
        return resource in self.resources


class Rules:
    """Policies by action."""

    def __init__(self) -> None:
        self.allowed: dict[str, list[str]] = {}

    async def rule(self, caller: Caller, action: str, *, source_ip: str) -> Allowed:
        return Allowed(self.allowed.get(action, []))


class Anybody:
    """Every signature is right."""

    def caller_of(self, headers: Any, signed: Any) -> Caller:
        return ROOT


@pytest.mark.rule("EVT-21")
async def test_a_signers_policies_decide(store: MemoryStore, clock: Any, meter: Meter) -> None:
    rules = Rules()
    world = World(store, clock, meter, auth=Authenticator(clock, Anybody(), None, None, rules))
    modes = dict.fromkeys(("connectionAuthModes", "defaultPublishAuthModes", "defaultSubscribeAuthModes"), IAM)
    await world.create("default", "other", eventConfig=config(authProviders=IAM, **modes))
    arn = f"arn:aws:appsync:us-east-1:000000000000:apis/{world.api_id}"
    signed = {"authorization": "AWS4-HMAC-SHA256 x"}

    async def publish(channel: str) -> int:
        body = json.encode({"channel": channel, "events": ["1"]})
        return int((await world.post(body, headers=signed)).status)

    assert await publish("default/x") == 401
    rules.allowed["appsync:EventPublish"] = [f"{arn}/channelNamespace/default"]
    assert [await publish("default/x"), await publish("other/x")] == [200, 401]
    with pytest.raises(Unauthenticated):
        await world.connect(signed)
    rules.allowed["appsync:EventConnect"] = [arn]
    await world.connect(signed)
