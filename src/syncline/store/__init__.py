"""Store: one ordered, durable keyspace, changed only by small synchronous bodies that one writer commits in groups."""

from syncline.store import keys
from syncline.store.collection import Collection
from syncline.store.commit import position_of
from syncline.store.copying import copy_database, verify_database
from syncline.store.memory import MemoryStore
from syncline.store.pace import Pace
from syncline.store.port import (
    Pair,
    Shard,
    Snapshot,
    Store,
    StoreBusy,
    StoreClosed,
    StoreDamaged,
    StoreLocked,
    Transaction,
)
from syncline.store.shelf import Shelf
from syncline.store.spaces import Space
from syncline.store.sqlite import SqliteStore

__all__ = [
    "Collection",
    "MemoryStore",
    "Pace",
    "Pair",
    "Shard",
    "Shelf",
    "Snapshot",
    "Space",
    "SqliteStore",
    "Store",
    "StoreBusy",
    "StoreClosed",
    "StoreDamaged",
    "StoreLocked",
    "Transaction",
    "copy_database",
    "keys",
    "position_of",
    "verify_database",
]
