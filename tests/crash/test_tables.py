"""kill -9 at random instants under puts, counters, transactions, index changes: what was acknowledged is there whole.

`SYNCLINE_CRASH_KILLS` says how often (10 by default); `SYNCLINE_CRASH_SEED` which instants.
"""

from __future__ import annotations

import json
import os
import random
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from http.client import HTTPException
from typing import Any

import pytest

from support.notes import make_table, stream_records
from support.raw import AwsConnection
from support.server import Server, eventually

KILLS = int(os.environ.get("SYNCLINE_CRASH_KILLS", "10"))
SEED = int(os.environ.get("SYNCLINE_CRASH_SEED", "1"))
KILLS_PER_TABLE = 5
"""A table's whole contents are checked after each kill: a fresh one now and then keeps that short."""
INDEX = {
    "AttributeDefinitions": [{"AttributeName": "state", "AttributeType": "S"}],
    "GlobalSecondaryIndexUpdates": [
        {
            "Create": {
                "IndexName": "by_state",
                "KeySchema": [{"AttributeName": "state", "KeyType": "HASH"}],
                "Projection": {"ProjectionType": "ALL"},
            }
        }
    ],
}
NO_INDEX = {"GlobalSecondaryIndexUpdates": [{"Delete": {"IndexName": "by_state"}}]}

Item = dict[str, Any]


class Worker(threading.Thread):
    """Sends one request after the other until the server is gone, and keeps what it got an answer for."""

    def __init__(self, server: Server, name: str, requests: Iterator[tuple[str, Any, Any]]) -> None:
        super().__init__(name=name)
        self._connection = AwsConnection(server)
        self._requests = requests
        self.acknowledged: list[Any] = []
        self.refused: list[Any] = []

    def run(self) -> None:
        for operation, request, meaning in self._requests:
            try:
                answer = self._connection.post(operation, json.dumps(request).encode())
            except (OSError, HTTPException):
                return
            (self.acknowledged if answer.status == 200 else self.refused).append((meaning, answer))


def puts(table: str, name: str) -> Iterator[tuple[str, Any, Any]]:
    """New items, of which two in three are in the index."""
    for number in range(1_000_000):
        item = {"id": {"S": f"put {name} {number}"}, "n": {"N": str(number)}}
        if number % 3:
            item["state"] = {"S": f"s{number % 5}"}
        yield "PutItem", {"TableName": table, "Item": item}, item["id"]["S"]


def counts(table: str, name: str, start: int) -> Iterator[tuple[str, Any, Any]]:
    """One item, changed again and again: its index entry moves each time."""
    for number in range(start + 1, start + 1_000_000):
        request = {
            "TableName": table,
            "Key": {"id": {"S": f"count {name}"}},
            "UpdateExpression": "SET #s = :s ADD n :one",
            "ExpressionAttributeNames": {"#s": "state"},
            "ExpressionAttributeValues": {":one": {"N": "1"}, ":s": {"S": f"s{number % 5}"}},
        }
        yield "UpdateItem", request, number


def transactions(table: str, name: str) -> Iterator[tuple[str, Any, Any]]:
    """Two new items and a shared counter, in one transaction with a token; each is sent twice."""
    for number in range(1_000_000):
        halves = [
            {"Put": {"TableName": table, "Item": {"id": {"S": f"pair {name} {number} {half}"}, "state": {"S": "pair"}}}}
            for half in "ab"
        ]
        count = {
            "TableName": table,
            "Key": {"id": {"S": f"pairs {name}"}},
            "UpdateExpression": "ADD n :one",
            "ExpressionAttributeValues": {":one": {"N": "1"}},
        }
        request = {"TransactItems": [*halves, {"Update": count}], "ClientRequestToken": f"{table} {name} {number}"}
        yield "TransactWriteItems", request, number
        yield "TransactWriteItems", request, number


def index_changes(table: str) -> Iterator[tuple[str, Any, Any]]:
    """The index comes and goes. What is refused because the last change goes on is tried again."""
    while True:
        for change in (INDEX, NO_INDEX):
            yield "UpdateTable", {"TableName": table, **change}, None
            time.sleep(0.02)


@pytest.mark.timeout(60 + 12 * KILLS)
def test_whatever_was_acknowledged_is_there_whole_after_every_kill(server: Server) -> None:
    chance = random.Random(SEED)
    for first in range(0, KILLS, KILLS_PER_TABLE):
        table = f"Killed{first}"
        checks = Checks(server, table)
        for kill in range(first, min(first + KILLS_PER_TABLE, KILLS)):
            checks.run_and_kill(f"k{kill}", chance.uniform(0.02, 0.7))
            server.start()
            checks.check()
        server.client("dynamodb").delete_table(TableName=table)


