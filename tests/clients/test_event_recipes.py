"""Event APIs as the recipes use them: a synchronous answer to asynchronous work, a list that several devices share."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from support.events import EventApi, Listener
from support.server import Server

NODE = Path(__file__).parent / "node"
STORE = """
import { runtime, util } from '@aws-appsync/utils'
export const onPublish = {
  request(ctx) {
    const kept = ctx.events.filter((each) => each.payload.todo.title)
    if (kept.length === 0) return runtime.earlyReturn(ctx.events.map((each) => ({ id: each.id, error: 'no title' })))
    const { todo, action } = kept[0].payload
    const key = util.dynamodb.toMapValues({ id: todo.id })
    if (action === 'TODO_DELETED') return { operation: 'DeleteItem', key }
    return { operation: 'PutItem', key, attributeValues: util.dynamodb.toMapValues({ title: todo.title }) }
  },
  response(ctx) {
    if (ctx.error) util.error(ctx.error.message, ctx.error.type)
    return ctx.events.map((each) => each.payload.todo.title
      ? { id: each.id, payload: { ...each.payload, kept: true } }
      : { id: each.id, error: 'no title' })
  },
}
"""


def test_a_function_waits_for_what_a_workflow_posts(server: Server) -> None:
    """Seed: a function starts a workflow, listens to a channel of that name, and is sent the result by HTTP."""
    api = EventApi(server, "jobs")
    job = "0f6e2f1a-1d0c-4a55-9c7c-000000000001"
    body = json.dumps({"channel": f"/jobs/{job}", "events": [json.dumps({"fullName": "Ada Lovelace"})]})
    headers = {  # as Step Functions' http:invoke sends them
        "X-API-Key": api.key,
        "CONTENT-TYPE": "application/json; charset=UTF-8",
        "User-Agent": "Amazon|StepFunctions|HttpInvoke|us-east-1",
        "Range": "bytes=0-262144",
    }

    def workflow() -> None:
        connection = HTTPConnection(api.url.split("/")[2], timeout=10)
        connection.request("POST", f"/event/{api.id}", body, headers)
        with connection.getresponse() as response:
            answers.append((response.status, json.loads(response.read())))

    answers: list[tuple[int, Any]] = []
    with Listener(api.url, api.key) as function:
        function.say(type="connection_init")
        assert function.hear()["type"] == "connection_ack"
        assert function.subscribe(f"/jobs/{job}", id=job)["type"] == "subscribe_success"
        running = threading.Thread(target=workflow)
        running.start()
        assert json.loads(function.hear()["event"]) == {"fullName": "Ada Lovelace"}
        running.join()
    [(status, answer)] = answers
    assert (status, len(answer["successful"]), answer["failed"]) == (200, 1, [])


@pytest.fixture(scope="module")
def todos(server: Server) -> EventApi:
    api = EventApi(server, "unused")
    server.client("dynamodb").create_table(
        TableName="todos",
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )
    table = {"tableName": "todos", "awsRegion": "us-east-1"}
    api.appsync.create_data_source(apiId=api.id, name="table", type="AMAZON_DYNAMODB", dynamodbConfig=table)
    api.appsync.create_channel_namespace(
        apiId=api.id,
        name="todos",
        codeHandlers=STORE,
        handlerConfigs={"onPublish": {"behavior": "CODE", "integration": {"dataSourceName": "table"}}},
        tags={"syncline:presence": "true", "syncline:policy": "/todos/+", "syncline:history": "count=100"},
    )
    return api


@pytest.mark.rule("EVT-22")
@pytest.mark.rule("EVT-30")
@pytest.mark.rule("EVT-32")
@pytest.mark.parametrize("mode", ["tls", "shim"])
def test_devices_share_a_list(todos: EventApi, mode: str) -> None:
    trust = {"NODE_EXTRA_CA_CERTS": todos.server.environment()["SYNCLINE_CA"]} if mode == "tls" else {}
    endpoint = todos.url.replace("127.0.0.1", "localhost")
    done = subprocess.run(
        ["node", "todos.js", endpoint, todos.key, mode],
        cwd=NODE,
        env={**os.environ, **trust},
        capture_output=True,
        text=True,
        timeout=40,
    )
    said: dict[str, list[dict[str, Any]]] = {}
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            step = json.loads(line)
            said.setdefault(step.pop("step"), []).append(step)
    assert done.returncode == 0, (done.stdout, done.stderr)
    assert [(each["event"]["type"], each["event"]["count"]) for each in said["members"]] == [("join", 1), ("join", 2)]
    events = [each["event"] for each in said["phone"]]
    assert [(each["action"], each["kept"]) for each in events] == [("TODO_CREATED", True), ("TODO_DELETED", True)]
    assert said["laptop"] == said["phone"]
    assert [each["message"] for each in said["answer"][0]["failed"]] == ["no title"]
    assert "Unauthorized" in json.dumps(said["refused"])
    assert todos.server.client("dynamodb").scan(TableName="todos")["Items"] == []
    with Listener(todos.url, todos.key) as late:
        late.say(
            type="subscribe",
            id="late",
            channel=f"/todos/{mode}",
            authorization=late.authorization,
            syncline={"history": {"last": 5}},
        )
        assert late.hear()["syncline"]["recovered"] is True
        assert [json.loads(late.hear()["event"])["action"] for _ in range(2)] == ["TODO_CREATED", "TODO_DELETED"]
