"""Table operations over HTTP, 64 connections, beside other local DynamoDBs: `run.py tables`.

Syncline is durable and verifies nothing less than it does elsewhere; dynoxide and dynalite keep files, too; moto and
ministack keep nothing. What a server cannot do is left out of its rows. Peers are installed under bench/out/tables.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from deployment import clients
from frames import aws_post
from processes import OUT, Running, free_port, load, server, syncline
from rows import Row

FOLDER = OUT / "tables"
NODE_PEERS = ("dynalite", "@dynoxide/linux-x64")
PYTHON_PEERS = {"moto": "moto[server,dynamodb]", "ministack": "ministack"}
CONNECTIONS = 64
SECONDS = 3
QUERIED, SCANNED, UPDATED = 100, 10_000, 1000
FEW = {("moto", "Scan"): -8}
"""So many requests instead of seconds, where one takes longer than that."""


class Peer(NamedTuple):
    """Another server: its command, given a port and a folder, and what its environment needs besides."""

    command: Callable[[int, Path], list[str]]
    environment: Callable[[int], dict[str, str]] = lambda port: {}


BIN = FOLDER / "node_modules"
PEERS = {
    "dynoxide": Peer(
        lambda port, folder: [
            str(BIN / "@dynoxide/linux-x64/dynoxide"),
            *("serve", "--port", str(port), "--db-path", str(folder / "dynoxide.db")),
        ]
    ),
    "dynalite": Peer(
        lambda port, folder: [str(BIN / ".bin/dynalite"), "--port", str(port), "--path", str(folder / "dynalite")]
    ),
    "moto": Peer(lambda port, folder: [str(FOLDER / "moto/bin/moto_server"), "-p", str(port), "-H", "127.0.0.1"]),
    "ministack": Peer(
        lambda port, folder: [str(FOLDER / "ministack/bin/ministack")], lambda port: {"GATEWAY_PORT": str(port)}
    ),
}
BARS = {
    "PutItem": {"dynoxide": 1.0, "dynalite": 5.0, "moto": 15.0, "ministack": 3.0},
    "GetItem": {"dynoxide": 0.8, "dynalite": 3.0, "moto": 3.0, "ministack": 3.0},
    f"Query of {QUERIED}": {"dynoxide": 0.8, "dynalite": 3.0, "moto": 3.0, "ministack": 3.0},
    f"Scan of {SCANNED:,}": {"dynoxide": 0.8, "dynalite": 3.0, "moto": 3.0, "ministack": 3.0},
    "UpdateItem, condition, two indexes": {"dynoxide": 1.0, "dynalite": 5.0},
}
"""How many times the peer's rate Syncline's must be."""


def install() -> None:
    """Fetch the peers once, each by its own package manager."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    if not (BIN / ".bin/dynalite").exists():
        print("installing the Node peers of the tables …", file=sys.stderr, flush=True)
        (FOLDER / "package.json").write_text('{"private": true}\n')
        subprocess.run(["npm", "install", "--silent", "--no-audit", "--no-fund", *NODE_PEERS], cwd=FOLDER, check=True)
    for name, package in PYTHON_PEERS.items():
        if not (FOLDER / name / "bin" / "python").exists():
            print(f"installing {name} …", file=sys.stderr, flush=True)
            subprocess.run([sys.executable, "-m", "venv", str(FOLDER / name)], check=True)
            subprocess.run([str(FOLDER / name / "bin" / "pip"), "install", "-q", package], check=True)


def measure(quick: bool) -> dict[str, dict[str, dict[str, Any]]]:
    """Rates and CPU by operation and server; each server runs alone."""
    seconds = 1 if quick else SECONDS
    found: dict[str, dict[str, dict[str, Any]]] = {}
    for name in ("Syncline", *PEERS):
        try:
            with _running(name) as running:
                for what, figures in _figures(name, running, seconds):
                    found.setdefault(what, {})[name] = figures
        except (RuntimeError, OSError) as failure:
            print(f"??  tables: {name}: {failure}", file=sys.stderr, flush=True)
    return found


@contextmanager
def _running(name: str) -> Iterator[Running]:
    if name == "Syncline":
        with syncline() as running:
            yield running
        return
    port, folder = free_port(), Path(tempfile.mkdtemp(prefix="syncline-bench-"))
    peer = PEERS[name]
    command = ["env", *(f"{key}={value}" for key, value in peer.environment(port).items()), *peer.command(port, folder)]
    try:
        with server(name, command, port) as running:
            yield running
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _figures(name: str, running: Running, seconds: int) -> Iterator[tuple[str, dict[str, Any]]]:
    _deploy(running.port)
    for what, (operation, request, connections) in REQUESTS.items():
        file = aws_post(f"{name}.{operation}", running.port, operation, request)
        wanted = FEW.get((name, operation), seconds)
        try:
            yield what, load("http", running.port, connections, wanted, running.pids, file)
        except (RuntimeError, subprocess.TimeoutExpired) as failure:
            print(f"??  tables: {name}: {what}: {failure}", file=sys.stderr, flush=True)


