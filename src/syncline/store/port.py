"""The store's port: an ordered, durable keyspace changed only by small synchronous bodies.

For: every room that keeps something. Drivers: `memory.py`, `sqlite.py`; `tests/contract` holds them to RULES.md.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, NamedTuple, Protocol, TypeVar

import msgspec

from syncline.core import Throttled, Unavailable
from syncline.store.spaces import Space

T = TypeVar("T")

Pair = tuple[bytes, bytes]
"""A key and its value."""


class Shard(NamedTuple):
    """One ordered part of a stream, by the stream's name (for a table: its stream's ARN) and the shard's id."""

    stream: str
    shard: str


class Snapshot(Protocol):
    """What a reading body may do: everything it reads is of one moment."""

    def get(self, space: Space, key: bytes) -> bytes | None:
        """The value at `key`, or None."""
        ...

    def scan(self, space: Space, low: bytes, high: bytes, *, limit: int, reverse: bool = False) -> list[Pair]:
        """At most `limit` pairs with low <= key < high, in key order, or from the highest down."""
        ...


class Transaction(Snapshot, Protocol):
    """What a writing body may do. It sees its own writes; when it raises, none of them happened."""

    def put(self, space: Space, key: bytes, value: bytes) -> None:
        """Set the value at `key`."""
        ...

    def delete(self, space: Space, key: bytes) -> None:
        """Remove `key`, if it is there."""
        ...

    def append(self, shard: Shard, record: bytes) -> None:
        """Add `record` to the end of `shard`. It gets its sequence when the group is flushed."""
        ...


class Committed(msgspec.Struct, Generic[T], frozen=True):
    """A body's result and the position of its commit: positions grow by commit and never repeat.

    A body that wrote nothing has the position of the last commit before it.
    """

    result: T
    position: int


class Store(Protocol):
    """The keyspace. Bodies never await and never ask for the time, an id or the network."""

    async def write(self, body: Callable[[Transaction], T]) -> Committed[T]:
        """Run `body` and commit what it wrote; return after it is durable. Raises what `body` raises.

        Raises StoreBusy when the queue of waiting bodies is full.
        """
        ...

    async def read(self, body: Callable[[Snapshot], T], *, long: bool = False) -> T:
        """Run `body` over one moment of the keyspace: here and now, or with `long` without holding up the loop."""
        ...

    async def get(self, space: Space, key: bytes) -> bytes | None:
        """`read` of one key: the shortest way."""
        ...

    def watch(self, listener: Callable[[frozenset[Shard]], None]) -> None:
        """Call `listener` on the event loop after each commit that appended, with the shards that advanced."""
        ...

    async def close(self) -> None:
        """Commit what waits, then let go of the files."""
        ...


class StoreBusy(Throttled):
    """{waiting} writes already wait to be committed, the limit. Retry after a short pause."""

    code = "ThrottlingException"


class StoreClosed(Unavailable):
    """The store is closed: the server is shutting down."""


class StoreLocked(Unavailable):
    """Another Syncline server is using {path}. Stop it, or give this one a data directory of its own (--data)."""


class StoreDamaged(Unavailable):
    """{path} is damaged: {what}. Stop the server and restore the last backup into a new folder (syncline restore)."""


class DiskRefused(Unavailable):
    """The disk took no more ({reason}): nothing of this write was kept. Reads go on, and writes once there is room."""


class StoreFailed(Unavailable):
    """{path} cannot be used: {reason}. Check the disk and who may read and write the data directory."""
