"""Programs written with ORMs on the AWS SDK for JavaScript: ElectroDB and Dynamoose, unmodified."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from support.server import Server

NODE = Path(__file__).parent / "node"


@pytest.mark.parametrize("program", ["electro.mjs", "dynamoose.js"])
def test_the_program_runs_to_its_end(server: Server, program: str) -> None:
    assert (NODE / "node_modules" / "dynamoose").is_dir(), "run `make setup` first: it installs the npm packages"
    done = subprocess.run(
        ["node", program, server.url], cwd=NODE, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
