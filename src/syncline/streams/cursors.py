"""Cursors: how far a consumer has read a shard, durably."""

from __future__ import annotations

from syncline.store import Shard, Space, Store, Transaction, keys


class Cursors:
    """Sequences by consumer and shard. Saved after the effect, or in its commit by `put`: at least once."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def load(self, consumer: str, shard: Shard) -> int | None:
        """The last sequence that the consumer is done with, or None when it never saved one."""
        stored = await self._store.get(Space.CURSOR, keys.encode((consumer, *shard)))
        return None if stored is None else int.from_bytes(stored, "big")

    async def save(self, consumer: str, shard: Shard, sequence: int) -> None:
        """Remember `sequence`, durably."""
        await self._store.write(lambda txn: self.put(txn, consumer, shard, sequence))

    async def forget(self, consumer: str) -> None:
        """Drop every cursor of the consumer."""
        await self._store.write(lambda txn: _forget(txn, consumer))

    def put(self, txn: Transaction, consumer: str, shard: Shard, sequence: int) -> None:
        """Remember `sequence` in the commit of its effect."""
        txn.put(Space.CURSOR, keys.encode((consumer, *shard)), sequence.to_bytes(8, "big"))


def _forget(txn: Transaction, consumer: str) -> None:
    low, high = keys.prefix_range((consumer,))
    for key, _ in txn.scan(Space.CURSOR, low, high, limit=10_000):
        txn.delete(Space.CURSOR, key)
