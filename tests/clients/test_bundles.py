"""Resolver code as esbuild bundles it, with the options of AppSync's guide: it runs, and errors name its own places."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from support.server import Server

NODE = Path(__file__).parent / "node"
KEYS = """import { util } from '@aws-appsync/utils';

type Key = { id: string };

export function keyOf(args: Key): Key {
  if (!args.id) {
    util.error('no id', 'Missing');
  }
  return { id: args.id };
}
"""
RESOLVER = """import { type Context, util } from '@aws-appsync/utils';
import { get } from '@aws-appsync/utils/dynamodb';
import { keyOf } from './keys';

interface Args {
  id: string;
}

export function request(ctx: Context<Args>) {
  const { id, ...rest } = ctx.args;
  console.log('asked', id, rest);
  const key = keyOf({ id: id ?? '' });
  return get({ key });
}

export function response(ctx: Context<Args>) {
  const { result } = ctx;
  return result.missing.id;
}
"""


def bundled(folder: Path, *options: str) -> str:
    """The code as esbuild writes it."""
    (folder / "keys.ts").write_text(KEYS)
    (folder / "resolver.ts").write_text(RESOLVER)
    words = ["--bundle", "--format=esm", "--platform=node", "--target=esnext", "--external:@aws-appsync/utils"]
    command = [str(NODE / "node_modules/.bin/esbuild"), "resolver.ts", *words, *options]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=60, check=True).stdout


def evaluate(server: Server, code: str, function: str, **context: Any) -> Any:
    return server.client("appsync").evaluate_code(
        runtime={"name": "APPSYNC_JS", "runtimeVersion": "1.0.0"},
        code=code,
        context=json.dumps(context),
        function=function,
    )


@pytest.mark.rule("JS-7")
@pytest.mark.parametrize("options", [("--sourcemap=inline", "--sources-content=false"), ("--sourcemap=inline",)])
def test_places_are_those_of_the_source(server: Server, tmp_path: Path, options: tuple[str, ...]) -> None:
    code = bundled(tmp_path, *options)
    found = evaluate(server, code, "request", arguments={"id": "7", "n": 1})
    assert json.loads(found["evaluationResult"]) == {"operation": "GetItem", "key": {"id": {"S": "7"}}}
    assert found["logs"] == ['INFO - code.js:11:3: "asked" "7" {"n":1}']
    failed = evaluate(server, code, "response", arguments={}, result={})
    assert failed["error"]["message"].startswith("code.js:18:")
    assert failed["error"]["message"].endswith("TypeError: cannot read property 'id' of undefined")


@pytest.mark.rule("JS-1")
@pytest.mark.parametrize("options", [(), ("--minify",), ("--minify", "--sourcemap=inline")])
def test_bundles_run_as_they_are(server: Server, tmp_path: Path, options: tuple[str, ...]) -> None:
    code = bundled(tmp_path, *options)
    found = evaluate(server, code, "request", arguments={"id": "7"})
    assert json.loads(found["evaluationResult"]) == {"operation": "GetItem", "key": {"id": {"S": "7"}}}
    assert evaluate(server, code, "request", arguments={})["error"]["message"] == "no id"
