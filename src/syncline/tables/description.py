"""TableDescription: a table as the API shows it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from syncline.tables.catalog import ACTIVE, CREATING, INCLUDE, ON_DEMAND, Index, StreamDescription, Throughput
from syncline.tables.registry import OpenTable

WARM_ON_DEMAND = Throughput(12_000, 4_000)
"""AWS's figures for every table that is billed on demand."""


def describe(found: OpenTable, status: str, stream: StreamDescription | None) -> dict[str, Any]:
    """The table's description with the given TableStatus. `stream` is its newest, live or closed."""
    table, figures = found.table, found.figures
    shown: dict[str, Any] = {
        "AttributeDefinitions": [{"AttributeName": name, "AttributeType": kind} for name, kind in table.types.items()],
        "TableName": table.name,
        "KeySchema": key_schema(table.hash_names, table.range_names),
        "TableStatus": status,
        "CreationDateTime": table.created,
        "ProvisionedThroughput": _throughput(table.throughput),
        "TableSizeBytes": figures.bytes,
        "ItemCount": figures.items,
        "TableArn": table.arn,
        "TableId": table.id,
        "DeletionProtectionEnabled": table.deletion_protected,
    }
    if table.on_demand_since is not None:
        since = {} if status == CREATING else {"LastUpdateToPayPerRequestDateTime": table.on_demand_since}
        shown["BillingModeSummary"] = {"BillingMode": table.billing, **since}
    if status != CREATING:
        shown["WarmThroughput"] = _warm(table.billing, table.throughput)
    if table.table_class is not None:
        shown["TableClassSummary"] = {"TableClass": table.table_class}
    shown |= _indexes(found, status)
    if stream is not None:
        shown["LatestStreamLabel"] = stream.label
        shown["LatestStreamArn"] = stream.arn
        if table.streaming:
            shown["StreamSpecification"] = {"StreamEnabled": True, "StreamViewType": stream.view}
    return shown


def describe_deleted(found: OpenTable) -> dict[str, Any]:
    """DeleteTable's description: AWS leaves out keys, definitions, the creation date, warm throughput and indexes."""
    shown = describe(found, "DELETING", None)
    gone = (
        *("AttributeDefinitions", "KeySchema", "CreationDateTime", "WarmThroughput"),
        *("LocalSecondaryIndexes", "GlobalSecondaryIndexes"),
    )
    return {name: value for name, value in shown.items() if name not in gone}


def key_schema(hash_names: Iterable[str], range_names: Iterable[str]) -> list[dict[str, str]]:
    """A key schema as the API shows it."""
    kinds = [*((name, "HASH") for name in hash_names), *((name, "RANGE") for name in range_names)]
    return [{"AttributeName": name, "KeyType": kind} for name, kind in kinds]


def _throughput(units: Throughput) -> dict[str, Any]:
    return {
        "NumberOfDecreasesToday": 0,
        "ReadCapacityUnits": units.read_units,
        "WriteCapacityUnits": units.write_units,
    }


def _warm(billing: str, units: Throughput) -> dict[str, Any]:
    """What AWS says that a table takes from the first moment; nothing here is ever cold."""
    if billing == ON_DEMAND:
        units = WARM_ON_DEMAND
    return {"ReadUnitsPerSecond": units.read_units, "WriteUnitsPerSecond": units.write_units, "Status": ACTIVE}


def _indexes(found: OpenTable, status: str) -> dict[str, Any]:
    shown: dict[str, Any] = {}
    for index in found.table.indexes:
        kind = "GlobalSecondaryIndexes" if index.is_global else "LocalSecondaryIndexes"
        shown.setdefault(kind, []).append(_index(found, index, status))
    return shown


def _index(found: OpenTable, index: Index, status: str) -> dict[str, Any]:
    table, entries = found.table, found.figures.entries(index.name)
    projection: dict[str, Any] = {"ProjectionType": index.projection}
    if index.projection == INCLUDE:
        projection["NonKeyAttributes"] = list(index.included)
    shown: dict[str, Any] = {
        "IndexName": index.name,
        "KeySchema": key_schema(index.hash_names, index.range_names),
        "Projection": projection,
        "IndexArn": f"{table.arn}/index/{index.name}",
        "IndexSizeBytes": entries.bytes,
        "ItemCount": entries.items,
    }
    if index.is_global:
        shown["IndexStatus"] = CREATING if status == CREATING else index.status
        if index.status == CREATING:
            shown["Backfilling"] = True
        shown["ProvisionedThroughput"] = _throughput(Throughput() if table.billing == ON_DEMAND else index.throughput)
        if shown["IndexStatus"] != CREATING:
            shown["WarmThroughput"] = _warm(table.billing, index.throughput)
    return shown
