"""GraphQL over HTTP: the audit of the npm package graphql-http, against a real server in both modes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from support.notes import Notes

NODE = Path(__file__).parent / "node"
APPSYNCS = {
    "572B": "asks for application/json: AppSync answers a document that does not parse with 400",
    "FDE2": "asks for application/json: its document does not parse either",
}
UNNAMED = {"80D8": "asks what happens without Accept, and in this mode every request names it"}
ANY_MEDIA_TYPE = {"9ABE": "AppSync takes a body of any content type"}


def audit(notes: Notes, *mode: str) -> Any:
    assert (NODE / "node_modules" / "graphql-http").is_dir(), "run `make setup` first: it installs the npm packages"
    done = subprocess.run(
        ["node", "audit.js", notes.url, notes.key, *mode], cwd=NODE, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["count"] > 50
    assert not [each for each in found["missed"] if each["status"] == "error"], found
    return found["missed"]


def serious(missed: Any) -> set[str]:
    return {each["id"] for each in missed if each["status"] == "warn"}


@pytest.mark.rule("GQL-72")
def test_the_audit_finds_no_error_and_in_spec_mode_no_warning(notes: Notes) -> None:
    missed = audit(notes, "spec")
    assert serious(missed) <= {*APPSYNCS, *UNNAMED}, missed


@pytest.mark.rule("GQL-72")
def test_the_audit_finds_no_error_in_appsyncs_mode(notes: Notes) -> None:
    missed = audit(notes)
    assert serious(missed) <= {*APPSYNCS, *ANY_MEDIA_TYPE}, missed
