"""The store alone: `raw_store.py FOLDER SECONDS` commits items with their stream records from 32 writers.

Prints writes per second as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

from syncline.store import Shard, Space, SqliteStore, Transaction, keys

WRITERS = 32
# The sizes of what one createDataItem of the bench commits.
ITEM = b"i" * 230
RECORD = b"r" * 420
SHARD = Shard("arn:aws:dynamodb:us-east-1:000000000000:table/bench/stream/x", "shardId-00000000000000000000-00000001")


async def writer(store: SqliteStore, name: int, until: float, counts: list[int]) -> None:
    while time.monotonic() < until:
        counts[name] += 1
        key = keys.encode(("bench", f"{name:08d}-{counts[name]:027d}"))

        def body(transaction: Transaction, key: bytes = key) -> None:
            transaction.get(Space.ITEM, key)
            transaction.put(Space.ITEM, key, ITEM)
            transaction.append(SHARD, RECORD)

        await store.write(body)


async def measure(folder: Path, seconds: float) -> float:
    store = SqliteStore(folder)
    counts = [0] * WRITERS
    started = time.monotonic()
    async with asyncio.TaskGroup() as group:
        for name in range(WRITERS):
            group.create_task(writer(store, name, started + seconds, counts))
    elapsed = time.monotonic() - started
    await store.close()
    return sum(counts) / elapsed


def run() -> None:
    try:
        import uvloop
    except ImportError:
        per_s = asyncio.run(measure(Path(sys.argv[1]), float(sys.argv[2])))
    else:
        per_s = uvloop.run(measure(Path(sys.argv[1]), float(sys.argv[2])))
    print(json.dumps({"per_s": round(per_s)}))


if __name__ == "__main__":
    run()
