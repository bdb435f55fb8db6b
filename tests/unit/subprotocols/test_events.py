"""AppSync Events' dialect, both ends played in memory."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from syncline.core import Invalid, NotFound, Request, Unauthenticated, json
from syncline.subprotocols import Action, Close, Connect, EventsProtocol, Publish, Send, Subscribe, Unsubscribe

HEADERS = {"host": "localhost:4000", "x-api-key": "da2-?>?>"}
DIALECT = "aws-appsync-event-ws"
UNAUTHORIZED = {"errorType": "UnauthorizedException"}


def upgrade(protocol: str | None = DIALECT, **headers: str) -> Request:
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Request("GET", "/event/realtime", "", named + ([("sec-websocket-protocol", protocol)] if protocol else []))


def b64(text: str) -> str:
    return base64.urlsafe_b64encode(text.encode()).decode()


def ready(**limits: Any) -> EventsProtocol:
    machine = EventsProtocol(upgrade(x_api_key="k"), **limits)
    assert machine.opened(0.0) == [Connect(None)]
    assert machine.connected() == []
    return machine


def shown(actions: Any) -> list[Any]:
    return [json.decode(action.text) if isinstance(action, Send) else action for action in actions]


def say(machine: EventsProtocol, **members: Any) -> list[Any]:
    return shown(machine.receive(json.encode(members)))


def subscribe(machine: EventsProtocol, id: Any = "1", channel: Any = "/default/*", **more: Any) -> list[Any]:
    return say(machine, type="subscribe", id=id, channel=channel, **{"authorization": HEADERS, **more})


@pytest.mark.rule("SUB-21")
@pytest.mark.parametrize(
    "protocol",
    [
        f"{DIALECT}, header-" + b64(json.encode(HEADERS).decode()).rstrip("="),
        f"header-{b64(json.encode(HEADERS).decode())},{DIALECT}",
        f"{DIALECT}, header-" + b64('{"host":"localhost:4000", "x-api-key":"da2-?>?>"}\n').rstrip("="),
    ],
)
def test_authorization_in_a_subprotocol(protocol: str) -> None:
    assert EventsProtocol(upgrade(protocol)).opened(0.0) == [Connect(HEADERS)]


@pytest.mark.rule("SUB-21")
@pytest.mark.parametrize("headers", [{"x_api_key": "k"}, {"authorization": "token"}])
def test_authorization_in_plain_headers(headers: dict[str, str]) -> None:
    assert EventsProtocol(upgrade(**headers)).opened(0.0) == [Connect(None)]


@pytest.mark.rule("SUB-21")
@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (upgrade(), UNAUTHORIZED),
        (upgrade(None, x_api_key="k"), {"errorType": "BadRequestException", "message": "NoProtocolError"}),
        (
            upgrade("graphql-ws", x_api_key="k"),
            {"errorType": "BadRequestException", "message": "SubProtocolNotSupportedError"},
        ),
    ],
)
def test_a_handshake_that_cannot_be_admitted(request_: Request, error: dict[str, str]) -> None:
    machine = EventsProtocol(request_)
    assert machine.opened(0.0) == []
    assert machine.tick(0.9) == []
    told = {"type": "connection_error", "errors": [error]}
    assert shown(machine.tick(1.0))[0] == told
    assert machine.receive(b'{"type":"connection_init"}') == []


@pytest.mark.rule("SUB-21")
@pytest.mark.parametrize(
    ("refusal", "error"),
    [
        (Unauthenticated("You are not authorized."), UNAUTHORIZED),
        (NotFound("gone"), {"errorType": "BadRequestException", "message": "gone"}),
    ],
)
def test_a_refused_connection_is_told_at_its_first_message(refusal: Any, error: dict[str, str]) -> None:
    machine = EventsProtocol(upgrade(x_api_key="k"))
    machine.opened(0.0)
    assert machine.connect_refused(refusal) == []
    said, close = say(machine, type="connection_init")
    assert said == {"type": "connection_error", "errors": [error]}
    assert isinstance(close, Close)
    assert close.code == 1000


@pytest.mark.rule("SUB-22")
def test_connection_init_is_acknowledged_at_the_top_level() -> None:
    machine = ready(connection_timeout_ms=1234)
    ack = {"type": "connection_ack", "connectionTimeoutMs": 1234}
    assert say(machine, type="connection_init") == [ack, {"type": "ka"}]


@pytest.mark.rule("SUB-22")
def test_keep_alives_follow_every_sixty_seconds() -> None:
    machine = ready()
    assert shown(machine.tick(60.0)) == [{"type": "ka"}]
    assert machine.tick(119.0) == []
    assert shown(machine.tick(120.0)) == [{"type": "ka"}]


@pytest.mark.rule("SUB-23")
def test_a_subscription_without_init() -> None:
    machine = ready()
    asked = Subscribe("1", {"channel": "/default/*"}, '{"channel":"/default/*"}', HEADERS)
    # aws-amplify says everything twice.
    assert subscribe(machine, payload={"channel": "/default/*"}) == [asked]
    assert shown(machine.accepted("1")) == [{"type": "subscribe_success", "id": "1"}]
    before, after = machine.splice("1")
    assert json.decode(before + json.encode('{"n":1}') + after) == {"type": "data", "id": "1", "event": '{"n":1}'}


@pytest.mark.rule("SUB-23")
def test_a_publication_is_answered_under_its_id() -> None:
    machine = ready()
    events = ['{"n":1}']
    members = {"type": "publish", "channel": "/default/a", "events": events, "authorization": HEADERS}
    assert say(machine, id="p", **members) == [Publish("p", "/default/a", events, HEADERS)]
    answer = {"failed": [], "successful": [{"identifier": "u", "index": 0}]}
    assert shown(machine.published("p", answer)) == [{"id": "p", "type": "publish_success", **answer}]
    error = {"errorType": "BadRequestException", "message": "Invalid Channel Format"}
    assert shown(machine.publish_refused("p", [error])) == [{"type": "publish_error", "id": "p", "errors": [error]}]
    assert say(machine, id="p", **{**members, "authorization": {}})[0]["errors"][0]["errorType"] == (
        "UnauthorizedException"
    )


@pytest.mark.rule("SUB-23")
def test_a_refused_subscription_frees_its_id() -> None:
    machine = ready()
    subscribe(machine)
    assert shown(machine.refused("1", [UNAUTHORIZED])) == [
        {"type": "subscribe_error", "id": "1", "errors": [UNAUTHORIZED]}
    ]
    assert isinstance(subscribe(machine)[0], Subscribe)


@pytest.mark.rule("SUB-24")
@pytest.mark.parametrize("id", ["", "x" * 129, "a b", "a.b", "é", None, 7, "x" * 10_000])
@pytest.mark.parametrize("kind", ["subscribe", "publish"])
def test_an_id_that_is_none_is_refused_and_the_connection_stays(kind: str, id: Any) -> None:
    machine = ready()
    [said] = say(machine, type=kind, id=id, channel="/a", events=["1"], authorization=HEADERS)
    assert said["type"] == f"{kind}_error"
    assert said["errors"] == [{"errorType": "BadRequestException", "message": "Invalid Id Format"}]
    assert said.get("id") == (id if isinstance(id, str) and len(id) <= 256 else None)
    assert isinstance(subscribe(machine, "x" * 128)[0], Subscribe)


@pytest.mark.rule("SUB-24")
def test_an_id_in_use_cannot_be_used_again() -> None:
    machine = ready()
    subscribe(machine)
    [said] = subscribe(machine, channel="/other")
    assert (said["type"], said["errors"][0]["errorType"]) == ("subscribe_error", "DuplicatedOperationError")
    assert shown(machine.accepted("1")) == [{"type": "subscribe_success", "id": "1"}]
    assert [each["type"] for each in shown(machine.ended("1", [UNAUTHORIZED]))] == ["subscribe_error"]
    assert isinstance(subscribe(machine)[0], Subscribe)


@pytest.mark.rule("SUB-14")
def test_another_credential_renews_and_refused_it_disturbs_nothing() -> None:
    machine = ready()
    subscribe(machine)
    fresh = {**HEADERS, "x-api-key": "da2-fresh"}
    assert isinstance(subscribe(machine, authorization=fresh)[0], Subscribe)
    [twice] = subscribe(machine, authorization={**HEADERS, "x-api-key": "da2-third"})
    assert twice["errors"][0]["errorType"] == "DuplicatedOperationError"
    assert shown(machine.refused("1", [UNAUTHORIZED]))[0]["type"] == "subscribe_error"
    assert machine.ids == {"1"}
    assert shown(machine.accepted("1")) == [{"type": "subscribe_success", "id": "1"}]
    assert isinstance(subscribe(machine, authorization=HEADERS)[0], Subscribe)
    assert shown(machine.accepted("1")) == [{"type": "subscribe_success", "id": "1"}]


@pytest.mark.rule("SUB-27")
def test_another_state_is_asked_for_and_answered() -> None:
    machine = ready()
    [asked] = say(machine, type="presence", id="1", state={"a": 1})
    assert (asked.id, asked.state) == ("1", {"a": 1})
    assert shown(machine.shown("1")) == [{"type": "presence_success", "id": "1"}]
    [said] = shown(machine.not_shown("1", [UNAUTHORIZED]))
    assert (said["type"], said["id"]) == ("presence_error", "1")
    [refused] = say(machine, type="presence", id="!", state=1)
    assert refused["errors"][0]["message"] == "Invalid Id Format"


@pytest.mark.rule("SUB-25")
def test_unsubscribing() -> None:
    machine = ready()
    subscribe(machine)
    done = {"type": "unsubscribe_success", "id": "1"}
    assert say(machine, type="unsubscribe", id="1") == [Unsubscribe("1"), done]
    error = {"errorType": "UnknownOperationError", "message": "Unknown operation id 1"}
    refused = {"type": "unsubscribe_error", "id": "1", "errors": [error]}
    assert say(machine, type="unsubscribe", id="1") == [Unsubscribe("1", known=False), refused]
    assert machine.accepted("1") == []


@pytest.mark.rule("SUB-26")
@pytest.mark.parametrize(
    "text", ["", "[]", "null", "{", '{"type":7}', '{"type":"start","id":"1"}', b"\xff", "[" * 9999]
)
def test_what_is_no_message_is_answered_and_the_connection_stays(text: Any) -> None:
    machine = ready()
    [said] = shown(machine.receive(text))
    assert said["type"] == "error"
    assert said["errors"][0]["errorType"] == "UnsupportedOperation"
    assert isinstance(subscribe(machine)[0], Subscribe)


ids = st.sampled_from(["1", "2", "a+b", "", "x y"]) | st.none() | st.integers()
anything = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
KINDS = ["connection_init", "subscribe", "publish", "unsubscribe", "data", "ka", ""]


class Anybody(RuleBasedStateMachine):
    """Any messages, answers and times, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.machine = EventsProtocol(upgrade(x_api_key="k"))
        self.now = 0.0
        self.starting: set[str] = set()
        self.live: set[str] = set()
        self.again: set[str] = set()
        self.closed = False
        self.take(self.machine.opened(self.now))

    def take(self, actions: Any) -> list[Any]:
        assert not (self.closed and actions), "after Close it says nothing more"
        found: list[Action] = list(actions)
        for action in found:
            if isinstance(action, Subscribe):
                assert action.id not in self.again
                (self.again if action.id in self.starting | self.live else self.starting).add(action.id)
            elif isinstance(action, Unsubscribe):
                for ids in (self.starting, self.live, self.again):
                    ids.discard(action.id)
            elif isinstance(action, Close):
                self.closed = True
        return shown(found)

    @rule(kind=st.sampled_from(KINDS), id=ids, channel=anything, events=anything, authorization=anything)
    def message(self, kind: str, id: Any, channel: Any, events: Any, authorization: Any) -> None:
        members = {"type": kind, "id": id, "channel": channel, "events": events, "authorization": authorization}
        said = self.take(self.machine.receive(json.encode(members)))
        if self.admitted and not self.closed:
            assert said, "every message is answered or asks for something"

    @rule(id=st.sampled_from(["1", "2", "a+b"]), channel=st.sampled_from(["/a", "/a/*", "?"]))
    def subscribe(self, id: str, channel: str) -> None:
        self.message("subscribe", id, channel, None, HEADERS)

    @rule(value=anything)
    def garbage(self, value: Any) -> None:
        self.take(self.machine.receive(json.encode(value)))

    @rule()
    def admit(self) -> None:
        self.take(self.machine.connected())

    @rule()
    def refuse_connection(self) -> None:
        if not self.admitted:
            self.take(self.machine.connect_refused(Invalid("no")))

    @rule(accept=st.booleans())
    def answer(self, accept: bool) -> None:
        if self.closed or not (self.starting or self.again):
            return
        goes_on = bool(self.again)
        id = (self.again or self.starting).pop()
        if accept:
            assert self.take(self.machine.accepted(id)) == [{"type": "subscribe_success", "id": id}]
        else:
            assert self.take(self.machine.refused(id, [UNAUTHORIZED]))[0]["type"] == "subscribe_error"
        if accept and not goes_on:
            self.live.add(id)

    @rule(id=st.sampled_from(["1", "2"]))
    def late_answers(self, id: str) -> None:
        if id not in self.starting | self.live:
            assert self.take(self.machine.accepted(id)) == []
            assert self.take(self.machine.ended(id, [UNAUTHORIZED])) == []
        if not self.closed:
            assert self.take(self.machine.published(id, {"failed": [], "successful": []}))

    @rule(seconds=st.sampled_from([0.5, 1.0, 60.0, 90_000.0]))
    def wait(self, seconds: float) -> None:
        self.now += seconds
        self.take(self.machine.tick(self.now))

    @property
    def admitted(self) -> bool:
        return self.machine._admission.state.value == "ready"

    @invariant()
    def the_ids_in_use_are_those_that_were_asked_for(self) -> None:
        if not self.closed:
            assert self.machine.ids == self.starting | self.live


Anybody.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


@pytest.mark.rule("SUB-26")
class TestAnybody(Anybody.TestCase):  # type: ignore[name-defined,misc]
    """Run by hypothesis."""


@pytest.mark.rule("SUB-23")
def test_what_is_asked_of_syncline_alone_is_handed_on() -> None:
    machine = ready()
    [asked] = subscribe(machine, syncline={"resume": {"position": "a:1"}})
    assert asked.extension == {"resume": {"position": "a:1"}}
    told = {"recovered": True, "position": "a:1"}
    assert shown(machine.accepted("1", told)) == [{"type": "subscribe_success", "id": "1", "syncline": told}]
