"""An API's log group as people read it: boto3 and the AWS CLI."""

from __future__ import annotations

import json
from typing import Any
from urllib.request import Request, urlopen

import pytest

from support.server import Server, eventually

CODE = """export function request(ctx) {
  console.log('asked', ctx.args.id);
  return { payload: ctx.args.id };
}
export const response = (ctx) => ctx.result;
"""
ROLE = "arn:aws:iam::000000000000:role/appsync-logs"


@pytest.fixture(scope="module")
def asked(server: Server) -> tuple[str, str]:
    """An API that logs everything, asked once: its log group, and the id of the request."""
    appsync = server.client("appsync")
    config = {"fieldLogLevel": "ALL", "cloudWatchLogsRoleArn": ROLE}
    api = appsync.create_graphql_api(name="logged", authenticationType="API_KEY", logConfig=config)["graphqlApi"]
    api_id = api["apiId"]
    key = appsync.create_api_key(apiId=api_id)["apiKey"]["id"]
    appsync.start_schema_creation(apiId=api_id, definition=b"type Query { echo(id: ID): ID }")
    appsync.create_data_source(apiId=api_id, name="none", type="NONE")
    runtime = {"name": "APPSYNC_JS", "runtimeVersion": "1.0.0"}
    field: dict[str, Any] = {"apiId": api_id, "typeName": "Query", "fieldName": "echo", "dataSourceName": "none"}
    appsync.create_resolver(**field, runtime=runtime, code=CODE)
    body = json.dumps({"query": '{ echo(id: "7") }'}).encode()
    headers = {"x-api-key": key, "content-type": "application/json"}
    with urlopen(Request(api["uris"]["GRAPHQL"], body, headers), timeout=10) as response:
        assert json.load(response) == {"data": {"echo": "7"}}
        return f"/aws/appsync/apis/{api_id}", response.headers["x-amzn-requestid"]


@pytest.mark.rule("GQL-68")
def test_the_lines_of_a_request_are_found_by_its_id(server: Server, asked: tuple[str, str]) -> None:
    group, request_id = asked
    logs = server.client("logs")

    def summaries() -> list[Any]:
        pattern = f'{{ $.logType = "RequestSummary" && $.requestId = "{request_id}" }}'
        found = logs.filter_log_events(logGroupName=group, filterPattern=pattern)
        return [json.loads(event["message"]) for event in found["events"]]

    (summary,) = eventually(summaries)
    assert summary["statusCode"] == 200
    tagged = logs.filter_log_events(logGroupName=group, filterPattern=f'"{request_id}"')["events"]
    lines = [event["message"] for event in tagged]
    assert f'{request_id} INFO - code.js:2:3: "asked" "7"' in lines
    assert f"{request_id} End Request" in lines
    assert len(lines) == 16


@pytest.mark.rule("GQL-68")
def test_the_aws_cli_shows_them(aws: Any, asked: tuple[str, str]) -> None:
    group, request_id = asked
    words = ("logs", "filter-log-events", "--log-group-name", group, "--filter-pattern", "Begin")
    shown = eventually(lambda: aws(*words)["events"])
    assert shown[0]["message"] == f"{request_id} Begin Request"
