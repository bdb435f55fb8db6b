"""Resolvers of APPSYNC_JS code: over real tables, in pipelines, ending early, failing."""

import asyncio
import io
from typing import Any

import pytest

from syncline.core import Meter, SystemClock, SystemIds, json
from syncline.core.settings import Javascript
from syncline.datasources import Context, DataSource, DataSourceError, Info
from syncline.js import CodeRefused
from syncline.resolvers import FunctionSpec, Library, ResolverError, ResolverSpec, compile_resolver, evaluate_code
from syncline.resolvers import evaluate_template as evaluate
from syncline.resolvers.resolver import CannotCompile

RUNTIME = {"name": "APPSYNC_JS", "runtimeVersion": "1.0.0"}
IMPORTS = (
    "import { util, runtime, extensions } from '@aws-appsync/utils'\n"
    "import * as ddb from '@aws-appsync/utils/dynamodb'\n"
)
PASS = "return ctx.result"


def code(request: str, response: str = PASS) -> str:
    return f"{IMPORTS}export function request(ctx) {{ {request} }}\nexport function response(ctx) {{ {response} }}"


class Refusing:
    """A data source that always fails."""

    async def invoke(self, request: Any, context: Context) -> Any:
        raise DataSourceError("no", "Lambda:Unhandled", {"a": 1})


Sources = dict[str, DataSource]


async def unit(
    library: Library, sources: Sources, text: str, arguments: Any = None, source: str = "none", **more: Any
) -> Any:
    spec = ResolverSpec("Query", "field", "UNIT", source, runtime=RUNTIME, code=text)
    ctx = Context(arguments=arguments or {}, info=Info("field", "Query"), out_errors=[], **more)
    value = await compile_resolver(spec, {**sources, "refusing": Refusing()}, library).resolve(ctx)
    return (value, ctx.out_errors) if ctx.out_errors else value


def step(name: str, request: str, response: str = PASS, source: str = "none") -> FunctionSpec:
    return FunctionSpec(name, name, source, runtime=RUNTIME, code=code(request, response))


async def pipeline(library: Library, sources: Sources, *steps: FunctionSpec, before: str, after: str) -> Any:
    spec = ResolverSpec("Query", "field", "PIPELINE", functions=steps, runtime=RUNTIME, code=code(before, after))
    ctx = Context(arguments={"n": 1}, info=Info("field", "Query"), out_errors=[])
    return await compile_resolver(spec, {**sources, "refusing": Refusing()}, library).resolve(ctx)


@pytest.mark.rule("RES-13")
async def test_items_of_a_real_table(library: Library, sources: Sources) -> None:
    async def run(request: str, **arguments: Any) -> Any:
        response = "if (ctx.error) { util.error(ctx.error.message, ctx.error.type) } return ctx.result"
        return await unit(library, sources, code(request, response), arguments, "table")

    put = "return ddb.put({ key: { id: ctx.args.id }, item: { n: 1, tags: ddb.toStringSet(['b']), deep: { a: [1] } } })"
    assert await run(put, id="1") == {"id": "1", "n": 1, "tags": ["b"], "deep": {"a": [1]}}
    change = (
        "return ddb.update({ key: { id: ctx.args.id }, update: { n: ddb.operations.increment(4), x: 'y', "
        "tags: ddb.operations.remove(), deep: { a: ddb.operations.append([2]) } }, condition: { n: { lt: 5 } } })"
    )
    assert await run(change, id="1") == {"id": "1", "n": 5, "x": "y", "deep": {"a": [1, 2]}}
    with pytest.raises(ResolverError) as failed:
        await unit(
            library,
            sources,
            code(change, "if (ctx.error) { util.error(ctx.error.message, ctx.error.type) } return ctx.result"),
            {"id": "1"},
            "table",
        )
    assert failed.value.error_type == "DynamoDB:ConditionalCheckFailedException"
    assert (await run("return ddb.get({ key: { id: '1' }, projection: ['n', 'deep.a[1]'] })"))["n"] == 5
    found = await run("return ddb.query({ query: { id: { eq: '1' } }, filter: { n: { between: [1, 9] } } })")
    assert [item["id"] for item in found["items"]] == ["1"]
    nested = "{ or: [{ n: { eq: 7 } }, { and: [{ x: { beginsWith: 'y' } }, { not: { x: { eq: 'z' } } }] }] }"
    assert len((await run(f"return ddb.scan({{ limit: 10, filter: {nested} }})"))["items"]) == 1
    assert (await run("return ddb.batchGet({ tables: { items: { keys: [{ id: '1' }, { id: '2' }] } } })"))["data"][
        "items"
    ][1] is None
    assert (await run("return ddb.remove({ key: { id: '1' } })"))["n"] == 5
    assert await run("return ddb.get({ key: { id: '1' } })") is None


