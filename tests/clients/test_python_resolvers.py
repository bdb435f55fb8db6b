"""The guide to resolvers in Python, as a reader would follow it: its files, its commands, a change, a mistake."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from support.server import BIN, Server, eventually, syncline

GUIDE = Path(__file__).parent.parent.parent / "docs" / "how-to" / "python-resolvers.md"
SDL = b"""type Note { id: ID title: String }
type Query { note(id: ID!): Note }
type Mutation { putNote(title: String!): Note }"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server in `dev` beside the guide's files and its `syncline.toml`."""
    folder = tmp_path_factory.mktemp("project")
    blocks = re.findall(r"```(?:toml|python)\n# (\S+)\n(.*?)```", GUIDE.read_text(), flags=re.S)
    assert [name for name, _ in blocks] == ["syncline.toml", "resolvers/notes.py", "resolvers/get_note.py"]
    for name, text in blocks:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    server = Server(folder / "data").start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def api(server: Server) -> tuple[str, str]:
    """The API that the guide's commands are for; its id and key."""
    appsync = server.client("appsync")
    api_id = appsync.create_graphql_api(name="notes", authenticationType="API_KEY")["graphqlApi"]["apiId"]
    appsync.start_schema_creation(apiId=api_id, definition=SDL)
    (commands,) = re.findall(r"```bash\n(.*?)```", GUIDE.read_text(), flags=re.S)
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment = {**kept, **server.environment(), "API": api_id, "PATH": f"{BIN}:{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-ec", commands], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    key: str = appsync.create_api_key(apiId=api_id)["apiKey"]["id"]
    return api_id, key


def ask(server: Server, api: tuple[str, str], query: str) -> Any:
    body = json.dumps({"query": query}).encode()
    headers = {"x-api-key": api[1], "content-type": "application/json"}
    with urlopen(Request(f"{server.url}/graphql/{api[0]}", body, headers), timeout=10) as response:
        return json.load(response)


@pytest.mark.rule("RES-26")
def test_one_function_resolves_a_field(server: Server, api: tuple[str, str]) -> None:
    answer = ask(server, api, 'mutation { putNote(title: "Milk") { id title } }')
    assert answer["data"]["putNote"]["title"] == "Milk"
    assert len(answer["data"]["putNote"]["id"]) == 36
    refused = ask(server, api, 'mutation { putNote(title: "") { id } }')
    assert refused["errors"][0]["errorType"] == "Invalid"


@pytest.mark.rule("RES-26")
def test_two_functions_stand_around_a_table(server: Server, api: tuple[str, str]) -> None:
    tables, appsync = server.client("dynamodb"), server.client("appsync")
    keys = [{"AttributeName": "id", "KeyType": "HASH"}]
    names = [{"AttributeName": "id", "AttributeType": "S"}]
    tables.create_table(TableName="PyNotes", KeySchema=keys, AttributeDefinitions=names, BillingMode="PAY_PER_REQUEST")
    tables.put_item(TableName="PyNotes", Item={"id": {"S": "1"}, "title": {"S": "Milk"}})
    table = {"tableName": "PyNotes", "awsRegion": "us-east-1"}
    role = "arn:aws:iam::000000000000:role/r"
    source = {"name": "table", "type": "AMAZON_DYNAMODB", "dynamodbConfig": table, "serviceRoleArn": role}
    appsync.create_data_source(apiId=api[0], **source)
    runtime = {"name": "SYNCLINE_PY", "runtimeVersion": "1.0.0"}
    field = {"typeName": "Query", "fieldName": "note", "dataSourceName": "table"}
    appsync.create_resolver(apiId=api[0], **field, runtime=runtime, code="get_note")
    assert ask(server, api, '{ note(id: "1") { title } }') == {"data": {"note": {"title": "Milk"}}}


@pytest.mark.rule("RES-28")
def test_a_changed_file_serves_and_a_mistake_has_file_and_line(server: Server, api: tuple[str, str]) -> None:
    file = server.data.parent / "resolvers" / "notes.py"
    text = file.read_text()
    file.write_text(text.replace('"title": ctx.args["title"]', '"title": ctx.args["title"] + "!"'))

    def shouted() -> bool:
        answer = ask(server, api, 'mutation { putNote(title: "Milk") { title } }')
        return bool(answer == {"data": {"putNote": {"title": "Milk!"}}})

    began = time.monotonic()
    assert eventually(shouted)
    assert time.monotonic() - began < 5
    file.write_text(text.replace('"title": ctx.args["title"]', '"title": ctx.args["nothing"]'))
    failing = 'mutation { putNote(title: "Milk") { title } }'
    (entry,) = eventually(lambda: ask(server, api, failing).get("errors"))
    assert (entry["message"], entry["errorType"]) == ("Runtime Error", "Code")
    told = eventually(lambda: [each for each in server.events() if each["event"] == "code failed"])
    line = next(n for n, each in enumerate(file.read_text().splitlines(), 1) if "nothing" in each)
    assert told[-1]["file"].endswith("notes.py")
    assert (told[-1]["line"], told[-1]["reason"].rpartition(": ")[2]) == (line, "'nothing'")
    words = [*syncline(), "trace", "list", "--data", str(server.data)]
    latest = subprocess.run(words, capture_output=True, text=True, timeout=20).stdout.split()[0]
    shown = subprocess.run([*words[:-3], "show", latest, *words[-2:]], capture_output=True, text=True, timeout=20)
    assert json.loads(shown.stdout)["failures"][0]["line"] == line
