"""The operations on tables themselves: create, describe, update, delete, list, tag.

For: the wire service. Owns: the catalog's records of tables and streams. Every change is one commit, then the cache
learns of it; a table is ACTIVE once its record is committed, though the answer still says CREATING, as AWS's does.
"""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from typing import Any

import msgspec

from syncline.core import Clock, Ids, Instant, Invalid, Settings, arns, call
from syncline.store import Store, Transaction
from syncline.tables.catalog import (
    ACTIVE,
    DROPPED,
    ON_DEMAND,
    PROVISIONED,
    STREAMS,
    TABLES,
    DroppedRows,
    StreamDescription,
    Table,
    Throughput,
)
from syncline.tables.description import describe, describe_deleted
from syncline.tables.errors import (
    BackupTableNotFound,
    TableExists,
    TableNotFound,
    TagTargetNotFound,
    TooManyChanges,
    TooManyTables,
    invalid_values,
)
from syncline.tables.housekeeping import Housekeeping
from syncline.tables.index_builder import IndexBuilder
from syncline.tables.index_updates import Updates, read_updates, require_index_throughput, with_updates
from syncline.tables.registry import NAME_MIN, OpenTable, Registry, controlled_name, table_name
from syncline.tables.schema import (
    Schema,
    check_ttl_attribute,
    read_schema,
    read_throughput,
    read_view,
    refuse_ttl_change,
    unchanged_throughput,
)

TAGS_MAX = 50
TAG_KEY_MAX = 128
TAG_VALUE_MAX = 256
TABLES_PER_PAGE = 100
PROTECTED = (
    "Resource cannot be deleted as it is currently protected against deletion. Disable deletion protection first."
)
NOTHING_TO_UPDATE = (
    "At least one of ProvisionedThroughput, BillingMode, UpdateStreamEnabled, GlobalSecondaryIndexUpdates or "
    "SSESpecification or ReplicaUpdates is required"
)
_UPDATABLE = (
    "ProvisionedThroughput",
    "BillingMode",
    "StreamSpecification",
    "DeletionProtectionEnabled",
    "TableClass",
    "GlobalSecondaryIndexUpdates",
)
UPDATING = "UPDATING"

Request = Mapping[str, Any]
Answer = dict[str, Any]


