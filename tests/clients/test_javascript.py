"""JavaScript resolvers on a real server: deployed and called as on AWS; a bomb does not keep the others waiting."""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
import time
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from botocore.exceptions import ClientError

from support.server import BIN, Server

GUIDE = Path(__file__).parent.parent.parent / "docs" / "how-to" / "javascript-resolvers.md"
RUNTIME = {"name": "APPSYNC_JS", "runtimeVersion": "1.0.0"}
SDL = "type Query { echo(text: String): String bomb: Int }"
ECHO = (
    "import { util } from '@aws-appsync/utils'\n"
    "export function request(ctx) { return { payload: ctx.args.text.toUpperCase() } }\n"
    "export function response(ctx) { return `${ctx.result} ${util.time.nowFormatted('yyyy').length}` }"
)
BOMB = (
    "export function request(ctx) { return { payload: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab'.replace('(a+)+$', '') } }\n"
    "export const response = (ctx) => ctx.result"
)


@pytest.fixture(scope="module")
def api(server: Server) -> Any:
    """The id of an API with two resolvers, and a way to ask it."""
    appsync = server.client("appsync")
    made = appsync.create_graphql_api(name="js", authenticationType="API_KEY")["graphqlApi"]
    api_id = made["apiId"]
    appsync.start_schema_creation(apiId=api_id, definition=SDL.encode())
    appsync.create_data_source(apiId=api_id, name="local", type="NONE")
    for field, code in {"echo": ECHO, "bomb": BOMB}.items():
        appsync.create_resolver(
            apiId=api_id, typeName="Query", fieldName=field, dataSourceName="local", runtime=RUNTIME, code=code
        )
    key = appsync.create_api_key(apiId=api_id)["apiKey"]["id"]

    def ask(query: str) -> Any:
        body = json.dumps({"query": query}).encode()
        with urlopen(Request(made["uris"]["GRAPHQL"], body, {"x-api-key": key}), timeout=30) as answer:
            return json.load(answer)

    yield api_id, ask
    appsync.delete_graphql_api(apiId=api_id)


def test_code_runs_and_a_bomb_keeps_nobody_waiting(api: Any) -> None:
    _, ask = api
    assert ask('{ echo(text: "a") }') == {"data": {"echo": "A 4"}}
    exploded: list[Any] = []
    bombs = [threading.Thread(target=lambda: exploded.append(ask("{ bomb }"))) for _ in range(3)]
    for each in bombs:
        each.start()
    slowest = 0.0
    while any(each.is_alive() for each in bombs):
        began = time.monotonic()
        assert ask('{ echo(text: "a") }')["data"]["echo"] == "A 4"
        slowest = max(slowest, time.monotonic() - began)
    assert [each["errors"][0]["message"] for each in exploded] == ["Runtime Error"] * 3
    assert slowest < 0.4, f"a neighbour waited {slowest * 1000:.0f} ms"


def test_code_with_errors_is_refused_by_the_server(server: Server, api: Any) -> None:
    appsync = server.client("appsync")
    with pytest.raises(ClientError) as refused:
        appsync.update_resolver(
            apiId=api[0],
            typeName="Query",
            fieldName="echo",
            dataSourceName="local",
            runtime=RUNTIME,
            code="export function request(ctx) { return nope }\nexport const response = (ctx) => 1",
        )
    assert refused.value.response["detail"]["codeErrors"][0]["location"]["column"] == 39
    found = appsync.evaluate_code(runtime=RUNTIME, code=ECHO, context='{"arguments": {"text": "b"}}')
    assert found["evaluationResult"] == '{"payload":"B"}'


def test_the_guides_code_and_command_work(server: Server, tmp_path: Path) -> None:
    guide = GUIDE.read_text()
    (code,) = re.findall(r"```js\n(.*?)```", guide, flags=re.S)
    (command,) = re.findall(r"```bash\n(.*?)```", guide, flags=re.S)
    (tmp_path / "get.js").write_text(code)
    environment = {"PATH": f"{BIN}:{os.environ['PATH']}", "AWS_PAGER": "", "HOME": str(tmp_path)} | server.environment()
    done = subprocess.run(["bash", "-c", command], cwd=tmp_path, env=environment, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    found = json.loads(done.stdout)
    assert json.loads(found["evaluationResult"]) == {"operation": "GetItem", "key": {"id": {"S": "1"}}}
    assert found["logs"] == ['INFO - code.js:5:3: "asked for" "1"']
