"""The real aws-amplify v6 in Node: over `wss://` with the development CA, and over the WebSocket shim."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from support.notes import Notes, deploy
from support.programs import Said, check_notes, said_by
from support.server import Server

NODE = Path(__file__).parent / "node"


def run(notes: Notes, mode: str, *, status: int = 0, **environ: str) -> Said:
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
    assert done.returncode == status, (done.stdout, done.stderr)
    return said_by(done.stdout.splitlines())


@pytest.mark.parametrize("mode", ["tls", "shim"])
def test_amplify_queries_mutates_and_subscribes(notes: Notes, mode: str) -> None:
    trust = {"NODE_EXTRA_CA_CERTS": notes.server.environment()["SYNCLINE_CA"]} if mode == "tls" else {}
    check_notes(run(notes, mode, **trust), mode)


def test_amplify_signs_with_iam_on_a_server_that_verifies(guarded: Server) -> None:
    notes = deploy(guarded, "AmplifyIam", mode="AWS_IAM")
    exported = guarded.environment()
    check_notes(run(notes, "iam", NODE_EXTRA_CA_CERTS=exported["SYNCLINE_CA"], **exported), "iam")
    failure = run(notes, "iam", status=1, **exported | {"AWS_SECRET_ACCESS_KEY": "wrong"})["failure"][0]
    assert failure["errors"][0]["errorType"] == "InvalidSignatureException"
