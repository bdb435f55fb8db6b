"""A table as JSON lines: `syncline tables export` and `import`.

For: the command line. Owns: the format: a first line `{"Table": …}`, the CreateTable request that makes the table
again, then a line `{"Item": …}` for each item in DynamoDB's JSON, as AWS's own exports have it.

Through the public operations, not the data folder: it works beside a running server, against one on another machine,
and against AWS, and cannot see more than its credentials allow.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, TextIO

import boto3
import msgspec
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from syncline.core import Invalid, Unavailable, json

BATCH = 25
WRITERS = 16
"""Batches under way at once: a server commits in one go what waits together."""
WAITING_MAX = 2 * WRITERS
"""Batches read from the file and not written yet: it may be larger than the memory."""
ATTEMPTS_MAX = 8
_DEFINITION = ("TableName", "AttributeDefinitions", "KeySchema")


class RequestFailed(Unavailable):
    """{what} failed: {reason}"""


class NotAnExport(Invalid):
    """Line {number} of {file} is neither {{"Table": …}} nor {{"Item": …}}: {reason}"""


def client(variables: dict[str, str], endpoint: str | None) -> Any:
    """A DynamoDB client for the server that `variables`, as `syncline env` exports them, describe."""
    return boto3.client(
        "dynamodb",
        endpoint_url=endpoint or variables["AWS_ENDPOINT_URL"],
        region_name=variables["AWS_DEFAULT_REGION"],
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        config=Config(max_pool_connections=WRITERS, retries={"mode": "standard", "total_max_attempts": ATTEMPTS_MAX}),
    )


def export_table(dynamodb: Any, name: str, out: TextIO) -> int:
    """Write the table to `out`; returns the number of items."""
    try:
        out.write(_line({"Table": _definition(dynamodb.describe_table(TableName=name)["Table"])}))
        count = 0
        for page in dynamodb.get_paginator("scan").paginate(TableName=name, ConsistentRead=True):
            out.writelines(_line({"Item": item}) for item in page["Items"])
            count += len(page["Items"])
    except (BotoCoreError, ClientError) as failure:
        raise RequestFailed(what=f"exporting {name}", reason=str(failure)) from None
    return count


def import_table(dynamodb: Any, name: str, file: Path) -> int:
    """Put every item of the file, making the table first if there is none; returns the number of items."""
    try:
        with file.open("rb") as lines, ThreadPoolExecutor(WRITERS) as threads:
            writer = ItemWriter(dynamodb, name)
            items = _items(dynamodb, name, _entries(lines, file))
            waiting: deque[Future[int]] = deque()
            count = 0
            while batch := list(islice(items, BATCH)):
                if len(waiting) == WAITING_MAX:
                    count += waiting.popleft().result()
                waiting.append(threads.submit(writer.write, batch))
            return count + sum([done.result() for done in waiting])
    except (BotoCoreError, ClientError) as failure:
        raise RequestFailed(what=f"importing {name}", reason=str(failure)) from None


class Entry(msgspec.Struct):
    """A line of the file. What an item holds is the server's to read: it goes there as it stands in the file."""

    item: msgspec.Raw = msgspec.field(default=msgspec.Raw(), name="Item")
    table: dict[str, Any] | None = msgspec.field(default=None, name="Table")


class ItemWriter:
    """Puts items that are JSON already: the client signs, sends and tries again, and has nothing to encode."""

    def __init__(self, dynamodb: Any, name: str) -> None:
        self._dynamodb, self._name = dynamodb, name
        self._ready = threading.local()
        dynamodb.meta.events.register("before-call.dynamodb.BatchWriteItem", self._put_in)

    def write(self, items: Iterable[bytes]) -> int:
        """Put some items, and return how many."""
        entries = [b'{"PutRequest":{"Item":%b}}' % item for item in items]
        self._ready.body = b'{"RequestItems":{%b:[%b]}}' % (json.encode(self._name), b",".join(entries))
        # Checked by botocore, and replaced by the body when it is about to be sent.
        left = self._dynamodb.batch_write_item(RequestItems={self._name: [{}]})["UnprocessedItems"]
        for _ in range(ATTEMPTS_MAX):
            if not left:
                return len(entries)
            left = self._dynamodb.batch_write_item(RequestItems=left)["UnprocessedItems"]
        raise RequestFailed(what=f"importing {self._name}", reason="some items were left unprocessed again and again")

    def _put_in(self, params: dict[str, Any], **_: Any) -> None:
        body, self._ready.body = getattr(self._ready, "body", None), None
        if body is not None:
            params["body"] = body


def _definition(table: dict[str, Any]) -> dict[str, Any]:
    """The CreateTable request that makes a table like this."""
    made = {member: table[member] for member in _DEFINITION}
    on_demand = table.get("BillingModeSummary", {}).get("BillingMode") == "PAY_PER_REQUEST"
    made |= {"BillingMode": "PAY_PER_REQUEST"} if on_demand else {"ProvisionedThroughput": _units(table)}
    for kind in ("LocalSecondaryIndexes", "GlobalSecondaryIndexes"):
        indexes = []
        for index in table.get(kind, ()):
            shown = {member: index[member] for member in ("IndexName", "KeySchema", "Projection")}
            if kind.startswith("Global") and not on_demand:
                shown["ProvisionedThroughput"] = _units(index)
            indexes.append(shown)
        if indexes:
            made[kind] = indexes
    if table.get("StreamSpecification"):
        made["StreamSpecification"] = table["StreamSpecification"]
    return made


def _units(described: dict[str, Any]) -> dict[str, int]:
    units = described["ProvisionedThroughput"]
    return {member: units[member] for member in ("ReadCapacityUnits", "WriteCapacityUnits")}


def _line(entry: dict[str, Any]) -> str:
    return json.encode(entry).decode() + "\n"  # bytes become base64


def _entries(lines: BinaryIO, file: Path) -> Iterator[Entry]:
    decode = msgspec.json.Decoder(Entry).decode
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            entry = decode(line)
        except json.NotJson as mistake:
            raise NotAnExport(number=number, file=file, reason=str(mistake)) from None
        if entry.table is None and bytes(entry.item)[:1] != b"{":
            raise NotAnExport(number=number, file=file, reason="something else")
        yield entry


def _items(dynamodb: Any, name: str, entries: Iterator[Entry]) -> Iterator[bytes]:
    """The items of the entries; a table's own entry makes the table, unless it is there."""
    for entry in entries:
        if entry.table is None:
            yield bytes(entry.item)
            continue
        try:
            dynamodb.create_table(**entry.table | {"TableName": name})
        except dynamodb.exceptions.ResourceInUseException:
            continue
        dynamodb.get_waiter("table_exists").wait(TableName=name)
