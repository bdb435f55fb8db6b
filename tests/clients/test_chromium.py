"""The real clients in a real browser: the programs of node/ in pages of one Chromium, plain and over TLS."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from support.events import IAM, EventApi
from support.notes import Notes, deploy
from support.people import PASSWORD, TEMPORARY, People
from support.programs import (
    Said,
    check_apollo,
    check_auth,
    check_dialects,
    check_events,
    check_notes,
    check_transport,
    said_by,
    secure,
)
from support.server import Server

NODE = Path(__file__).parent / "node"
Pages = dict[str, Said]

# The first of these waits for a browser and ten programs in it.
pytestmark = pytest.mark.timeout(150)


@pytest.fixture(scope="module")
def pages(server: Server, guarded: Server, notes: Notes, apollo: list[dict[str, Any]]) -> Pages:
    """Every program in a page of its own, all in one browser."""
    assert shutil.which("chromium"), "Chromium is missing: run `make chromium`"
    assert (NODE / "node_modules" / "esbuild").is_dir(), "run `make node` first: it installs the npm packages"
    api, people = EventApi(server, "default"), People(guarded)
    own_events = EventApi(guarded, "default", modes=IAM)
    iam, exported = deploy(guarded, "ChromiumIam", mode="AWS_IAM"), guarded.environment()
    own, passwords = secure(guarded.url), {"PASSWORD": PASSWORD, "TEMPORARY": TEMPORARY}
    jobs: list[dict[str, Any]] = [
        {
            "name": "auth",
            "script": "auth.js",
            "argv": [own, people.pool, people.client, f"{own}/graphql/{people.api}"],
            "env": passwords,
        },
        {"name": "notes iam", "script": "notes.js", "argv": [secure(iam.url), "none", "iam"], "env": exported},
        {"name": "events iam", "script": "events.js", "argv": [secure(own_events.url), "none", "iam"], "env": exported},
        {"name": "apollo", "script": "apollo.js", "argv": [json.dumps(apollo)]},
    ]
    for mode, at in (("page-tls", secure), ("shim", str)):
        jobs += [
            {"name": f"notes {mode}", "script": "notes.js", "argv": [at(notes.url), notes.key, mode]},
            {"name": f"events {mode}", "script": "events.js", "argv": [at(api.url), api.key, mode]},
            {"name": f"ws {mode}", "script": "dialects.js", "argv": [at(notes.url), notes.key, "ws"]},
            {"name": f"sse {mode}", "script": "dialects.js", "argv": [at(notes.url), notes.key, "sse"]},
            {"name": f"transport {mode}", "script": "transport.js", "argv": [at(notes.url), notes.key]},
        ]
    return browsed(jobs, server, guarded)


def browsed(jobs: list[dict[str, Any]], *servers: Server) -> Pages:
    """What the programs said, by name. Each must have ended well."""
    authorities = {each.port: each.environment()["SYNCLINE_CA"] for each in servers}
    command = ["node", "chromium.mjs", json.dumps(jobs), json.dumps(authorities)]
    done = subprocess.run(command, cwd=NODE, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    ended = [json.loads(line) for line in done.stdout.split("\n") if line]
    assert [each for each in ended if each["status"] != 0] == []
    return {each["name"]: said_by(each["lines"]) for each in ended}


@pytest.mark.parametrize("mode", ["page-tls", "shim", "iam"])
def test_amplify_asks_and_subscribes(pages: Pages, mode: str) -> None:
    check_notes(pages[f"notes {mode}"], mode)


@pytest.mark.parametrize("mode", ["page-tls", "shim", "iam"])
def test_amplify_publishes_and_subscribes_on_an_event_api(pages: Pages, mode: str) -> None:
    check_events(pages[f"events {mode}"])


def test_amplify_signs_in_in_every_way(pages: Pages) -> None:
    check_auth(pages["auth"])


def test_apollo_does_everything_in_every_mode(pages: Pages, apollo: list[dict[str, Any]]) -> None:
    check_apollo(pages["apollo"], apollo)


@pytest.mark.parametrize("mode", ["page-tls", "shim"])
def test_apollo_does_over_its_older_dialect(pages: Pages, mode: str) -> None:
    check_transport(pages[f"transport {mode}"])


@pytest.mark.parametrize("mode", ["page-tls", "shim"])
@pytest.mark.parametrize(("client", "stranger"), [("ws", {"code": 4403}), ("sse", {"status": 401})])
def test_ordinary_clients_do_too(pages: Pages, client: str, mode: str, stranger: dict[str, int]) -> None:
    check_dialects(pages[f"{client} {mode}"], stranger)
