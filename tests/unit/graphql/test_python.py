"""SYNCLINE_PY through the public doors: modules of a project's folder, over real tables, changed while they serve."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.aws import called, client
from syncline.core import Meter, Settings, SystemClock, json
from syncline.core.settings import Resolvers
from syncline.datasources import Engines
from syncline.store import MemoryStore
from syncline.streams import Streams
from syncline.tables import TableEngine, Tables

PY = {"name": "SYNCLINE_PY", "runtimeVersion": "1.0.0"}
JS = {"name": "APPSYNC_JS", "runtimeVersion": "1.0.0"}
SDL = """
type Note { id: ID! title: String by: String loud: String }
type Query { note(id: ID!): Note plain(n: Int): Int other(n: Int): Int text: String notes: [Note] }
type Mutation { putNote(id: ID!, title: String!): Note }
"""
NOTES = """
from syncline.resolver import Context, error, util

def request(ctx: Context):
    return {"operation": "GetItem", "key": util.dynamodb.toMapValues({"id": ctx.args["id"]})}

def response(ctx: Context):
    if ctx.error:
        error(ctx.error["message"], ctx.error["type"], ctx.result)
    return ctx.result
"""
PUT = """
from syncline.resolver import Context, error, util

def request(ctx: Context):
    return {
        "operation": "PutItem",
        "key": util.dynamodb.toMapValues({"id": ctx.args["id"]}),
        "attributeValues": util.dynamodb.toMapValues({"title": ctx.args["title"], "by": ctx.stash["by"]}),
        "condition": {"expression": "attribute_not_exists(id)"},
    }

def response(ctx: Context):
    if ctx.error:
        error(ctx.error["message"], ctx.error["type"], ctx.result)
    ctx.stash["put"] = True
    return ctx.result
