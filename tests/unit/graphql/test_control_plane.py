"""The control plane: what is kept and given back, what is refused, how a request finds its API."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from syncline.core import Request, SynclineError, json

STEP = {
    "requestMappingTemplate": '{"version": "2018-05-29", "payload": "stepped"}',
    "responseMappingTemplate": "$util.toJson($ctx.result)",
}
SDL = "type Note { id: ID! } type Query { note(id: ID!): Note plain: String }"
HOUR, DAY = 3600, 86400


async def refused(call: Any) -> tuple[str, str]:
    with pytest.raises(SynclineError) as refusal:
        await call
    return refusal.value.code, refusal.value.message


@pytest.mark.rule("GQL-23")
async def test_an_api_reads_back_as_terraform_wants_it(world: Any) -> None:
    await world.create(
        tags={"team": "a"}, xrayEnabled=True, additionalAuthenticationProviders=[{"authenticationType": "AWS_IAM"}]
    )
    api = (await world.call("GetGraphqlApi"))["graphqlApi"]
    path = f"/graphql/{world.api_id}"
    assert api == {
        "name": "t",
        "apiId": world.api_id,
        "authenticationType": "API_KEY",
        "additionalAuthenticationProviders": [{"authenticationType": "AWS_IAM"}],
        "arn": f"arn:aws:appsync:us-east-1:000000000000:apis/{world.api_id}",
        "uris": {"GRAPHQL": f"http://localhost:4000{path}", "REALTIME": f"ws://localhost:4000{path}/realtime"},
        "dns": {"GRAPHQL": "localhost", "REALTIME": "localhost"},
        "owner": "000000000000",
        "apiType": "GRAPHQL",
        "visibility": "GLOBAL",
        "xrayEnabled": True,
        "introspectionConfig": "ENABLED",
        "queryDepthLimit": 0,
        "resolverCountLimit": 0,
        "tags": {"team": "a"},
    }
    assert len(world.api_id) == 26
    assert "-" not in world.api_id
    assert (await world.call("ListGraphqlApis"))["graphqlApis"] == [api]


@pytest.mark.rule("GQL-23")
async def test_everything_is_there_after_a_restart(world: Any) -> None:
    await world.create(SDL)
    await world.local("Query", "plain", '{"version": "2018-05-29", "payload": "kept"}')
    await world.call("PutGraphqlApiEnvironmentVariables", environmentVariables={"A1": "x"})
    function = await world.call(
        "CreateFunction", name="f", dataSourceName="local", functionVersion="2018-05-29", **STEP
    )
    again = type(world)(world.store, world.clock, type(world.meter)(out=None))
    await again.engine.load()
    again.api_id, again.key = world.api_id, world.key
    assert await again.ask("{plain}") == {"data": {"plain": "kept"}}
    for operation in (
        "GetGraphqlApi",
        "ListApiKeys",
        "ListDataSources",
        "ListFunctions",
        "GetSchemaCreationStatus",
        "GetGraphqlApiEnvironmentVariables",
    ):
        assert await again.call(operation) == await world.call(operation)
    assert (await again.call("ListResolvers", typeName="Query"))["resolvers"][0]["fieldName"] == "plain"
    function_id = function["functionConfiguration"]["functionId"]
    assert (await again.call("GetFunction", functionId=function_id)) == function


@pytest.mark.rule("GQL-23")
async def test_an_update_resets_what_it_leaves_out_but_not_the_tags(world: Any) -> None:
    await world.create(tags={"a": "b"}, queryDepthLimit=5)
    await world.call("UpdateGraphqlApi", name="u", authenticationType="API_KEY")
    api = (await world.call("GetGraphqlApi"))["graphqlApi"]
    assert (api["name"], api["queryDepthLimit"], api["tags"]) == ("u", 0, {"a": "b"})


@pytest.mark.rule("GQL-23")
async def test_parts_read_back(world: Any) -> None:
    await world.create(SDL)
    source = (await world.call("CreateDataSource", name="local", type="NONE", description="d"))["dataSource"]
    arn = f"arn:aws:appsync:us-east-1:000000000000:apis/{world.api_id}"
    assert source == {"name": "local", "type": "NONE", "description": "d", "dataSourceArn": f"{arn}/datasources/local"}
    await world.local("Query", "plain", '{"version": "2018-05-29", "payload": 1}\n\n', " $util.toJson($ctx.result)")
    resolver = (await world.call("GetResolver", typeName="Query", fieldName="plain"))["resolver"]
    assert resolver == {
        "typeName": "Query",
        "fieldName": "plain",
        "dataSourceName": "local",
        "resolverArn": f"{arn}/types/Query/resolvers/plain",
        "requestMappingTemplate": '{"version": "2018-05-29", "payload": 1}\n\n',
        "responseMappingTemplate": " $util.toJson($ctx.result)",
        "kind": "UNIT",
        "maxBatchSize": 0,
    }
    assert (await world.call("ListResolvers", typeName="Query"))["resolvers"] == [resolver]
    assert (await world.call("ListDataSources"))["dataSources"] == [source]


@pytest.mark.rule("GQL-23")
async def test_tags(world: Any) -> None:
    await world.create(tags={"a": "1"})
    arn = (await world.call("GetGraphqlApi"))["graphqlApi"]["arn"]
    await world.call("TagResource", resourceArn=arn, tags={"b": "2"})
    await world.call("UntagResource", resourceArn=arn, tagKeys=["a"])
    assert (await world.call("ListTagsForResource", resourceArn=arn))["tags"] == {"b": "2"}


@pytest.mark.rule("GQL-23")
async def test_lists_come_in_pages(world: Any) -> None:
    await world.create()
    for _ in range(4):
        await world.call("CreateApiKey")
    first = await world.call("ListApiKeys", maxResults=3)
    rest = await world.call("ListApiKeys", maxResults=3, nextToken=first["nextToken"])
    ids = [key["id"] for key in first["apiKeys"] + rest["apiKeys"]]
    assert (len(first["apiKeys"]), len(set(ids)), "nextToken" in rest) == (3, 5, False)


@pytest.mark.rule("GQL-2")
async def test_a_change_is_in_force_for_the_next_request(world: Any) -> None:
    await world.create(SDL)
    await world.local("Query", "plain", '{"version": "2018-05-29", "payload": "one"}')
    assert await world.ask("{plain}") == {"data": {"plain": "one"}}
    await world.call(
        "UpdateResolver",
        typeName="Query",
        fieldName="plain",
        dataSourceName="local",
        requestMappingTemplate='{"version": "2018-05-29", "payload": "two"}',
        responseMappingTemplate="$util.toJson($ctx.result)",
    )
    assert await world.ask("{plain}") == {"data": {"plain": "two"}}
    await world.call("DeleteResolver", typeName="Query", fieldName="plain")
    assert await world.ask("{plain}") == {"data": {"plain": None}}
    assert (await world.schema("type Query { other: Int }"))["status"] == "SUCCESS"
    assert (await world.ask("{plain}"))["data"] is None


@pytest.mark.rule("GQL-2")
async def test_a_document_is_read_once(world: Any) -> None:
    await world.create(SDL)
    documents = world.engine.live(world.api_id).documents
    assert documents.find("{plain}", None) is documents.find("{plain}", None)


@pytest.mark.rule("GQL-25")
async def test_refused_parts_are_not_kept(world: Any) -> None:
    await world.create(SDL)
    field = {"typeName": "Query", "fieldName": "plain"}
    assert await refused(world.call("CreateResolver", typeName="Query", fieldName="zz", dataSourceName="local")) == (
        "NotFoundException",
        "No field named zz found on type Query",
    )
    code, _ = await refused(world.call("CreateResolver", **field, dataSourceName="nowhere"))
    assert code == "NotFoundException"
    await world.call("CreateDataSource", name="local", type="NONE")
    code, _ = await refused(
        world.call(
            "CreateResolver",
            **field,
            dataSourceName="local",
            requestMappingTemplate="#if(",
            responseMappingTemplate="x",
        )
    )
    assert code == "BadRequestException"
    assert (await world.call("ListResolvers", typeName="Query"))["resolvers"] == []
    assert (await refused(world.call("CreateDataSource", name="local", type="NONE")))[0] == "BadRequestException"
    await world.local("Query", "plain")
    assert (await refused(world.call("CreateResolver", **field, dataSourceName="local")))[0] == "BadRequestException"
    assert (await refused(world.call("DeleteDataSource", name="local")))[0] == "BadRequestException"


@pytest.mark.rule("GQL-25")
async def test_pipelines_of_functions(world: Any) -> None:
    await world.create(SDL)
    await world.call("CreateDataSource", name="local", type="NONE")
    made = await world.call("CreateFunction", name="f", dataSourceName="local", functionVersion="2018-05-29", **STEP)
    function_id = made["functionConfiguration"]["functionId"]
    await world.call(
        "CreateResolver",
        typeName="Query",
        fieldName="plain",
        kind="PIPELINE",
        pipelineConfig={"functions": [function_id]},
        requestMappingTemplate="{}",
        responseMappingTemplate="$util.toJson($ctx.prev.result)",
    )
    assert await world.ask("{plain}") == {"data": {"plain": "stepped"}}
    found = await world.call("ListResolversByFunction", functionId=function_id)
    assert [each["fieldName"] for each in found["resolvers"]] == ["plain"]
    assert (await refused(world.call("DeleteFunction", functionId=function_id)))[0] == "BadRequestException"
    changed = {**STEP, "requestMappingTemplate": '{"version": "2018-05-29", "payload": "changed"}'}
    await world.call("UpdateFunction", functionId=function_id, name="f", dataSourceName="local", **changed)
    assert await world.ask("{plain}") == {"data": {"plain": "changed"}}


@pytest.mark.rule("GQL-26")
async def test_keys(world: Any) -> None:
    await world.create()
    now = world.clock.now()
    key = (await world.call("CreateApiKey", description="d", expires=int(now) + 2 * DAY))["apiKey"]
    assert key["id"].startswith("da2-")
    assert len(key["id"]) == 30
    assert (key["expires"] % HOUR, key["deletes"] - key["expires"], key["description"]) == (0, 60 * DAY, "d")
    assert now + 2 * DAY - HOUR < key["expires"] <= now + 2 * DAY
    for days in (-1, 0, 366):
        code, _ = await refused(world.call("CreateApiKey", expires=int(now) + days * DAY))
        assert code == "ApiKeyValidityOutOfBoundsException"
    updated = (await world.call("UpdateApiKey", id=key["id"], expires=int(now) + 9 * DAY))["apiKey"]
    assert (updated["description"], updated["expires"] > key["expires"]) == ("d", True)
    await world.call("DeleteApiKey", id=key["id"])
    assert (await refused(world.call("DeleteApiKey", id=key["id"])))[0] == "NotFoundException"


@pytest.mark.rule("GQL-26")
async def test_fifty_keys_and_no_more(world: Any) -> None:
    await world.create()
    for _ in range(49):
        await world.call("CreateApiKey")
    assert (await refused(world.call("CreateApiKey")))[0] == "ApiKeyLimitExceededException"


@pytest.mark.rule("GQL-24")
async def test_the_schemas_document(world: Any) -> None:
    await world.create()
    assert (await refused(world.call("GetIntrospectionSchema", format="SDL")))[0] == "GraphQLSchemaException"
    await world.schema("type Query { a(x: AWSDate): Int @aws_api_key }")
    with_directives = (await world.call("GetIntrospectionSchema", format="SDL"))["schema"]
    assert with_directives == b"type Query {\n  a(x: AWSDate): Int @aws_api_key\n}\n"
    bare = (await world.call("GetIntrospectionSchema", format="SDL", includeDirectives=False))["schema"]
    assert bare == b"type Query {\n  a(x: AWSDate): Int\n}\n"
    as_json = (await world.call("GetIntrospectionSchema", format="JSON"))["schema"]
    assert json.decode(as_json)["data"]["__schema"]["queryType"]["name"] == "Query"
    assert (await world.schema(as_json.decode()))["status"] == "SUCCESS"


@pytest.mark.rule("GQL-27")
async def test_what_is_not_there_is_refused_by_name(world: Any) -> None:
    await world.create(SDL)
    code, _ = await refused(world.call("CreateGraphqlApi", name="x", authenticationType="API_KEY", apiType="MERGED"))
    assert code == "UnsupportedOperation"
    code, message = await refused(world.call("CreateDataSource", name="es", type="AMAZON_ELASTICSEARCH"))
    assert (code, "AMAZON_ELASTICSEARCH" in message) == ("UnsupportedOperation", True)
    call = world.call("StartSchemaMerge", associationId="a", mergedApiIdentifier=world.api_id)
    assert (await refused(call))[0] == "UnsupportedOperation"


@pytest.mark.rule("GQL-28")
async def test_how_a_request_finds_its_api(world: Any) -> None:
    await world.create(SDL)
    first, first_key = world.api_id, world.key

    def request(path: str, **headers: str) -> Request:
        return Request("POST", path, "", [(name.replace("_", "-"), value) for name, value in headers.items()])

    assert world.engine.api_of(request("/graphql")) == first
    await world.create(SDL)
    assert world.engine.api_of(request("/graphql")) is None
    assert world.engine.api_of(request(f"/graphql/{first}/realtime")) == first
    assert world.engine.api_of(request("/graphql", host=f"{first}.appsync-api.us-east-1.amazonaws.com")) == first
    assert world.engine.api_of(request("/graphql/realtime", x_api_key=first_key)) == first


@pytest.mark.rule("GQL-28")
async def test_a_socket_finds_its_api_by_its_key(world: Any) -> None:
    await world.create(SDL)
    first_key = world.key
    await world.create(SDL)
    upgrade = Request("GET", "/graphql/realtime", "", [])
    endpoint = world.engine.endpoint(world.engine.api_of(upgrade), upgrade)
    await endpoint.connect(upgrade, {"host": "localhost", "X-Api-Key": first_key})
    assert (await refused(world.engine.endpoint(None, upgrade).connect(upgrade, {"x-api-key": "da2-"})))[
        0
    ] == "NotFoundException"


async def test_an_unknown_api(world: Any) -> None:
    assert (await refused(world.call("GetGraphqlApi", apiId="nothere")))[0] == "NotFoundException"


@pytest.mark.rule("GQL-23")
async def test_a_part_that_no_longer_compiles_does_not_keep_the_rest_from_starting(world: Any) -> None:
    await world.create(SDL)
    await world.local("Query", "plain", '{"version": "2018-05-29", "payload": "kept"}')
    await world.call("CreateDataSource", name="rest", type="NONE")
    entry = world.engine.catalog.entry(world.api_id)
    await entry.sources.put(msgspec.structs.replace(entry.sources["rest"], type="AMAZON_EVENTBRIDGE"))
    again = type(world)(world.store, world.clock, type(world.meter)(out=None))
    await again.engine.load()
    again.api_id, again.key = world.api_id, world.key
    assert await again.ask("{plain}") == {"data": {"plain": "kept"}}


@pytest.mark.rule("AUTH-16")
async def test_a_tag_names_the_origins_whose_pages_may_ask(world: Any) -> None:
    await world.create()
    request = Request("POST", f"/graphql/{world.api_id}", "", [("origin", "https://app.test")])
    assert world.engine.origins(request) is None
    arn = (await world.call("GetGraphqlApi"))["graphqlApi"]["arn"]
    await world.call(
        "TagResource", resourceArn=arn, tags={"syncline:origins": "https://app.test http://localhost:3000"}
    )
    assert world.engine.origins(request) == {"https://app.test", "http://localhost:3000"}
    for wrong in ("https://app.test/", "app.test", "https://APP.test", "null"):
        with pytest.raises(SynclineError, match=r"scheme://host\[:port\]"):
            await world.call("TagResource", resourceArn=arn, tags={"syncline:origins": wrong})
    await world.call("UntagResource", resourceArn=arn, tagKeys=["syncline:origins"])
    assert world.engine.origins(request) is None
