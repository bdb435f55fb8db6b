"""kill -9 under mutations of a durable API: each acknowledged one reaches a client that names positions, once."""

from __future__ import annotations

import json
import threading
import time
from http.client import HTTPException
from typing import Any

import pytest
from websockets.exceptions import WebSocketException

from support.amplify import SUBSCRIPTIONS, Amplify
from support.notes import Notes, deploy
from support.raw import AwsConnection
from support.server import Server, eventually
from support.subscriber import Subscriber

WRITERS = 4
DURABLE = {"syncline:durable": "true"}


class Mutator(threading.Thread):
    """Asks for one mutation after the other until the server is gone, and keeps the ids it got an answer for."""

    def __init__(self, notes: Notes, name: str) -> None:
        super().__init__(name=name)
        self._notes = notes
        self._connection = AwsConnection(notes.server)
        self.acknowledged: list[str] = []

    def run(self) -> None:
        for number in range(1_000_000):
            name = f"{self.name}-{number}"
            query = f'mutation {{ putNote(id: "{name}", text: "x") {{ id text }} }}'
            try:
                answer = self._connection.graphql(
                    self._notes.api_id, self._notes.key, json.dumps({"query": query}).encode()
                )
            except (OSError, HTTPException):
                return
            assert answer.status == 200, answer
            assert b"errors" not in answer.body, answer
            self.acknowledged.append(name)


class Listener(threading.Thread):
    """Subscribes from the last position it knows, again and again."""

    def __init__(self, notes: Notes) -> None:
        super().__init__()
        self._notes = notes
        self.position: str | None = None
        self.told: list[dict[str, Any]] = []
        self.heard: list[str] = []
        self.over = False

    def run(self) -> None:
        while not self.over:
            try:
                with Subscriber(self._notes.url, self._notes.key) as subscriber:
                    subscriber.init()
                    self._listen(subscriber)
            except (OSError, WebSocketException):
                time.sleep(0.05)

    def _listen(self, subscriber: Subscriber) -> None:
        resume = {} if self.position is None else {"position": self.position}
        extensions = {"authorization": subscriber.authorization, "syncline": {"resume": resume}}
        data = json.dumps({"query": "subscription { onPut { id } }", "variables": {}})
        subscriber.send(id="1", type="start", payload={"data": data, "extensions": extensions})
        acknowledgement = subscriber.receive()
        assert acknowledgement["type"] == "start_ack", acknowledgement
        self.told.append(acknowledgement["payload"]["extensions"]["syncline"])
        self.position = self.position or self.told[-1]["position"]
        while not self.over:
            try:
                message = subscriber.receive(0.2)
            except TimeoutError:
                continue
            payload = message["payload"]
            self.heard.append(payload["data"]["onPut"]["id"])
            self.position = payload["extensions"]["syncline"]["position"]


def make_durable(notes: Notes) -> None:
    """Mark the API, as its operator does."""
    appsync = notes.server.root("appsync")
    arn = appsync.get_graphql_api(apiId=notes.api_id)["graphqlApi"]["arn"]
    appsync.tag_resource(resourceArn=arn, tags=DURABLE)


@pytest.mark.rule("HUB-14")
@pytest.mark.rule("GQL-70")
def test_every_acknowledged_mutation_is_heard_once_across_kills(server: Server) -> None:
    notes = deploy(server, "Heard")
    make_durable(notes)
    listener = Listener(notes)
    listener.start()
    acknowledged: set[str] = set()
    try:
        eventually(lambda: listener.told)
        for number, seconds in enumerate((0.4, 0.9, 0.6)):
            mutators = [Mutator(notes, f"r{number}w{each}") for each in range(WRITERS)]
            for mutator in mutators:
                mutator.start()
            time.sleep(seconds)
            server.kill()
            for mutator in mutators:
                mutator.join(30)
                assert mutator.acknowledged, "every one got an answer before the end"
                acknowledged.update(mutator.acknowledged)
            server.start()
        notes.ask('mutation { putNote(id: "last", text: "x") { id text } }')
        eventually(lambda: "last" in listener.heard)
    finally:
        listener.over = True
        listener.join(30)
    assert acknowledged - set(listener.heard) == set(), "an acknowledged mutation was not heard"
    assert len(listener.heard) == len(set(listener.heard)), "one was heard twice"
    assert [told["recovered"] for told in listener.told] == [False, True, True, True]


@pytest.mark.rule("GQL-70")
def test_what_retention_let_go_of_is_told(server: Server) -> None:
    server.stop()
    short = Server(
        server.data, settings={"SYNCLINE_HUB_HISTORY_BYTES_MAX": "200", "SYNCLINE_HUB_HISTORY_TRIM_SECONDS": "0.05"}
    )
    short.start()
    try:
        notes = deploy(short, "Trimmed")
        make_durable(notes)
        listener = Listener(notes)
        for number in range(20):
            notes.ask(f'mutation {{ putNote(id: "{number}", text: "x") {{ id text }} }}')
        time.sleep(0.3)
        short.kill()
        short.start()
        with Subscriber(notes.url, notes.key) as subscriber:
            subscriber.init()
            listener.over = True
            listener._listen(subscriber)
            position = listener.position or ""
            epoch = position.partition(":")[0]
            assert position == f"{epoch}:20", "positions go on after the restart"
        for since, recovered in ((2, False), (18, True)):
            again = Listener(notes)
            again.position, again.over = f"{epoch}:{since}", True
            with Subscriber(notes.url, notes.key) as subscriber:
                subscriber.init()
                again._listen(subscriber)
                assert again.told[0]["recovered"] is recovered
    finally:
        short.stop()


@pytest.mark.rule("GQL-30")
def test_unmodified_clients_continue_after_a_restart(server: Server) -> None:
    notes = deploy(server, "Restarted")
    make_durable(notes)
    amplify, told = Amplify(notes, notes.url, "stock"), 0
    try:
        eventually(lambda: amplify.acknowledged == SUBSCRIPTIONS)
        for _ in range(3):
            for _ in range(5):
                told += 1
                notes.ask('mutation T($text: String!) { tell(id: "t", text: $text) { id text } }', text=str(told))
            expected = amplify.acknowledged + SUBSCRIPTIONS
            assert server.stop() == 0
            server.start()
            # The clients are not back yet, or some of them.
            told += 1
            notes.ask('mutation T($text: String!) { tell(id: "t", text: $text) { id text } }', text=str(told))
            eventually(lambda expected=expected: amplify.acknowledged == expected)
        eventually(lambda: [amplify.heard[n][-1:] for n in range(SUBSCRIPTIONS)] == [[told]] * SUBSCRIPTIONS)
    finally:
        amplify.end()
    assert dict(amplify.heard) == {n: list(range(1, told + 1)) for n in range(SUBSCRIPTIONS)}
