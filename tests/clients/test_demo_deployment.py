"""The demo's deployment through public operations."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from support.server import Server


def deployed(server: Server) -> dict[str, Any]:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        with urlopen(f"{server.url}/demo/config.json", timeout=5) as answer:
            told = json.load(answer)
        if told["state"] == "ready":
            config: dict[str, Any] = told["config"]
            return config
        assert told["state"] == "deploying", told
        time.sleep(0.1)
    raise AssertionError("the demo was not deployed in 20 s")


def test_a_restart_finds_what_the_first_start_deployed(tmp_path: Path) -> None:
    server = Server(tmp_path / "data", "demo").start()
    first = deployed(server)
    server.stop()
    server.start()
    try:
        assert deployed(server) == first
        appsync, functions = server.client("appsync"), server.client("lambda")
        assert len(appsync.list_graphql_apis()["graphqlApis"]) == 1
        (api,) = appsync.list_graphql_apis()["graphqlApis"]
        assert len(appsync.list_api_keys(apiId=api["apiId"])["apiKeys"]) == 1
        assert len(functions.list_event_source_mappings()["EventSourceMappings"]) == 1
    finally:
        server.stop()
