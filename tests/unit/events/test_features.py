"""What a namespace has beyond AppSync: tags, who may use which channels, no echo."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from syncline.auth import Identity, NotAuthorized
from syncline.core import SynclineError, json
from syncline.events.channels import channel_of
from syncline.events.features import TagInvalid, features_of
from unit.events.conftest import Outbox, World

NOBODY = Identity("API_KEY", None, ("API_KEY",))
ADA = Identity(
    "AMAZON_COGNITO_USER_POOLS",
    {
        "sub": "u-1",
        "username": "ada",
        "groups": ["staff"],
        "claims": {"custom:tenant": "acme", "cognito:groups": ["a"]},
    },
    (),
)
LENT = Identity("AWS_LAMBDA", {"handlerContext": {"room": "r7"}}, ())


def allowed(policy: str, operation: str, channel: str, who: Identity = NOBODY) -> bool:
    try:
        features_of({"syncline:policy": policy}).check(operation, channel_of(channel, wildcard=True), who)
    except NotAuthorized:
        return False
    return True


@pytest.mark.rule("EVT-30")
@pytest.mark.parametrize(
    ("policy", "operation", "channel", "who", "expected"),
    [
        ("/users/@sub", "subscribe", "/users/u-1", ADA, True),
        ("/users/@sub", "subscribe", "/users/u-2", ADA, False),
        ("/users/@sub", "subscribe", "/users/u-1", NOBODY, False),
        ("/users/@sub", "subscribe", "/users/u-1/inbox", ADA, False),
        ("/users/@sub/...", "subscribe", "/users/u-1/inbox/new", ADA, True),
        ("/users/@sub/...", "subscribe", "/users/u-1", ADA, False),
        ("/users/@sub/...", "subscribe", "/users/u-1/*", ADA, True),
        ("/users/@sub/...", "subscribe", "/users/*", ADA, False),
        ("/users/@custom:tenant/+", "publish", "/users/acme/x", ADA, True),
        ("/users/@cognito:groups/+", "publish", "/users/a/x", ADA, True),
        ("/users/@groups", "publish", "/users/staff", ADA, True),
        ("/users/@groups", "publish", "/users/a", ADA, False),
        ("/users/@room", "publish", "/users/r7", LENT, True),
        ("/users/@claims", "publish", "/users/x", ADA, False),
        ("/users/+", "subscribe", "/users/any", NOBODY, True),
        ("/users/+", "subscribe", "/users/*", NOBODY, False),
        ("/users/+/+", "subscribe", "/users/a/*", NOBODY, False),
        ("/users/...", "subscribe", "/users/*", NOBODY, True),
        ("subscribe=/users/...", "publish", "/users/a", NOBODY, False),
        ("subscribe=/users/... publish=/users/a", "publish", "/users/a", NOBODY, True),
        ("publish=/users/...", "subscribe", "/users/a", NOBODY, False),
    ],
)
def test_a_policy_grants(policy: str, operation: str, channel: str, who: Identity, expected: bool) -> None:
    assert allowed(policy, operation, channel, who) is expected


@pytest.mark.rule("EVT-30")
def test_without_a_policy_everybody_who_is_authorised_may_and_several_tags_are_one() -> None:
    features_of({}).check("subscribe", channel_of("/a/*", wildcard=True), NOBODY)
    both = features_of({"syncline:policy": "/a/x", "syncline:policy/2": "/a/y", "team": "blue"})
    for channel in ("/a/x", "/a/y"):
        both.check("publish", channel_of(channel), NOBODY)
    with pytest.raises(NotAuthorized):
        both.check("publish", channel_of("/a/z"), NOBODY)


@pytest.mark.rule("EVT-29")
@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("syncline:policy", "users"),
        ("syncline:policy", "/users//x"),
        ("syncline:policy", "/..."),
        ("syncline:policy", "/users/.../x"),
        ("syncline:policy", "write=/users"),
        ("syncline:policy", "/users/@"),
        ("syncline:echo", "off"),
        ("syncline:presence", ""),
        ("syncline:presense", "true"),
    ],
)
async def test_a_tag_that_cannot_be_read_is_refused_and_nothing_is_kept(world: World, name: str, text: str) -> None:
    with pytest.raises(TagInvalid):
        features_of({name: text})
    await world.create()
    with pytest.raises(SynclineError) as refused:
        await world.call("CreateChannelNamespace", name="new", tags={name: text})
    assert refused.value.code == "BadRequestException"
    arn = (await world.call("GetChannelNamespace", name="default"))["channelNamespace"]["channelNamespaceArn"]
    with pytest.raises(SynclineError):
        await world.call("TagResource", resourceArn=arn, tags={name: text})
    assert (await world.call("ListTagsForResource", resourceArn=arn))["tags"] == {}
    listed = await world.call("ListChannelNamespaces")
    assert [each["name"] for each in listed["channelNamespaces"]] == ["default"]


@pytest.mark.rule("EVT-30")
async def test_what_a_policy_does_not_grant_is_refused_at_every_door(world: World, outbox: Outbox) -> None:
    await world.create("rooms")
    endpoint = await world.connect()
    await endpoint.subscribe(world.start("/rooms/*", outbox, id="wide"))
    arn = (await world.call("GetChannelNamespace", name="rooms"))["channelNamespace"]["channelNamespaceArn"]
    await world.call("TagResource", resourceArn=arn, tags={"syncline:policy": "/rooms/+"})
    # What is no longer granted ends, too.
    assert [(each["type"], each["id"]) for each in outbox.messages] == [("subscribe_error", "wide")]
    with pytest.raises(NotAuthorized):
        await endpoint.subscribe(world.start("/rooms/*", outbox))
    with pytest.raises(NotAuthorized):
        await endpoint.publish(world.message("/rooms/a/b", ["1"], outbox))
    refused = await world.post({"channel": "/rooms/a/b", "events": ["1"]})
    assert refused.status == 401
    assert json.decode(refused.body)["errors"][0]["errorType"] == "UnauthorizedException"
    await endpoint.subscribe(world.start("/rooms/a", outbox))
    await world.publish("/rooms/a", 1)
    assert outbox.events == [("1", 1)]
    again = World(world.store, world.clock, world.meter)
    await again.engine.load()
    again.api_id, again.key = world.api_id, world.key
    assert (await again.post({"channel": "/rooms/a/b", "events": ["1"]})).status == 401


@pytest.mark.rule("EVT-31")
async def test_a_publisher_does_not_hear_itself(world: World) -> None:
    await world.create()
    await world.call("CreateChannelNamespace", name="quiet", tags={"syncline:echo": "false"})
    mine, theirs = Outbox(), Outbox()
    me, them = await world.connect(), await world.connect()
    for number, channel in enumerate(("/quiet/a", "/quiet/*", "/default/a")):
        await me.subscribe(world.start(channel, mine, id=str(number)))
        await them.subscribe(world.start(channel, theirs, id=str(number)))
    post: Any = world.message("/quiet/a", ["1"], mine)
    await me.publish(post)
    await me.publish(msgspec.structs.replace(post, channel="/default/a", events=["2"]))
    await world.publish("/quiet/a", 3)
    assert sorted(mine.events) == [("0", 3), ("1", 3), ("2", 2)]
    assert sorted(theirs.events) == [("0", 1), ("0", 3), ("1", 1), ("1", 3), ("2", 2)]
