"""What a server says when it is ready: one JSON line for programs, one sentence for a person."""

import json
import sys
import tomllib

import pytest
from click.testing import CliRunner

from syncline.app.cli import main
from syncline.app.environment import Running
from syncline.app.server import announce
from syncline.core import Settings

RUNNING = Running(url="http://localhost:4000", port=4000, pid=1, mode="dev")


def test_a_program_reads_one_json_line_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    announce(RUNNING, Settings(), demo=True)
    told = capsys.readouterr()
    assert json.loads(told.out) == {"event": "ready", "url": "http://localhost:4000", "port": 4000}
    assert told.err == ""


@pytest.mark.parametrize(
    ("data", "demo", "step"),
    [
        ("./.syncline", True, "Open http://localhost:4000/ "),
        ("./.syncline", False, 'eval "$(syncline env)"'),
        ("/tmp/my data", False, "eval \"$(syncline env --data '/tmp/my data')\""),
    ],
)
def test_a_person_at_a_terminal_is_told_what_to_do_next(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, data: str, demo: bool, step: str
) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    announce(RUNNING, Settings(data=data), demo=demo)
    told = capsys.readouterr()
    assert len(told.out.splitlines()) == 1
    assert step in told.err


def test_the_printed_settings_are_a_file_of_settings() -> None:
    found = tomllib.loads(CliRunner().invoke(main, ["config", "--port", "4001"]).output)
    assert found["port"] == 4001
    assert found["edge"]["idle_seconds_max"] == 120.0


def test_no_command_is_cut_short_in_the_list() -> None:
    told = CliRunner().invoke(main, ["--help"], terminal_width=80).output
    assert "..." not in told.partition("Commands:")[2]
