"""CORS per API, as Chromium enforces it: what pages of an allowed and of another origin can do."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest

from support.server import Server

HERE = Path(__file__).parent
MAY = {"answer": {"data": {"__typename": "Query"}}, "socket": "open"}
MAY_NOT = {"answer": "TypeError", "socket": "refused"}


class Page(BaseHTTPRequestHandler):
    """An empty page."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>page</title>")

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing."""


@pytest.fixture
def site() -> Iterator[int]:
    """The port of a site whose every page is empty."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Page) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_pages_of_other_origins_can_ask_only_where_the_api_lets_them(tmp_path: Path, site: int) -> None:
    assert shutil.which("chromium"), "Chromium is missing: run `make chromium`"
    server = Server(tmp_path / "data").start()
    try:
        appsync = server.client("appsync")
        api = appsync.create_graphql_api(name="origins", authenticationType="API_KEY")["graphqlApi"]
        key = appsync.create_api_key(apiId=api["apiId"])["apiKey"]["id"]
        appsync.start_schema_creation(apiId=api["apiId"], definition=b"type Query { a: String }")
        pages = [f"http://127.0.0.1:{site}/", f"http://localhost:{site}/"]
        command = ["node", str(HERE / "origins.mjs"), f"{server.url}/graphql/{api['apiId']}", key, *pages]

        def seen() -> Any:
            done = subprocess.run(command, capture_output=True, text=True, timeout=60)
            assert done.returncode == 0, done.stderr
            return json.loads(done.stdout)

        assert seen() == [MAY, MAY]
        appsync.tag_resource(resourceArn=api["arn"], tags={"syncline:origins": f"http://localhost:{site}"})
        assert seen() == [MAY_NOT, MAY]
    finally:
        server.stop()
