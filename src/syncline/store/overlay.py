"""Overlays: what a body wrote, seen by itself and by the bodies after it, before anything reaches the disk.

For: `store.commit`. Owns: the pending writes of one group. Never: touches a disk or knows what a value means.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from syncline.store import keys
from syncline.store.port import Pair, Shard
from syncline.store.spaces import Space

Writes = dict[tuple[int, bytes], bytes | None]
"""The last value of each key written; None: deleted."""


class Base(Protocol):
    """The committed keyspace under an overlay."""

    def get(self, space: Space, key: bytes) -> bytes | None: ...
    def scan(self, space: Space, low: bytes, high: bytes, *, limit: int, reverse: bool = False) -> list[Pair]: ...


class Overlay:
    """One group's transaction: each body writes into `mine`; `keep` joins that to the group, `drop` forgets it."""

    __slots__ = ("_base", "_sequence_of", "advanced", "group", "mine", "records")

    def __init__(self, base: Base, sequence_of: Callable[[Shard], int]) -> None:
        self._base = base
        self._sequence_of = sequence_of  # a shard's last sequence on disk
        self.group: Writes = {}
        self.mine: Writes = {}
        self.records: list[tuple[Shard, bytes]] = []
        self.advanced: dict[Shard, int] = {}

    def get(self, space: Space, key: bytes) -> bytes | None:
        at = (space, key)
        if at in self.mine:
            return self.mine[at]
        if at in self.group:
            return self.group[at]
        return self._base.get(space, key)

    def put(self, space: Space, key: bytes, value: bytes) -> None:
        self.mine[space, key] = value

    def delete(self, space: Space, key: bytes) -> None:
        self.mine[space, key] = None

    def append(self, shard: Shard, record: bytes) -> None:
        self.records.append((shard, record))

    def scan(self, space: Space, low: bytes, high: bytes, *, limit: int, reverse: bool = False) -> list[Pair]:
        pending: Writes = {}
        for writes in (self.group, self.mine):
            pending.update((at, value) for at, value in writes.items() if at[0] == space and low <= at[1] < high)
        if not pending:
            return self._base.scan(space, low, high, limit=limit, reverse=reverse)
        # Each pending deletion may hide one committed pair, so that many more are read.
        found = dict(self._base.scan(space, low, high, limit=limit + len(pending), reverse=reverse))
        for (_, key), value in pending.items():
            if value is None:
                found.pop(key, None)
            else:
                found[key] = value
        return sorted(found.items(), reverse=reverse)[:limit]

    def keep(self) -> bool:
        """The body succeeded: its writes join the group, its records get their sequences. Says whether it wrote."""
        wrote = bool(self.mine or self.records)
        self.group.update(self.mine)
        for shard, record in self.records:
            sequence = (self.advanced.get(shard) or self._sequence_of(shard)) + 1
            self.advanced[shard] = sequence
            self.group[Space.STREAM, keys.encode((*shard, sequence))] = record
        self.drop()
        return wrote

    def drop(self) -> None:
        """The body failed, or its writes are kept: begin anew for the next one."""
        self.mine = {}
        self.records = []
