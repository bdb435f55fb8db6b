"""The demo page in a real browser: two devices in sync, apart and together again."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.server import Server

HERE = Path(__file__).parent
SCREENSHOTS = HERE.parent / "out"

Browse = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("demo") / "data", "demo").start()
    yield server
    server.stop()


@pytest.fixture
def browse(demo: Server) -> Browse:
    """Play one scenario of demo.mjs; returns what it saw. The page must not have complained."""
    chromium = shutil.which("chromium")
    assert chromium, "Chromium is missing: run `make chromium`"
    SCREENSHOTS.mkdir(exist_ok=True)

    def play(scenario: str) -> dict[str, Any]:
        command = ["node", str(HERE / "demo.mjs"), f"{demo.url}/", scenario, str(SCREENSHOTS)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=90)
        assert done.returncode == 0, done.stderr
        seen: dict[str, Any] = json.loads(done.stdout)
        assert "failure" not in seen, seen
        assert seen["complaints"] == []
        return seen

    return play


def test_a_change_on_one_device_shows_on_the_other_with_its_delay(browse: Browse) -> None:
    seen = browse("sync")
    assert seen["created"].endswith(" ms")
    assert seen["edited"].startswith("v2 ")
    assert seen["left"] == []
    assert float(seen["latest"]) > 0


def test_a_device_without_network_keeps_its_writes_and_catches_up_when_it_returns(browse: Browse) -> None:
    seen = browse("offline")
    assert seen["apart"]["phone"] == ["Written offline", "Shared"]
    assert seen["apart"]["tablet"] == ["Written meanwhile", "Shared, changed"]
    assert seen["apart"]["state"] == "Offline · 1 queued"
    assert seen["notice"] == "Caught up: 2 changes while away"
    assert seen["phone"] == seen["tablet"] == ["Written offline", "Written meanwhile", "Shared, changed"]


def test_changes_show_in_the_change_stream_and_in_the_functions_log(browse: Browse) -> None:
    seen = browse("feeds")
    assert seen["events"] == ["Insert", "Modify", "Remove"]
    assert any("Processing INSERT for item" in line for line in seen["log"])
    assert any(line.startswith("REPORT RequestId:") for line in seen["log"])


def test_a_restarted_server_finds_its_devices_again(demo: Server) -> None:
    command = ["node", str(HERE / "demo.mjs"), f"{demo.url}/", "restart", str(SCREENSHOTS)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as page:
        assert page.stdin is not None
        assert page.stdout is not None
        for word, act in (("stop", demo.stop), ("start", demo.start)):
            assert page.stdout.readline().strip() == word
            act()
            page.stdin.write("done\n")
            page.stdin.flush()
        seen = json.loads(page.stdout.readline())
    assert seen["waiting"] == "Connecting · 1 queued"
    assert seen["phone"] == seen["tablet"] == ["Meanwhile", "Before"]


def test_the_page_works_without_a_mouse_and_names_its_controls(browse: Browse) -> None:
    seen = browse("keyboard")
    assert seen["off"] == "offline"
    assert seen["named"] == []


def test_the_page_fits_wide_medium_and_narrow_windows_in_light_and_dark(browse: Browse) -> None:
    assert browse("looks")["overflowing"] == []
    assert len(list(SCREENSHOTS.glob("demo-*-light.png"))) >= 3
