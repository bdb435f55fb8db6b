"""What APPSYNC_JS forbids is refused before it runs, in AWS's words and with its place."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncline.js import CodeRefused, QuickJs, read

RESPONSE = "\nexport const response = (ctx) => ctx.result"


def refused(body: str) -> list[tuple[str, str, int, int]]:
    with pytest.raises(CodeRefused) as refusal:
        read(f"export function request(ctx) {{\n{body}\n}}{RESPONSE}")
    assert refusal.value.message == "The code contains one or more errors."
    return [(each.kind, each.value, each.line, each.column) for each in refusal.value.errors]


@pytest.mark.rule("JS-2")
@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("try { } catch (e) { }", "Try statements are not supported."),
        ("ctx.args.map((x) => { throw 1 })", "Throw statements are not supported. Use util.error()."),
        ("while (ctx.args.a) { }", "While statements are not supported."),
        ("do { } while (ctx.args.a)", "do...while statements are not supported."),
        ("for (let i = 0; i < 3; i = i + 1) { }", "For statements are not supported."),
        ("for (const x of ctx.args) { continue }", "Continue statements are not supported"),
        ("here: ctx.args", "Labeled statements are not supported."),
        ("class A { }", "Class declarations are not supported."),
        ("return this", "This expressions are not supported."),
        ("const f = async () => 1", "Async functions are not supported."),
        ("function* f() { }", "Generator functions are not supported."),
        ("return 'a'.match(/a/)", "Regex literals are not supported."),
        ("let a = 1; a++", "The operator ++ is not supported"),
        ("let a = 1; --a", "The operator -- is not supported"),
        ("return ~1", "The operator ~ is not supported"),
        ("return 'a' in ctx.args", "in operator is not supported. Use Object.hasOwn()."),
        ("return ctx.args instanceof Object", "The operator instanceof is not supported"),
        ("return Promise", "Promise is not supported"),
        (
            "function f(n) { const x = f(n); }",
            "Recursive function calls not supported. Detected cycle in f <-f",
        ),
        (
            "function f(n) { const x = g(n); } function g(n) { const x = f(n); }",
            "Recursive function calls not supported. Detected cycle in f <-g <-f",
        ),
        ("function f(n) { } return ctx.args.map(f)", "Functions can not be passed as an argument"),
        ("return () => 1", "returning a function is not allowed"),
        ("let f = () => 1; f = 2", "re-assigning function is not allowed"),
        ("ctx.stash = {}", "ctx is readonly. Adding/Updating stash is not supported."),
        ("ctx = {}", "ctx is readonly and re-assignment is not supported."),
        ("return [3, 1].sort((a, b) => a - b)", "Method sort does not accept a comparator"),
        ("return 'a'.padStart(3)", "Method String.padStart is not implemented"),
        ("return Object.freeze({})", "Method ObjectConstructor.freeze is not implemented"),
        ("return Array.from([])", "Method Array.from is not implemented"),
        ("const d = new Date(); d.setHours(1)", "Method Date.setHours is not implemented"),
        ("return ctx.args.f.apply(1)", "Method apply is not implemented"),
    ],
)
def test_a_forbidden_construct_is_refused(body: str, message: str) -> None:
    assert message in [value for kind, value, *_ in refused(body) if kind == "LINT_ERROR"]


@pytest.mark.rule("JS-2")
def test_every_error_is_told_with_its_place() -> None:
    assert refused("  for (let i=0;i<3;i++){}\n  return /a/") == [
        ("LINT_ERROR", "For statements are not supported.", 2, 3),
        ("LINT_ERROR", "The operator ++ is not supported", 2, 20),
        ("LINT_ERROR", "Regex literals are not supported.", 3, 10),
    ]


@pytest.mark.rule("JS-2")
def test_a_name_that_is_not_only_a_functions_may_be_passed() -> None:
    code = "function id(x) { return x }\nconst of = (a) => a.b\nexport function request(ctx) {\n"
    code += (
        "const { id } = ctx.args; const f = (of) => [1].includes(of); let g = id; return [1].includes(id) && f(id) }"
    )
    assert read(code + RESPONSE).handlers == {"request", "response"}


@pytest.mark.rule("JS-2")
def test_relaxed_accepts_the_whole_language() -> None:
    module = read(
        f"export function request(ctx) {{ for (let i = 0; i < 3; i++) {{ try {{ }} catch (e) {{ }} }} }}{RESPONSE}",
        relaxed=True,
    )
    assert module.handlers == {"request", "response"}


@pytest.mark.rule("JS-3")
@pytest.mark.parametrize(
    ("body", "value"),
    [
        ("return {a:}", "code.js(2,11): error TS1109: Expression expected.\n"),
        ("return nextToken", "code.js(2,8): error TS2304: Cannot find name 'nextToken'.\n"),
        ("return { nextToken }", "code.js(2,10): error TS2304: Cannot find name 'nextToken'.\n"),
        ("return fetch('x')", "code.js(2,8): error TS2304: Cannot find name 'fetch'.\n"),
        ("return globalThis", "code.js(2,8): error TS2304: Cannot find name 'globalThis'.\n"),
        ("return util.toJson(1)", "code.js(2,13): error TS2339: Property 'toJson' does not exist on type 'Util'.\n"),
    ],
)
def test_what_cannot_be_right_is_refused_with_its_place(body: str, value: str) -> None:
    assert [each[1] for each in refused(body)] == [value]
    assert [each[0] for each in refused(body)] == ["PARSE_ERROR"]


@pytest.mark.rule("JS-3")
@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("import x from 'lodash'", "error TS2307: Cannot find module 'lodash' or its corresponding type declarations."),
        ("import { put } from '@aws-appsync/utils'", "error TS2305: Module '\"@aws-appsync/utils\"' has no exported"),
        ("import x from '@aws-appsync/utils'", "error TS1192: Module '\"@aws-appsync/utils\"' has no default export."),
        (
            "import * as ddb from '@aws-appsync/utils/dynamodb'\nconst a = ddb.nope",
            "code.js(2,15): error TS2339: Property 'nope' does not exist on type",
        ),
    ],
)
def test_imports_that_cannot_be_right_are_refused(line: str, value: str) -> None:
    with pytest.raises(CodeRefused) as refusal:
        read(f"{line}\nexport function request(ctx) {{ }}{RESPONSE}")
    assert value in refusal.value.errors[0].value


@pytest.mark.rule("JS-1")
def test_both_handlers_are_required() -> None:
    with pytest.raises(CodeRefused) as refusal:
        read("export function request(ctx) { }")
    assert refusal.value.errors[0].value == "code.js(1,1): error: The function 'response' is not exported.\n"


@pytest.mark.rule("JS-3")
def test_code_has_a_size() -> None:
    with pytest.raises(CodeRefused, match="one or more errors") as refusal:
        read("// " + "x" * 32_768 + f"\nexport function request(ctx) {{ }}{RESPONSE}")
    assert "the limit is 32768" in refusal.value.errors[0].value


@pytest.mark.rule("JS-3")
@pytest.mark.parametrize("code", ["(" * 5_000, "{" * 5_000, "`${" * 2_000, "\0" * 100, "é\u2028😀", "[" * 30_000, ""])
def test_hostile_text_is_refused_not_fatal(code: str) -> None:
    with pytest.raises(CodeRefused):
        read(code)


@pytest.mark.rule("JS-3")
@pytest.mark.parametrize(
    "body",
    [
        "const " + "[" * 3_000 + "a" + "]" * 3_000 + " = 1",
        "return " + "x => " * 5_000 + "1",
        "return " + "`${" * 3_000 + "1" + "}`" * 3_000,
        "{" * 5_000 + "}" * 5_000,
    ],
    ids=["patterns", "functions", "templates", "blocks"],
)
def test_code_that_is_nested_too_deeply_is_refused(body: str) -> None:
    assert refused(body) == [("PARSE_ERROR", "code.js(1,1): error: The code is nested too deeply.\n", 1, 1)]


@pytest.mark.rule("JS-2")
def test_many_functions_are_read_quickly() -> None:
    many = "".join(f"function f{n}() {{ f{n + 1}() }} " for n in range(700)) + "function f700() { }"
    assert read(f"{many} export function request(ctx) {{ f0() }} {RESPONSE}").handlers == {"request", "response"}


@pytest.mark.rule("JS-12")
@pytest.mark.parametrize(
    ("handler", "member"),
    [
        ("const response = (ctx) => ctx.result", "result"),
        ("const response = (c) => { return c.result; }", "result"),
        ("function response(ctx) {\n  return ctx.result;\n}", "result"),
        ("function response(ctx) { return ctx.prev.result }", None),
        ("function response(ctx) { return ctx.nope }", None),
        ("function response(ctx) { console.log(1); return ctx.result }", None),
        ("const result = {}; export function response(ctx) { return result.result }", None),
        ("function response({ ctx }) { return ctx.result }", None),
    ],
)
def test_handlers_that_only_pass_a_member_on_are_known(handler: str, member: str | None) -> None:
    code = f"export {handler}" if "export" not in handler else handler
    assert read(code, required=()).plain.get("response") == member


PIECES = [
    "{",
    "}",
    "(",
    ")",
    "[",
    "`",
    "${",
    "'",
    "=>",
    "...",
    "?.",
    "/*",
    "//",
    "export ",
    "import ",
    "as",
    "é",
    "\0",
    ";",
]


@pytest.mark.rule("JS-3")
@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 250), st.integers(0, 12), st.sampled_from(PIECES)), min_size=1, max_size=5))
def test_damaged_code_is_read_or_refused(damages: list[tuple[int, int, str]]) -> None:
    code = (
        "import { util } from '@aws-appsync/utils'\nexport function request(ctx) { const { id, ...rest } = ctx.args; "
        "for (const k of Object.keys(rest)) { if (k === 'a') { break } } return { payload: rest?.a ?? `t${id}` } }"
    )
    for at, lost, new in damages:
        code = code[:at] + new + code[at + lost :]
    engine, errors = QuickJs(), []
    try:
        engine.check(read(code, required=()))
    except CodeRefused as refusal:
        errors = refusal.errors
    assert all(each.line >= 1 and each.column >= 1 for each in errors)


@pytest.mark.rule("JS-12")
@pytest.mark.parametrize(
    ("code", "members"),
    [
        ("export function request(ctx) { return ctx.args.id }", {"arguments"}),
        ("export function request({ args, source: s }) { return [args, s] }", {"arguments", "source"}),
        ("export function request(ctx) { const { stash, ...rest } = ctx; return rest }", None),
        ("export function request(ctx) { return ctx }", None),
        ("function f(c) { return c.args }\nexport function request(ctx) { return f(ctx) }", None),
        ("export const request = (ctx) => ctx['identity']", {"identity"}),
        ("export const request = function () { return arguments[0] }", None),
        ("export function request() { return {} }", set()),
        ("export const request = [(c) => c.args][0]", None),
        ("export function request(ctx = {}) { return ctx.args }", None),
        ("export function request(ctx) { const c = ctx; return c.args }", None),
    ],
)
def test_only_what_the_code_can_see_is_handed_in(code: str, members: set[str] | None) -> None:
    found = read(code, required=("request",)).members
    assert len(found) == 11 if members is None else found == members
