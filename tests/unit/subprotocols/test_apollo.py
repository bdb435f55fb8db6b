"""Apollo's older dialect, both ends played in memory."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from syncline.core import Denied, Request, json
from syncline.subprotocols import ApolloProtocol, Close, Connect, Send, Subscribe, Unsubscribe, brings_credential

ASKED = {"query": "subscription {x}", "variables": {}}


def machine(**limits: Any) -> ApolloProtocol:
    made = ApolloProtocol(Request("GET", "/graphql", "", [("sec-websocket-protocol", "graphql-ws")]), **limits)
    assert made.opened(0.0) == []
    return made


def tell(made: ApolloProtocol, **members: Any) -> list[Any]:
    return shown(made.receive(json.encode(members)))


def shown(actions: Any) -> list[Any]:
    return [json.decode(each.text) if isinstance(each, Send) else each for each in actions]


def opened(**limits: Any) -> ApolloProtocol:
    made = machine(**limits)
    payload = {"headers": {"x-api-key": "k"}}
    assert tell(made, type="connection_init", payload=payload) == [Connect({"x-api-key": "k"})]
    assert shown(made.connected()) == [{"type": "connection_ack"}, {"type": "ka"}]
    return made


@pytest.mark.rule("SUB-40")
def test_an_operation_from_start_to_end() -> None:
    made = opened()
    assert tell(made, type="start", id="1", payload=ASKED) == [
        Subscribe("1", ASKED, json.encode(ASKED).decode(), {"x-api-key": "k"})
    ]
    assert made.accepted("1") == []
    assert made.splice("1") == (b'{"id":"1","type":"data","payload":', b"}")
    [again, start] = tell(made, type="start", id="1", payload=ASKED)
    assert (again, start.id) == (Unsubscribe("1"), "1")
    answer = {"id": "1", "type": "data", "payload": {"data": 1}}
    assert shown(made.answered("1", b'{"data":1}')) == [answer, {"id": "1", "type": "complete"}]
    assert tell(made, type="stop", id="1") == []
    assert tell(made, type="connection_terminate") == [Close(1000, "the client has ended the connection")]


@pytest.mark.rule("SUB-40")
def test_what_is_wrong_is_told_and_the_connection_stays() -> None:
    made = opened(subscriptions_max=1)
    assert tell(made, type="dance", id="7")[0]["payload"]["message"] == "Invalid message type!"
    assert tell(made, type="start", id="1", payload={"data": "{}"})[0]["type"] == "error"
    tell(made, type="start", id="1", payload=ASKED)
    assert shown(made.refused("1", [{"errorType": "T", "message": "no"}])) == [
        {"type": "error", "id": "1", "payload": {"message": "no", "errors": [{"errorType": "T", "message": "no"}]}}
    ]
    tell(made, type="start", id="1", payload=ASKED)
    assert "Max number of 1" in tell(made, type="start", id="2", payload=ASKED)[0]["payload"]["message"]


@pytest.mark.rule("SUB-40")
def test_a_stranger_is_refused() -> None:
    refused = machine()
    tell(refused, type="connection_init", payload={"x-api-key": "k"})
    assert shown(refused.connect_refused(Denied("no"))) == [
        {"type": "connection_error", "payload": {"message": "no"}},
        Close(1011, "no"),
    ]
    for message in ({"type": "connection_init"}, {"type": "connection_init", "payload": {}}, {"type": "start"}):
        told, close = tell(machine(), **message)
        assert told["payload"]["errors"] == [{"message": "Required headers are missing.", "errorCode": 400}]
        assert close.code == 1000
    late = machine()
    assert late.tick(2.9) == []
    assert shown(late.tick(3.0))[0]["type"] == "connection_error"


@pytest.mark.rule("SUB-40")
@pytest.mark.parametrize(
    ("query", "headers", "brings"),
    [
        ("", [], False),
        ("header=e30%3D&payload=e30=", [], True),
        ("", [("sec-websocket-protocol", "graphql-ws, header-e30")], True),
        ("", [("authorization", "x")], True),
    ],
)
def test_the_two_dialects_of_one_name_are_told_apart_by_the_handshake(
    query: str, headers: list[tuple[str, str]], brings: bool
) -> None:
    assert brings_credential(Request("GET", "/graphql", query, headers)) is brings


VALUES = st.sampled_from([None, 1, "1", "2", {}, [], ASKED, {"query": 5}, {"x-api-key": "k"}, {"headers": 3}])
KINDS = ["connection_init", "start", "stop", "connection_terminate", "ka", "data", "", "dance"]


class Anybody(RuleBasedStateMachine):
    """Any messages, at any time, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.made = machine(subscriptions_max=3, connection_seconds_max=900.0)
        self.closed = self.connecting = False
        self.asked: set[str] = set()
        self.now = 0.0

    def take(self, actions: Any) -> None:
        for each in actions:
            assert not self.closed, "after a close it says nothing more"
            if isinstance(each, Close):
                self.closed = True
                self.asked.clear()
            elif isinstance(each, Connect):
                self.connecting = True
            elif isinstance(each, Subscribe):
                assert each.id not in self.asked
                self.asked.add(each.id)
            elif isinstance(each, Unsubscribe):
                self.asked.remove(each.id)
            else:
                assert "type" in json.decode(each.text)

    @rule(kind=st.sampled_from(KINDS), id=VALUES, payload=VALUES)
    def message(self, kind: str, id: Any, payload: Any) -> None:
        self.take(self.made.receive(json.encode({"type": kind, "id": id, "payload": payload})))

    @rule(data=st.binary(max_size=20) | st.text(max_size=20))
    def garbage(self, data: bytes | str) -> None:
        self.take(self.made.receive(data))

    @precondition(lambda self: self.connecting)
    @rule(well=st.booleans())
    def judged(self, well: bool) -> None:
        self.connecting = False
        self.take(self.made.connected() if well else self.made.connect_refused(Denied("no")))

    @precondition(lambda self: self.asked)
    @rule(how=st.sampled_from(["accepted", "refused", "answered", "ended"]))
    def concluded(self, how: str) -> None:
        id = min(self.asked)
        if how == "accepted":
            self.take(self.made.accepted(id, {"recovered": True}))
            return
        self.asked.remove(id)
        if how == "answered":
            self.take(self.made.answered(id, b"{}"))
        else:
            self.take(getattr(self.made, how)(id, [{"message": "m"}]))

    @rule(seconds=st.floats(0, 400))
    def time(self, seconds: float) -> None:
        self.now += seconds
        self.take(self.made.tick(self.now))

    @invariant()
    def ids_are_those_asked_for(self) -> None:
        assert self.made.ids == self.asked


test_no_sequence_makes_it_raise = pytest.mark.rule("SUB-41")(Anybody.TestCase)
