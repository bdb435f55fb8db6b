"""What a table is: its description as kept in the catalog, and the streams it has or had.

For: every module that works on a table. Values without behaviour but what follows from their fields.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from syncline.store import Collection, Shard
from syncline.tables.values import Item

ALL, KEYS_ONLY, INCLUDE = "ALL", "KEYS_ONLY", "INCLUDE"
ACTIVE, CREATING, DELETING = "ACTIVE", "CREATING", "DELETING"
ON_DEMAND, PROVISIONED = "PAY_PER_REQUEST", "PROVISIONED"


class Throughput(msgspec.Struct, frozen=True):
    """Provisioned figures; zeros on demand. They are reported, not enforced."""

    read_units: int = 0
    write_units: int = 0


class Index(msgspec.Struct, frozen=True):
    """A secondary index. `number` names it in keys and is never used again in the table's life.

    A global one may have four partition key attributes and four sort key attributes: the further ones stand apart.
    """

    name: str
    number: int
    is_global: bool
    hash: str
    range: str | None
    projection: str
    included: tuple[str, ...] = ()
    throughput: Throughput = Throughput()
    status: str = ACTIVE
    further_hashes: tuple[str, ...] = ()
    further_ranges: tuple[str, ...] = ()

    @property
    def hash_names(self) -> tuple[str, ...]:
        """The attributes of the partition key."""
        return (self.hash, *self.further_hashes)

    @property
    def range_names(self) -> tuple[str, ...]:
        """The attributes of the sort key, the first to sort by first."""
        return () if self.range is None else (self.range, *self.further_ranges)

    @property
    def key_names(self) -> tuple[str, ...]:
        """The index's own key attributes."""
        return (*self.hash_names, *self.range_names)


class Table(msgspec.Struct, frozen=True):
    """A table. `rows` is what its items' keys begin with: a table made again under an old name begins empty.

    `next_index` is the number of the next index, or less: numbers of removed ones are not used again.
    `sized` says that the sizes of its item collections are kept: those of a table from before are counted first.
    `ttl` is the attribute by which items expire; `ttl_indexed` is false until those written before are noted as due.
    """

    name: str
    id: str
    rows: str
    arn: str
    created: float
    hash: str
    range: str | None
    types: dict[str, str]
    indexes: tuple[Index, ...] = ()
    billing: str = PROVISIONED
    throughput: Throughput = Throughput()
    on_demand_since: float | None = None
    stream_arn: str | None = None
    streaming: bool = False
    tags: dict[str, str] = {}
    deletion_protected: bool = False
    table_class: str | None = None
    ttl: str | None = None
    ttl_indexed: bool = True
    next_index: int = 0
    sized: bool = False

    @property
    def is_settled(self) -> bool:
        """Whether no index is being made or removed."""
        return all(index.status == ACTIVE for index in self.indexes)

    @property
    def local_indexes(self) -> tuple[Index, ...]:
        """Those whose partition key is the table's own."""
        return tuple(index for index in self.indexes if not index.is_global)

    @property
    def hash_names(self) -> tuple[str, ...]:
        """The attribute of the partition key."""
        return (self.hash,)

    @property
    def range_names(self) -> tuple[str, ...]:
        """The attribute of the sort key, if there is one."""
        return () if self.range is None else (self.range,)

    @property
    def key_names(self) -> tuple[str, ...]:
        """The key attributes, partition key first."""
        return (*self.hash_names, *self.range_names)

    def index(self, name: str) -> Index | None:
        """The index of that name, or None."""
        return next((index for index in self.indexes if index.name == name), None)

    def by_kind(self, costs: Mapping[str, float]) -> tuple[dict[str, float], dict[str, float]]:
        """Figures by index, parted into the global and the local ones."""
        local = {index.name for index in self.indexes if not index.is_global}
        return (
            {name: cost for name, cost in costs.items() if name not in local},
            {name: cost for name, cost in costs.items() if name in local},
        )

    def key_of(self, item: Item) -> Item:
        """The item's key."""
        return {name: item[name] for name in self.key_names}


class StreamDescription(msgspec.Struct, frozen=True):
    """A table's stream: enabled, or closed at an instant and still readable until it is forgotten."""

    arn: str
    label: str
    table: str
    view: str
    shard_id: str
    created: float
    key_names: tuple[str, ...]
    closed: float | None = None

    @property
    def shard(self) -> Shard:
        """Where its records are."""
        return Shard(self.arn, self.shard_id)


class DroppedRows(msgspec.Struct, frozen=True):
    """Rows of a deleted table, still to be removed."""

    rows: str


TABLES = Collection("table", Table)
STREAMS = Collection("table-stream", StreamDescription)
DROPPED = Collection("table-dropped", DroppedRows)
