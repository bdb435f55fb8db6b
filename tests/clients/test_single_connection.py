"""GraphQL over SSE's single connection mode, request by request: who may do what with a reserved stream."""

from __future__ import annotations

import http.client
from typing import Any
from urllib.parse import urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from support.notes import SCHEMA, Notes, deploy, make_function
from support.people import PASSWORD, People
from support.server import REGION, Server, eventually
from support.subscriber import Subscriber
from syncline.core import json

GATE = """
def handle(event, context):
    print("asked", event["requestContext"]["operationName"] or event["requestContext"]["queryString"] or "nothing")
    return {"isAuthorized": event["authorizationToken"].startswith("open"), "resolverContext": {"who": "gate"}}
"""
HELLO = '{ echo(text: "hello") }'
TOKEN = "x-graphql-event-stream-token"


def ask(notes: Notes, method: str, query: str = "", body: Any = None, **headers: str) -> http.client.HTTPResponse:
    """The response, its body unread."""
    address = urlsplit(notes.url)
    connection = http.client.HTTPConnection(address.netloc, timeout=20)
    sent = {"x-api-key": notes.key, **{name.replace("_", "-"): value for name, value in headers.items()}}
    raw = b"" if body is None else json.encode(body)
    if "authorization" in sent or not sent["x-api-key"]:
        del sent["x-api-key"]
    if sent.get("authorization") == "signed":
        del sent["authorization"]
        signed = AWSRequest(method, notes.url + query, data=raw, headers=sent)
        SigV4Auth(notes.server.root("appsync")._get_credentials(), "appsync", REGION).add_auth(signed)
        sent = dict(signed.headers.items())
    connection.request(method, address.path + query, raw, sent)
    return connection.getresponse()


def status(*asked: Any, **more: Any) -> int:
    return ask(*asked, **more).status


def reserve(notes: Notes, **headers: str) -> dict[str, str]:
    made = ask(notes, "PUT", **headers)
    assert (made.status, made.getheader("content-type")) == (201, "text/plain; charset=utf-8")
    return {TOKEN: made.read().decode()}


def event(stream: http.client.HTTPResponse) -> tuple[str, Any]:
    """The next event, beats left out."""
    while True:
        lines = []
        while (line := stream.readline().decode().rstrip("\n")) != "":
            lines.append(line)
        members = dict(line.split(": ", 1) for line in lines if not line.startswith(":"))
        if members:
            return members["event"], json.decode(members["data"])


def operation(id: Any, query: str = HELLO) -> dict[str, Any]:
    return {"query": query, "extensions": {"operationId": id}}


@pytest.mark.rule("EDG-32")
def test_one_stream_carries_all_operations_until_they_are_stopped(notes: Notes) -> None:
    token = reserve(notes)
    assert status(notes, "POST", body=operation("early"), **token) == 409
    stream = ask(notes, "GET", f"?token={token[TOKEN]}", x_api_key="", accept="text/event-stream")
    assert (stream.status, stream.getheader("content-type")) == (200, "text/event-stream")
    assert status(notes, "GET", accept="text/event-stream", **token) == 409
    assert status(notes, "POST", body=operation("s", "subscription { onTell { text } }"), **token) == 202
    assert status(notes, "POST", body=operation("s"), **token) == 409
    tell = 'mutation { tell(id: "i", text: "one") { id text } }'
    assert status(notes, "POST", f"?token={token[TOKEN]}", body=operation("m", tell)) == 202
    heard = [event(stream) for _ in range(3)]
    assert ("next", {"id": "s", "payload": {"data": {"onTell": {"text": "one"}}}}) in heard
    assert [each for each in heard if each[1]["id"] == "m"] == [
        ("next", {"id": "m", "payload": {"data": {"tell": {"id": "i", "text": "one"}}}}),
        ("complete", {"id": "m"}),
    ]
    assert status(notes, "DELETE", "?operationId=s", **token) == 200
    assert status(notes, "DELETE", "?operationId=s", **token) == 200
    assert status(notes, "POST", body=operation("n", tell), **token) == 202
    assert [event(stream)[1]["id"] for _ in range(2)] == ["n", "n"]
    stream.close()


@pytest.mark.rule("EDG-32")
def test_who_is_not_admitted_or_names_no_stream_is_refused(notes: Notes) -> None:
    token = reserve(notes)
    assert status(notes, "PUT", x_api_key="no") == 401
    assert status(notes, "POST", body=operation("1"), x_api_key="no", **token) == 401
    assert status(notes, "DELETE", "?operationId=1", x_api_key="no", **token) == 401
    for method, query in (("POST", ""), ("DELETE", "?operationId=1")):
        assert status(notes, method, query, body=operation("1"), **{TOKEN: "none"}) == 404
    assert status(notes, "GET", accept="text/event-stream", **{TOKEN: "none"}) == 404
    stream = ask(notes, "GET", accept="text/event-stream", **token)
    for id in (None, 5, "", "x" * 129):
        assert status(notes, "POST", body=operation(id), **token) == 400
    assert status(notes, "POST", body={"query": 5}, **token) == 400
    assert status(notes, "DELETE", **token) == 400
    refused = ask(notes, "POST", body=operation("r", "subscription { nothing }"), **token)
    assert (refused.status, bool(json.decode(refused.read())["errors"])) == (400, True)
    stream.close()


