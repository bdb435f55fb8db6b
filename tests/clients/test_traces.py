"""`syncline trace` against a real server, and who is let in at the admin door."""

from __future__ import annotations

import json
import subprocess
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from support.server import REGION, Server, syncline

SDL = b"type Query { bad(id: ID): Int } type Mutation { worse: Int }"


@pytest.fixture(scope="module")
def api(guarded: Server) -> tuple[str, str]:
    """An API whose only query fails; its id and key."""
    appsync = guarded.root("appsync")
    api_id = appsync.create_graphql_api(name="traced", authenticationType="API_KEY")["graphqlApi"]["apiId"]
    key = appsync.create_api_key(apiId=api_id)["apiKey"]["id"]
    appsync.start_schema_creation(apiId=api_id, definition=SDL)
    appsync.create_data_source(apiId=api_id, name="none", type="NONE")
    for kind, field in (("Query", "bad"), ("Mutation", "worse")):
        appsync.create_resolver(
            apiId=api_id,
            typeName=kind,
            fieldName=field,
            dataSourceName="none",
            requestMappingTemplate='{"version": "2018-05-29", "payload": 1}',
            responseMappingTemplate='\n$util.error("no such thing")',
        )
    return api_id, key


def post(server: Server, api: tuple[str, str], query: str) -> Any:
    headers = {"x-api-key": api[1], "content-type": "application/json"}
    body = json.dumps({"query": query}).encode()
    with urlopen(Request(f"{server.url}/graphql/{api[0]}", body, headers), timeout=10) as response:
        return json.load(response)


def command(server: Server, *words: str) -> subprocess.CompletedProcess[str]:
    line = [*syncline(), "trace", *words, "--data", str(server.data)]
    return subprocess.run(line, capture_output=True, text=True, timeout=20)


@pytest.mark.rule("GQL-67")
def test_a_failed_request_is_listed_shown_and_replayed(guarded: Server, api: tuple[str, str]) -> None:
    post(guarded, api, '{ bad(id: "1") }')
    (line,) = command(guarded, "list", "--api", api[0]).stdout.splitlines()
    assert "Query.bad" in line
    assert line.endswith("no such thing")
    trace_id = line.split()[0]
    shown = json.loads(command(guarded, "show", trace_id).stdout)
    assert shown["failures"][0]["line"] == 2
    assert api[1] not in json.dumps(shown)
    again = json.loads(command(guarded, "replay", trace_id).stdout)
    assert again["answer"]["errors"][0]["message"] == "no such thing"
    post(guarded, api, "mutation { worse }")
    latest = command(guarded, "list", "--api", api[0]).stdout.split()[0]
    refused = command(guarded, "replay", latest)
    assert refused.returncode == 1
    assert "Confirm with --mutations" in refused.stderr
    assert command(guarded, "replay", latest, "--mutations").returncode == 0


def test_there_is_nothing_to_ask_without_a_server(tmp_path: Any) -> None:
    line = [*syncline(), "trace", "list", "--data", str(tmp_path / "none")]
    done = subprocess.run(line, capture_output=True, text=True, timeout=20)
    assert done.returncode == 1
    assert done.stderr.startswith("syncline: No server answers for the data folder")


@pytest.mark.parametrize("service", ["none", "appsync", "wrong"])
def test_nobody_else_is_let_in(service: str, guarded: Server, server: Server) -> None:
    for each in (guarded, server):
        exported = each.environment()
        secret = "x" if service == "wrong" else exported["AWS_SECRET_ACCESS_KEY"]
        asked = AWSRequest("GET", f"{each.url}/_syncline/traces")
        if service != "none":
            name = "syncline" if service == "wrong" else service
            SigV4Auth(Credentials(exported["AWS_ACCESS_KEY_ID"], secret), name, REGION).add_auth(asked)
        with pytest.raises(HTTPError) as refused:
            urlopen(Request(asked.url, headers=dict(asked.headers)), timeout=10)
        assert refused.value.code in (401, 403)
