"""The log group of an API: AppSync's lines, by its configuration, without secrets."""

from __future__ import annotations

from typing import Any

import pytest

from syncline.core import Request, json
from syncline.monitoring import LogsService

ROLE = "arn:aws:iam::000000000000:role/logs"
SDL = (
    "type Item { id: ID! n: Int } type Query { item(id: ID!, secretWord: String): Item bad: Int piped: Int coded: Int }"
)
REQUEST = '$util.log.info("asked {}", $ctx.args.id)$util.log.debug("deep")$util.log.error("odd")' + (
    '{"version": "2018-05-29", "payload": {"id": $util.toJson($ctx.args.id), "n": 1}}'
)
JS = {"name": "APPSYNC_JS", "runtimeVersion": "1.0.0"}
CODE = """export function request(ctx) {
  console.log('before', ctx.args);
  console.error('worse');
  return { payload: 2 };
}
export const response = (ctx) => ctx.result;
"""
STEP = "export const request = (ctx) => ({payload: 5})\nexport function response(ctx) { return ctx.result }"


def settings(level: str, *, terse: bool = False) -> dict[str, Any]:
    return {"fieldLogLevel": level, "cloudWatchLogsRoleArn": ROLE, "excludeVerboseContent": terse}


async def logging(world: Any, level: str, *, terse: bool = False) -> None:
    await world.create(SDL, logConfig=settings(level, terse=terse))
    await world.local("Query", "item", REQUEST)
    await world.local("Query", "bad", response='$util.error("no", "Mine")')


async def lines(world: Any) -> list[str]:
    """All that the API has logged, in order."""
    await world.log_writer.drain()
    service = LogsService(world.logs, region="us-east-1", account="0")
    asked: dict[str, Any] = {"logGroupName": f"/aws/appsync/apis/{world.api_id}"}
    if not world.logs.groups(asked["logGroupName"]):
        return []
    found: list[str] = []
    while True:
        page = await service.filter_log_events(asked)
        found += [event["message"] for event in page["events"]]
        if "nextToken" not in page:
            return found
        asked["nextToken"] = page["nextToken"]


def heads(found: list[str]) -> list[str]:
    """What kind of line each is; all of one request begin with its id or tell it."""
    assert all(line.startswith(("{", "r1 ")) for line in found), found
    assert all(each["requestId"] == "r1" for each in structured(found))
    kinds = [json.decode(line.encode())["logType"] if line.startswith("{") else line[3:] for line in found]
    return [kind.partition(":")[0] for kind in kinds]


def structured(found: list[str]) -> list[dict[str, Any]]:
    return [json.decode(line.encode()) for line in found if line.startswith("{")]


async def ask(world: Any, query: str, **variables: Any) -> Any:
    body = json.encode({"query": query, "variables": variables})
    headers = [("x-api-key", world.key), ("x-a", "1"), ("x-a", "2")]
    request = Request("POST", f"/graphql/{world.api_id}", "", headers, body, id="r1")
    return json.decode((await world.engine.respond(world.api_id, request)).body)


ITEM = 'query Q($id: ID!) { item(id: $id, secretWord: "w") { n } }'


