"""What a table's stream costs its writers: a reader far behind, and trimming. `streams.py PORT ARN` is the reader.

Two servers run, one of which trims every second what is two seconds old; the load goes to them by turns.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from deployment import clients
from frames import aws_post
from processes import PINNED, Running, end, load, syncline
from rows import Row
from tables import CONNECTIONS, create_table, item

RECORDS = 100_000
BATCH = 25
PAGE, PAUSE_SECONDS = 1000, 0.05
TRIMMING = {"SYNCLINE_STREAMS_RETENTION_HOURS": str(2 / 3600), "SYNCLINE_STREAMS_TRIM_SECONDS": "1"}
NOBODY, READER, TRIMMED = "nobody reads", f"a reader pages through {RECORDS:,} records", "trimmed as fast as written"
STREAM = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}


def measure(quick: bool) -> dict[str, dict[str, float]]:
    """Medians of PutItem's figures by what goes on beside."""
    runs: dict[str, list[dict[str, Any]]] = {NOBODY: [], READER: [], TRIMMED: []}
    with ExitStack() as servers:
        plain = servers.enter_context(syncline())
        os.environ.update(TRIMMING)
        trimming = servers.enter_context(syncline())
        for name in TRIMMING:
            del os.environ[name]
        arn = _fill(plain)
        _fill(trimming)
        for _ in range(2 if quick else 7):
            runs[NOBODY].append(_put(plain))
            with _reader(plain, arn):
                runs[READER].append(_put(plain))
            runs[TRIMMED].append(_put(trimming))
    return {
        name: {one: statistics.median(run[one] for run in found) for one in found[0]} for name, found in runs.items()
    }


def _fill(running: Running) -> str:
    (dynamodb,) = clients(running.port, "dynamodb")
    create_table(dynamodb, "plain", "id:S", StreamSpecification=STREAM)
    batch = [{"PutRequest": {"Item": item(f"########{place:02}")}} for place in range(BATCH)]
    file = aws_post("streams.fill", running.port, "BatchWriteItem", {"RequestItems": {"plain": batch}})
    load("http", running.port, 16, -(RECORDS // BATCH), running.pids, file, seconds=600)
    return str(dynamodb.describe_table(TableName="plain")["Table"]["LatestStreamArn"])


def _put(running: Running) -> dict[str, Any]:
    file = aws_post("streams.put", running.port, "PutItem", {"TableName": "plain", "Item": item("########")})
    return load("http", running.port, CONNECTIONS, 3, running.pids, file)


@contextmanager
def _reader(running: Running, arn: str) -> Iterator[None]:
    command = ["taskset", "-c", "1"] if PINNED else []
    process = subprocess.Popen([*command, sys.executable, __file__, str(running.port), arn], text=True)
    try:
        yield
    finally:
        end(process)


def read(port: int, arn: str) -> None:
    """Page through the stream from its beginning, again and again, with a pause after each page."""
    (streams,) = clients(port, "dynamodbstreams")
    shard = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
    start = {"StreamArn": arn, "ShardId": shard, "ShardIteratorType": "TRIM_HORIZON"}
    while True:
        iterator = streams.get_shard_iterator(**start)["ShardIterator"]
        for _ in range(RECORDS // PAGE):
            page = streams.get_records(ShardIterator=iterator, Limit=PAGE)
            iterator = page["NextShardIterator"]
            time.sleep(PAUSE_SECONDS)


def rows(quick: bool) -> list[Row]:
    """PutItem into a table with a stream, while a slow reader is far behind, and while records are trimmed."""
    found = measure(quick)
    alone = found[NOBODY]
    rows = []
    for what, figures in found.items():
        shown = f"{figures['per_s']:.0f}/s  {figures['cpu_us']:.0f} µs CPU  p99 {figures['p99_us'] / 1000:.1f} ms"
        ratio = figures["per_s"] / alone["per_s"]
        if what == NOBODY:
            rows.append(Row(f"PutItem with a stream: {what}", shown))
        else:
            rows.append(Row(f"PutItem with a stream: {what}", f"{shown}  {ratio:.2f} ×", "≥ 0.8 ×", ratio >= 0.8))
    return rows


if __name__ == "__main__":
    read(int(sys.argv[1]), sys.argv[2])
