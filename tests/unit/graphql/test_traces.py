"""Traces of failed requests: where and why, without secrets, and asked again."""

from __future__ import annotations

import io
from typing import Any

import pytest

from syncline.core import Meter, Request, SynclineError, json
from syncline.core.settings import Settings, Traces
from syncline.graphql.redaction import Redaction

SDL = """
type Item { id: ID! n: Int }
type Query { item(id: ID!, secretWord: String): Item good: Int inner: Int }
type Mutation { save(id: ID!): Item }
"""
REQUEST = '{"version": "2018-05-29",\n "payload": {"id": $util.toJson($ctx.args.id)}}'
RESPONSE = '#set($x = 1)\n\n  $util.error("boom for $ctx.args.id", "Mine", $ctx.result)'
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.sig"
AGAIN = Request("POST", "/_syncline/traces", "", [])


async def failed(world: Any, headers: dict[str, str] | None = None) -> Any:
    """The trace of a request that failed in a response template."""
    await world.create(SDL)
    await world.call("PutGraphqlApiEnvironmentVariables", environmentVariables={"STAGE": "test", "DB_PASSWORD": "hush"})
    await world.local("Query", "item", REQUEST, RESPONSE)
    await world.local("Query", "good", '{"version": "2018-05-29", "payload": 1}')
    query = 'query Q($id: ID!) { item(id: $id, secretWord: "w") { id } good }'
    body = {"query": query, "variables": {"id": "7"}, "operationName": "Q"}
    await world.post(body, {"x-api-key": world.key, **(headers or {})})
    (short,) = world.engine.traces()
    assert short["resolver"] == "Query.item"
    assert short["message"] == "boom for 7"
    return world.engine.trace(short["id"])


@pytest.mark.rule("GQL-65")
async def test_a_failure_names_resolver_handler_line_and_column(world: Any) -> None:
    trace = await failed(world)
    (failure,) = trace["failures"]
    context = failure.pop("ctx")
    assert failure == {
        "path": ["item"],
        "resolver": "Query.item",
        "handler": "Query.item response",
        "line": 3,
        "column": 8,
        "errorType": "Mine",
        "message": "boom for 7",
        "request": {"version": "2018-05-29", "payload": {"id": "7"}},
    }
    assert context["arguments"] == {"id": "7", "secretWord": "***"}
    assert context["result"] == {"id": "7"}
    assert context["env"] == {"STAGE": "test", "DB_PASSWORD": "***"}
    assert [(each["path"], each["field"]) for each in trace["timings"]] == [
        (["item"], "Query.item"),
        (["good"], "Query.good"),
    ]
    assert trace["durationMs"] >= trace["timings"][1]["startMs"] >= 0
    assert trace["request"]["variables"] == {"id": "7"}
    assert trace["errors"][0]["message"] == "boom for 7"


@pytest.mark.rule("GQL-65")
async def test_the_log_line_leads_to_the_trace(store: Any, clock: Any) -> None:
    from tests.unit.graphql.conftest import World

    out = io.StringIO()
    world = World(store, clock, Meter(out=out))
    trace = await failed(world)
    line = next(json.decode(each) for each in out.getvalue().splitlines() if '"graphql errors"' in each)
    assert (line["trace"], line["resolver"], line["handler"], line["line"]) == (
        trace["id"],
        "Query.item",
        "Query.item response",
        3,
    )


@pytest.mark.rule("GQL-65")
async def test_a_template_that_breaks_and_a_data_source_that_refuses_are_placed(world: Any) -> None:
    await world.create(SDL)
    await world.local("Query", "good", '{"version": "2018-05-29", "payload": 1}', "\n $util.nope(1)")
    await world.local("Query", "inner", '"no document"', "$util.error($ctx.error.message, $ctx.error.type)")
    await world.ask("{ good }")
    await world.ask("{ inner }")
    inner, good = (world.engine.trace(each["id"])["failures"][0] for each in world.engine.traces())
    assert (good["handler"], good["line"], good["column"]) == ("Query.good response", 2, 7)
    assert (inner["errorType"], inner["request"]) == ("MappingTemplate", "no document")


@pytest.mark.rule("GQL-65")
async def test_a_request_that_went_well_leaves_none(world: Any) -> None:
    await world.create(SDL)
    await world.local("Query", "good", '{"version": "2018-05-29", "payload": 1}')
    await world.ask("{ good }")
    assert world.engine.traces() == []


@pytest.mark.rule("GQL-66")
async def test_no_secret_is_shown(world: Any) -> None:
    trace = await failed(world, {"authorization": JWT, "x-amz-security-token": "tok", "x-other": f"Bearer {JWT}"})
    text = json.encode(trace).decode()
    for secret in (world.key, JWT, "tok", "hush", "Bearer"):
        assert secret not in text.replace('"token', "").replace("-token", ""), secret
    assert trace["request"]["headers"] == {
        "x-api-key": "***",
        "authorization": "***",
        "x-amz-security-token": "***",
        "x-other": "***",
    }