@pytest.mark.rule("RES-13")
async def test_a_failed_source_is_the_codes_business(library: Library, sources: Sources) -> None:
    value = await unit(library, sources, code("return {}", "return [ctx.error, ctx.result]"), source="refusing")
    assert value == [{"message": "no", "type": "Lambda:Unhandled"}, {"a": 1}]


@pytest.mark.rule("RES-13")
async def test_what_code_sees_of_a_run(library: Library, sources: Sources) -> None:
    text = code(
        "return { payload: [ctx.args.n, ctx.arguments.n, ctx.identity.sub, ctx.request.headers['x-a'], ctx.source, "
        "ctx.info.fieldName, ctx.env.A, util.authType()] }"
    )
    ctx = Context(
        arguments={"n": 1},
        info=Info("field", "Query"),
        identity={"sub": "s", "defaultAuthStrategy": "ALLOW"},
        request={"headers": {"x-a": "b"}},
        source={"p": 2},
        env={"A": "v"},
    )
    spec = ResolverSpec("Query", "field", "UNIT", "none", runtime=RUNTIME, code=text)
    value = await compile_resolver(spec, sources, library).resolve(ctx)
    assert value == [1, 1, "s", "b", {"p": 2}, "field", "v", "User Pool Authorization"]


@pytest.mark.rule("RES-6")
async def test_errors_end_the_field_or_are_added(library: Library, sources: Sources) -> None:
    with pytest.raises(ResolverError) as failed:
        await unit(library, sources, code("util.error('no', 'T', { a: 1 }, { b: 2 })"))
    refusal = failed.value
    assert (refusal.message, refusal.error_type, refusal.data, refusal.error_info) == ("no", "T", {"a": 1}, {"b": 2})
    with pytest.raises(ResolverError, match="Not Authorized to access field on type Query"):
        await unit(library, sources, code("util.unauthorized()"))
    value, appended = await unit(
        library, sources, code("return { payload: 1 }", "util.appendError('w', 'W'); return 2")
    )
    assert value == 2
    assert appended == [{"message": "w", "errorType": "W", "data": None, "errorInfo": None}]


@pytest.mark.rule("RES-14")
async def test_the_stash_and_prev_in_a_pipeline(library: Library, sources: Sources) -> None:
    template = FunctionSpec(
        "vtl",
        "vtl",
        "none",
        '$util.qr($ctx.stash.put("b", "$ctx.stash.a$ctx.prev.result.x")){"version": "2018-05-29", "payload": {"x": 2}}',
        "$util.toJson($ctx.result)",
        "2018-05-29",
    )
    seen = step("seen", "return { payload: { stash: ctx.stash, prev: ctx.prev.result } }")
    value = await pipeline(
        library,
        sources,
        template,
        seen,
        before="ctx.stash.a = 's'; return { x: 1 }",
        after="return { last: ctx.prev.result, same: ctx.result }",
    )
    last = {"stash": {"a": "s", "b": "s1"}, "prev": {"x": 2}}
    assert value == {"last": last, "same": last}


EARLY = "runtime.earlyReturn({ x: 1 })"
SEEN = step("seen", "return { payload: { seen: ctx.prev.result } }")


@pytest.mark.rule("RES-15")
async def test_early_returns(library: Library, sources: Sources) -> None:
    async def run(*steps: FunctionSpec, before: str = "return {}", after: str = "return ctx.prev.result") -> Any:
        return await pipeline(library, sources, *steps, before=before, after=after)

    assert await run(step("early", EARLY, source="refusing"), SEEN) == {"seen": {"x": 1}}
    at_end = step("early", "runtime.earlyReturn({ x: 1 }, { skipTo: 'END' })", source="refusing")
    assert await run(at_end, SEEN, after="return [ctx.prev.result]") == [{"x": 1}]
    never = step("never", "return {}", source="refusing")
    assert await run(never, before=EARLY, after="return [ctx.prev.result]") == [{"x": 1}]
    assert await run(SEEN, after=EARLY) == {"x": 1}
    assert await unit(library, sources, code(EARLY, "return 2"), source="refusing") == {"x": 1}


@pytest.mark.rule("RES-16")
async def test_failing_code_is_a_runtime_error_and_the_log_says_where(sources: Sources) -> None:
    out = io.StringIO()
    library = Library(SystemClock(), SystemIds(), Meter(out=out))
    with pytest.raises(ResolverError) as failed:
        await unit(library, sources, code("const a = null;\n  return a.b"))
    assert (failed.value.message, failed.value.error_type) == ("Runtime Error", "Code")
    line = json.decode(out.getvalue().encode())
    assert (line["event"], line["code"], line["line"]) == ("code failed", "Query.field request", 4)
    assert line["reason"].endswith("TypeError: cannot read property 'b' of null")


