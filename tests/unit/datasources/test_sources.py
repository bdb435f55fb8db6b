"""The data sources of an API, whichever kind of API it is."""

from __future__ import annotations

from typing import Any

import pytest

from syncline.app.appsync import AppSync
from syncline.auth import Authenticator, SigV4
from syncline.core import Meter, Settings, SynclineError, SystemIds
from syncline.datasources import Engines
from syncline.events import Events, EventsEngine
from syncline.graphql import Graphql, GraphqlEngine
from syncline.hub import Hub
from syncline.monitoring import Logs, LogWriter
from syncline.store import MemoryStore
from syncline.wire import Operations

MODE = [{"authType": "API_KEY"}]
CONFIG = {
    "authProviders": MODE,
    "connectionAuthModes": MODE,
    "defaultPublishAuthModes": MODE,
    "defaultSubscribeAuthModes": MODE,
}
HANDLER = "export const onPublish = { request: (ctx) => ({}), response: (ctx) => ctx.events }"
SDL = b"type Query { a: String }"
TEMPLATE = '{"version": "2018-05-29", "payload": "a"}'


class NoKeys:
    def secret_of(self, access_key_id: str, session_token: str | None) -> None:
        return None


class House:
    """AppSync's control plane with an API of one kind."""

    def __init__(self, store: MemoryStore, clock: Any, meter: Meter) -> None:
        settings = Settings()
        auth = Authenticator(clock, SigV4(NoKeys(), clock, account="000000000000"))
        hub, url = Hub(clock, settings.hub, meter), "http://localhost:4000"
        writer = LogWriter(Logs(store, clock), clock, meter)
        shared = store, clock, SystemIds(), settings, meter, hub, auth, Engines(), lambda: url, writer
        self.graphql, self.events = GraphqlEngine(*shared), EventsEngine(*shared)
        service = AppSync(Graphql(self.graphql), Events(self.events), self.events)
        self.operations = Operations({"appsync": service}, strict=True)
        self.api_id = ""

    async def call(self, operation: str, **request: Any) -> Any:
        return await self.operations.call("appsync", operation, {"apiId": self.api_id, **request})

    async def graphql_api(self) -> None:
        made = await self.operations.call("appsync", "CreateGraphqlApi", {"name": "a", "authenticationType": "API_KEY"})
        self.api_id = made["graphqlApi"]["apiId"]
        await self.call("StartSchemaCreation", definition=SDL)

    async def event_api(self) -> None:
        made = await self.operations.call("appsync", "CreateApi", {"name": "a", "eventConfig": CONFIG})
        self.api_id = made["api"]["apiId"]

    async def ask_it(self, name: str) -> None:
        """Have something that asks the data source."""
        if self.events.owns(self.api_id):
            handlers = {"onPublish": {"behavior": "CODE", "integration": {"dataSourceName": name}}}
            await self.call("CreateChannelNamespace", name="ns", codeHandlers=HANDLER, handlerConfigs=handlers)
        else:
            template = {"requestMappingTemplate": TEMPLATE, "responseMappingTemplate": "$util.toJson($ctx.result)"}
            await self.call("CreateResolver", typeName="Query", fieldName="a", dataSourceName=name, **template)


@pytest.fixture(params=["graphql_api", "event_api"])
async def house(request: Any, store: MemoryStore, clock: Any, meter: Meter) -> House:
    house = House(store, clock, meter)
    await getattr(house, request.param)()
    return house


async def refused(answer: Any) -> tuple[str, str]:
    with pytest.raises(SynclineError) as caught:
        await answer
    return caught.value.code, caught.value.message


@pytest.mark.rule("DS-21")
async def test_both_kinds_of_apis_refuse_the_same(house: House) -> None:
    create = "CreateDataSource"
    assert await refused(house.call(create, name="f", type="AWS_LAMBDA")) == (
        "BadRequestException",
        "The data source f of type AWS_LAMBDA needs lambdaConfig.lambdaFunctionArn.",
    )
    await house.call(create, name="n", type="NONE")
    assert await refused(house.call(create, name="n", type="NONE")) == (
        "BadRequestException",
        "Data source with name n already exists",
    )
    missing = ("NotFoundException", "No data source found named gone")
    for operation in ("GetDataSource", "DeleteDataSource"):
        assert await refused(house.call(operation, name="gone")) == missing
    assert await refused(house.call("UpdateDataSource", name="gone", type="NONE")) == missing
    listed = await house.call("ListDataSources")
    assert [each["name"] for each in listed["dataSources"]] == ["n"]


@pytest.mark.rule("DS-21")
async def test_both_show_what_they_were_given_and_follow_a_change(house: House) -> None:
    given = {"name": "n", "type": "NONE", "description": "d", "serviceRoleArn": "arn:aws:iam::000000000000:role/r"}
    made = (await house.call("CreateDataSource", **given))["dataSource"]
    assert made["dataSourceArn"].endswith(f"apis/{house.api_id}/datasources/n")
    assert {name: made[name] for name in given} == given
    assert (await house.call("GetDataSource", name="n"))["dataSource"] == made
    await house.ask_it("n")
    user = "ns" if house.events.owns(house.api_id) else "Query.a"
    assert await refused(house.call("DeleteDataSource", name="n")) == (
        "BadRequestException",
        f"Cannot delete data source n: it is used by {user}",
    )
    room = house.events if house.events.owns(house.api_id) else house.graphql
    before = room.live(house.api_id).sources.built["n"]
    await house.call("UpdateDataSource", name="n", type="NONE", description="e")
    assert room.live(house.api_id).sources.built["n"] is not before
