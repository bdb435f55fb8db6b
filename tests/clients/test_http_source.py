"""An HTTP data source of a real server that asks that same server: refused, unless the settings let it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest

from support.server import Server

SDL = b"type Query { health: String }"
REQUEST = '{"version": "2018-05-29", "method": "GET", "resourcePath": "/healthz"}'
RESPONSE = """#if($ctx.error)$util.error($ctx.error.message, $ctx.error.type)#end
$util.toJson($util.parseJson($ctx.result.body).status)"""


@pytest.fixture
def open_server(tmp_path: Path) -> Iterator[Server]:
    """A server whose HTTP data sources may reach loopback."""
    settings = {"SYNCLINE_HTTP_ALLOWED_NETWORKS": "127.0.0.0/8,::1/128"}
    server = Server(tmp_path / "data", settings=settings).start()
    yield server
    server.stop()


def health(server: Server) -> Any:
    """What an API answers whose only field asks the server for its health."""
    appsync = server.client("appsync")
    api_id = appsync.create_graphql_api(name="http", authenticationType="API_KEY")["graphqlApi"]["apiId"]
    key = appsync.create_api_key(apiId=api_id)["apiKey"]["id"]
    appsync.start_schema_creation(apiId=api_id, definition=SDL)
    appsync.create_data_source(
        apiId=api_id,
        name="web",
        type="HTTP",
        httpConfig={"endpoint": server.url},
    )
    appsync.create_resolver(
        apiId=api_id,
        typeName="Query",
        fieldName="health",
        dataSourceName="web",
        requestMappingTemplate=REQUEST,
        responseMappingTemplate=RESPONSE,
    )
    body = json.dumps({"query": "{ health }"}).encode()
    headers = {"x-api-key": key, "content-type": "application/json"}
    with urlopen(Request(f"{server.url}/graphql/{api_id}", body, headers), timeout=20) as response:
        return json.load(response)


@pytest.mark.rule("DS-16")
def test_loopback_is_out_of_reach_in_dev_too(server: Server) -> None:
    answer = health(server)
    assert answer["data"] == {"health": None}
    assert answer["errors"][0]["errorType"] == "Http:AccessDeniedException"
    assert answer["errors"][0]["message"] == "The address of localhost is not allowed."


@pytest.mark.rule("DS-16")
def test_a_network_that_the_settings_name_is_reached(open_server: Server) -> None:
    assert health(open_server) == {"data": {"health": "ok"}}
