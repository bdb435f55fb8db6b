"""The control plane through unmodified boto3, and after a restart."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.aws import called, client
from syncline.core import Meter, NotFound, Request, SynclineError
from syncline.datasources import Engines
from syncline.store import MemoryStore
from unit.events.conftest import API_KEY, BOTH, World, config

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:f"


@pytest.fixture
def world(store: MemoryStore, clock: Any, meter: Meter) -> World:
    return World(store, clock, meter, Engines(functions=Silent()))


class Silent:
    """A function engine that is never asked."""

    async def invoke(self, name_or_arn: str, payload: bytes, *, kind: str = "RequestResponse") -> Any:
        raise AssertionError(name_or_arn)


@pytest.fixture
async def appsync(world: World) -> Any:
    return client({"appsync": world.service}, "appsync")


async def error_of(method: Any, **request: Any) -> tuple[str, int, str]:
    with pytest.raises(ClientError) as caught:
        await called(method, **request)
    answer = caught.value.response
    return answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Message"]


@pytest.mark.rule("EVT-17")
async def test_an_api_is_given_back_as_it_was_described(appsync: Any, world: World) -> None:
    tags = {"team": "chat"}
    made = (await called(appsync.create_api, name="chat", eventConfig=config(), tags=tags, ownerContact="me"))["api"]
    assert made["name"] == "chat"
    assert made["eventConfig"] == config()
    assert (made["tags"], made["ownerContact"], made["xrayEnabled"]) == (tags, "me", False)
    assert made["apiArn"] == f"arn:aws:appsync:us-east-1:000000000000:apis/{made['apiId']}"
    assert made["dns"] == {"HTTP": f"localhost:4000/event/{made['apiId']}", "REALTIME": made["dns"]["HTTP"]}
    assert len(made["apiId"]) == 26
    assert made["created"].timestamp() == pytest.approx(world.clock.now(), abs=5)
    assert (await called(appsync.get_api, apiId=made["apiId"]))["api"] == made
    changed = await called(appsync.update_api, apiId=made["apiId"], name="talk", eventConfig=config())
    assert changed["api"] == {**{k: v for k, v in made.items() if k != "ownerContact"}, "name": "talk"}
    assert (await called(appsync.list_apis))["apis"] == [changed["api"]]
    await called(appsync.delete_api, apiId=made["apiId"])
    assert (await called(appsync.list_apis))["apis"] == []
    assert (await error_of(appsync.get_api, apiId=made["apiId"]))[:2] == ("NotFoundException", 404)


@pytest.mark.rule("EVT-17")
async def test_namespaces_and_sources_are_given_back(appsync: Any, world: World) -> None:
    await world.create()
    api = world.api_id
    source = {"name": "fn", "type": "AWS_LAMBDA", "lambdaConfig": {"lambdaFunctionArn": FUNCTION}}
    kept = (await called(appsync.create_data_source, apiId=api, **source))["dataSource"]
    assert kept == {**source, "dataSourceArn": f"arn:aws:appsync:us-east-1:000000000000:apis/{api}/datasources/fn"}
    direct = {"dataSourceName": "fn", "lambdaConfig": {"invokeType": "EVENT"}}
    configs = {"onPublish": {"behavior": "DIRECT", "integration": direct}}
    made = await called(
        appsync.create_channel_namespace,
        apiId=api,
        name="news",
        publishAuthModes=API_KEY,
        handlerConfigs=configs,
        tags={"a": "b"},
    )
    news = made["channelNamespace"]
    assert news["channelNamespaceArn"].endswith(f":apis/{api}/channelNamespace/news")
    assert (news["publishAuthModes"], news["handlerConfigs"], news["tags"]) == (API_KEY, configs, {"a": "b"})
    assert "subscribeAuthModes" not in news
    assert (await called(appsync.get_channel_namespace, apiId=api, name="news"))["channelNamespace"] == news
    code, _, message = await error_of(appsync.delete_data_source, apiId=api, name="fn")
    assert (code, "news" in message) == ("BadRequestException", True)
    changed = (await called(appsync.update_channel_namespace, apiId=api, name="news"))["channelNamespace"]
    assert "publishAuthModes" not in changed
    assert changed["tags"] == {"a": "b"}
    names = [each["name"] for each in (await called(appsync.list_channel_namespaces, apiId=api))["channelNamespaces"]]
    assert names == ["default", "news"]
    await called(appsync.delete_data_source, apiId=api, name="fn")
    await called(appsync.delete_channel_namespace, apiId=api, name="news")
    missing = await error_of(appsync.get_channel_namespace, apiId=api, name="news")
    assert missing == ("NotFoundException", 404, "Channel namespace news not found.")


@pytest.mark.rule("EVT-17")
async def test_everything_is_there_after_a_restart(world: World, store: MemoryStore) -> None:
    await world.create("a", "b")
    again = World(store, world.clock, world.meter)
    await again.engine.load()
    again.api_id, again.key = world.api_id, world.key
    assert (await again.call("GetApi"))["api"] == (await world.call("GetApi"))["api"]
    kept = (await again.call("ListChannelNamespaces"))["channelNamespaces"]
    assert [each["name"] for each in kept] == ["a", "b"]
    assert len((await again.publish("/b/x", 1))["successful"]) == 1


@pytest.mark.rule("EVT-17")
async def test_lists_come_in_pages(appsync: Any, world: World) -> None:
    await world.create(*(f"n{n:02}" for n in range(30)))
    pages = appsync.get_paginator("list_channel_namespaces")
    first = await called(appsync.list_channel_namespaces, apiId=world.api_id, maxResults=20)
    assert (len(first["channelNamespaces"]), "nextToken" in first) == (20, True)
    found = await called(
        lambda: [each["name"] for page in pages.paginate(apiId=world.api_id) for each in page["channelNamespaces"]]
    )
    assert found == [f"n{n:02}" for n in range(30)]
    code, _, _ = await error_of(appsync.list_apis, nextToken="!")
    assert code == "BadRequestException"


@pytest.mark.rule("EVT-18")
async def test_what_cannot_be_is_refused_and_nothing_is_kept(appsync: Any, world: World) -> None:
    iam = [{"authType": "AWS_IAM"}]
    for wrong, code in (
        (config(connectionAuthModes=iam), "BadRequestException"),
        (config(defaultPublishAuthModes=[]), "BadRequestException"),
        (config(authProviders=[*API_KEY, *iam, *iam]), "BadRequestException"),
        (config(authProviders=[*API_KEY, {"authType": "AWS_LAMBDA"}]), "BadRequestException"),
    ):
        assert (await error_of(appsync.create_api, name="x", eventConfig=wrong))[:2] == (code, 400)
    assert (await called(appsync.list_apis))["apis"] == []
    await world.create()
    api = world.api_id
    assert (await error_of(appsync.create_channel_namespace, apiId=api, name="default"))[:2] == (
        "ConflictException",
        409,
    )
    integration = {"dataSourceName": "nothing"}
    for more in (
        {"publishAuthModes": iam},
        {"handlerConfigs": {"onPublish": {"behavior": "DIRECT", "integration": integration}}},
        {"handlerConfigs": {"onPublish": {"behavior": "CODE", "integration": integration}}},
    ):
        assert (await error_of(appsync.create_channel_namespace, apiId=api, name="x", **more))[0] == (
            "BadRequestException"
        )
    assert [*world.engine.live(api).entry.namespaces] == ["default"]
    code, _, _ = await error_of(appsync.create_channel_namespace, apiId=api, name="a_b")
    assert code in ("BadRequestException", "ValidationException")


@pytest.mark.rule("EVT-18")
async def test_a_provider_that_a_namespace_needs_cannot_be_taken_away(world: World, appsync: Any) -> None:
    await world.create(eventConfig=config(authProviders=BOTH))
    await world.call("CreateChannelNamespace", name="signed", publishAuthModes=[{"authType": "AWS_IAM"}])
    code, _, message = await error_of(appsync.update_api, apiId=world.api_id, name="x", eventConfig=config())
    assert (code, "signed" in message) == ("BadRequestException", True)


@pytest.mark.rule("EVT-19")
async def test_keys_of_an_event_api(world: World, appsync: Any) -> None:
    await world.create()
    now = world.clock.now()
    key = (await called(appsync.create_api_key, apiId=world.api_id, expires=int(now + 3 * 86400)))["apiKey"]
    assert key["id"].startswith("da2-")
    assert (await world.post({"channel": "default/x", "events": ["1"]}, key=key["id"])).status == 200
    listed = (await called(appsync.list_api_keys, apiId=world.api_id))["apiKeys"]
    assert key["id"] in [each["id"] for each in listed]
    await called(appsync.delete_api_key, apiId=world.api_id, id=key["id"])
    assert (await world.post({"channel": "default/x", "events": ["1"]}, key=key["id"])).status == 401
    code, _, _ = await error_of(appsync.create_api_key, apiId=world.api_id, expires=int(now + 400 * 86400))
    assert code == "ApiKeyValidityOutOfBoundsException"


@pytest.mark.rule("EVT-19")
async def test_tags_of_apis_and_namespaces(world: World, appsync: Any) -> None:
    await world.create()
    api = (await world.call("GetApi"))["api"]["apiArn"]
    for arn in (api, f"{api}/channelNamespace/default"):
        await called(appsync.tag_resource, resourceArn=arn, tags={"a": "1", "b": "2"})
        await called(appsync.untag_resource, resourceArn=arn, tagKeys=["a"])
        assert (await called(appsync.list_tags_for_resource, resourceArn=arn))["tags"] == {"b": "2"}
    assert (await error_of(appsync.list_tags_for_resource, resourceArn=f"{api}/channelNamespace/no"))[0] == (
        "NotFoundException"
    )


@pytest.mark.rule("EVT-19")
async def test_both_kinds_of_api_live_beside_each_other(world: World, appsync: Any) -> None:
    await world.create()
    graphql = (await called(appsync.create_graphql_api, name="g", authenticationType="API_KEY"))["graphqlApi"]
    key = (await called(appsync.create_api_key, apiId=graphql["apiId"]))["apiKey"]
    assert [each["id"] for each in (await called(appsync.list_api_keys, apiId=graphql["apiId"]))["apiKeys"]] == [
        key["id"]
    ]
    await called(appsync.tag_resource, resourceArn=graphql["arn"], tags={"kind": "graphql"})
    assert (await called(appsync.list_tags_for_resource, resourceArn=graphql["arn"]))["tags"] == {"kind": "graphql"}
    with pytest.raises(NotFound):
        await world.call("GetGraphqlApi")
    assert (await error_of(appsync.get_api, apiId=graphql["apiId"]))[0] == "NotFoundException"


@pytest.mark.rule("AUTH-16")
async def test_a_tag_names_the_origins_whose_pages_may_ask(world: World) -> None:
    await world.create(tags={"syncline:origins": "https://app.test"})
    asked = Request("POST", f"/event/{world.api_id}", "", [("origin", "https://app.test")])
    assert world.engine.origins(asked) == {"https://app.test"}
    with pytest.raises(SynclineError, match=r"scheme://host"):
        await world.create(tags={"syncline:origins": "everybody"})
