"""Resolvers' cases: run by the command, run by pytest, the same everywhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from syncline.app.cli import main
from syncline.core import SeededIds

TEMPLATE = '{"id": "$ctx.args.id", "at": "$util.time.nowISO8601()", "key": "$util.autoId()"}'
CODE = """export function request(ctx) {
  ctx.stash.seen = ctx.args.id;
  console.log('saw', ctx.args.id);
  return { id: ctx.args.id };
}
export function response(ctx) { return ctx.result ? ctx.result.n + 1 : util.error('not found', 'Gone') }
"""


MODULE = """from common import wanted
from syncline.resolver import error, log, util

def request(ctx):
    ctx.stash["seen"] = wanted(ctx)
    log("saw", wanted(ctx))
    return {"id": wanted(ctx), "at": util.time.nowISO8601(), "key": util.autoId()}

def response(ctx):
    return ctx.result["n"] + 1 if ctx.result else error("not found", "Gone")
"""


def case(root: Path, name: str, ctx: Any, expected: Any, **files: str) -> Path:
    folder = root / name
    folder.mkdir(parents=True)
    (folder / "ctx.json").write_text(json.dumps(ctx))
    (folder / "expected.json").write_text(json.dumps(expected))
    for file, text in files.items():
        (folder / file.replace("_", ".")).write_text(text)
    return folder


def run(root: Path) -> tuple[int, str]:
    done = CliRunner().invoke(main, ["resolvers", "test", str(root)])
    return done.exit_code, done.output


@pytest.fixture
def good(tmp_path: Path) -> Path:
    ctx = {"arguments": {"id": "7"}, "result": {"n": 1}}
    key = SeededIds(1).uuid()
    case(
        tmp_path,
        "vtl/item",
        ctx,
        {"id": "7", "at": "2020-01-01T00:00:00.000Z", "key": key},
        request_vtl=TEMPLATE,
    )
    case(tmp_path, "js/response", ctx, 2, handler_js=CODE)
    said = {"$value": {"id": "7"}, "$stash": {"seen": "7"}, "$logs": ['INFO - code.js:3:3: "saw" "7"']}
    case(tmp_path, "js/request", ctx, said, handler_js=CODE)
    case(
        tmp_path,
        "js/gone",
        {},
        {"$error": {"message": "not found"}},
        case_json='{"handler": "../request/handler.js", "function": "response"}',
    )
    return tmp_path


@pytest.mark.rule("RES-25")
def test_cases_run_in_a_time_and_with_ids_that_stand_still(good: Path) -> None:
    status, printed = run(good)
    assert (status, printed.splitlines()) == (
        0,
        ["passed js/gone", "passed js/request", "passed js/response", "passed vtl/item", "4 passed, 0 failed"],
    )


@pytest.mark.rule("RES-25")
def test_what_differs_is_said(tmp_path: Path) -> None:
    case(tmp_path, "wrong", {"arguments": {"id": "7"}}, {"id": "8"}, request_vtl='{"id": "$ctx.args.id"}')
    case(tmp_path, "fails", {}, 1, request_vtl='$util.error("no")')
    case(tmp_path, "none", {}, 1)
    (tmp_path / "none" / "case.json").write_text('{"nope": 1}')
    status, printed = run(tmp_path)
    assert status == 1
    assert printed.splitlines() == [
        "FAILED fails",
        "    error: expected null",
        '            but got {"message":"no"}',
        "FAILED none",
        f"    The case {tmp_path / 'none'} cannot be read: Object contains unknown field `nope`",
        "FAILED wrong",
        '    value: expected {"id":"8"}',
        '            but got {"id":"7"}',
        "0 passed, 3 failed",
    ]


@pytest.mark.rule("RES-25")
def test_a_folder_without_cases_is_a_failure(tmp_path: Path) -> None:
    assert run(tmp_path)[0] == 1


@pytest.mark.rule("RES-25")
def test_pytest_runs_the_same_cases(good: Path) -> None:
    import subprocess
    import sys

    case(good, "wrong", {}, 2, request_vtl="1")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        str(good),
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=good)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "1 failed, 4 passed" in done.stdout
    assert "value: expected 2" in done.stdout


@pytest.mark.rule("RES-25")
def test_python_cases_run_beside_their_modules(tmp_path: Path) -> None:
    case(tmp_path, "code", {}, 1, common_py="def wanted(ctx):\n    return ctx.args['id']\n", notes_py=MODULE)
    (tmp_path / "code" / "ctx.json").unlink()
    ctx = {"arguments": {"id": "7"}, "result": {"n": 1}}
    value = {"id": "7", "at": "2020-01-01T00:00:00.000Z", "key": SeededIds(1).uuid()}
    said = {"$value": value, "$stash": {"seen": "7"}, "$logs": ["saw 7"]}
    case(tmp_path, "request", ctx, said, case_json='{"handler": "../code/notes.py"}')
    case(tmp_path, "response", ctx, 2, case_json='{"handler": "../code/notes.py"}')
    gone = {"$error": {"message": "not found"}}
    case(tmp_path, "gone", {}, gone, case_json='{"handler": "../code/notes.py", "function": "response"}')
    whole = "def resolve(ctx):\n    return ctx.args['id']\n"
    case(tmp_path, "whole", ctx, "7", handler_py=whole)
    case(tmp_path, "whole2", ctx, "77", handler_py=whole.replace("['id']", "['id'] * 2"))
    case(tmp_path, "fails", {}, {"$error": {"message": "handler.py:2: KeyError: 'id'"}}, handler_py=whole)
    rooted = '{"handler": "../pack/deep/one.py", "path": ".."}'
    case(tmp_path, "path", ctx, "7", case_json=rooted)
    (tmp_path / "pack" / "deep").mkdir(parents=True)
    (tmp_path / "pack" / "two.py").write_text("def of(ctx):\n    return ctx.args['id']\n")
    (tmp_path / "pack" / "deep" / "one.py").write_text("from ..two import of\ndef resolve(ctx):\n    return of(ctx)\n")
    status, printed = run(tmp_path)
    assert printed.splitlines()[-1] == "7 passed, 0 failed", printed
    assert status == 0


@pytest.mark.rule("RES-25")
def test_a_python_case_that_cannot_run_says_why(tmp_path: Path) -> None:
    case(tmp_path, "name", {}, 1, case_json='{"handler": "get-it.py"}')
    (tmp_path / "name" / "get-it.py").write_text("")
    case(tmp_path, "outside", {}, 1, case_json='{"handler": "h.py", "path": "../name"}', h_py="")
    case(tmp_path, "typo", {}, 1, h_py="def resolve(ctx)\n")
    status, printed = run(tmp_path)
    assert status == 1
    assert "get-it cannot be the name of a Python module" in printed
    assert "is not under the path" in printed
    assert "h.py:1: SyntaxError" in printed


def test_a_context_made_up_for_a_test() -> None:
    from syncline.resolver import Context

    ctx = Context.of({"id": "1"}, source={"a": 1}, stash={"b": 2}, prev={"result": 3})
    assert (ctx.args, ctx.arguments, ctx.source, ctx.stash) == ({"id": "1"}, {"id": "1"}, {"a": 1}, {"b": 2})
    assert (ctx.prev, ctx.result, ctx.error, ctx.env, ctx.info.field_name) == ({"result": 3}, None, None, {}, "")
