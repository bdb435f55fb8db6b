"""The real Apollo Client with AppSync's links, in Node: three modes on a server that verifies, plain and over TLS."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from support.programs import check_apollo, said_by
from support.server import Server

NODE = Path(__file__).parent / "node"


def test_apollo_asks_changes_subscribes_and_is_refused_in_every_mode(
    guarded: Server, apollo: list[dict[str, Any]]
) -> None:
    assert (NODE / "node_modules" / "@apollo").is_dir(), "run `make setup` first: it installs the npm packages"
    done = subprocess.run(
        ["node", "apollo.js", json.dumps(apollo)],
        cwd=NODE,
        env={**os.environ, "NODE_EXTRA_CA_CERTS": guarded.environment()["SYNCLINE_CA"]},
        capture_output=True,
        text=True,
        timeout=40,
    )
    assert done.returncode == 0, (done.stdout, done.stderr)
    check_apollo(said_by(done.stdout.splitlines()), apollo)
