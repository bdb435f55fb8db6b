"""The engine: modules as people write and bundle them, limits, signals, positions."""

import base64
import json as stdlib
import threading
from typing import Any

import pytest

from syncline.js import CodeRefused, CodeStopped, Limits, Position, QuickJs, Run, read

SEED = "000102030405060708090a0b0c0d0e0f"

BUNDLED = """// src/Query.getItem.ts
import { util } from "@aws-appsync/utils";
import { get as get2 } from "@aws-appsync/utils/dynamodb";

// src/ids.ts
var keyOf = (id) => ({ id });

// src/Query.getItem.ts
function request(ctx) {
  return get2({ key: keyOf(ctx.args.id) });
}
var response = (ctx) => {
  if (ctx.error) {
    util.error(ctx.error.message, ctx.error.type);
  }
  return ctx.result;
};
export {
  request,
  response
};
"""


def run(engine: QuickJs, code: str, context: str = '{"arguments":{"id":"1"}}', **options: Any) -> Any:
    module = read(code, required=("request",), **options)
    engine.check(module)
    return engine.run(module, "request", Run(context, 0.0, SEED), lambda name, operands: None)


@pytest.mark.rule("JS-1")
def test_bundled_code_runs(engine: QuickJs) -> None:
    assert run(engine, BUNDLED).value == {"operation": "GetItem", "key": {"id": {"S": "1"}}}


@pytest.mark.rule("JS-1")
@pytest.mark.parametrize(
    "code",
    [
        "export function request(ctx) { return ctx.args.id + util.urlEncode('') }",
        "export const request = (ctx) => ctx.args.id",
        "export const request = ({ args: { id } }) => id",
        "const f = (ctx) => ctx.args.id\nexport { f as request }",
        "import * as u from '@aws-appsync/utils'\nexport const request = (ctx) => u.util.urlEncode(ctx.args.id)",
        "import { util as u } from '@aws-appsync/utils'\nexport const request = (ctx) => u.urlEncode(ctx.args.id)",
    ],
)
def test_the_ways_to_write_a_module(engine: QuickJs, code: str) -> None:
    assert run(engine, code).value == "1"


@pytest.mark.rule("JS-3")
def test_the_engine_refuses_what_only_it_can_see(engine: QuickJs) -> None:
    with pytest.raises(CodeRefused) as refusal:
        run(engine, "export function request(ctx) {\n  const a = 1;\n  const a = 2;\n}")
    (error,) = refusal.value.errors
    assert (error.kind, error.line) == ("PARSE_ERROR", 3)
    with pytest.raises(CodeRefused) as refusal:
        run(engine, "const x = null\nconst y = x.a\nexport function request(ctx) { return y }")
    assert "TypeError: cannot read property 'a' of null" in refusal.value.errors[0].value
    assert refusal.value.errors[0].line == 2


@pytest.mark.rule("JS-3")
@pytest.mark.parametrize("value", ["null", "5", "{}"])
def test_an_export_that_is_no_function_is_refused(engine: QuickJs, value: str) -> None:
    with pytest.raises(CodeRefused) as refusal:
        run(engine, f"export const request = {value}")
    assert refusal.value.errors[0].value == "code.js(1,1): error: The export 'request' is not a function.\n"


@pytest.mark.rule("JS-5")
@pytest.mark.parametrize(
    "body",
    [
        "return '\\ud800'",
        "return 1n",
        "const a = {}; a.a = a; return a",
        "return { toJSON: () => util.dynamodb.fromS3ObjectJson('') }",
        "return util",
        "return [].reduce((a, b) => a)",
    ],
)
def test_values_that_are_no_json_fail_or_lose_what_is_not(engine: QuickJs, body: str) -> None:
    outcome = run(engine, f"export function request(ctx) {{ {body} }}")
    assert outcome.failure is not None or outcome.value.keys() == {"time", "math", "str", "http", "xml"} | {
        "dynamodb",
        "transform",
        "rds",
    }
    assert run(engine, BUNDLED).failure is None