@pytest.fixture(scope="module")
def modes(guarded: Server) -> dict[str, Any]:
    """An API that signatures, a pool's tokens and a function open, and a credential of each."""
    people, notes = People(guarded), deploy(guarded, "Streams")
    gate = make_function(guarded, "stream-gate", GATE)
    providers = [
        {"authenticationType": "AWS_IAM"},
        {
            "authenticationType": "AMAZON_COGNITO_USER_POOLS",
            "userPoolConfig": {"userPoolId": people.pool, "awsRegion": REGION},
        },
        {"authenticationType": "AWS_LAMBDA", "lambdaAuthorizerConfig": {"authorizerUri": gate}},
    ]
    guarded.root("appsync").update_graphql_api(
        apiId=notes.api_id, name="Streams", authenticationType="API_KEY", additionalAuthenticationProviders=providers
    )
    directives = "@aws_api_key @aws_iam @aws_cognito_user_pools @aws_lambda {"
    schema = SCHEMA.replace(" {", f" {directives}").encode()
    guarded.root("appsync").start_schema_creation(apiId=notes.api_id, definition=schema)
    eventually(lambda: "errors" not in notes.ask(HELLO))
    token = people.sign_in(password=PASSWORD)["AccessToken"]
    return {"notes": notes, "IAM": "signed", "Cognito": token, "Lambda": "open sesame"}


def asked(server: Server) -> list[str]:
    """What the authorizer function was asked for."""
    found = server.root("logs").filter_log_events(logGroupName="/aws/lambda/stream-gate", filterPattern="asked")
    return [each["message"].strip().removeprefix("asked ") for each in found["events"]]


@pytest.mark.rule("EDG-32")
@pytest.mark.parametrize("mode", ["IAM", "Cognito", "Lambda"])
def test_every_mode_opens_a_stream_and_carries_operations(modes: dict[str, Any], mode: str) -> None:
    notes, credential = modes["notes"], {"authorization": modes[mode]}
    others = [each for each in ("IAM", "Cognito", "Lambda") if each != mode]
    token = reserve(notes, **credential)
    stream = ask(notes, "GET", accept="text/event-stream", x_api_key="", **token)
    assert stream.status == 200
    assert status(notes, "POST", body=operation("s", "subscription { onTell { text } }"), **credential, **token) == 202
    assert status(notes, "POST", body=operation("q"), **credential, **token) == 202
    assert [event(stream) for _ in range(2)] == [
        ("next", {"id": "q", "payload": {"data": {"echo": "hello"}}}),
        ("complete", {"id": "q"}),
    ]
    for other in [{"authorization": modes[each]} for each in others] + [{"x_api_key": notes.key}]:
        assert status(notes, "POST", body=operation("q"), **other, **token) in (401, 403)
        assert status(notes, "DELETE", "?operationId=s", **other, **token) in (401, 403)
    notes.ask('mutation { tell(id: "i", text: "one") { id text } }')
    assert event(stream)[1] == {"id": "s", "payload": {"data": {"onTell": {"text": "one"}}}}
    assert status(notes, "DELETE", "?operationId=s", **credential, **token) == 200
    stream.close()


@pytest.mark.rule("EDG-32")
def test_an_authorizer_is_asked_once_for_each_request(modes: dict[str, Any]) -> None:
    notes, credential = modes["notes"], {"authorization": "open once"}
    before = len(asked(notes.server))
    token = reserve(notes, **credential)
    stream = ask(notes, "GET", accept="text/event-stream", x_api_key="", **token)
    assert status(notes, "POST", body=operation("s", "subscription { onTell { text } }"), **credential, **token) == 202
    assert status(notes, "POST", body=operation("q"), **credential, **token) == 202
    assert event(stream)[1]["payload"] == {"data": {"echo": "hello"}}
    stream.close()
    alone = ask(notes, "POST", body={"query": HELLO}, accept="text/event-stream", **credential)
    assert event(alone) == ("next", {"data": {"echo": "hello"}})
    eventually(lambda: len(asked(notes.server)) >= before + 4)
    assert asked(notes.server)[before:] == ["nothing", "subscription { onTell { text } }", HELLO, HELLO]


@pytest.mark.rule("AUTH-11")
def test_an_authorizer_is_told_that_a_socket_is_opened(modes: dict[str, Any]) -> None:
    notes = modes["notes"]
    with Subscriber(notes.url, "", token="open socket") as client:
        client.init()
        eventually(lambda: "DeepDish:Connect" in asked(notes.server))