@pytest.mark.rule("RES-16")
async def test_slow_code_runs_beside_the_loop_and_a_bomb_hurts_nobody(sources: Sources) -> None:
    settings = Javascript(relaxed=True, inline_milliseconds_max=5, milliseconds_max=300)
    library = Library(SystemClock(), SystemIds(), Meter(), settings)
    slow = code("let n = 0; while (n < 400000) { n += 1 } return { payload: n }")
    bomb = code("while (true) { }")
    quick = code("return { payload: 1 }")
    found = await asyncio.gather(
        unit(library, sources, slow), unit(library, sources, quick), unit(library, sources, quick)
    )
    assert found == [400000, 1, 1]
    with pytest.raises(ResolverError, match="Runtime Error"):
        await unit(library, sources, bomb)
    assert await unit(library, sources, quick) == 1


@pytest.mark.rule("RES-17")
async def test_code_is_refused_at_creation(library: Library, sources: Sources) -> None:
    with pytest.raises(CodeRefused) as refusal:
        await unit(library, sources, code("for (;;) { }", "return nope"))
    assert [each.value[-30:] for each in refusal.value.errors] == [
        "For statements are not supported."[-30:],
        "TS2304: Cannot find name 'nope'.\n"[-30:],
    ]
    both = ResolverSpec("Query", "f", "UNIT", "none", "{}", "{}", runtime=RUNTIME, code=code("return {}"))
    with pytest.raises(CannotCompile, match="not both"):
        compile_resolver(both, sources, library)
    with pytest.raises(CannotCompile, match="code needs a runtime"):
        compile_resolver(ResolverSpec("Query", "f", "UNIT", "none", code="x"), sources, library)


async def test_what_extensions_cannot_do_is_refused(library: Library, sources: Sources) -> None:
    with pytest.raises(ResolverError, match=r"setSubscriptionFilter does not take 0 arguments"):
        await unit(library, sources, code("extensions.setSubscriptionFilter(); return {}"))
    with pytest.raises(ResolverError, match="takes a subscriptionField and a payload"):
        await unit(library, sources, code("extensions.invalidateSubscriptions({}); return {}"))


@pytest.mark.rule("RES-12")
async def test_java_date_patterns_are_those_of_templates(library: Library, sources: Sources) -> None:
    text = code(
        "return { payload: [util.time.epochMilliSecondsToFormatted(1517943695758, 'yyyy-MM-dd HH:mm:ssZ', "
        "'Australia/Perth'), util.time.parseFormattedToEpochMilliSeconds('2018-02-02 01:19:22+0800', "
        "'yyyy-MM-dd HH:mm:ssZ')] }"
    )
    assert await unit(library, sources, text) == ["2018-02-07 03:01:35+0800", 1517505562000]


@pytest.mark.rule("RES-18")
async def test_trying_code_out(library: Library) -> None:
    text = code("console.log('a', ctx.args); ctx.stash.b = 1; util.appendError('w'); return ctx.args")
    found = await evaluate_code(text, "request", '{"arguments": {"n": 1}}', library)
    assert found["evaluationResult"] == '{"n":1}'
    assert found["logs"] == ['INFO - code.js:3:32: "a" {"n":1}']
    assert found["stash"] == '{"b":1}'
    assert json.decode(found["outErrors"].encode())[0]["message"] == "w"
    failures = {"util.error('foo')": "foo", "util.unauthorized()": "Unauthorized"}
    for body, message in failures.items():
        assert (await evaluate_code(code(body), "request", "{}", library))["error"] == {"message": message}
    refused = await evaluate_code(code("return /a/"), "request", "{}", library)
    assert refused["error"]["message"] == "The code contains one or more errors."
    assert refused["error"]["codeErrors"][0]["location"] == {"line": 3, "column": 39, "span": 3}


@pytest.mark.rule("RES-18")
def test_trying_a_template_out(library: Library) -> None:
    found = evaluate('{"a": $ctx.args.n} $util.log.info("got {}", 1)', '{"arguments": {"n": 1}}', library)
    assert found == {"evaluationResult": '{"a": 1} ', "logs": ["got 1"], "stash": "{}", "outErrors": "[]"}
    assert evaluate('$util.error("no")', "{}", library)["error"] == {"message": "no"}
    assert "Encountered" in evaluate("#if(", "{}", library)["error"]["message"]
    assert evaluate('#return({"a": 1})', "{}", library)["evaluationResult"] == '{"a":1}'
