"""APPSYNC_JS through the public doors: code checked at creation, run over real tables, tried out by boto3."""

from __future__ import annotations

import io
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.aws import called, client
from syncline.core import Meter, Settings, SystemClock, json
from syncline.datasources import Engines
from syncline.store import MemoryStore
from syncline.streams import Streams
from syncline.tables import TableEngine, Tables

RUNTIME = {"name": "APPSYNC_JS", "runtimeVersion": "1.0.0"}
SDL = """
type Note { id: ID! title: String version: Int owner: String }
type Page { items: [Note!]! nextToken: String }
type Query { note(id: ID!): Note notes(limit: Int, nextToken: String): Page plain(n: Int): Int }
type Mutation { putNote(id: ID!, title: String!): Note bumpNote(id: ID!, expected: Int!): Note }
"""
GET = """import { util } from '@aws-appsync/utils';
import * as ddb from '@aws-appsync/utils/dynamodb';
export function request(ctx) {
  return ddb.get({ key: { id: ctx.args.id } });
}
export function response(ctx) {
  const { error, result } = ctx;
  if (error) {
    util.error(error.message, error.type, result);
  }
  return result;
}
"""
LIST = GET.replace(
    "ddb.get({ key: { id: ctx.args.id } })",
    "ddb.scan({ limit: ctx.args.limit ?? 20, nextToken: ctx.args.nextToken })",
)
PUT = GET.replace(
    "ddb.get({ key: { id: ctx.args.id } })",
    "ddb.put({ key: { id: ctx.args.id }, item: { title: ctx.args.title, version: 1, owner: ctx.stash.owner }, "
    "condition: { id: { attributeExists: false } } })",
)
BUMP = GET.replace(
    "ddb.get({ key: { id: ctx.args.id } })",
    "ddb.update({ key: { id: ctx.args.id }, update: { version: ddb.operations.increment(1) }, "
    "condition: { version: { eq: ctx.args.expected } } })",
)
OWNER = """export function request(ctx) { ctx.stash.owner = 'ann'; return {} }
export const response = (ctx) => ctx.prev.result
"""


@pytest.fixture
async def notes(make_world: Any, store: MemoryStore, streams: Streams, clock: Any, ids: Any, meter: Meter) -> Any:
    """An API with its resolvers in JavaScript over a real table."""
    tables = TableEngine(store, streams, clock, ids, Settings(), meter)
    await tables.load()
    await Tables(tables).create_table(
        {
            "TableName": "notes",
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "BillingMode": "PAY_PER_REQUEST",
        }
    )
    world = make_world(Engines(tables=tables, secret=b"test"))
    await world.create(SDL)
    await world.call(
        "CreateDataSource",
        name="notes",
        type="AMAZON_DYNAMODB",
        dynamodbConfig={"tableName": "notes", "awsRegion": "us-east-1"},
        serviceRoleArn="arn:aws:iam::000000000000:role/r",
    )
    for field, code in {"Query.note": GET, "Query.notes": LIST, "Mutation.bumpNote": BUMP}.items():
        await attach(world, field, code, dataSourceName="notes")
    made = await world.call("CreateFunction", name="put", dataSourceName="notes", runtime=RUNTIME, code=PUT)
    step = made["functionConfiguration"]["functionId"]
    await attach(world, "Mutation.putNote", OWNER, kind="PIPELINE", pipelineConfig={"functions": [step]})
    return world


async def attach(world: Any, field: str, code: str, **members: Any) -> Any:
    type_name, field_name = field.split(".")
    return await world.call(
        "CreateResolver", typeName=type_name, fieldName=field_name, runtime=RUNTIME, code=code, **members
    )


@pytest.mark.rule("RES-13")
async def test_an_api_in_javascript_over_a_real_table(notes: Any) -> None:
    put = 'mutation { putNote(id: "1", title: "a") { id title version owner } }'
    first = {"id": "1", "title": "a", "version": 1, "owner": "ann"}
    assert await notes.ask(put) == {"data": {"putNote": first}}
    again = await notes.ask('mutation { putNote(id: "1", title: "b") { id title } }')
    assert again["data"] == {"putNote": None}
    (error,) = again["errors"]
    assert error["errorType"] == "DynamoDB:ConditionalCheckFailedException"
    assert error["data"] == {"id": "1", "title": "a"}
    bump = 'mutation { bumpNote(id: "1", expected: 1) { version } }'
    assert await notes.ask(bump) == {"data": {"bumpNote": {"version": 2}}}
    assert (await notes.ask(bump))["errors"][0]["errorType"] == "DynamoDB:ConditionalCheckFailedException"
    assert await notes.ask('{ note(id: "1") { version } gone: note(id: "2") { id } }') == {
        "data": {"note": {"version": 2}, "gone": None}
    }
    await notes.ask('mutation { putNote(id: "2", title: "b") { id } }')
    page = (await notes.ask("{ notes(limit: 1) { items { id } nextToken } }"))["data"]["notes"]
    rest = await notes.ask("query($t: String) { notes(nextToken: $t) { items { id } nextToken } }", t=page["nextToken"])
    ids = {item["id"] for found in (page, rest["data"]["notes"]) for item in found["items"]}
    assert ids == {"1", "2"}


