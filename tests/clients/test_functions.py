"""Functions as people work with them: a folder that is edited, the `syncline functions` commands, the AWS CLI."""

from __future__ import annotations

import hashlib
import io
import json
import subprocess
import threading
import zipfile
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from queue import Queue
from typing import Any
from urllib.request import urlopen

import pytest

from support.functions import ROLE, zipped
from support.server import Server, eventually, syncline

CODE = """
import time
def handler(event, context):
    print("TEXT", event)
    if event.get("fail"): raise ValueError("as asked")
    return {"text": "TEXT", "version": context.function_version}
"""


def run(server: Server, *words: str, status: int = 0, text: str = "") -> str:
    command = [*syncline(), "functions", *words, "--data", str(server.data)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, input=text)
    assert done.returncode == status, done.stderr
    return done.stderr if status else done.stdout


@pytest.fixture(params=["server", "guarded"])
def either(request: pytest.FixtureRequest) -> Server:
    """A server in `dev`, and one that verifies signatures."""
    found: Server = request.getfixturevalue(request.param)
    return found


@pytest.fixture
def make(either: Server) -> Callable[..., Any]:
    lambda_ = either.root("lambda")

    def create(name: str, text: str) -> Any:
        code = {"ZipFile": zipped(app__py=CODE.replace("TEXT", text))}
        request = {"FunctionName": name, "Runtime": "python3.11", "Role": ROLE, "Handler": "app.handler"}
        lambda_.create_function(**request, Code=code)
        return lambda_

    return create


def test_invoke_prints_the_answer_and_fails_as_the_function_does(either: Server, make: Any, tmp_path: Path) -> None:
    lambda_ = make("asked", "one")
    assert json.loads(run(either, "invoke", "asked")) == {"text": "one", "version": "$LATEST"}
    lambda_.publish_version(FunctionName="asked")
    assert json.loads(run(either, "invoke", "asked", "--qualifier", "1"))["version"] == "1"
    (tmp_path / "event.json").write_text('{"fail": true}')
    command = ["invoke", "asked", "--payload", f"@{tmp_path / 'event.json'}", "--log"]
    assert "ValueError: as asked" in run(either, *command, status=1)
    assert json.loads(run(either, "invoke", "asked", "--payload", "-", text='{"a": 1}'))["text"] == "one"
    assert run(either, "invoke", "asked", "--asynchronous") == ""
    assert "Function not found" in run(either, "invoke", "nobody", status=1)
    assert "not JSON" in run(either, "invoke", "asked", "--payload", "{", status=2)


def test_logs_are_printed_and_followed(either: Server, make: Any) -> None:
    lambda_ = make("talks", "heard")
    assert run(either, "logs", "talks") == ""
    lambda_.invoke(FunctionName="talks", Payload=b'{"n": 1}')
    assert "heard {'n': 1}" in run(either, "logs", "talks")
    command = [*syncline(), "functions", "logs", "talks", "--follow", "--data", str(either.data)]
    follower = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    lines: Queue[str] = Queue()
    assert follower.stdout is not None
    reader = threading.Thread(target=lambda: [lines.put(line) for line in follower.stdout or ()], daemon=True)
    reader.start()
    try:
        eventually(lambda: not lines.empty())
        for n in (2, 3):
            lambda_.invoke(FunctionName="talks", Payload=json.dumps({"n": n}).encode())
        said: list[str] = []
        while "heard {'n': 3}\n" not in said:
            said.append(lines.get(timeout=15))
        assert [line for line in said if line.startswith("heard")] == [f"heard {{'n': {n}}}\n" for n in (1, 2, 3)]
    finally:
        follower.terminate()
        follower.wait(10)
        reader.join(10)
        follower.stdout.close()


def test_a_folder_is_run_as_it_is_saved(server: Server, tmp_path: Path) -> None:
    lambda_ = server.root("lambda")
    (tmp_path / "app.py").write_text(CODE.replace("TEXT", "saved once"))
    lambda_.create_function(
        FunctionName="edited",
        Runtime="python3.11",
        Role=ROLE,
        Handler="app.handler",
        Code={"S3Bucket": "hot-reload", "S3Key": str(tmp_path)},
    )
    assert json.loads(run(server, "invoke", "edited"))["text"] == "saved once"
    (tmp_path / "app.py").write_text(CODE.replace("TEXT", "saved twice"))
    assert json.loads(run(server, "invoke", "edited"))["text"] == "saved twice"


def test_the_aws_cli_publishes_moves_an_alias_and_fetches_the_code(server: Server, aws: Any, tmp_path: Path) -> None:
    package = tmp_path / "code.zip"
    package.write_bytes(zipped(app__py=CODE.replace("TEXT", "packed")))
    where = ["--function-name", "packed"]
    command = ["create-function", *where, "--runtime", "python3.11", "--role", ROLE, "--handler", "app.handler"]
    created = aws("lambda", *command, "--zip-file", f"fileb://{package}", "--publish")
    assert created["Version"] == "1"
    aws("lambda", "wait", "function-active-v2", *where)
    aws("lambda", "wait", "published-version-active", *where, "--qualifier", "1")
    aws("lambda", "create-alias", *where, "--name", "live", "--function-version", "1")
    aws("lambda", "invoke", "--function-name", "packed:live", str(tmp_path / "out"))
    assert json.loads((tmp_path / "out").read_text())["version"] == "1"
    code = aws("lambda", "get-function", *where)["Code"]
    with urlopen(code["Location"], timeout=10) as answer:
        fetched = answer.read()
    assert b64encode(hashlib.sha256(fetched).digest()).decode() == created["CodeSha256"]
    assert zipfile.ZipFile(io.BytesIO(fetched)).namelist() == ["app.py"]
    aws("lambda", "delete-function", *where)
