"""`graphql-transport-ws`: every move of the protocol's document, and its close codes."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from syncline.core import Denied, Throttled, json
from syncline.subprotocols import Close, Connect, Send, Subscribe, TransportProtocol, Unsubscribe


class Upgrade:
    """A handshake without credentials of its own."""

    query = ""
    headers: list[tuple[str, str]] = [("sec-websocket-protocol", "mqtt, graphql-transport-ws")]
    index = {"host": "localhost:4000", "cookie": "never"}


def machine(**more: Any) -> TransportProtocol:
    made = TransportProtocol(Upgrade(), **more)
    made.opened(0.0)
    return made


def tell(made: TransportProtocol, **members: Any) -> list[Any]:
    return list(made.receive(json.encode(members)))


def opened(**more: Any) -> TransportProtocol:
    made = machine(**more)
    tell(made, type="connection_init", payload={"x-api-key": "k"})
    made.connected()
    return made


def sent(actions: Any) -> list[Any]:
    return [json.decode(each.text) if isinstance(each, Send) else each for each in actions]


ASKED = {"query": "subscription {x}", "variables": {"a": 1}}


@pytest.mark.rule("SUB-12")
def test_a_connection_is_admitted_by_the_payload_of_its_first_message() -> None:
    made = machine()
    assert tell(
        made, type="connection_init", payload={"x-api-key": "k", "n": 1, "headers": {"authorization": "t"}}
    ) == [Connect({"host": "localhost:4000", "x-api-key": "k", "authorization": "t"})]
    assert sent(made.connected()) == [{"type": "connection_ack"}]


@pytest.mark.rule("SUB-12")
def test_a_subscription_from_subscribe_to_complete() -> None:
    made = opened()
    [asked] = tell(made, type="subscribe", id="1", payload=ASKED)
    assert asked == Subscribe("1", ASKED, asked.raw, {"host": "localhost:4000", "x-api-key": "k"}, {})
    assert json.decode(asked.raw) == ASKED
    assert made.accepted("1") == []
    before, after = made.splice("1")
    assert json.decode(before + b'{"data":1}' + after) == {"id": "1", "type": "next", "payload": {"data": 1}}
    assert tell(made, type="complete", id="1") == [Unsubscribe("1")]
    assert tell(made, type="complete", id="1") == []
    assert isinstance(tell(made, type="subscribe", id="1", payload=ASKED)[0], Subscribe)


@pytest.mark.rule("SUB-12")
def test_answers_errors_and_endings_free_the_id() -> None:
    made = opened()
    for id, over, wanted in (
        ("q", lambda: made.answered("q", b'{"data":2}'), ["next", "complete"]),
        ("r", lambda: made.refused("r", [{"message": "no"}]), ["error"]),
        ("e", lambda: made.ended("e", [{"message": "over"}]), ["error"]),
    ):
        tell(made, type="subscribe", id=id, payload=ASKED)
        assert [each["type"] for each in sent(over())] == wanted
        assert made.ids == set()
    tell(made, type="subscribe", id="c", payload=ASKED)
    [told, closed] = sent(made.ended("c", [{"message": "Subscription complete."}], close=True))
    assert told == {"id": "c", "type": "error", "payload": [{"message": "Subscription complete."}]}
    assert closed == Close(1000, "Subscription complete.")


@pytest.mark.rule("SUB-13")
@pytest.mark.parametrize(
    ("message", "code", "reason"),
    [
        ({"type": "nonsense"}, 4400, "Invalid message received"),
        ({"type": 5}, 4400, "Invalid message received"),
        ({"type": "subscribe", "id": "1"}, 4400, "Invalid message received"),
        ({"type": "subscribe", "id": "", "payload": ASKED}, 4400, "Invalid message received"),
        ({"type": "subscribe", "id": "1", "payload": {"query": 5}}, 4400, "Invalid message received"),
        *(
            ({"type": "subscribe", "id": "1", "payload": {**ASKED, name: wrong}}, 4400, "Invalid message received")
            for name, wrongs in (
                ("variables", ([], "{}")),
                ("operationName", (5, {})),
                ("extensions", ([], "x", False)),
            )
            for wrong in wrongs
        ),
        ({"type": "complete"}, 4400, "Invalid message received"),
        ({"type": "ping", "payload": "x"}, 4400, "Invalid message received"),
        ({"type": "subscribe", "id": "used", "payload": ASKED}, 4409, "Subscriber for used already exists"),
        ({"type": "connection_init"}, 4429, "Too many initialisation requests"),
    ],
)
def test_what_breaks_the_rules_closes_with_the_protocols_code(message: Any, code: int, reason: str) -> None:
    made = opened()
    tell(made, type="subscribe", id="used", payload=ASKED)
    assert tell(made, **message) == [Close(code, reason)]
    assert tell(made, type="ping") == []


@pytest.mark.rule("SUB-12")
def test_optional_members_may_be_null() -> None:
    payload = {"query": "{x}", "variables": None, "operationName": None, "extensions": None}
    assert isinstance(tell(opened(), type="subscribe", id="1", payload=payload)[0], Subscribe)


@pytest.mark.rule("SUB-13")
def test_a_client_of_other_dialects_is_told_so() -> None:
    foreign = Upgrade()
    foreign.headers = [("sec-websocket-protocol", "mqtt, wamp.2.json")]
    made = TransportProtocol(foreign)
    assert made.opened(0.0) == [Close(4406, "Subprotocol not acceptable")]
    assert tell(made, type="connection_init") == []


@pytest.mark.rule("SUB-13")
def test_before_the_acknowledgement_nothing_is_subscribed() -> None:
    assert tell(machine(), type="subscribe", id="1", payload=ASKED) == [Close(4401, "Unauthorized")]
    late = machine()
    assert late.tick(2.9) == []
    assert late.tick(3.0) == [Close(4408, "Connection initialisation timeout")]
    refused = machine()
    tell(refused, type="connection_init")
    assert refused.connect_refused(Denied("no key")) == [Close(4403, "Forbidden: no key")]
    assert machine().connect_refused(Throttled("Slow down.")) == [Close(1013, "Slow down.")]


@pytest.mark.rule("SUB-12")
def test_pings_go_both_ways() -> None:
    made = opened(keep_alive_seconds=10.0)
    assert sent(tell(made, type="ping", payload={"a": 1})) == [{"type": "pong", "payload": {"a": 1}}]
    assert sent(tell(made, type="ping")) == [{"type": "pong"}]
    assert tell(made, type="pong") == []
    assert made.tick(9.0) == []
    assert sent(made.tick(10.0)) == [{"type": "ping"}]


@pytest.mark.rule("SUB-7")
def test_the_quota_is_told_to_the_one_too_many() -> None:
    made = opened(subscriptions_max=1)
    tell(made, type="subscribe", id="1", payload=ASKED)
    [told] = sent(tell(made, type="subscribe", id="2", payload=ASKED))
    assert (told["id"], told["type"], told["payload"][0]["errorType"]) == ("2", "error", "MaxSubscriptionsReachedError")


JSON = st.recursive(
    st.none() | st.integers(-2, 2) | st.text(max_size=3),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["query", "id", "x"]), inner, max_size=2)
    ),
    max_leaves=4,
)
KINDS = st.sampled_from(["connection_init", "subscribe", "complete", "ping", "pong", "next", "start", ""])


class Wild(RuleBasedStateMachine):
    """Any messages, at any time, in any order: the machine answers or closes, and never raises."""

    def __init__(self) -> None:
        super().__init__()
        self.made = machine(subscriptions_max=3)
        self.closed = False
        self.connecting = False
        self.asked: set[str] = set()
        self.now = 0.0

    def take(self, actions: Any) -> None:
        for each in actions:
            assert not self.closed, "after a close it says nothing more"
            if isinstance(each, Close):
                assert each.code in (1000, 1001, 4400, 4401, 4403, 4408, 4409, 4429)
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
                json.decode(each.text)

    @rule(kind=KINDS, id=st.sampled_from(["1", "2", "3", "4"]) | JSON, payload=JSON | st.just(ASKED))
    def message(self, kind: str, id: Any, payload: Any) -> None:
        self.take(self.made.receive(json.encode({"type": kind, "id": id, "payload": payload})))

    @rule(data=st.binary(max_size=20) | st.text(max_size=20))
    def garbage(self, data: Any) -> None:
        self.take(self.made.receive(data))

    @precondition(lambda self: self.connecting)
    @rule(well=st.booleans())
    def judged(self, well: bool) -> None:
        self.connecting = False
        self.take(self.made.connected() if well else self.made.connect_refused(Denied("no")))

    @rule(id=st.sampled_from(["1", "2", "3", "4"]), how=st.integers(0, 3))
    def happens(self, id: str, how: int) -> None:
        over = [
            lambda: self.made.accepted(id, {"recovered": True}),
            lambda: self.made.refused(id, [{"message": "m"}]),
            lambda: self.made.answered(id, b"{}"),
            lambda: self.made.ended(id, [{"message": "m"}], close=True),
        ]
        if how:
            self.asked.discard(id)
        self.take(over[how]())

    @rule(seconds=st.floats(0, 90))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds
        self.take(self.made.tick(self.now))

    @invariant()
    def ids_are_those_asked_for(self) -> None:
        assert self.made.ids == self.asked
        assert len(self.asked) <= 3


Wild.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
test_no_sequence_makes_it_raise = pytest.mark.rule("SUB-13")(Wild.TestCase)
