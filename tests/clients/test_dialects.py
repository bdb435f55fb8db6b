"""Ordinary GraphQL clients on AppSync's API: graphql-ws and graphql-sse in Node."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from support.notes import Notes
from support.programs import Said, check_dialects, check_transport, said_by, secure

NODE = Path(__file__).parent / "node"


def run(notes: Notes, client: str, *, tls: bool, program: str = "dialects.js") -> Said:
    url = secure(notes.url) if tls else notes.url
    done = subprocess.run(
        ["node", program, url, notes.key, client],
        cwd=NODE,
        env={**os.environ, "NODE_EXTRA_CA_CERTS": notes.server.environment()["SYNCLINE_CA"]},
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == 0, (done.stdout, done.stderr)
    return said_by(done.stdout.splitlines())


@pytest.mark.rule("SUB-12")
@pytest.mark.rule("EDG-22")
@pytest.mark.rule("EDG-32")
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
@pytest.mark.parametrize(
    ("client", "stranger"), [("ws", {"code": 4403}), ("sse", {"status": 401}), ("sse-single", {"status": 401})]
)
def test_a_real_client_asks_changes_subscribes_and_is_refused(
    notes: Notes, client: str, stranger: dict[str, int], tls: bool
) -> None:
    check_dialects(run(notes, client, tls=tls), stranger)


@pytest.mark.rule("SUB-40")
@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_apollo_asks_changes_subscribes_and_comes_back_over_its_older_dialect(notes: Notes, tls: bool) -> None:
    check_transport(run(notes, "", tls=tls, program="transport.js"))
