"""Real servers for the whole session: one in `dev`, one in `serve`; and the real AWS CLI."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.notes import Notes, deploy
from support.programs import apollo_cases
from support.server import BIN, REGION, Server


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server in `dev`: loopback, any AWS credentials."""
    server = Server(tmp_path_factory.mktemp("dev") / "data").start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server in `serve`: every signature is verified."""
    server = Server(tmp_path_factory.mktemp("serve") / "data", "serve").start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def notes(server: Server) -> Notes:
    """The notes API on the server in `dev`."""
    return deploy(server, "Notes")


@pytest.fixture(scope="session")
def apollo(guarded: Server) -> list[dict[str, Any]]:
    """What apollo.js is to do."""
    return apollo_cases(guarded)


Aws = Callable[..., Any]


@pytest.fixture(scope="session")
def aws(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Aws:
    """Run the real AWS CLI; returns what it printed, as JSON if it is; raises CalledProcessError."""
    return command_line(server, tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="session")
def guarded_aws(guarded: Server, tmp_path_factory: pytest.TempPathFactory) -> Aws:
    """The same on a server that verifies, as its root unless variables say otherwise."""
    return command_line(guarded, tmp_path_factory.mktemp("guarded-home"))


def command_line(server: Server, home: Path) -> Aws:
    """The CLI of somebody who uses `server`."""

    def run(*words: str, **variables: str) -> Any:
        environment = cli_environment(server, home) | variables
        done = subprocess.run([str(BIN / "aws"), *words], env=environment, capture_output=True, text=True, timeout=60)
        if done.returncode:
            raise subprocess.CalledProcessError(done.returncode, words, done.stdout, done.stderr)
        return json.loads(done.stdout) if done.stdout.startswith(("{", "[")) else done.stdout

    return run


def cli_environment(server: Server, home: Path) -> dict[str, str]:
    """The environment of a person who did `eval "$(syncline env)"` and configured a region."""
    config = home / "config"
    config.write_text(f"[default]\nregion = {REGION}\n")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return (
        kept
        | server.environment()
        | {
            "HOME": str(home),
            "AWS_CONFIG_FILE": str(config),
            "AWS_PAGER": "",
            "PATH": f"{BIN}:{os.environ['PATH']}",
        }
    )