BOMBS = {
    "loop": ("while (true) { }", "it took too long"),
    "memory": ("let a = []; while (true) a.push('x'.repeat(100000))", "it used too much memory"),
    "stack": ("function f() { return f() + 1 }; return f()", "it recursed too deeply"),
    "regular expression": ("return /(a+)+$/.test('a'.repeat(40) + 'b')", "it took too long"),
    "caught": ("while (true) { try { while (true) { } } catch (e) { } }", "it took too long"),
}


@pytest.mark.rule("JS-5")
@pytest.mark.parametrize("bomb", BOMBS.values(), ids=list(BOMBS))
def test_a_bomb_is_stopped_and_the_next_run_works(bomb: tuple[str, str]) -> None:
    engine = QuickJs(Limits(milliseconds=20, memory_bytes=8 << 20))
    body, reason = bomb
    with pytest.raises(CodeStopped, match=reason):
        run(engine, f"export function request(ctx) {{ {body} }}", relaxed=True)
    assert run(engine, BUNDLED).value["operation"] == "GetItem"


@pytest.mark.rule("JS-5")
@pytest.mark.parametrize(
    "body",
    [
        "const a = [1]; for (const x of a) { a.push(x) }",
        "return 'a'.concat('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab').replace('(a+)+$', 'x')",
        "return util.matches('(a+)+$', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab')",
    ],
)
def test_bombs_within_the_rules_are_stopped_too(body: str) -> None:
    engine = QuickJs(Limits(milliseconds=20, memory_bytes=8 << 20))
    with pytest.raises(CodeStopped):
        run(engine, f"export function request(ctx) {{ {body} }}")


@pytest.mark.rule("JS-5")
def test_slow_code_has_longer_apart_and_on_another_thread(engine: QuickJs) -> None:
    module = read(
        "export function request(ctx) { let n = 0; const t = Date; while (n < 2000000) { n += 1 } return n }"
        "export function response(ctx) { return 1 }",
        relaxed=True,
    )
    given = Run("{}", 0.0)
    with pytest.raises(CodeStopped) as stopped:
        QuickJs(Limits(milliseconds=5)).run(module, "request", given, lambda name, operands: None)
    assert stopped.value.slow
    found: list[Any] = []
    roomy = QuickJs(Limits(milliseconds=5, apart_milliseconds=20_000))
    thread = threading.Thread(
        target=lambda: found.append(roomy.run_apart(module, "request", given, lambda name, operands: None).value)
    )
    thread.start()
    thread.join()
    assert found == [2_000_000]


@pytest.mark.rule("JS-4")
def test_the_same_context_time_and_chance_give_the_same_outcome() -> None:
    code = (
        "export function request(ctx) { return [util.autoId(), util.autoUlid(), util.autoKsuid(), Math.random(), "
        "util.time.nowISO8601(), new Date().toISOString(), Date.now()] }"
    )
    one, other = run(QuickJs(), code).value, run(QuickJs(), code).value
    assert one == other
    assert [len(each) for each in one[:3]] == [36, 26, 27]
    assert one[0][14] == "4"
    assert one[0][19] in "89ab"
    assert 0 <= one[3] < 1
    assert one[4:] == ["1970-01-01T00:00:00.000Z", "1970-01-01T00:00:00.000Z", 0]


@pytest.mark.rule("JS-4")
def test_engines_share_nothing() -> None:
    code = "export function request(ctx) { globalThis.x = (globalThis.x || 0) + 1; return globalThis.x }"
    assert run(QuickJs(), code, relaxed=True).value == 1
    assert run(QuickJs(), code, relaxed=True).value == 1


@pytest.mark.rule("JS-6")
def test_a_signal_cannot_be_caught(execute: Any) -> None:
    outcome = execute("try { util.error('no', 'T', { a: 1 }, 2) } catch (e) { } return 1", relaxed=True)
    found = outcome.signal
    assert (found.kind, found.message, found.error_type, found.data, found.error_info) == (
        "error",
        "no",
        "T",
        {"a": 1},
        2,
    )


