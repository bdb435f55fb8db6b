"""Put and get rates of a table of millions of items beside one of 10,000: `run.py big`.

Not among the parts that run by themselves: loading takes minutes. SYNCLINE_BENCH_ITEMS says how many (2,000,000).
"""

from __future__ import annotations

import os
import statistics
import sys
import time
from typing import Any, NamedTuple

from deployment import clients
from frames import aws_post
from processes import Running, load, syncline
from rows import Row
from tables import CONNECTIONS, create_table

ITEMS = int(os.environ.get("SYNCLINE_BENCH_ITEMS", "2000000"))
FEW = 10_000
BATCH = 25
KEY, RANDOM_KEY = "k########-{:02}", "k????????-07"
TABLES = {"big": ITEMS, "few": FEW}
ROUNDS = 5
LOAD_SECONDS_MAX = 3600


class Found(NamedTuple):
    """Medians by operation: rate and CPU of the large table, as parts of the small one's."""

    items: int
    loaded_per_s: float
    rates: dict[str, float]
    cpu: dict[str, float]
    figures: dict[tuple[str, str], dict[str, float]]


def measure(quick: bool) -> Found:
    """Load both tables; then put and get random items of each by turns."""
    with syncline() as running:
        (dynamodb,) = clients(running.port, "dynamodb")
        began = time.monotonic()
        for name, count in TABLES.items():
            create_table(dynamodb, name, "id:S")
            _fill(running, name, count)
        loaded = time.monotonic() - began
        runs: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for _ in range(2 if quick else ROUNDS):
            for operation in ("PutItem", "GetItem"):
                for name in TABLES:
                    runs.setdefault((operation, name), []).append(_run(running, operation, name))
    figures = {
        at: {one: statistics.median(run[one] for run in found) for one in ("per_s", "cpu_us")}
        for at, found in runs.items()
    }
    rates, cpu = (
        {operation: figures[operation, "big"][one] / figures[operation, "few"][one] for operation, _ in figures}
        for one in ("per_s", "cpu_us")
    )
    return Found(ITEMS, (ITEMS + FEW) / loaded, rates, cpu, figures)


def _item(key: str, number: str) -> dict[str, Any]:
    return {"id": {"S": key}, "text": {"S": "t" * 40}, "more": {"S": "m" * 20}, "n": {"N": number}}


def _fill(running: Running, table: str, count: int) -> None:
    print(f"loading {count:,} items …", file=sys.stderr, flush=True)
    batch = [{"PutRequest": {"Item": _item(KEY.format(place), "7")}} for place in range(BATCH)]
    file = aws_post("big.fill", running.port, "BatchWriteItem", {"RequestItems": {table: batch}})
    load("http", running.port, 64, -(count // BATCH), running.pids, file, seconds=LOAD_SECONDS_MAX)


def _run(running: Running, operation: str, table: str) -> dict[str, Any]:
    os.environ["LOAD_BELOW"] = str(TABLES[table] // BATCH)
    own = {"Item": _item(RANDOM_KEY, "1########")} if operation == "PutItem" else {"Key": {"id": {"S": RANDOM_KEY}}}
    file = aws_post(f"big.{operation}", running.port, operation, {"TableName": table, **own})
    return load("http", running.port, CONNECTIONS, 3, running.pids, file)


def rows(quick: bool) -> list[Row]:
    """What millions of items cost a put and a get: by CPU, since the rates of one minute and the next differ."""
    found = measure(quick)
    rows = [Row(f"{found.items:,} items loaded in batches of 25", f"{found.loaded_per_s:,.0f} items/s")]
    for operation, ratio in found.rates.items():
        large, small = found.figures[operation, "big"], found.figures[operation, "few"]
        shown = f"{large['per_s']:.0f}/s {large['cpu_us']:.0f} µs CPU  {small['per_s']:.0f}/s {small['cpu_us']:.0f} µs"
        times = 1 / found.cpu[operation]
        measured = f"{shown}  rate {ratio:.2f} ×, by CPU {times:.2f} ×"
        rows.append(Row(f"{operation}, {found.items:,} items beside {FEW:,}", measured, "≥ 0.7 ×", times >= 0.7))
    return rows
