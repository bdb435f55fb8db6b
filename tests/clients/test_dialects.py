"""Ordinary GraphQL clients on AppSync's API: graphql-ws and graphql-sse in Node."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from support.notes import Notes

NODE = Path(__file__).parent / "node"


def run(notes: Notes, client: str) -> dict[str, Any]:
    done = subprocess.run(
        ["node", "dialects.js", notes.url, notes.key, client], cwd=NODE, capture_output=True, text=True, timeout=30
    )
    assert done.returncode == 0, (done.stdout, done.stderr)
    steps = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    return {step.pop("step"): step for step in steps}


@pytest.mark.rule("SUB-12")
@pytest.mark.rule("EDG-22")
@pytest.mark.parametrize(("client", "stranger"), [("ws", {"code": 4403}), ("sse", {"status": 401})])
def test_a_real_client_asks_changes_subscribes_and_is_refused(
    notes: Notes, client: str, stranger: dict[str, int]
) -> None:
    said = run(notes, client)
    assert said["query"] == {"data": {"echo": "hello"}}
    assert said["heard"] == {"heard": ["one", "two", "three"]}
    assert said["refused"]["errors"]
    assert said["stranger"] == stranger
