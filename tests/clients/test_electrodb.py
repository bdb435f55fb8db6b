"""A program written with ElectroDB, on the AWS SDK for JavaScript: see node/electro.mjs."""

from __future__ import annotations

import subprocess
from pathlib import Path

from support.server import Server

NODE = Path(__file__).parent / "node"


def test_the_program_runs_to_its_end(server: Server) -> None:
    assert (NODE / "node_modules" / "electrodb").is_dir(), "run `make setup` first: it installs the npm packages"
    done = subprocess.run(
        ["node", "electro.mjs", server.url], cwd=NODE, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
