"""A shelf: the records that belong to one owner, in the store and the same in memory.

For: control planes, whose reads are from memory. Owns: that memory follows a commit and never leads it.
Never: knows what a record means.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TypeVar

from syncline.store import keys
from syncline.store.collection import Collection
from syncline.store.port import Snapshot, Store, Transaction

K = TypeVar("K", str, tuple[str, str])
T = TypeVar("T")


class Shelf(Mapping[K, T]):
    """One owner's records by key: a name or, as a tuple, several."""

    def __init__(self, store: Store, collection: Collection[T], owner: str, key_of: Callable[[T], K]) -> None:
        self._store, self._collection, self._owner = store, collection, owner
        self._key_of: Callable[[T], K] = key_of
        self._records: dict[K, T] = {}

    def __getitem__(self, key: K) -> T:
        return self._records[key]

    def __iter__(self) -> Iterator[K]:
        return iter(self._records)

    def __len__(self) -> int:
        return len(self._records)

    def load(self, snapshot: Snapshot) -> None:
        """Read all records: once, at start."""
        self._records = {self._key_of(each): each for each in self._collection.list(snapshot, self._owner)}

    async def put(self, record: T) -> None:
        """Keep a record, new or changed."""
        key = self._key_of(record)
        await self._store.write(lambda txn: self._collection.put(txn, record, self._owner, *_parts(key)))
        self._records[key] = record

    async def delete(self, key: K) -> None:
        """Remove a record, if it is there."""
        await self._store.write(lambda txn: self._collection.delete(txn, self._owner, *_parts(key)))
        self._records.pop(key, None)

    def clear(self, txn: Transaction) -> None:
        """Remove all records with the owner: what is in memory goes with it."""
        for record in self._collection.list(txn, self._owner):
            self._collection.delete(txn, self._owner, *_parts(self._key_of(record)))


def _parts(key: str | tuple[str, ...]) -> tuple[keys.Part, ...]:
    return (key,) if isinstance(key, str) else key
