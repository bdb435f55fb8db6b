"""What the command line says to people who ask for what cannot be: one sentence, a status of 1 or 2, and no trace."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest

from support.server import syncline


def run(*words: str, cwd: Path) -> tuple[int, str]:
    done = subprocess.run([*syncline(), *words], capture_output=True, text=True, timeout=30, cwd=cwd)
    return done.returncode, done.stderr


def test_a_port_that_is_none_is_an_error_of_usage(tmp_path: Path) -> None:
    status, said = run("dev", "--port", "70000", cwd=tmp_path)
    assert status == 2
    assert "Invalid value for '--port': 70000 is not in the range 0<=x<=65535." in said
    assert not list(tmp_path.iterdir())


def test_a_port_in_the_file_is_checked_too(tmp_path: Path) -> None:
    (tmp_path / "syncline.toml").write_text("port = 70000\n")
    status, said = run("config", cwd=tmp_path)
    assert status == 1
    assert said.startswith("syncline: The setting port from syncline.toml cannot be used: Expected `int` <= 65535")


def test_a_port_in_use_is_said_with_the_way_out(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        status, said = run("dev", "--port", str(port), cwd=tmp_path)
    assert status == 1
    last = said.splitlines()[-1]
    assert last.startswith(f"syncline: Port {port} of 127.0.0.1 is in use:")
    assert last.endswith("choose another one with --port (0: any free one).")
    assert "Traceback" not in said


@pytest.mark.parametrize("words", [("env",), ("tables", "export", "T", "out.jsonl"), ("functions", "logs", "f")])
def test_a_missing_folder_stays_missing(tmp_path: Path, words: tuple[str, ...]) -> None:
    status, said = run(*words, "--data", "nothere", cwd=tmp_path)
    assert status == 1
    assert "syncline: There is no data directory at nothere: start a server on it first" in said
    assert not (tmp_path / "nothere").exists()


def test_backup_and_restore_say_what_is_wrong(tmp_path: Path) -> None:
    assert run("backup", "--data", "nothere", "x.tar", cwd=tmp_path) == (
        1,
        "syncline: There is no data directory at nothere: name one with --data.\n",
    )
    (tmp_path / "bad.tar").write_text("garbage")
    status, said = run("restore", "--data", "new", "bad.tar", cwd=tmp_path)
    assert status == 1
    assert said.startswith("syncline: bad.tar is no backup of Syncline's: ")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    status, said = run("restore", "--data", "full", "bad.tar", cwd=tmp_path)
    assert (status, said.partition(":")[2].partition(":")[0]) == (1, " full is not empty")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["bad.tar", "full"]
