"""A plain Python subscriber on real sockets: both URLs, both ways of passing authorization."""

from __future__ import annotations

import pytest

from support.notes import Notes
from support.subscriber import Subscriber

ON_PUT = "subscription S($id: ID) { onPut(id: $id) { id text } }"
PUT = "mutation M($id: ID!, $text: String!) { putNote(id: $id, text: $text) { id text } }"


@pytest.mark.parametrize("path", ["", "/realtime"])
@pytest.mark.parametrize("way", ["subprotocol", "query"])
def test_a_mutation_reaches_a_subscriber(notes: Notes, path: str, way: str) -> None:
    with Subscriber(notes.url, notes.key, path=path, way=way) as subscriber:
        assert subscriber.subprotocol == "graphql-ws"
        assert subscriber.init() == {"type": "connection_ack", "payload": {"connectionTimeoutMs": 300_000}}
        assert subscriber.start(ON_PUT)["type"] == "start_ack"
        # What becomes of the table without the API is published to nobody.
        item = {"id": {"S": "s"}, "text": {"S": "behind the API's back"}}
        notes.server.client("dynamodb").put_item(TableName=notes.table, Item=item)
        notes.ask(PUT, id="s", text=f"{path} {way}")
        data = {"onPut": {"id": "s", "text": f"{path} {way}"}}
        assert subscriber.receive() == {"id": "1", "type": "data", "payload": {"data": data}}
        subscriber.send(type="stop", id="1")
        assert subscriber.receive() == {"type": "complete", "id": "1"}


def test_a_subscriber_gets_each_publication_once_in_order_and_only_what_it_asked_for(notes: Notes) -> None:
    with Subscriber(notes.url, notes.key) as one, Subscriber(notes.url, notes.key) as every:
        for subscriber, variables in ((one, {"id": "mine"}), (every, {})):
            subscriber.init()
            assert subscriber.start(ON_PUT, variables=variables)["type"] == "start_ack"
        for number in range(20):
            notes.ask(PUT, id="mine" if number % 2 else "other", text=str(number))
        seen = [every.receive()["payload"]["data"]["onPut"]["text"] for _ in range(20)]
        assert seen == [str(number) for number in range(20)]
        assert [one.receive()["payload"]["data"]["onPut"]["text"] for _ in range(10)] == seen[1::2]


def test_a_mutation_without_a_table_is_published_too(notes: Notes) -> None:
    with Subscriber(notes.url, notes.key) as subscriber:
        subscriber.init()
        subscriber.start("subscription { onTell { id text } }")
        notes.ask('mutation { tell(id: "t", text: "no table") { id text } }')
        assert subscriber.receive()["payload"] == {"data": {"onTell": {"id": "t", "text": "no table"}}}


def test_a_wrong_key_is_told_so_inside_the_socket(notes: Notes) -> None:
    with Subscriber(notes.url, "da2-aaaaaaaaaaaaaaaaaaaaaaaaaa") as subscriber:
        refusal = subscriber.init()
        assert refusal["type"] == "connection_error"
        error = refusal["payload"]["errors"][0]
        assert error["errorType"].endswith("UnauthorizedException")
        assert error["message"] == "You are not authorized to make this call."


def test_a_subscription_that_does_not_fit_the_schema_is_refused_alone(notes: Notes) -> None:
    with Subscriber(notes.url, notes.key) as subscriber:
        subscriber.init()
        refusal = subscriber.start("subscription { onNothing { id } }", id="bad")
        assert (refusal["type"], refusal["id"]) == ("error", "bad")
        assert "onNothing" in refusal["payload"]["errors"][0]["message"]
        assert subscriber.start(ON_PUT, id="good")["type"] == "start_ack"


def test_the_same_id_for_another_subscription_is_refused(notes: Notes) -> None:
    with Subscriber(notes.url, notes.key) as subscriber:
        subscriber.init()
        subscriber.start(ON_PUT, id="a")
        refusal = subscriber.start("subscription { onTell { id } }", id="a")
        assert refusal["type"] == "error"
        assert refusal["payload"]["errors"][0] == {
            "errorType": "DuplicatedOperationError",
            "message": "Duplicated operation with id a",
        }
