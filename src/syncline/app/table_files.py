"""A table as JSON lines: `syncline tables export` and `import`.

For: the command line. Owns: the format: a first line `{"Table": …}`, the CreateTable request that makes the table
again, then a line `{"Item": …}` for each item in DynamoDB's JSON, as AWS's own exports have it.

Through the public operations, not the data folder: it works beside a running server, against one on another machine,
and against AWS, and cannot see more than its credentials allow.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from syncline.core import Invalid, Unavailable, json

BATCH = 25
WRITERS = 4
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
        with file.open(encoding="utf-8") as lines, ThreadPoolExecutor(WRITERS) as writers:
            entries = _entries(lines, file)
            items = (entry["Item"] for entry in _tables_made(dynamodb, name, entries))
            batches = _batches(items)
            count = 0
            # A handful at a time: the file may be larger than the memory.
            while some := list(islice(batches, WRITERS)):
                count += sum(writers.map(lambda batch: _write(dynamodb, name, batch), some))
            return count
    except (BotoCoreError, ClientError) as failure:
        raise RequestFailed(what=f"importing {name}", reason=str(failure)) from None


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


def _entries(lines: TextIO, file: Path) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            entry = json.decode(line.encode())
        except json.NotJson as mistake:
            raise NotAnExport(number=number, file=file, reason=str(mistake)) from None
        if not isinstance(entry, dict) or not isinstance(entry.get("Item", entry.get("Table")), dict):
            raise NotAnExport(number=number, file=file, reason="something else")
        yield entry


def _tables_made(dynamodb: Any, name: str, entries: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """The entries of items; a table's own makes the table, unless it is there."""
    for entry in entries:
        if "Item" in entry:
            yield entry
            continue
        try:
            dynamodb.create_table(**entry["Table"] | {"TableName": name})
        except dynamodb.exceptions.ResourceInUseException:
            continue
        dynamodb.get_waiter("table_exists").wait(TableName=name)


def _batches(items: Iterator[dict[str, Any]]) -> Iterator[list[dict[str, Any]]]:
    batch: list[dict[str, Any]] = []
    for item in items:
        batch.append({attribute: _read(value) for attribute, value in item.items()})
        if len(batch) == BATCH:
            yield batch
            batch = []
    if batch:
        yield batch


def _read(value: Any) -> Any:
    """A value of DynamoDB's JSON as the client wants it: binaries as bytes."""
    kind, content = next(iter(value.items()))
    if kind == "B":
        return {"B": base64.b64decode(content)}
    if kind == "BS":
        return {"BS": [base64.b64decode(member) for member in content]}
    if kind == "M":
        return {"M": {name: _read(part) for name, part in content.items()}}
    if kind == "L":
        return {"L": [_read(part) for part in content]}
    return value


def _write(dynamodb: Any, name: str, batch: list[dict[str, Any]]) -> int:
    wanted = {name: [{"PutRequest": {"Item": item}} for item in batch]}
    for _ in range(ATTEMPTS_MAX):
        wanted = dynamodb.batch_write_item(RequestItems=wanted)["UnprocessedItems"]
        if not wanted:
            return len(batch)
    raise RequestFailed(what=f"importing {name}", reason="some items were left unprocessed again and again")