class Control:
    """The operations on tables."""

    def __init__(
        self,
        store: Store,
        registry: Registry,
        housekeeping: Housekeeping,
        indexes: IndexBuilder,
        clock: Clock,
        ids: Ids,
        settings: Settings,
    ) -> None:
        self._store = store
        self._registry = registry
        self._housekeeping = housekeeping
        self._indexes = indexes
        self._clock = clock
        self._ids = ids
        self._settings = settings

    async def create(self, request: Request) -> Answer:
        """CreateTable."""
        schema = read_schema(request)
        tags = read_tags(request.get("Tags") or ())
        self._check_quotas(schema.name)
        now = self._clock.now()
        arn = str(arns.Arn("dynamodb", self._settings.region, self._settings.account, f"table/{schema.name}"))
        stream = self._new_stream(schema.name, arn, schema.keys.names, schema.view, now)
        table = _table(schema, self._ids, arn, now, stream, tags, request)

        def body(txn: Transaction) -> None:
            if TABLES.get(txn, table.name) is not None:
                raise TableExists(table=table.name)
            TABLES.put(txn, table, table.name)
            if stream is not None:
                STREAMS.put(txn, stream, stream.arn)

        call.committed((await self._store.write(body)).position)
        self._learn(table, stream)
        return {"TableDescription": describe(self._found(table.name), "CREATING", stream)}

    async def describe(self, request: Request) -> Answer:
        """DescribeTable."""
        found = self._found(controlled_name(request))
        return {"Table": self._described(found, ACTIVE if found.table.is_settled else UPDATING)}

    async def update(self, request: Request) -> Answer:
        """UpdateTable: billing, stream, deletion protection, table class; one index made or removed at a time."""
        name, now = controlled_name(request), self._clock.now()
        if all(request.get(name) in (None, []) for name in _UPDATABLE):
            raise Invalid(NOTHING_TO_UPDATE)
        if request.get("ProvisionedThroughput") is not None:
            read_throughput(request["ProvisionedThroughput"])
        updates = read_updates(request)
        found = self._found(name)
        self._refuse_more_changes()
        view = read_view(request) if request.get("StreamSpecification") is not None else None
        fresh = self._new_stream(name, found.table.arn, found.table.key_names, view, now)

        def body(txn: Transaction) -> tuple[Table, StreamDescription | None]:
            table = TABLES.get(txn, name)
            if table is None:
                raise TableNotFound(table=name)
            changed = _with_billing(_with_flags(table, request), request, updates, now)
            changed = with_updates(changed, updates, request)
            changed, stream = _with_stream(txn, changed, request, fresh, now)
            TABLES.put(txn, changed, name)
            if stream is not None:
                STREAMS.put(txn, stream, stream.arn)
            return changed, stream

        committed = await self._store.write(body)
        call.committed(committed.position)
        self._learn(*committed.result)
        shown = self._described(self._found(name), UPDATING)
        self._indexes.wake()
        return {"TableDescription": shown}

    async def delete(self, request: Request) -> Answer:
        """DeleteTable. The rows are removed afterwards, in bounded bodies; the stream stays readable for a day."""
        name, now = controlled_name(request), self._clock.now()
        found = self._found(name)
        self._refuse_more_changes()

        def body(txn: Transaction) -> tuple[Table, StreamDescription | None]:
            table = TABLES.get(txn, name)
            if table is None:
                raise TableNotFound(table=name)
            if table.deletion_protected:
                raise Invalid(PROTECTED)
            TABLES.delete(txn, name)
            DROPPED.put(txn, DroppedRows(table.rows), table.rows)
            return table, _close_stream(txn, table, now)

        committed = await self._store.write(body)
        call.committed(committed.position)
        table, stream = committed.result
        shown = describe_deleted(found)
        if stream is not None:
            self._registry.streams[stream.arn] = stream
        self._registry.drop(table)
        self._registry.dropped.append(table.rows)
        self._housekeeping.wake()
        return {"TableDescription": shown}

    async def list(self, request: Request) -> Answer:
        """ListTables."""
        limit, start = request.get("Limit", TABLES_PER_PAGE), request.get("ExclusiveStartTableName")
        _check_page(limit)
        names = [name for name in self._registry.names() if start is None or name > start]
        answer: Answer = {"TableNames": names[:limit]}
        if len(names) > limit:
            answer["LastEvaluatedTableName"] = names[limit - 1]
        return answer

    async def tag(self, request: Request) -> Answer:
        """TagResource."""
        found = self._tagged(request)
        if not request.get("Tags"):
            raise Invalid("Atleast one Tag needs to be provided as Input.")
        added = read_tags(request["Tags"])
        await self._change_tags(found, lambda tags: {**tags, **added})
        return {}

    async def untag(self, request: Request) -> Answer:
        """UntagResource."""
        found = self._tagged(request)
        if not request.get("TagKeys"):
            raise Invalid("Atleast one Tag Key needs to be provided as Input.")
        gone = set(request["TagKeys"])
        await self._change_tags(found, lambda tags: {key: tags[key] for key in tags if key not in gone})
        return {}

    async def list_tags(self, request: Request) -> Answer:
        """ListTagsOfResource: all on one page, there are at most 50."""
        tags = self._tagged(request).table.tags
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    async def describe_time_to_live(self, request: Request) -> Answer:
        """DescribeTimeToLive."""
        attribute = self._found(controlled_name(request)).table.ttl
        if attribute is None:
            return {"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}}
        return {"TimeToLiveDescription": {"TimeToLiveStatus": "ENABLED", "AttributeName": attribute}}

    async def update_time_to_live(self, request: Request) -> Answer:
        """UpdateTimeToLive. Items that are there already are noted as due in the background."""
        name, wanted = table_name(request), request["TimeToLiveSpecification"]
        attribute = check_ttl_attribute(wanted.get("AttributeName"))
        self._found(name)

        def body(txn: Transaction) -> Table:
            table = TABLES.get(txn, name)
            if table is None:
                raise TableNotFound(table=name)
            refuse_ttl_change(table, attribute, enable=wanted.get("Enabled") is True)
            ttl = attribute if wanted.get("Enabled") else None
            changed = msgspec.structs.replace(table, ttl=ttl, ttl_indexed=ttl is None)
            TABLES.put(txn, changed, name)
            return changed

        committed = await self._store.write(body)
        call.committed(committed.position)
        self._registry.adopt(committed.result)
        self._housekeeping.wake()
        return {"TimeToLiveSpecification": dict(wanted)}

    async def describe_continuous_backups(self, request: Request) -> Answer:
        """DescribeContinuousBackups: there are none."""
        name = table_name(request)
        if self._registry.find(name) is None:
            raise BackupTableNotFound(table=name)
        return {
            "ContinuousBackupsDescription": {
                "ContinuousBackupsStatus": "DISABLED",
                "PointInTimeRecoveryDescription": {"PointInTimeRecoveryStatus": "DISABLED"},
            }
        }

    def _check_quotas(self, name: str) -> None:
        limit = self._settings.tables.tables_max
        if len(self._registry.names()) >= limit and self._registry.find(name) is None:
            raise TooManyTables(limit=limit)
        self._refuse_more_changes()

    def _refuse_more_changes(self) -> None:
        limit = self._settings.tables.changes_max
        if self._registry.changing() >= limit:
            raise TooManyChanges(limit=limit)

    def _found(self, name: str) -> OpenTable:
        found = self._registry.find(name)
        if found is None:
            raise TableNotFound(table=name)
        return found

    def _described(self, found: OpenTable, status: str) -> Answer:
        stream = self._registry.streams.get(found.table.stream_arn or "")
        return describe(found, status, stream)

    def _learn(self, table: Table, stream: StreamDescription | None) -> None:
        if stream is not None:
            self._registry.streams[stream.arn] = stream
        self._registry.adopt(table)

    def _new_stream(
        self, table: str, arn: str, key_names: tuple[str, ...], view: str | None, now: Instant
    ) -> StreamDescription | None:
        if view is None:
            return None
        at = datetime.datetime.fromtimestamp(now, datetime.UTC).replace(tzinfo=None)
        label = at.isoformat(timespec="milliseconds")
        while f"{arn}/stream/{label}" in self._registry.streams:  # two in one millisecond
            at += datetime.timedelta(milliseconds=1)
            label = at.isoformat(timespec="milliseconds")
        shard = f"shardId-{int(now * 1000):020d}-{self._ids.bytes(4).hex()}"
        return StreamDescription(f"{arn}/stream/{label}", label, table, view, shard, now, key_names)

    def _tagged(self, request: Request) -> OpenTable:
        arn = request.get("ResourceArn")
        if not arn:
            raise Invalid("Invalid TableArn")
        try:
            parsed = arns.parse(arn)
        except ValueError:
            raise Invalid(f"Invalid TableArn: Invalid ResourceArn provided as input {arn}") from None
        kind, _, name = parsed.resource.partition("/")
        if parsed.service != "dynamodb" or kind != "table" or len(name) < NAME_MIN:
            raise Invalid(f"Invalid TableArn: Invalid ResourceArn provided as input {arn}")
        found = self._registry.find(name)
        if found is None or found.table.arn != arn:
            raise TagTargetNotFound(arn=arn)
        return found

    async def _change_tags(self, found: OpenTable, change: Any) -> None:
        name = found.table.name

        def body(txn: Transaction) -> Table:
            table = TABLES.get(txn, name)
            if table is None:
                raise TagTargetNotFound(arn=found.table.arn)
            tags: dict[str, str] = change(table.tags)
            if len(tags) > TAGS_MAX:
                raise Invalid("Number of Tags exceed the current limit for the provided ResourceArn")
            changed = msgspec.structs.replace(table, tags=tags)
            TABLES.put(txn, changed, name)
            return changed

        committed = await self._store.write(body)
        call.committed(committed.position)
        self._registry.adopt(committed.result)


def read_tags(given: Any) -> dict[str, str]:
    """A request's tags, checked. Lengths count characters."""
    tags: dict[str, str] = {}
    for tag in given:
        key, value = tag["Key"], tag.get("Value", "")
        if not 1 <= len(key) <= TAG_KEY_MAX or len(value) > TAG_VALUE_MAX:
            raise Invalid(f"Invalid tag: a key has 1 to {TAG_KEY_MAX} characters, a value at most {TAG_VALUE_MAX}")
        if key in tags:
            raise invalid_values(f"Duplicate tag key: {key}")
        tags[key] = value
    if len(tags) > TAGS_MAX:
        raise Invalid("Number of Tags exceed the current limit for the provided ResourceArn")
    return tags


def _table(
    schema: Schema,
    ids: Ids,
    arn: str,
    now: Instant,
    stream: StreamDescription | None,
    tags: dict[str, str],
    request: Request,
) -> Table:
    return Table(
        name=schema.name,
        id=ids.uuid(),
        rows=ids.short(12),
        arn=arn,
        created=now,
        hash=schema.keys.hash,
        range=schema.keys.range,
        types=schema.types,
        indexes=schema.indexes,
        billing=schema.billing,
        throughput=schema.throughput,
        on_demand_since=now if schema.billing == ON_DEMAND else None,
        stream_arn=stream.arn if stream else None,
        streaming=stream is not None,
        tags=tags,
        deletion_protected=request.get("DeletionProtectionEnabled") is True,
        table_class=request.get("TableClass"),
        sized=True,
    )


def _with_flags(table: Table, request: Request) -> Table:
    protected, table_class = request.get("DeletionProtectionEnabled"), request.get("TableClass")
    return msgspec.structs.replace(
        table,
        deletion_protected=table.deletion_protected if protected is None else protected,
        table_class=table.table_class if table_class is None else table_class,
    )


def _with_billing(table: Table, request: Request, updates: Updates, now: Instant) -> Table:
    billing = request.get("BillingMode", table.billing)
    given = request.get("ProvisionedThroughput")
    if billing == ON_DEMAND:
        if given is not None:
            raise invalid_values(
                "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST"
            )
        since = table.on_demand_since if table.billing == ON_DEMAND else now
        return msgspec.structs.replace(table, billing=ON_DEMAND, throughput=Throughput(), on_demand_since=since)
    if given is None:
        if table.billing != PROVISIONED:
            raise invalid_values("ProvisionedThroughput must be specified when BillingMode is PROVISIONED")
        return table
    units = read_throughput(given)
    if units == table.throughput and table.billing == PROVISIONED:
        raise unchanged_throughput("table", units)
    if table.billing != PROVISIONED:
        require_index_throughput(table, updates)
    return msgspec.structs.replace(table, billing=PROVISIONED, throughput=units)


def _with_stream(
    txn: Transaction, table: Table, request: Request, fresh: StreamDescription | None, now: Instant
) -> tuple[Table, StreamDescription | None]:
    """The table with its stream turned on or off as asked, and the stream's changed record."""
    if request.get("StreamSpecification") is None:
        return table, None
    if fresh is not None:
        if table.streaming:
            raise Invalid(f"Table already has an enabled stream: TableName: {table.name}")
        return msgspec.structs.replace(table, streaming=True, stream_arn=fresh.arn), fresh
    if not table.streaming:
        raise Invalid(f"Table has no stream to disable: TableName: {table.name}")
    return msgspec.structs.replace(table, streaming=False), _close_stream(txn, table, now)


def _close_stream(txn: Transaction, table: Table, now: Instant) -> StreamDescription | None:
    """Close the table's live stream, if it has one, and return it as it is then."""
    if not table.streaming or table.stream_arn is None:
        return None
    stream = STREAMS.get(txn, table.stream_arn)
    assert stream is not None, "a live stream has a record"
    closed = msgspec.structs.replace(stream, closed=now)
    STREAMS.put(txn, closed, closed.arn)
    return closed


def _check_page(limit: Any) -> None:
    if type(limit) is int and 1 <= limit <= TABLES_PER_PAGE:
        return
    bound = "less than or equal to 100" if type(limit) is int and limit > 1 else "greater than or equal to 1"
    raise Invalid(
        f"1 validation error detected: Value '{limit}' at 'limit' failed to satisfy constraint: "
        f"Member must have value {bound}"
    )
