"""The commands of the README, the tutorial and the guides, as a reader would paste them."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

from support.server import BIN, Server

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
TUTORIAL = DOCS / "tutorial" / "data-sync.md"


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


def bash(commands: str, folder: Path, **variables: str) -> str:
    """Run commands from the root of the repository with the environment's programs first; what they wrote."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")} | {
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT / "src"),
        "TMPDIR": str(folder),
        "AWS_PAGER": "",
        **variables,
    }
    done = subprocess.run(
        ["bash", "-c", commands], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=110
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_tutorial_works_as_it_is_written(server: Server, tmp_path: Path) -> None:
    written = bash(script(), tmp_path, SYNCLINE_DATA=str(server.data))
    said = dict(re.findall(r"^## (.*)\n((?:(?!## ).*\n?)*)", written, flags=re.M))
    assert '"Account"' in said["Start a server"]
    assert '"status": "SUCCESS"' in said["A GraphQL API"]
    assert said["Write and read"].count('"title":"Milk"') == 2
    assert re.search(r"INSERT [0-9a-f-]{36}", said["Write and read"])


def test_the_readmes_commands_work_after_its_eval(server: Server, tmp_path: Path) -> None:
    pages = (ROOT / "README.md").read_text()
    commands = [line[2:] for line in pages.splitlines() if line.startswith(("$ aws ", "$ python "))]
    assert len(commands) == 2
    lines = ["set -euo pipefail", 'eval "$(syncline env)"', *commands]
    written = bash("\n".join(lines), tmp_path, SYNCLINE_DATA=str(server.data))
    assert '"name": "notes"' in written


def test_the_guide_for_ci_starts_and_ends_a_server(tmp_path: Path) -> None:
    page = (DOCS / "how-to" / "run-in-ci.md").read_text()
    (commands,) = re.findall(r"```bash\n(.*?)```", page, flags=re.S)
    tests = "npm() { aws dynamodb list-tables; }\ncd $RUNNER_TEMP\n"
    written = bash("set -e\n" + tests + commands.replace(".venv/bin/", f"{BIN}/"), tmp_path, RUNNER_TEMP=str(tmp_path))
    assert '"TableNames": []' in written
