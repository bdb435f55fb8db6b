"""AppSync's dialect, both ends played in memory."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncline.core import Invalid, NotFound, Request, Throttled, Unauthenticated, json
from syncline.subprotocols import (
    Action,
    AppSyncProtocol,
    Close,
    Connect,
    Send,
    Subscribe,
    Unsubscribe,
)

HEADERS = {"host": "localhost:4000", "x-api-key": "da2-?>?>"}
UNKNOWN = {"errorType": "UnsupportedOperation", "message": "unknown not supported through the realtime channel"}


def upgrade(query: str = "", protocol: str | None = "graphql-ws", **headers: str) -> Request:
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Request("GET", "/graphql", query, named + ([("sec-websocket-protocol", protocol)] if protocol else []))


def b64(value: Any = HEADERS) -> str:
    return base64.b64encode(json.encode(value)).decode()


def ready(**limits: Any) -> AppSyncProtocol:
    machine = AppSyncProtocol(upgrade(x_api_key="k"), **limits)
    assert machine.opened(0.0) == [Connect(None)]
    assert machine.connected() == []
    return machine


def say(machine: AppSyncProtocol, **members: Any) -> list[Any]:
    return shown(machine.receive(json.encode(members)))


def shown(actions: list[Action]) -> list[Any]:
    return [json.decode(action.text) if isinstance(action, Send) else action for action in actions]


def start(
    machine: AppSyncProtocol, id: Any = "1", data: Any = '{"query":"subscription {x}"}', **extensions: Any
) -> list[Any]:
    payload = {"data": data, "extensions": extensions or {"authorization": HEADERS}}
    return say(machine, type="start", id=id, payload=payload)


def refusal(machine: AppSyncProtocol) -> Any:
    first, close = say(machine, type="connection_init")
    assert isinstance(close, Close)
    assert first["type"] == "connection_error"
    [error] = first["payload"]["errors"]
    return error


@pytest.mark.rule("SUB-1")
@pytest.mark.parametrize(
    "request_",
    [
        upgrade(f"header={b64()}&payload=e30="),
        upgrade(f"payload=e30%3D&header={b64().replace('+', '%2B').replace('=', '%3D').replace('/', '%2F')}"),
        upgrade(f"header={b64().replace('+', ' ')}&payload=e30="),
        upgrade(f"header={b64().rstrip('=')}&payload=e30"),
        upgrade(f"x-custom=1&header={b64()}"),
        upgrade(protocol="graphql-ws, header-" + b64().replace("+", "-").replace("/", "_").rstrip("=")),
        upgrade(protocol="header-" + b64() + ",graphql-ws"),
    ],
)
def test_authorization_is_found_where_clients_put_it(request_: Request) -> None:
    assert AppSyncProtocol(request_).opened(0.0) == [Connect(HEADERS)]


@pytest.mark.rule("SUB-1")
def test_offers_may_come_in_two_header_lines() -> None:
    lines = [("sec-websocket-protocol", "graphql-ws"), ("sec-websocket-protocol", "header-" + b64())]
    assert AppSyncProtocol(Request("GET", "/graphql", "", lines)).opened(0.0) == [Connect(HEADERS)]


@pytest.mark.rule("SUB-1")
@pytest.mark.parametrize("name", ["x_api_key", "authorization"])
def test_plain_headers_will_do(name: str) -> None:
    assert AppSyncProtocol(upgrade(**{name: "value"})).opened(0.0) == [Connect(None)]


@pytest.mark.rule("SUB-2")
@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (upgrade(protocol=None, x_api_key="k"), {"message": "NoProtocolError", "errorCode": 400}),
        (upgrade(protocol="mqtt", x_api_key="k"), {"message": "SubProtocolNotSupportedError", "errorCode": 400}),
        (upgrade(), {"message": "Required headers are missing.", "errorCode": 400}),
        (
            upgrade("header=%%%&payload=e30="),
            {
                "errorType": "BadRequestException",
                "message": "The connection's header is no base64 of a JSON object.",
                "errorCode": 400,
            },
        ),
        (
            upgrade(f"header={b64()}&payload=bm90"),
            {
                "errorType": "BadRequestException",
                "message": "The connection's payload is no base64 of a JSON object.",
                "errorCode": 400,
            },
        ),
        (
            upgrade(protocol="graphql-ws, header-" + b64([1])),
            {
                "errorType": "BadRequestException",
                "message": "The connection's header is no base64 of a JSON object.",
                "errorCode": 400,
            },
        ),
    ],
)
def test_a_handshake_that_cannot_be_is_refused_as_aws_does(request_: Request, error: Any) -> None:
    machine = AppSyncProtocol(request_)
    assert machine.opened(0.0) == []
    assert refusal(machine) == error


@pytest.mark.rule("SUB-2")
@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (
            Unauthenticated("whatever"),
            {
                "errorType": "com.amazonaws.deepdish.graphql.auth#UnauthorizedException",
                "message": "You are not authorized to make this call.",
                "errorCode": 400,
            },
        ),
        (
            NotFound("No API."),
            {
                "errorType": "com.amazon.coral.service.http#HttpNotFoundException",
                "message": "No API.",
                "errorCode": 400,
            },
        ),
        (Throttled("Slow down."), {"errorType": "LimitExceededError", "message": "Slow down.", "errorCode": 429}),
        (Invalid("No."), {"errorType": "ValidationException", "message": "No.", "errorCode": 400}),
    ],
)
def test_a_refused_connection_is_told_why(error: Any, expected: Any) -> None:
    machine = AppSyncProtocol(upgrade(x_api_key="k"))
    machine.opened(0.0)
    assert machine.connect_refused(error) == []
    assert refusal(machine) == expected


@pytest.mark.rule("SUB-3")
def test_a_refusal_waits_for_the_first_message_but_not_for_long() -> None:
    machine = AppSyncProtocol(upgrade(protocol=None))
    machine.opened(10.0)
    assert machine.tick(10.9) == []
    error, close = shown(machine.tick(11.0))
    assert error["type"] == "connection_error"
    assert close == Close(1000, "NoProtocolError")
    assert machine.receive(b'{"type":"connection_init"}') == machine.tick(1e9) == []


@pytest.mark.rule("SUB-4")
def test_init_is_acknowledged_and_kept_alive() -> None:
    machine = ready()
    assert say(machine, type="connection_init", payload={}) == [
        {"type": "connection_ack", "payload": {"connectionTimeoutMs": 300000}},
        {"type": "ka"},
    ]
    assert machine.due == 60.0
    assert machine.tick(59.0) == []
    assert shown(machine.tick(60.2)) == [{"type": "ka"}]
    assert machine.due == pytest.approx(120.2)


@pytest.mark.rule("SUB-4")
@pytest.mark.rule("SUB-5")
def test_a_start_without_init_is_a_start() -> None:
    machine = ready()
    raw = '{"query":"subscription S {x}", "variables":{"a":1}}'
    expected = {"query": "subscription S {x}", "variables": {"a": 1}}
    assert start(machine, "é1", raw) == [Subscribe("é1", expected, raw, HEADERS)]
    assert shown(machine.accepted("é1")) == [{"type": "start_ack", "id": "é1"}]


@pytest.mark.rule("SUB-5")
def test_a_message_is_spliced_around_its_payload() -> None:
    before, after = ready().splice('a"b')
    message = json.decode(before + b'{"data":{"onX":1}}' + after)
    assert message == {"id": 'a"b', "type": "data", "payload": {"data": {"onX": 1}}}


@pytest.mark.rule("SUB-5")
@pytest.mark.parametrize("authorization", [None, {}, "text", [1]])
def test_a_start_without_authorization_is_refused(authorization: Any) -> None:
    machine = ready()
    error = {"errorType": "UnauthorizedException", "message": "Valid authorization header not provided."}
    assert start(machine, authorization=authorization) == [{"type": "error", "id": "1", "payload": {"errors": [error]}}]
    assert not machine.ids


@pytest.mark.rule("SUB-6")
def test_an_id_in_use_is_not_given_twice() -> None:
    machine = ready()
    start(machine)
    error = {"errorType": "DuplicatedOperationError", "message": "Duplicated operation with id 1"}
    other = start(machine, data='{"query": "subscription { other }"}')
    assert other == [{"type": "error", "id": "1", "payload": {"errors": [error]}}]
    assert machine.ids == {"1"}
    refused = shown(machine.refused("1", [{"message": "no"}]))
    assert refused == [{"type": "error", "id": "1", "payload": {"errors": [{"message": "no"}]}}]
    assert isinstance(start(machine)[0], Subscribe)


@pytest.mark.rule("SUB-14")
def test_a_start_with_another_credential_is_a_renewal_and_refused_it_disturbs_nothing() -> None:
    machine = ready()
    start(machine)
    fresh = {**HEADERS, "Authorization": "a fresh token"}
    assert isinstance(start(machine, authorization=fresh)[0], Subscribe)
    assert shown(machine.accepted("1")) == [{"type": "start_ack", "id": "1"}]
    assert isinstance(start(machine, authorization=fresh)[0], Subscribe)
    assert shown(machine.accepted("1")) == [{"type": "start_ack", "id": "1"}]
    (again,) = start(machine, authorization={**HEADERS, "Authorization": "another"})
    assert isinstance(again, Subscribe)
    (refused,) = shown(machine.refused("1", [{"message": "no"}]))
    assert refused["type"] == "error"
    assert machine.ids == {"1"}


@pytest.mark.rule("SUB-7")
def test_the_hundred_and_first_subscription_is_refused() -> None:
    machine = ready()
    for n in range(100):
        assert isinstance(start(machine, str(n))[0], Subscribe)
    error = {"errorType": "MaxSubscriptionsReachedError", "message": "Max number of 100 subscriptions reached"}
    assert start(machine, "100") == [{"type": "error", "id": "100", "payload": {"errors": [error]}}]


@pytest.mark.rule("SUB-8")
def test_stop_is_answered_with_complete() -> None:
    machine = ready()
    start(machine)
    assert say(machine, type="stop", id="1") == [Unsubscribe("1"), {"type": "complete", "id": "1"}]
    assert say(machine, type="stop", id="1") == [Unsubscribe("1", known=False), {"type": "complete", "id": "1"}]
    assert machine.accepted("1") == machine.refused("1", []) == []


@pytest.mark.rule("SUB-9")
@pytest.mark.parametrize(
    ("text", "id"),
    [
        (b"not json", None),
        (b"\xff\xfe", None),
        (b"[" * 5000, None),
        (b"[]", None),
        (b'{"type":7}', None),
        (b'{"type":"subscribe","id":"a"}', "a"),
        (b'{"type":"start","id":"a"}', "a"),
        (b'{"type":"start","id":1,"payload":{"data":"{}"}}', None),
        (b'{"type":"start","id":"a","payload":{"data":{"query":"x"}}}', "a"),
        (b'{"type":"start","id":"a","payload":{"data":"nope"}}', "a"),
        (b'{"type":"stop"}', None),
    ],
)
def test_what_is_no_message_is_answered_and_the_connection_stays(text: bytes, id: str | None) -> None:
    machine = ready()
    named = {"id": id} if id else {}
    assert shown(machine.receive(text)) == [{"type": "error", **named, "payload": {"errors": [UNKNOWN]}}]
    assert isinstance(start(machine)[0], Subscribe)


@pytest.mark.rule("SUB-11")
def test_a_day_is_the_longest_life() -> None:
    machine, at = ready(keep_alive_seconds=3600.0), 0.0
    while not (actions := [action for action in machine.tick(machine.due) if isinstance(action, Close)]):
        at = machine.due
        assert at < 25 * 3600
    assert at == 24 * 3600.0
    assert actions[0].code == 1001


wild = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
ids = st.sampled_from(["a", "b", "c"])
data = st.sampled_from(['{"query":"s"}', "{}", "[]", "x", '"s"']) | wild
extensions = st.sampled_from([{"authorization": HEADERS}, {"authorization": {"n": 1}}, {}]) | wild
messages = st.one_of(
    st.fixed_dictionaries({"type": st.sampled_from(["connection_init", "ka", "data"])}),
    st.fixed_dictionaries({"type": st.just("stop"), "id": ids | wild}),
    st.fixed_dictionaries(
        {
            "type": st.just("start"),
            "id": ids | wild,
            "payload": st.fixed_dictionaries({"data": data, "extensions": extensions}) | wild,
        }
    ),
    wild,
)
events = st.one_of(
    messages.map(lambda each: ("receive", json.encode(each))),
    st.binary(max_size=8).map(lambda each: ("receive", each)),
    st.text(max_size=8).map(lambda each: ("receive", each)),
    st.sampled_from([("connected",), ("refused",)]),
    st.floats(0, 90_000).map(lambda each: ("tick", each)),
    st.tuples(st.sampled_from(["accept", "reject"]), ids),
)


@pytest.mark.rule("SUB-10")
@given(st.sampled_from([upgrade(x_api_key="k"), upgrade(), upgrade("header=e30=")]), st.lists(events, max_size=30))
def test_nothing_makes_it_raise_and_its_promises_hold(request_: Request, sequence: list[Any]) -> None:
    machine = AppSyncProtocol(request_, subscriptions_max=2)
    live: set[str] = set()
    again: set[str] = set()
    closed = False
    machine.opened(0.0)
    for event in sequence:
        for action in play(machine, *event):
            assert not closed, "silent after Close"
            if isinstance(action, Send):
                assert isinstance(json.decode(action.text)["type"], str)
            elif isinstance(action, Subscribe):
                assert action.id not in again
                assert action.payload
                (again if action.id in live else live).add(action.id)
            elif isinstance(action, Unsubscribe):
                assert action.known is (action.id in live)
                live.discard(action.id)
                again.discard(action.id)
            closed = isinstance(action, Close)
        if event[0] == "reject" and event[1] not in again:
            live.discard(event[1])
        if event[0] in ("accept", "reject"):
            again.discard(event[1])
        if closed:
            live.clear()
        assert live == machine.ids
        assert len(live) <= 2


def play(machine: AppSyncProtocol, verb: str, fact: Any = None) -> list[Action]:
    if verb == "receive":
        return machine.receive(fact)
    if verb == "tick":
        return machine.tick(fact)
    if verb == "connected":
        return machine.connected()
    if verb == "refused":
        return machine.connect_refused(Unauthenticated("no")) if machine._admission.state.value == "connecting" else []
    return machine.accepted(fact) if verb == "accept" else machine.refused(fact, [{"message": "no"}])