@pytest.mark.rule("GQL-68")
async def test_everything_of_a_request_in_appsyncs_order(world: Any) -> None:
    await logging(world, "ALL")
    assert await ask(world, ITEM, id="7") == {"data": {"item": {"n": 1}}}
    found = await lines(world)
    assert heads(found) == [
        "Begin Request",
        "Request Headers",
        "GraphQL Query",
        "Begin Execution - Type Name",
        "INFO - asked 7",
        "DEBUG - deep",
        "ERROR - odd",
        "RequestMapping",
        "ResponseMapping",
        "End Field Execution",
        "Begin Tracing",
        "Tracing",
        "End Tracing",
        "ExecutionSummary",
        "Tokens Consumed",
        "Response Headers",
        "End Request",
        "RequestSummary",
    ]
    assert found[1] == "r1 Request Headers: {x-api-key=[***], x-a=[1, 2]}"
    assert found[2] == f'r1 GraphQL Query: {ITEM}, Operation: null, Variables: {{"id":"7"}}'
    assert found[3] == "r1 Begin Execution - Type Name: Query and Field Name: item"
    request, response, tracing, execution, summary = structured(found)
    arn = f"arn:aws:appsync:us-east-1:000000000000:apis/{world.api_id}/types/Query/fields/item"
    assert request == {
        "logType": "RequestMapping",
        "path": ["item"],
        "fieldName": "item",
        "parentType": "Query",
        "resolverArn": arn,
        "fieldInError": False,
        "errors": [],
        "context": {"arguments": {"id": "7", "secretWord": "***"}, "stash": {}, "outErrors": []},
        "transformedTemplate": '{"version":"2018-05-29","payload":{"id":"7","n":1}}',
        "requestId": "r1",
        "graphQLAPIId": world.api_id,
    }
    assert response["context"]["result"] == {"id": "7", "n": 1}
    assert (tracing["returnType"], tracing["resolverArn"], tracing["path"]) == ("Item", arn, ["item"])
    assert execution["duration"] >= tracing["duration"] > 0
    assert execution["endTime"] >= execution["startTime"]
    assert (summary["logType"], summary["statusCode"], summary["graphQLAPIId"]) == ("RequestSummary", 200, world.api_id)


ALWAYS = ["ExecutionSummary", "Tokens Consumed", "End Request", "RequestSummary"]
MAPPINGS = ["RequestMapping", "ResponseMapping"]
FIELD = ["Begin Execution - Type Name", "End Field Execution"]


@pytest.mark.rule("GQL-68")
@pytest.mark.parametrize(
    ("level", "kinds"),
    [
        ("NONE", []),
        ("ERROR", [FIELD[0], "ERROR - odd", FIELD[1], FIELD[0], *MAPPINGS, FIELD[1]]),
        (
            "INFO",
            [
                FIELD[0],
                "INFO - asked 7",
                "ERROR - odd",
                FIELD[1],
                FIELD[0],
                "RequestMapping",
                "ResponseMapping",
                FIELD[1],
            ],
        ),
    ],
)
async def test_levels_tell_more_and_more(world: Any, level: str, kinds: list[str]) -> None:
    await logging(world, level, terse=True)
    await ask(world, "query Q($id: ID!) { item(id: $id) { n } bad }", id="7")
    found = await lines(world)
    errors = ["GraphQL Errors"] if kinds else []
    assert heads(found) == ["Begin Request", *kinds, *errors, *ALWAYS]
    for note in structured(found)[:-2]:
        assert "context" not in note
        assert "transformedTemplate" not in note
        assert note["path"] == ["bad"]
        assert note["errors"] == ([] if note["logType"] == "RequestMapping" else ["no"])


@pytest.mark.rule("GQL-68")
async def test_code_and_pipelines_have_names_of_their_own(world: Any) -> None:
    await logging(world, "ALL")
    given = {"typeName": "Query", "dataSourceName": "local", "runtime": JS}
    await world.call("CreateResolver", fieldName="coded", code=CODE, **given)
    step = {"name": "step", "dataSourceName": "local", "runtime": JS, "code": STEP}
    function = (await world.call("CreateFunction", **step))["functionConfiguration"]
    pipeline = {"kind": "PIPELINE", "pipelineConfig": {"functions": [function["functionId"]]}}
    await world.call(
        "CreateResolver",
        typeName="Query",
        fieldName="piped",
        requestMappingTemplate="{}",
        responseMappingTemplate="$util.toJson($ctx.prev.result)",
        **pipeline,
    )
    assert await ask(world, "{ coded piped }") == {"data": {"coded": 2, "piped": 5}}
    found = await lines(world)
    own = [line for line in found if "code.js" in line]
    assert own == ["r1 INFO - code.js:2:3: \"before\" {}", 'r1 ERROR - code.js:3:3: "worse"']  # fmt: skip
    notes = [each for each in structured(found) if "fieldInError" in each]
    assert [each["logType"] for each in notes] == [
        "RequestFunctionEvaluation",
        "ResponseFunctionEvaluation",
        "BeforeMapping",
        "RequestFunctionEvaluation",
        "ResponseFunctionEvaluation",
        "AfterMapping",
    ]
    assert notes[0]["evaluationResult"] == {"payload": 2}
    assert (notes[3]["functionName"], notes[3]["functionId"]) == ("step", function["functionId"])