@pytest.mark.rule("JS-6")
def test_signals(execute: Any) -> None:
    assert execute("util.unauthorized()").signal.kind == "unauthorized"
    found = execute("ctx.stash.a = 1; runtime.earlyReturn({ x: 1 }, { skipTo: 'END' }); return 2")
    assert (found.signal.kind, found.signal.value, found.signal.skip_to) == ("return", {"x": 1}, "END")
    assert found.stash == {"a": 1}
    assert execute("runtime.earlyReturn()").signal.value is None


@pytest.mark.rule("JS-6")
def test_appended_errors_and_effects_are_collected(execute: Any) -> None:
    outcome = execute(
        "util.appendError('w', 'W', 1); extensions.setSubscriptionFilter({ filterGroup: [] });"
        "extensions.evictFromApiCache('Query', 'a', { 'context.arguments.id': '1' }); return 1"
    )
    assert outcome.value == 1
    assert outcome.errors == [{"message": "w", "errorType": "W", "data": 1, "errorInfo": None}]
    assert [(each.name, each.arguments) for each in outcome.effects] == [
        ("setSubscriptionFilter", [{"filterGroup": []}]),
        ("evictFromApiCache", ["Query", "a", {"context.arguments.id": "1"}]),
    ]


@pytest.mark.rule("JS-7")
def test_a_console_line_tells_where_it_was_written(engine: QuickJs) -> None:
    code = (
        "import { util } from '@aws-appsync/utils'\n\n"
        "export function request(ctx) {\n  const id = 1\n"
        '  console.log("current id", "record-id")\n'
        "  console.error({ a: [1, null] }, undefined, util.urlEncode('é'))\n}"
    )
    assert [log.line() for log in run(engine, code).logs] == [
        'INFO - code.js:5:3: "current id" "record-id"',
        'ERROR - code.js:6:3: {"a":[1,null]} undefined "%C3%A9"',
    ]


@pytest.mark.rule("JS-7")
def test_errors_tell_where_the_users_code_went_wrong(execute: Any) -> None:
    failure = execute("const a = 1;\n  return rds.createPgStatement(rds.select({ table: 1 }))").failure
    assert failure.sentence() == "code.js:4:10: table name is expected to be a string or alias."
    failure = execute("return ctx.args.a.b").failure
    assert failure.sentence().startswith("code.js:3:")
    assert failure.sentence().endswith("TypeError: cannot read property 'b' of undefined")


@pytest.mark.rule("JS-7")
def test_an_inline_source_map_gives_the_original_place(engine: QuickJs) -> None:
    # Line 2 of the bundle, from column 0: line 10, column 4 of the source.
    document = stdlib.dumps({"version": 3, "sources": ["a.ts"], "names": [], "mappings": ";AASI"})
    comment = "//# sourceMappingURL=data:application/json;base64," + base64.b64encode(document.encode()).decode()
    outcome = run(engine, f"export function request(ctx) {{\nreturn ctx.args.a.b\n}}\n{comment}")
    assert outcome.failure.position == Position(10, 5)
    broken = "//# sourceMappingURL=data:application/json;base64,AAAA"
    outcome = run(engine, f"export function request(ctx) {{\nreturn ctx.args.a.b\n}}\n{broken}")
    assert outcome.failure.position.line == 2


@pytest.mark.rule("JS-12")
def test_the_selection_set_is_there_by_name_only(engine: QuickJs) -> None:
    info = '{"info":{"fieldName":"f","selectionSetList":["id"],"selectionSetGraphQL":"{id}"}}'
    code = "export function request(ctx) { return [ctx.info, ctx.info.selectionSetList] }"
    assert run(engine, code, info).value == [{"fieldName": "f"}, ["id"]]


def test_code_that_is_no_longer_held_leaves_the_engine(engine: QuickJs) -> None:
    for n in range(3):
        assert run(engine, f"export function request(ctx) {{ return {n} }}").value == n
    assert engine._sandbox is not None
    assert len(engine._sandbox._entries) <= 1
