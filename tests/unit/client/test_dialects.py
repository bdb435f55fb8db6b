"""What the client says and understands, without a socket."""

from __future__ import annotations

import json

import pytest

from syncline.client import Event, GraphQLError, Message
from syncline.client.dialects import (
    Acknowledged,
    Answered,
    Arrived,
    Ended,
    EventsDialect,
    Failed,
    GraphQLDialect,
    Missed,
    Rejected,
    Started,
)

AWS = "https://abcdefghijklmnopqrstuvwxyz.appsync-api.eu-west-1.amazonaws.com"
WISH = {"resume": {"position": "e:7"}}
REALTIME = "wss://abcdefghijklmnopqrstuvwxyz.appsync-realtime-api.eu-west-1.amazonaws.com"


@pytest.mark.rule("CLT-13")
@pytest.mark.parametrize(
    ("url", "graphql", "events"),
    [
        ("http://localhost:4000", "ws://localhost:4000/graphql/realtime", "ws://localhost:4000/event/realtime"),
        ("https://api.example.com", "wss://api.example.com/graphql/realtime", "wss://api.example.com/event/realtime"),
        (AWS, f"{REALTIME}/graphql", f"{REALTIME}/event/realtime"),
    ],
)
def test_the_socket_is_where_amplify_looks_for_it(url: str, graphql: str, events: str) -> None:
    assert GraphQLDialect(f"{url}/graphql", resumes=False).socket == graphql
    assert EventsDialect(f"{url}/event", resumes=False).socket == events


@pytest.mark.rule("CLT-13")
def test_the_standard_dialect_has_the_standard_members_only() -> None:
    start = json.loads(GraphQLDialect(AWS, resumes=False).start("i", b'{"query":"q"}', {"x-api-key": "k"}, WISH))
    authorization = {"authorization": {"x-api-key": "k"}}
    assert start == {"id": "i", "type": "start", "payload": {"data": '{"query":"q"}', "extensions": authorization}}
    subscribe = json.loads(
        EventsDialect(AWS, resumes=False).start("i", b'{"channel":"/a/b"}', {"x-api-key": "k"}, WISH)
    )
    assert subscribe == {"type": "subscribe", "id": "i", "channel": "/a/b", **authorization}


def test_positions_are_asked_for_and_named() -> None:
    start = json.loads(GraphQLDialect("http://h/g", resumes=True).start("i", b"{}", {}, WISH))
    assert start["payload"]["extensions"]["syncline"] == WISH
    subscribe = json.loads(EventsDialect("http://h/e", resumes=True).start("i", b'{"channel":"/a/b"}', {}, WISH))
    assert subscribe["syncline"] == WISH


UNAUTHORIZED = {"errorType": "UnauthorizedException", "message": "no"}
PARSED = GraphQLError("no", "UnauthorizedException")
TOLD = {"recovered": True, "position": "e:1"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"type":"ka"}', None),
        ("no message", None),
        ("[1]", None),
        ('{"type":"connection_ack","payload":{"connectionTimeoutMs":1500}}', Acknowledged(1.5)),
        ('{"type":"connection_ack"}', Acknowledged(300.0)),
        (json.dumps({"type": "connection_error", "payload": {"errors": [UNAUTHORIZED]}}), Rejected([PARSED], True)),
        (
            '{"type":"connection_error","payload":{"errors":[{"message":"busy","errorCode":503}]}}',
            Rejected([GraphQLError("busy")], False),
        ),
        ('{"type":"start_ack","id":"1"}', Started("1", None)),
        (
            json.dumps({"type": "start_ack", "id": "1", "payload": {"extensions": {"syncline": TOLD}}}),
            Started("1", TOLD),
        ),
        (
            '{"type":"data","id":"1","payload":{"data":{"a":1},"extensions":{"syncline":{"position":"e:2"}}}}',
            Arrived("1", [Message({"a": 1}, (), "e:2")]),
        ),
        (json.dumps({"type": "error", "id": "1", "payload": {"errors": [UNAUTHORIZED]}}), Failed("1", [PARSED])),
        # AppSync's older form: one object.
        (json.dumps({"type": "error", "id": "1", "payload": {"errors": UNAUTHORIZED}}), Failed("1", [PARSED])),
        ('{"type":"complete","id":"1"}', Ended("1")),
    ],
)
def test_what_a_graphql_server_says(text: str, said: object) -> None:
    assert GraphQLDialect("http://h/graphql", resumes=True).read(text) == said


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"type":"connection_ack","connectionTimeoutMs":1500}', Acknowledged(1.5)),
        ('{"type":"connection_error","errors":[{"errorType":"UnauthorizedException","message":"no"}]}',
         Rejected([PARSED], True)),
        ('{"type":"subscribe_success","id":"1"}', Started("1", None)),
        ('{"type":"data","id":"1","event":"{\\"n\\":1}","position":"e:1"}', Arrived("1", [Event({"n": 1}, "e:1")])),
        # As AWS's guide shows it, and what is no JSON.
        ('{"type":"data","id":"1","event":["1","x"]}', Arrived("1", [Event(1), Event("x")])),
        ('{"type":"broadcast_error","id":"1","errors":[{"message":"too large"}]}', Missed("1", "too large")),
        (
            '{"type":"publish_error","id":"1","errors":[{"errorType":"UnauthorizedException","message":"no"}]}',
            Answered("1", None, [PARSED]),
        ),
        ('{"type":"unsubscribe_success","id":"1"}', None),
    ],
)  # fmt: skip
def test_what_an_event_server_says(text: str, said: object) -> None:
    assert EventsDialect("http://h/event", resumes=True).read(text) == said
