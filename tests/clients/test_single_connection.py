"""GraphQL over SSE's single connection mode, request by request: who may do what with a reserved stream."""

from __future__ import annotations

import http.client
from typing import Any
from urllib.parse import urlsplit

import pytest

from support.notes import Notes
from syncline.core import json

TOKEN = "x-graphql-event-stream-token"


def ask(notes: Notes, method: str, query: str = "", body: Any = None, **headers: str) -> http.client.HTTPResponse:
    """The response, its body unread."""
    address = urlsplit(notes.url)
    connection = http.client.HTTPConnection(address.netloc, timeout=20)
    sent = {"x-api-key": notes.key, **{name.replace("_", "-"): value for name, value in headers.items()}}
    connection.request(method, address.path + query, None if body is None else json.encode(body), sent)
    return connection.getresponse()


def status(*asked: Any, **more: Any) -> int:
    return ask(*asked, **more).status


def reserve(notes: Notes) -> dict[str, str]:
    made = ask(notes, "PUT")
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


def operation(id: Any, query: str = '{ echo(text: "hello") }') -> dict[str, Any]:
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
