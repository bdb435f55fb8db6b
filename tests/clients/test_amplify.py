"""The real aws-amplify v6 in Node: over `wss://` with the development CA, and over the WebSocket shim."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from support.notes import Notes, deploy
from support.server import Server

NODE = Path(__file__).parent / "node"


def run(notes: Notes, mode: str, *, status: int = 0, **environ: str) -> dict[str, list[dict[str, Any]]]:
    """What the script said, by step."""
    assert (NODE / "node_modules").is_dir(), "run `make setup` first: it installs the npm packages"
    # Amplify's host must be a name of the certificate.
    endpoint = notes.url.replace("127.0.0.1", "localhost")
    done = subprocess.run(
        ["node", "notes.js", endpoint, notes.key or "none", mode],
        cwd=NODE,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=40,
    )
    said: dict[str, list[dict[str, Any]]] = {}
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            step = json.loads(line)
            said.setdefault(step.pop("step"), []).append(step)
    assert done.returncode == status, (done.stdout, done.stderr)
    return said


@pytest.mark.parametrize("mode", ["tls", "shim"])
def test_amplify_queries_mutates_and_subscribes(notes: Notes, mode: str) -> None:
    trust = {"NODE_EXTRA_CA_CERTS": notes.server.environment()["SYNCLINE_CA"]} if mode == "tls" else {}
    check(run(notes, mode, **trust), mode)


def test_amplify_signs_with_iam_on_a_server_that_verifies(guarded: Server) -> None:
    notes = deploy(guarded, "AmplifyIam", mode="AWS_IAM")
    exported = guarded.environment()
    check(run(notes, "iam", NODE_EXTRA_CA_CERTS=exported["SYNCLINE_CA"], **exported), "iam")
    failure = run(notes, "iam", status=1, **exported | {"AWS_SECRET_ACCESS_KEY": "wrong"})["failure"][0]
    assert failure["errors"][0]["errorType"] == "InvalidSignatureException"


def check(said: dict[str, list[dict[str, Any]]], mode: str) -> None:
    """Everything the script does, it did, and in order."""
    first = {"id": f"amplify-{mode}", "text": "first"}
    assert said["mutation"][0]["data"] == {"putNote": first}
    assert said["query"][0]["data"] == {"getNote": first}
    assert "Field 'nothing' in type 'Query' is undefined" in said["refusal"][0]["errors"][0]["message"]
    assert [event["data"]["onPut"]["text"] for event in said["event"]] == ["second", "third", "fourth"]
    assert "Connected" in [state["state"] for state in said["state"]]
