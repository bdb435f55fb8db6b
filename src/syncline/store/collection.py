"""Collections: the typed face of the catalog for small records, one struct type each."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from syncline.store import keys
from syncline.store.port import Snapshot, Transaction
from syncline.store.spaces import Space

T = TypeVar("T")
SCAN_PAGE = 1000


class Collection(Generic[T]):
    """Records of one struct type under `(kind, *key)` in a space. Values are MessagePack.

    All methods are for bodies: they take the transaction or snapshot they work in.
    """

    def __init__(self, kind: str, record: type[T], space: Space = Space.CATALOG) -> None:
        self.kind = kind
        self.space = space
        self._encode = msgspec.msgpack.Encoder().encode
        self._decode = msgspec.msgpack.Decoder(record).decode

    def get(self, snapshot: Snapshot, *key: keys.Part) -> T | None:
        """The record at `key`, or None."""
        found = snapshot.get(self.space, keys.encode((self.kind, *key)))
        return None if found is None else self._decode(found)

    def put(self, txn: Transaction, record: T, *key: keys.Part) -> None:
        """Set the record at `key`."""
        txn.put(self.space, keys.encode((self.kind, *key)), self._encode(record))

    def delete(self, txn: Transaction, *key: keys.Part) -> None:
        """Remove the record at `key`, if it is there."""
        txn.delete(self.space, keys.encode((self.kind, *key)))

    def list(self, snapshot: Snapshot, *prefix: keys.Part) -> list[T]:
        """Every record whose key begins with `prefix`, in key order."""
        low, high = keys.prefix_range((self.kind, *prefix))
        found: list[T] = []
        while True:
            page = snapshot.scan(self.space, low, high, limit=SCAN_PAGE)
            found += [self._decode(value) for _, value in page]
            if len(page) < SCAN_PAGE:
                return found
            low = page[-1][0] + b"\x00"
