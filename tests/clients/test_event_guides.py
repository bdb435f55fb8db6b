"""The guides to what Event APIs have beyond AppSync: their commands and programs, as a reader would paste them."""

from __future__ import annotations

import base64
import json
import re
from pathlib import Path

import pytest
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from clients.test_guides import DOCS, bash
from support.events import EventApi
from support.server import Server


@pytest.fixture(scope="module")
def api(server: Server) -> EventApi:
    return EventApi(server, "default")


def followed(page: str, api: EventApi, folder: Path) -> str:
    """What the page's commands wrote, with its programs beside them."""
    port = api.server.url.rsplit(":", 1)[1]
    text = (DOCS / "how-to" / page).read_text().replace("localhost:4000", f"localhost:{port}")
    for name, code in re.findall(r"`(\w+\.(?:py|js))`:\n\n```\w+\n(.*?)```", text, flags=re.S):
        (folder / name).write_text(code)
    commands = "\n".join(re.findall(r"```bash\n(.*?)```", text, flags=re.S))
    arn = api.appsync.get_api(apiId=api.id)["api"]["apiArn"]
    environment = {"API_ID": api.id, "API_KEY": api.key, "API_ARN": arn}
    start = 'set -eu\neval "$(syncline env)"\ncd "$TMPDIR"\n'
    return bash(start + commands, folder, SYNCLINE_DATA=str(api.server.data), **environment)


@pytest.mark.rule("EVT-30")
def test_the_guide_to_policies(api: EventApi, tmp_path: Path) -> None:
    granted, refused = re.findall(r"\{.*?\]\}", followed("channel-policies.md", api, tmp_path))
    assert len(json.loads(granted)["successful"]) == 1
    assert json.loads(refused)["errors"][0]["errorType"] == "UnauthorizedException"


@pytest.mark.rule("EVT-32")
def test_the_guide_to_presence(api: EventApi, tmp_path: Path) -> None:
    written = followed("presence.md", api, tmp_path)
    assert '\\"type\\":\\"join\\"' in written
    assert '"presence":{"member"' in written
    assert '"state":"typing"' in written


@pytest.mark.rule("EVT-37")
def test_the_guide_to_history(api: EventApi, tmp_path: Path) -> None:
    written = followed("keep-events.md", api, tmp_path)
    assert '"recovered":true' in written
    assert re.findall(r'"event":"(\d)"', written) == ["2", "3"]


@pytest.mark.rule("EVT-35")
def test_the_guide_to_connection_handlers(api: EventApi, tmp_path: Path) -> None:
    followed("connection-handlers.md", api, tmp_path)
    raw = base64.urlsafe_b64encode(json.dumps({"host": "localhost", "x-api-key": api.key}).encode()).decode()
    offers = [Subprotocol("aws-appsync-event-ws"), Subprotocol(f"header-{raw.rstrip('=')}")]
    url = f"{api.url.replace('http', 'ws', 1)}/realtime"
    with connect(url, subprotocols=offers, additional_headers={"x-client-version": "1"}) as socket:
        socket.send('{"type": "connection_init"}')
        [refusal] = json.loads(socket.recv(10))["errors"]
    assert refusal == {"errorType": "ClientTooOld", "message": "Please update."}
    with connect(url, subprotocols=offers) as socket:
        socket.send('{"type": "connection_init"}')
        assert json.loads(socket.recv(10))["type"] == "connection_ack"
