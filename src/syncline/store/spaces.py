"""The only list of spaces: the parts of the keyspace, and whose they are. Numbers are on disk: never reuse one."""

from enum import IntEnum


class Space(IntEnum):
    """A part of the keyspace. Keys are tuples encoded by `store.keys`."""

    META = 0  # (name,) → the store's own counters: the commit position, a shard's last sequence
    CATALOG = 1  # (kind, account, region, name…) → struct: every room's control plane
    ITEM = 2  # (table id, partition key, sort key) → item: tables
    INDEX = 3  # (table id, index, index keys…, item keys…) → projection: tables, in the item's commit
    STREAM = 4  # (stream, shard, sequence) → record: appended by any room, in the item's commit
    CURSOR = 5  # (consumer, stream, shard) → sequence: functions, workflows
    DUE = 6  # (room, instant, id) → whatever is due then: expiry, timers
    HISTORY = 7  # ("publication", api, position) → publication: hub; (execution, event number) → event: workflows
    LOG = 8  # (group, stream, instant, n) → log event: monitoring
    METRIC = 9  # (namespace, metric, dimensions, minute) → statistics: monitoring
    COLLECTION = 10  # (table id, partition key) → bytes of the item collection: tables with local indexes