@pytest.mark.rule("GQL-66")
def test_what_is_kept_is_bounded() -> None:
    shared: Any = []
    for _ in range(60):
        shared = [shared, shared]
    assert len(json.encode(Redaction().plain({"deep": shared, "long": "x" * 10**6}))) < 60_000
    assert Redaction().plain({"n": list(range(1000))})["n"] == list(range(50))


@pytest.mark.rule("GQL-66")
async def test_the_oldest_go(world: Any) -> None:
    await world.create(SDL)
    await world.local("Query", "good", '$util.error("e")')
    for _ in range(Traces().kept_max + 5):
        await world.ask("{ good }")
    assert len(world.engine.traces()) == Traces().kept_max


@pytest.mark.rule("GQL-67")
async def test_a_replay_asks_again_of_the_api_as_it_is_now(world: Any) -> None:
    trace = await failed(world)
    again = await world.engine.replay(trace["id"], AGAIN, mutations=False)
    assert again["answer"]["errors"][0]["message"] == "boom for 7"
    assert again["trace"]["id"] != trace["id"]
    await world.call(
        "UpdateResolver",
        typeName="Query",
        fieldName="item",
        dataSourceName="local",
        requestMappingTemplate=REQUEST,
        responseMappingTemplate="$util.toJson($ctx.result)",
    )
    again = await world.engine.replay(trace["id"], AGAIN, mutations=False)
    assert again["answer"] == {"data": {"item": {"id": "7"}, "good": 1}}
    assert len(again["trace"]["timings"]) == 2


@pytest.mark.rule("GQL-67")
async def test_a_mutation_is_asked_again_only_when_that_is_confirmed(world: Any) -> None:
    await world.create(SDL)
    await world.local("Mutation", "save", response='$util.error("no")')
    await world.ask('mutation { save(id: "1") { id } }')
    (short,) = world.engine.traces()
    with pytest.raises(SynclineError, match="Confirm with --mutations"):
        await world.engine.replay(short["id"], AGAIN, mutations=False)
    assert "errors" in (await world.engine.replay(short["id"], AGAIN, mutations=True))["answer"]
    with pytest.raises(SynclineError, match="There is no trace nothing"):
        world.engine.trace("nothing")


CODE = """export function request(ctx) { return { payload: ctx.args.id } }
export function response(ctx) {
  util.http.addResponseHeader('x-one', '1');
  extensions.evictFromApiCache('Query', 'item', { 'context.arguments.id': ctx.args.id });
  return ctx.result.no.such;
}
"""


@pytest.mark.rule("GQL-65")
async def test_code_that_fails_is_placed_and_says_why(world: Any) -> None:
    await world.create(SDL)
    await world.call("CreateDataSource", name="local", type="NONE")
    runtime = {"name": "APPSYNC_JS", "runtimeVersion": "1.0.0"}
    attached = {"typeName": "Mutation", "fieldName": "save", "dataSourceName": "local", "runtime": runtime}
    await world.call("CreateResolver", **attached, code=CODE)
    answer = await world.ask('mutation { save(id: "1") { id } }')
    assert answer["errors"][0]["message"] == "Runtime Error"
    (short,) = world.engine.traces()
    (failure,) = world.engine.trace(short["id"])["failures"]
    assert (failure["handler"], failure["line"]) == ("Mutation.save response", 5)
    assert "TypeError" in failure["message"]
    fixed = CODE.replace("ctx.result.no.such", "({ id: ctx.result })")
    await world.call("UpdateResolver", **attached, code=fixed)
    response = await world.post({"query": 'mutation { save(id: "1") { id } }'})
    assert json.decode(response.body) == {"data": {"save": {"id": "1"}}, "extensions": {"apiCacheEntriesDeleted": 0}}
    assert ("x-one", "1") in response.headers


@pytest.mark.rule("GQL-65")
@pytest.mark.parametrize(
    ("sampled", "kept"),
    [
        (Traces(), ["no"]),
        (Traces(mode="all"), ["", "no", ""]),
        (Traces(mode="none"), []),
        (Traces(mode="ratio", ratio=0.0), ["no"]),
        (Traces(mode="ratio", ratio=1.0), ["", "no", ""]),
        (Traces(mode="all", kept_max=2), ["", "no"]),
    ],
)
async def test_the_settings_say_which_requests_leave_a_trace(make_world: Any, sampled: Traces, kept: list[str]) -> None:
    world = make_world(settings=Settings(traces=sampled))
    await world.create(SDL)
    await world.local("Query", "good", '{"version": "2018-05-29", "payload": 1}')
    await world.local("Query", "inner", response='$util.error("no")')
    for query in ("{ good }", "{ inner }", "{ good }"):
        await world.ask(query)
    assert [each["message"] for each in world.engine.traces()] == kept
    for each in world.engine.traces():
        assert len(world.engine.trace(each["id"])["timings"]) == 1
    for each in world.engine.traces()[:1]:
        assert "data" in (await world.engine.replay(each["id"], AGAIN, mutations=False))["answer"]