"""


class Clock(SystemClock):
    """A clock whose monotonic time is moved by hand."""

    ahead = 0.0

    def monotonic(self) -> float:
        return super().monotonic() + self.ahead


class Project:
    """An API whose resolvers are modules of a folder."""

    def __init__(self, world: Any, folder: Path, out: io.StringIO, clock: Clock) -> None:
        self.world, self.folder, self.out, self.clock = world, folder, out, clock

    def write(self, name: str, text: str) -> None:
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text))
        self.clock.ahead += 1

    async def attach(self, field: str, code: str, runtime: dict[str, str] = PY, **members: Any) -> Any:
        type_name, field_name = field.split(".")
        if members.get("kind") != "PIPELINE":
            members.setdefault("dataSourceName", "local")
        return await self.world.call(
            "CreateResolver", typeName=type_name, fieldName=field_name, runtime=runtime, code=code, **members
        )

    def events(self, name: str) -> list[Any]:
        lines = [json.decode(line.encode()) for line in self.out.getvalue().splitlines()]
        return [line for line in lines if line["event"] == name]


@pytest.fixture
def make_project(tmp_path: Path, make_world: Any) -> Callable[..., Any]:
    async def make(*, engines: Engines | None = None, mode: str = "dev", inline: bool = False) -> Project:
        clock, out = Clock(), io.StringIO()
        settings = Settings(mode=mode, resolvers=Resolvers(python_path=str(tmp_path), python_inline=inline))
        world = make_world(engines, Meter(clock, out), settings, clock)
        await world.create(SDL)
        await world.call("CreateDataSource", name="local", type="NONE")
        return Project(world, tmp_path, out, clock)

    return make


@pytest.fixture
async def project(make_project: Any) -> Project:
    made: Project = await make_project()
    return made


@pytest.mark.rule("RES-26")
async def test_unit_and_pipeline_over_a_real_table_mixed_with_javascript_and_templates(
    make_project: Any, store: MemoryStore, streams: Streams, clock: Any, ids: Any, meter: Meter
) -> None:
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
    project = await make_project(engines=Engines(tables=tables, secret=b"test"))
    call = project.world.call
    await call(
        "CreateDataSource",
        name="notes",
        type="AMAZON_DYNAMODB",
        dynamodbConfig={"tableName": "notes", "awsRegion": "us-east-1"},
        serviceRoleArn="arn:aws:iam::000000000000:role/r",
    )
    project.write("notes/__init__.py", "")
    project.write("notes/get.py", NOTES)
    project.write("notes/put.py", PUT)
    project.write("who.py", 'async def ann(ctx):\n    ctx.stash["by"] = "ann"\n    return {}\n')
    await project.attach("Query.note", "notes.get", dataSourceName="notes")
    who = await call("CreateFunction", name="who", dataSourceName="local", runtime=PY, code="who:ann")
    put = await call("CreateFunction", name="put", dataSourceName="notes", runtime=PY, code="notes.put")
    louder = await call(
        "CreateFunction",
        name="louder",
        dataSourceName="local",
        functionVersion="2018-05-29",
        requestMappingTemplate='{"payload": $util.toJson($ctx.prev.result)}',
        responseMappingTemplate='$util.qr($ctx.result.put("loud", "$ctx.stash.put"))$util.toJson($ctx.result)',
    )
    steps = [each["functionConfiguration"]["functionId"] for each in (who, put, louder)]
    around = "export const request = (ctx) => ({})\nexport const response = (ctx) => ctx.prev.result"
    pipeline = {"kind": "PIPELINE", "pipelineConfig": {"functions": steps}}
    await project.attach("Mutation.putNote", around, JS, **pipeline)
    query = 'mutation { putNote(id: "1", title: "a") { id title by loud } }'
    answer = await project.world.ask(query)
    assert answer == {"data": {"putNote": {"id": "1", "title": "a", "by": "ann", "loud": "true"}}}
    assert await project.world.ask('{ note(id: "1") { title by } }') == {"data": {"note": {"title": "a", "by": "ann"}}}
    (error,) = (await project.world.ask(query.replace('"a"', '"b"')))["errors"]
    assert error["errorType"] == "DynamoDB:ConditionalCheckFailedException"
    assert error["data"] == {"id": "1", "title": "a", "by": "ann", "loud": None}


@pytest.mark.rule("RES-27")
@pytest.mark.parametrize(
    "said",
    [
        r'return "a\ud800"',
        r'return {"\udfff": 1}',
        r'error("a\ud800")',
        r'error("a", "b", {"c": ["\ud800"]})',
        r'append_error("a\ud800")',
        r'early_return("a\ud800")',
        r'log("a\ud800")',
        r'raise ValueError("a\ud800")',
        r'ctx.stash["a"] = "\ud800"',
    ],
)
async def test_text_that_is_none_is_the_fields_error(project: Project, said: str) -> None:
    project.write(
        "half.py",
        f"""
        from syncline.resolver import append_error, early_return, error, log

        def resolve(ctx):
            {said}
        """,
    )
    await project.attach("Query.text", "half")
    answer = await project.world.ask("{ text __typename }")
    assert answer["data"] == {"text": None, "__typename": "Query"}
    (error,) = answer["errors"]
    assert (error["message"], error["errorType"], error["path"]) == ("Runtime Error", "Code", ["text"])
    (event,) = project.events("code failed")
    assert event["code"] == "Query.text request"
    assert ("return" in said or "stash" in said) or event["file"] == "half.py"
    assert "surrogates not allowed" in event["reason"] or "\\ud800" in event["reason"]


@pytest.mark.rule("RES-26")
async def test_resolve_alone_with_all_that_it_may_say(project: Project) -> None:
    project.write(
        "all.py",
        """
        import asyncio
        from syncline.resolver import append_error, auth_type, early_return, error, log, unauthorized, util

        async def resolve(ctx):
            n = ctx.args["n"]
            await asyncio.sleep(0)
            if n == 1:
                error("one", "One", {"n": n}, {"why": "it is"})
            if n == 2:
                unauthorized()
            if n == 3:
                early_return(33)
            append_error(f"had {n}", "Had")
            log("saw", n, ctx.info.field_name, ctx.info.parent_type_name, ctx.info.variables)
            assert auth_type() == 'API Key Authorization'
            assert util.time.nowEpochSeconds() > 0 and util.isString("a")
            return n * 10
        """,
    )
    await project.attach("Query.plain", "all")
    ask = project.world.ask
    query = "query($n: Int) { plain(n: $n) }"
    (one,) = (await ask(query, n=1))["errors"]
    assert (one["message"], one["errorType"], one["errorInfo"]) == ("one", "One", {"why": "it is"})
    (two,) = (await ask(query, n=2))["errors"]
    assert (two["message"], two["errorType"]) == ("Not Authorized to access plain on type Query", "Unauthorized")
    assert await ask(query, n=3) == {"data": {"plain": 33}}
    both = await ask("{ a: plain(n: 4) b: plain(n: 5) }")
    assert both["data"] == {"a": 40, "b": 50}
    assert {(each["message"], each["path"][0]) for each in both["errors"]} == {("had 4", "a"), ("had 5", "b")}
    assert "saw 4 plain Query {}" in [each["message"] for each in project.events("resolver log")]


@pytest.mark.rule("RES-27")
async def test_what_it_raises_is_appsyncs_error_and_the_trace_is_in_the_log(project: Project) -> None:
    project.write("broken.py", "def resolve(ctx):\n    secret = {}\n    return secret['hunter2']\n")
    project.write("odd.py", "def resolve(ctx):\n    return object()\n")
    project.write("quits.py", "import sys\ndef resolve(ctx):\n    sys.exit(1)\n")
    await project.attach("Query.plain", "broken")
    await project.attach("Query.other", "odd")
    await project.attach("Query.text", "quits")
    response = await project.world.post({"query": "{ plain other text __typename }"})
    answer = json.decode(response.body)
    assert answer["data"] == {"plain": None, "other": None, "text": None, "__typename": "Query"}
    assert [(each["message"], each["errorType"]) for each in answer["errors"]] == [("Runtime Error", "Code")] * 3
    for leak in (b"Traceback", b"hunter2", b"broken.py", b"KeyError"):
        assert leak not in response.body
    failed = {each["code"]: each for each in project.events("code failed")}
    broken = failed["Query.plain request"]
    assert (broken["file"], broken["line"]) == ("broken.py", 3)
    assert broken["reason"] == "broken.py:3: KeyError: 'hunter2'"
    assert broken["trace"].startswith("Traceback")
    assert "return secret['hunter2']" in broken["trace"]
    assert "SystemExit" in failed["Query.text request"]["reason"]
    trace = project.world.engine.traces()[0]
    shown = project.world.engine.trace(trace["id"])
    assert shown["failures"][0]["line"] == 3


@pytest.mark.rule("RES-27")
async def test_what_waits_for_too_long_is_ended(project: Project) -> None:
    project.write("slow.py", "import asyncio\nasync def resolve(ctx):\n    await asyncio.Event().wait()\n")
    await project.attach("Query.plain", "slow")
    live = project.world.engine.live(project.world.api_id)
    live._library.project.seconds_max = 0.02
    assert (await project.world.ask("{ plain }"))["errors"][0]["errorType"] == "Code"


@pytest.mark.rule("RES-28")
async def test_a_changed_file_is_seen_and_a_broken_one_is_not(project: Project) -> None:
    project.write("number.py", "def value():\n    return 1\n")
    project.write("plain.py", "from number import value\ndef resolve(ctx):\n    return value()\n")
    await project.attach("Query.plain", "plain")
    ask = project.world.ask
    assert await ask("{ plain }") == {"data": {"plain": 1}}
    project.write("number.py", "def value():\n    return 2\n")
    assert await ask("{ plain }") == {"data": {"plain": 2}}
    project.write("number.py", "def value()\n    return 3\n")
    assert await ask("{ plain }") == {"data": {"plain": 2}}
    assert await ask("{ plain }") == {"data": {"plain": 2}}
    (refused,) = project.events("python refused")
    assert refused["reason"].startswith("the module plain does not import: number.py:1: SyntaxError")
    assert "Traceback" in refused["trace"]
    project.write("number.py", "def value():\n    return 4\n")
    assert await ask("{ plain }") == {"data": {"plain": 4}}
    project.write("plain.py", "import absent\ndef resolve(ctx):\n    return absent.N\n")
    assert await ask("{ plain }") == {"data": {"plain": 4}}
    project.write("absent.py", "N = 5\n")
    assert await ask("{ plain }") == {"data": {"plain": 5}}
    project.write(
        "plain.py", "def request(ctx):\n    return {'payload': 6}\ndef response(ctx):\n    return ctx.result\n"
    )
    assert await ask("{ plain }") == {"data": {"plain": 6}}
    assert not (project.folder / "__pycache__").exists()


@pytest.mark.rule("RES-28")
async def test_files_are_looked_at_five_times_a_second_and_in_dev_only(make_project: Any) -> None:
    project = await make_project(mode="serve")
    project.write("fixed.py", "def resolve(ctx):\n    return 1\n")
    await project.attach("Query.plain", "fixed")
    assert await project.world.ask("{ plain }") == {"data": {"plain": 1}}
    project.write("fixed.py", "def resolve(ctx):\n    return 2\n")
    assert await project.world.ask("{ plain }") == {"data": {"plain": 1}}


@pytest.mark.rule("RES-29")
async def test_it_is_refused_unless_the_settings_allow_it(world: Any, make_project: Any) -> None:
    await world.create(SDL)
    await world.call("CreateDataSource", name="local", type="NONE")
    members = {"typeName": "Query", "fieldName": "plain", "dataSourceName": "local", "runtime": PY}
    appsync = client(world.operations, "appsync")
    for code, setting in (("plain", "resolvers.python_path"), ("def resolve(ctx): ...", "resolvers.python_inline")):
        with pytest.raises(ClientError, match=setting) as refused:
            await called(appsync.create_resolver, apiId=world.api_id, code=code, **members)
        assert refused.value.response["Error"]["Code"] == "UnsupportedOperation"
    project = await make_project()
    with pytest.raises(ClientError, match=r"resolvers\.python_inline"):
        await called(
            client(project.world.operations, "appsync").create_resolver,
            apiId=project.world.api_id,
            code="def resolve(ctx):\n    return 1",
            **members,
        )
    inline = await make_project(inline=True)
    await inline.attach("Query.plain", "def resolve(ctx):\n    return 1")
    await inline.attach("Query.other", "def resolve(ctx):\n    return 1 / 0")
    assert (await inline.world.ask("{ plain other }"))["data"] == {"plain": 1, "other": None}
    assert inline.events("code failed")[0]["reason"] == "code.py:2: ZeroDivisionError: division by zero"


@pytest.mark.rule("RES-29")
@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("nowhere", "there is no module nowhere"),
        ("typo", "typo.py:1: SyntaxError"),
        ("empty", "neither resolve"),
        ("empty:nope", "has no function nope"),
        ("json", "there is no module json"),
        ("click", "the name click is taken by"),
        ("quits", "quits.py:2: SystemExit"),
    ],
)
async def test_code_that_cannot_work_is_refused_when_it_is_created(project: Project, code: str, said: str) -> None:
    import click

    assert click.__file__ is not None
    project.write("typo.py", "def resolve(ctx)\n")
    project.write("empty.py", "")
    project.write("click.py", "def resolve(ctx): ...\n")
    project.write("quits.py", "import sys\nsys.exit()\n")
    with pytest.raises(ClientError, match=said) as refused:
        await called(
            client(project.world.operations, "appsync").create_resolver,
            apiId=project.world.api_id,
            typeName="Query",
            fieldName="plain",
            dataSourceName="local",
            runtime=PY,
            code=code,
        )
    assert refused.value.response["Error"]["Code"] == "BadRequestException"
    assert "Traceback" not in refused.value.response["Error"]["Message"]


@pytest.mark.rule("RES-29")
async def test_no_resolve_around_a_pipelines_functions(project: Project) -> None:
    project.write("whole.py", "def resolve(ctx):\n    return 1\n")
    made = await project.world.call("CreateFunction", name="f", dataSourceName="local", runtime=PY, code="whole")
    steps = {"functions": [made["functionConfiguration"]["functionId"]]}
    with pytest.raises(Exception, match="no resolve"):
        await project.attach("Query.plain", "whole", kind="PIPELINE", pipelineConfig=steps)


@pytest.mark.rule("RES-26")
async def test_what_it_changes_is_its_own(project: Project) -> None:
    project.write(
        "greedy.py",
        """
        def notes(ctx):
            return [{"id": "1", "title": "a", "by": "b"}]
        def title(ctx):
            ctx.source["by"] = "changed"
            ctx.info.variables.clear()
            return ctx.source.pop("title")
        def loud(ctx):
            return f"{sorted(ctx.source)} {ctx.source['by']} {ctx.info.variables}"
        """,
    )
    await project.attach("Query.notes", "greedy:notes")
    await project.attach("Note.title", "greedy:title")
    await project.attach("Note.loud", "greedy:loud")
    answer = await project.world.ask("query($v: Boolean!) { notes { title loud by @include(if: $v) } }", v=True)
    (note,) = answer["data"]["notes"]
    assert note == {"title": "a", "loud": "['by', 'id', 'title'] b {'v': True}", "by": "b"}


@pytest.mark.rule("RES-18")
async def test_evaluate_code_by_boto3(project: Project) -> None:
    project.write(
        "tried.py", "def request(ctx):\n    ctx.stash['a'] = 1\n    return [ctx.args['n']]\nresponse = print\n"
    )
    appsync = client(project.world.operations, "appsync")
    context = '{"arguments": {"n": 1}}'
    found = await called(appsync.evaluate_code, runtime=PY, code="tried", context=context, function="request")
    assert (found["evaluationResult"], found["stash"]) == ("[1]", '{"a":1}')
    found = await called(appsync.evaluate_code, runtime=PY, code="tried", context="{}", function="request")
    assert found["error"]["message"] == "tried.py:3: KeyError: 'n'"
