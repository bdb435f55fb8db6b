"""Ordinary GraphQL clients on AppSync's API: graphql-ws and graphql-sse in Node."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from support.notes import Notes

NODE = Path(__file__).parent / "node"


def run(notes: Notes, client: str, *, tls: bool) -> dict[str, Any]:
    url = notes.url.replace("http://127.0.0.1", "https://localhost") if tls else notes.url
    done = subprocess.run(
        ["node", "dialects.js", url, notes.key, client],
        cwd=NODE,
        env={**os.environ, "NODE_EXTRA_CA_CERTS": notes.server.environment()["SYNCLINE_CA"]},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0, (done.stdout, done.stderr)
    steps = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {step.pop("step"): step for step in steps}


@pytest.mark.rule("SUB-12")
@pytest.mark.rule("EDG-22")
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize(("client", "stranger"), [("ws", {"code": 4403}), ("sse", {"status": 401})])
def test_a_real_client_asks_changes_subscribes_and_is_refused(
    notes: Notes, client: str, stranger: dict[str, int], tls: bool
) -> None:
    said = run(notes, client, tls=tls)
    assert said["query"] == {"data": {"echo": "hello"}}
    assert said["heard"] == {"heard": ["one", "two", "three"]}
    assert said["refused"]["errors"]
    assert said["stranger"] == stranger
