"""kill -9: what was acknowledged is there again, each write with its stream record, and everything else stands."""

from __future__ import annotations

import json
import threading
import time
from http.client import HTTPException
from pathlib import Path
from typing import Any

import pytest

from support.notes import Notes, deploy, make_function, make_table, stream_records
from support.raw import Answer, AwsConnection
from support.server import Server, eventually

WRITERS = 8


class Writer(threading.Thread):
    """Writes items one after the other until the server is gone, and keeps the ids it got an answer for.

    `by_graphql`: with mutations, else with PutItem.
    """

    def __init__(self, notes: Notes, name: str, *, by_graphql: bool) -> None:
        super().__init__(name=name)
        self._notes = notes
        self._by_graphql = by_graphql
        self._connection = AwsConnection(notes.server)
        self.acknowledged: list[str] = []

    def run(self) -> None:
        for number in range(1_000_000):
            name = f"{self.name}-{number}"
            try:
                answer = self._mutate(name) if self._by_graphql else self._put(name)
            except (OSError, HTTPException):
                return
            assert answer.status == 200, answer
            assert b"errors" not in answer.body, answer
            self.acknowledged.append(name)

    def _put(self, name: str) -> Answer:
        item = {"id": {"S": name}, "text": {"S": "x"}}
        return self._connection.post("PutItem", json.dumps({"TableName": self._notes.table, "Item": item}).encode())

    def _mutate(self, name: str) -> Answer:
        query = f'mutation {{ putNote(id: "{name}", text: "x") {{ id text }} }}'
        return self._connection.graphql(self._notes.api_id, self._notes.key, json.dumps({"query": query}).encode())


def test_every_acknowledged_write_survives_with_its_stream_record(server: Server) -> None:
    notes = deploy(server, "Killed")
    acknowledged: set[str] = set()
    for round_number, seconds in enumerate((0.3, 0.9, 0.6)):
        writers = [Writer(notes, f"r{round_number}w{number}", by_graphql=number % 2 == 0) for number in range(WRITERS)]
        for writer in writers:
            writer.start()
        time.sleep(seconds)
        server.kill()
        for writer in writers:
            writer.join(30)
        server.start()
        acknowledged.update(name for writer in writers for name in writer.acknowledged)
        assert all(writer.acknowledged for writer in writers), "every writer got an answer before the end"
        found = all_items(server, "Killed")
        recorded = [record["dynamodb"]["NewImage"]["id"]["S"] for record in stream_records(server, notes.stream_arn)]
        assert acknowledged - found == set(), "an acknowledged write is gone"
        assert len(recorded) == len(set(recorded)), "a record came twice"
        assert set(recorded) == found, "an item without its record, or a record without its item"


def all_items(server: Server, table: str) -> set[str]:
    """The ids of every item."""
    pages = server.client("dynamodb").get_paginator("scan").paginate(TableName=table, ConsistentRead=True)
    return {item["id"]["S"] for page in pages for item in page["Items"]}


SEEN = """
import os

def handle(event, context):
    with open(os.environ["SEEN"], "a") as file:
        for record in event["Records"]:
            file.write(record["dynamodb"]["Keys"]["id"]["S"] + "\\n")
"""


@pytest.fixture
def seen(tmp_path: Path) -> Path:
    """Where the function writes the key of every record that it was invoked with."""
    path = tmp_path / "seen"
    path.touch()
    return path


def test_a_restart_keeps_everything_and_its_place_in_the_stream(server: Server, seen: Path) -> None:
    notes = deploy(server, "Kept")
    make_function(server, "seer", SEEN, Environment={"Variables": {"SEEN": str(seen)}})
    functions = server.client("lambda")
    mapping = functions.create_event_source_mapping(
        FunctionName="seer", EventSourceArn=notes.stream_arn, StartingPosition="TRIM_HORIZON"
    )
    put = 'mutation M($id: ID!) { putNote(id: $id, text: "t") { id } }'
    notes.ask(put, id="before")
    eventually(lambda: "before" in lines(seen))
    eventually(lambda: mapping_of(functions, mapping["UUID"])["LastProcessingResult"] == "OK")
    notes.ask(put, id="just before")
    server.kill()
    server.start()
    # The same URL and key, without anyone having deployed anything again.
    assert notes.ask('{ getNote(id: "before") { text } }') == {"data": {"getNote": {"text": "t"}}}
    eventually(lambda: "just before" in lines(seen))
    notes.ask(put, id="after")
    eventually(lambda: "after" in lines(seen))
    assert lines(seen).count("before") == 1, "processed and remembered before the kill: never again"
    kept = mapping_of(server.client("lambda"), mapping["UUID"])
    assert {name: kept[name] for name in ("BatchSize", "EventSourceArn", "FunctionArn")} == {
        name: mapping[name] for name in ("BatchSize", "EventSourceArn", "FunctionArn")
    }


def test_a_clean_stop_does_not_invoke_again_either(server: Server, seen: Path) -> None:
    tables = server.client("dynamodb")
    arn = make_table(tables, "Stopped")
    make_function(server, "seer", SEEN, Environment={"Variables": {"SEEN": str(seen)}})
    server.client("lambda").create_event_source_mapping(
        FunctionName="seer", EventSourceArn=arn, StartingPosition="TRIM_HORIZON"
    )
    for number in range(5):
        tables.put_item(TableName="Stopped", Item={"id": {"S": f"n{number}"}})
    eventually(lambda: len(lines(seen)) == 5)
    assert server.stop() == 0
    server.start()
    server.client("dynamodb").put_item(TableName="Stopped", Item={"id": {"S": "n5"}})
    eventually(lambda: "n5" in lines(seen))
    assert lines(seen) == [f"n{number}" for number in range(6)]


def lines(path: Path) -> list[str]:
    """The lines of a file."""
    return path.read_text().splitlines()


def mapping_of(functions: Any, uuid: str) -> dict[str, Any]:
    """The event source mapping as it is now."""
    found: dict[str, Any] = functions.get_event_source_mapping(UUID=uuid)
    return found