def item(number: str, **more: dict[str, str]) -> dict[str, dict[str, str]]:
    """An item of some 100 bytes."""
    return {"id": {"S": f"k{number}"}, "text": {"S": "t" * 40}, "more": {"S": "m" * 20}, "n": {"N": "7"}, **more}


REQUESTS: dict[str, tuple[str, dict[str, Any], int]] = {
    "PutItem": ("PutItem", {"TableName": "plain", "Item": item("########")}, CONNECTIONS),
    "GetItem": ("GetItem", {"TableName": "many", "Key": {"id": {"S": "k@@@@"}}}, CONNECTIONS),
    f"Query of {QUERIED}": (
        "Query",
        {
            "TableName": "sorted",
            "KeyConditionExpression": "id = :i",
            "ExpressionAttributeValues": {":i": {"S": "one"}},
        },
        CONNECTIONS,
    ),
    f"Scan of {SCANNED:,}": ("Scan", {"TableName": "many"}, 4),
    "UpdateItem, condition, two indexes": (
        "UpdateItem",
        {
            "TableName": "indexed",
            "Key": {"id": {"S": "k@@@@"}},
            "UpdateExpression": "SET n = :n, a = :a",
            "ConditionExpression": "attribute_exists(id) AND n <> :no",
            "ExpressionAttributeValues": {":n": {"N": "########"}, ":a": {"S": "########"}, ":no": {"N": "-1"}},
        },
        CONNECTIONS,
    ),
}


def _deploy(port: int) -> None:
    """The tables, with what is read and updated in them."""
    (dynamodb,) = clients(port, "dynamodb")
    everything = {"Projection": {"ProjectionType": "ALL"}}
    indexes = [
        {"IndexName": f"by_{name}", "KeySchema": [{"AttributeName": name, "KeyType": "HASH"}], **everything}
        for name in "an"
    ]
    create_table(dynamodb, "plain", "id:S")
    create_table(dynamodb, "many", "id:S")
    create_table(dynamodb, "sorted", "id:S k:N")
    create_table(dynamodb, "indexed", "id:S", "a:S n:N", GlobalSecondaryIndexes=indexes)
    _fill(dynamodb, "many", [item(f"{n:04}") for n in range(SCANNED)])
    _fill(dynamodb, "sorted", [item("", k={"N": str(n)}) | {"id": {"S": "one"}} for n in range(QUERIED)])
    _fill(dynamodb, "indexed", [item(f"{n:04}", a={"S": "a"}) for n in range(UPDATED)])


def create_table(dynamodb: Any, name: str, key: str, others: str = "", **more: Any) -> None:
    """A table with keys like `id:S k:N`, active."""
    own, rest = ([part.split(":") for part in text.split()] for text in (key, others))
    dynamodb.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": t} for n, t in own + rest],
        KeySchema=[{"AttributeName": n, "KeyType": k} for (n, _), k in zip(own, ("HASH", "RANGE"), strict=False)],
        BillingMode="PAY_PER_REQUEST",
        **more,
    )
    dynamodb.get_waiter("table_exists").wait(TableName=name, WaiterConfig={"Delay": 1})


def _fill(dynamodb: Any, table: str, items: list[dict[str, Any]]) -> None:
    for start in range(0, len(items), 25):
        batch = [{"PutRequest": {"Item": one}} for one in items[start : start + 25]]
        dynamodb.batch_write_item(RequestItems={table: batch})


def rows(quick: bool) -> list[Row]:
    """DynamoDB's operations over HTTP beside other local DynamoDBs.

    Every server has one core, so CPU per request is what it can do; moto's threads end with their requests and take
    their CPU with them, so it is judged by its rate.
    """
    install()
    rows = []
    for what, by_server in measure(quick).items():
        ours = by_server["Syncline"]
        for name, figures in by_server.items():
            measured = (
                f"{figures['cpu_us']:.0f} µs CPU  {figures['per_s']:.0f}/s  p99 {figures['p99_us'] / 1000:.1f} ms"
            )
            if name == "Syncline":
                rows.append(Row(f"{what}: {name}", measured))
                continue
            rates, times = ours["per_s"] / figures["per_s"], figures["cpu_us"] / ours["cpu_us"]
            measured += f"  Syncline: rate {rates:.1f} ×, CPU {times:.1f} ×"
            bar = BARS[what].get(name)
            good = (rates if name == "moto" else times) >= bar if bar else None
            rows.append(Row(f"{what}: {name}", measured, f"≥ {bar:g} ×" if bar else "", good))
    return rows
