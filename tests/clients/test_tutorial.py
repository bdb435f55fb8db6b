"""The tutorial's commands, as a reader would paste them, against a running server."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from support.server import BIN, Server

ROOT = Path(__file__).parent.parent.parent
TUTORIAL = ROOT / "docs" / "tutorial" / "data-sync.md"


def sections() -> dict[str, str]:
    """The bash blocks under each heading, joined."""
    parts = re.split(r"^## (.*)$", TUTORIAL.read_text(), flags=re.M)[1:]
    return {
        heading: "\n".join(re.findall(r"```bash\n(.*?)```", text, flags=re.S))
        for heading, text in zip(parts[::2], parts[1::2], strict=True)
    }


def script() -> str:
    """Every section's commands, each announced by its heading; starting the server is the fixture's part."""
    commands = sections()
    commands["Start a server"] = commands["Start a server"].split("syncline dev\n", 1)[1]
    return "set -euo pipefail\n" + "\n".join(f"echo '## {heading}'\n{text}" for heading, text in commands.items())


def test_the_tutorial_works_as_it_is_written(server: Server, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | {
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT / "src"),
        "SYNCLINE_DATA": str(server.data),
        "TMPDIR": str(tmp_path),
        "AWS_PAGER": "",
    }
    done = subprocess.run(
        ["bash", "-c", script()], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=110
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    said = dict(re.findall(r"^## (.*)\n((?:(?!## ).*\n?)*)", done.stdout, flags=re.M))
    assert '"Account"' in said["Start a server"]
    assert '"status": "SUCCESS"' in said["A GraphQL API"]
    assert said["Write and read"].count('"title":"Milk"') == 2
    assert re.search(r"INSERT [0-9a-f-]{36}", said["Write and read"])