@pytest.mark.rule("RES-16")
async def test_a_bomb_is_an_error_in_appsyncs_shape_and_neighbours_live(world: Any) -> None:
    await world.create(SDL)
    await world.call("CreateDataSource", name="local", type="NONE")
    bomb = "export function request(ctx) { const a = [1]; for (const x of a) { a.push(x) } }\n" + OWNER.split("\n")[1]
    await attach(world, "Query.plain", bomb, dataSourceName="local")
    answer = await world.ask("{ plain }")
    assert answer == {
        "data": {"plain": None},
        "errors": [
            {
                "path": ["plain"],
                "data": None,
                "errorType": "Code",
                "errorInfo": None,
                "locations": [{"line": 1, "column": 3, "sourceName": None}],
                "message": "Runtime Error",
            }
        ],
    }
    fine = "export const request = (ctx) => ({ payload: ctx.args.n })\nexport const response = (ctx) => ctx.result"
    await world.call(
        "UpdateResolver", typeName="Query", fieldName="plain", runtime=RUNTIME, code=fine, dataSourceName="local"
    )
    assert await world.ask("{ plain(n: 3) }") == {"data": {"plain": 3}}


@pytest.mark.rule("RES-17")
async def test_code_with_errors_is_refused_in_aws_shape(world: Any) -> None:
    await world.create(SDL)
    await world.call("CreateDataSource", name="local", type="NONE")
    appsync = client(world.operations, "appsync")
    with pytest.raises(ClientError) as refused:
        await called(
            appsync.create_resolver,
            apiId=world.api_id,
            typeName="Query",
            fieldName="plain",
            dataSourceName="local",
            runtime=RUNTIME,
            code="export function request(ctx) {\n  while (true) {}\n}\nexport function response(ctx) { return nope }",
        )
    answer = refused.value.response
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert answer["Error"] == {"Code": "BadRequestException", "Message": "The code contains one or more errors."}
    assert answer["reason"] == "CODE_ERROR"
    assert answer["detail"]["codeErrors"] == [
        {
            "errorType": "LINT_ERROR",
            "value": "While statements are not supported.",
            "location": {"line": 2, "column": 3, "span": 15},
        },
        {
            "errorType": "PARSE_ERROR",
            "value": "code.js(4,40): error TS2304: Cannot find name 'nope'.\n",
            "location": {"line": 4, "column": 40, "span": 4},
        },
    ]
    with pytest.raises(ClientError) as refused:
        await called(
            appsync.create_function, apiId=world.api_id, name="f", dataSourceName="local", runtime=RUNTIME, code="x ="
        )
    assert refused.value.response["Error"]["Code"] == "BadRequestException"
    assert (await world.call("ListFunctions"))["functions"] == []


@pytest.mark.rule("RES-17")
async def test_code_is_there_after_a_restart(notes: Any, make_world: Any) -> None:
    await notes.ask('mutation { putNote(id: "1", title: "a") { id } }')
    again = make_world(notes.engines)
    await again.engine.load()
    again.api_id, again.key = notes.api_id, notes.key
    assert await again.ask('{ note(id: "1") { title } }') == {"data": {"note": {"title": "a"}}}
    found = (await again.call("GetResolver", typeName="Query", fieldName="note"))["resolver"]
    assert (found["code"], found["runtime"]) == (GET, RUNTIME)


@pytest.mark.rule("RES-18")
async def test_evaluate_code_by_boto3(world: Any) -> None:
    appsync = client(world.operations, "appsync")
    context = json.encode({"arguments": {"id": "1"}, "stash": {"a": 1}}).decode()
    found = await called(appsync.evaluate_code, runtime=RUNTIME, code=GET, context=context, function="request")
    assert json.decode(found["evaluationResult"].encode()) == {"operation": "GetItem", "key": {"id": {"S": "1"}}}
    assert (found["logs"], found["stash"], found["outErrors"]) == ([], '{"a":1}', "[]")
    failed = json.encode({"error": {"message": "foo", "type": "T"}}).decode()
    found = await called(appsync.evaluate_code, runtime=RUNTIME, code=GET, context=failed, function="response")
    assert found["error"]["message"] == "foo"
    assert "evaluationResult" not in found
    found = await called(appsync.evaluate_code, runtime=RUNTIME, code="for (;;) {}", context="{}")
    assert [each["errorType"] for each in found["error"]["codeErrors"]] == ["LINT_ERROR", "PARSE_ERROR"]
    with pytest.raises(ClientError, match="The context is not valid"):
        await called(appsync.evaluate_code, runtime=RUNTIME, code=GET, context="[]")


@pytest.mark.rule("RES-18")
async def test_evaluate_mapping_template_by_boto3(world: Any) -> None:
    appsync = client(world.operations, "appsync")
    found = await called(
        appsync.evaluate_mapping_template,
        template='#set($ctx.stash.b = 2)$util.log.info("got {}", $ctx.args.id){"id": "$ctx.args.id"}',
        context='{"arguments": {"id": "1"}}',
    )
    assert found["evaluationResult"] == '{"id": "1"}'
    assert found["logs"] == ["got 1"]
    found = await called(appsync.evaluate_mapping_template, template='$util.error("no", "T")', context="{}")
    assert found["error"]["message"] == "no"


@pytest.mark.rule("RES-16")
async def test_console_lines_reach_the_log(make_world: Any) -> None:
    out = io.StringIO()
    world = make_world(meter=Meter(SystemClock(), out))
    await world.create(SDL)
    await world.call("CreateDataSource", name="local", type="NONE")
    code = 'export function request(ctx) {\n  console.log("n", ctx.args.n)\n  return {}\n}\n' + OWNER.split("\n")[1]
    await attach(world, "Query.plain", code.replace("ctx.prev.result", "1"), dataSourceName="local")
    assert await world.ask("{ plain(n: 2) }") == {"data": {"plain": 1}}
    lines = [json.decode(line.encode()) for line in out.getvalue().splitlines()]
    (line,) = [each for each in lines if each["event"] == "resolver log"]
    assert line["message"] == 'INFO - code.js:2:3: "n" 2'