class Checks:
    """One table, what it must hold, and the checks that it does."""

    def __init__(self, server: Server, table: str) -> None:
        self._server, self._table = server, table
        self._arn = make_table(server.client("dynamodb"), table)
        self._puts: set[str] = set()
        self._pairs: set[str] = set()
        self._counts: dict[str, int] = defaultdict(int)

    def run_and_kill(self, name: str, seconds: float) -> None:
        """Have everyone write for a while, then kill the server, and note what was acknowledged."""
        server, table = self._server, self._table
        putters = [Worker(server, f"{name}p{n}", puts(table, f"{name}p{n}")) for n in range(3)]
        counters = [Worker(server, f"c{n}", counts(table, f"c{n}", self._counts[f"count c{n}"])) for n in range(2)]
        pairers = [Worker(server, f"{name}t{n}", transactions(table, f"{name}t{n}")) for n in range(2)]
        changer = Worker(server, "index", index_changes(table))
        workers = [*putters, *counters, *pairers, changer]
        for worker in workers:
            worker.start()
        time.sleep(seconds)
        server.kill()
        for worker in workers:
            worker.join(30)
        assert not [worker.refused for worker in workers if worker is not changer and worker.refused]
        self._puts |= {meaning for worker in putters for meaning, _ in worker.acknowledged}
        for worker in counters:
            self._counts[f"count {worker.name}"] += len(worker.acknowledged)
        for worker in pairers:
            self._pairs |= {f"{worker.name} {number}" for number, _ in worker.acknowledged}

    def check(self) -> None:
        """The table against what was acknowledged, against its stream, and against its index."""
        items = {item["id"]["S"]: item for item in self._scan()}
        self._check_acknowledged(items)
        self._check_pairs(items)
        self._check_stream(items)
        self._check_index(items)

    def _check_acknowledged(self, items: dict[str, Item]) -> None:
        assert self._puts - items.keys() == set(), "an acknowledged put is gone"
        for name, count in self._counts.items():
            found = int(items[name]["n"]["N"]) if name in items else 0
            # The one that was under way may have been done: nobody knows but the table.
            assert found in (count, count + 1), f"{name}: {found}, of {count} acknowledged"
            self._counts[name] = found

    def _check_pairs(self, items: dict[str, Item]) -> None:
        halves: dict[str, set[str]] = defaultdict(set)
        for name in items:
            if name.startswith("pair "):
                pair, _, half = name.removeprefix("pair ").rpartition(" ")
                halves[pair].add(half)
        assert all(found == {"a", "b"} for found in halves.values()), "half a transaction"
        assert self._pairs - halves.keys() == set(), "an acknowledged transaction is gone"
        counted: dict[str, int] = defaultdict(int)
        for pair in halves:
            counted["pairs " + pair.rpartition(" ")[0]] += 1
        assert counted == {name: int(item["n"]["N"]) for name, item in items.items() if name.startswith("pairs ")}, (
            "a transaction was done twice, or in part"
        )

    def _check_stream(self, items: dict[str, Item]) -> None:
        """Replaying the records, each of which says what was before it, gives the table."""
        replayed: dict[str, Item] = {}
        last = ""
        for record in stream_records(self._server, self._arn):
            change = record["dynamodb"]
            name = change["Keys"]["id"]["S"]
            assert change["SequenceNumber"] > last, "out of order"
            last = change["SequenceNumber"]
            assert change.get("OldImage") == replayed.get(name), f"a record of {name} is missing or came twice"
            replayed[name] = change["NewImage"]
        assert replayed == items

    def _check_index(self, items: dict[str, Item]) -> None:
        client = self._server.client("dynamodb")

        def settled() -> Any:
            table = client.describe_table(TableName=self._table)["Table"]
            return table if table["TableStatus"] == "ACTIVE" else None

        table = eventually(settled, seconds=120)
        if "GlobalSecondaryIndexes" not in table:
            return
        entries = list(self._scan(IndexName="by_state"))
        assert len(entries) == len({entry["id"]["S"] for entry in entries})
        assert {entry["id"]["S"]: entry for entry in entries} == {
            name: item for name, item in items.items() if "state" in item
        }

    def _scan(self, **more: Any) -> Iterator[Item]:
        connection = AwsConnection(self._server)
        start: dict[str, Any] = {}
        while True:
            answer = connection.post("Scan", json.dumps({"TableName": self._table, **more, **start}).encode())
            assert answer.status == 200, answer
            yield from answer.json["Items"]
            if "LastEvaluatedKey" not in answer.json:
                return
            start = {"ExclusiveStartKey": answer.json["LastEvaluatedKey"]}