@pytest.mark.rule("GQL-68")
async def test_logging_begins_and_ends_with_its_configuration(world: Any) -> None:
    await world.create(SDL)
    await world.local("Query", "item", REQUEST)
    await ask(world, ITEM, id="1")
    assert await lines(world) == []
    update = {"name": "t", "authenticationType": "API_KEY"}
    await world.call("UpdateGraphqlApi", **update, logConfig=settings("ALL"))
    await ask(world, ITEM, id="2")
    assert "RequestMapping" in heads(await lines(world))
    await world.call("UpdateGraphqlApi", **update)
    count = len(await lines(world))
    await ask(world, ITEM, id="3")
    assert len(await lines(world)) == count


@pytest.mark.rule("GQL-68")
async def test_refused_requests_and_introspection_are_logged_too(world: Any) -> None:
    await logging(world, "ALL")
    await world.post(b"{")
    await ask(world, "{ __typename __schema { queryType { name } } item(id: 1) { n } }")
    found = await lines(world)
    assert found[0] == " Begin Request"
    assert [each["statusCode"] for each in structured(found) if each["logType"] == "RequestSummary"] == [400, 200]
    assert [each["path"] for each in structured(found) if each["logType"] == "RequestMapping"] == [["item"]]


@pytest.mark.rule("GQL-68")
async def test_a_request_logs_a_megabyte_at_most(world: Any) -> None:
    await logging(world, "ALL")
    # Each field's context and template are cut by the rules of redaction; many fields make up for it.
    fields = " ".join(f'f{n}: item(id: "{"x" * 900}") {{ n }}' for n in range(600))
    await ask(world, f"{{ {fields} }}")
    found = await lines(world)
    assert 900_000 < sum(map(len, found)) <= 1_000_000


@pytest.mark.rule("GQL-68")
async def test_what_cannot_be_written_in_time_is_dropped_and_counted(world: Any, meter: Any) -> None:
    await logging(world, "NONE")
    for _ in range(2_010):
        world.log_writer.write("g", "s", lambda: ["x"])
    assert meter.counter("syncline_monitoring_dropped_writes_total").value == 10
    await world.log_writer.drain()
    (stream,) = await world.logs.streams("g")
    assert stream.count == 2_000


@pytest.mark.rule("GQL-16")
@pytest.mark.rule("GQL-68")
@pytest.mark.parametrize(("level", "told"), [("NONE", False), ("ERROR", True), ("ALL", True)])
async def test_what_a_mutation_leaves_out_is_a_line(world: Any, outbox: Any, level: str, told: bool) -> None:
    sdl = "type Note { id: ID text: String } type Query { a: Int } type Mutation { put(id: ID, text: String): Note }"
    sdl += ' type Subscription { onPut: Note @aws_subscribe(mutations: ["put"]) }'
    await world.create(sdl, logConfig=settings(level))
    await world.local("Mutation", "put")
    await (await world.connect()).subscribe(world.start("subscription {onPut {id text}}", outbox))
    for _ in range(2):
        await ask(world, "mutation {put(id: 1) {id}}")
    gap = {"logType": "SelectionGap", "mutation": "put", "subscription": "onPut", "missing": ["text"]}
    tags = {"requestId": "r1", "graphQLAPIId": world.api_id}
    gaps = [each for each in structured(await lines(world)) if each["logType"] == "SelectionGap"]
    assert gaps == ([gap | tags] if told else [])
