"""The SQLite driver: one file, one table, WAL, `synchronous=FULL`.

For: a server on one machine. Owns: the file, its lock, the reading connection of the loop, the flushing thread.
Never: runs a body off the loop, save long reads.

A group is flushed by one statement where it fits: in autocommit that is one whole transaction, and one release of
the interpreter lock for upserts, commit and fsync together.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

import apsw

from syncline.core import Meter, SynclineError
from syncline.core.settings import Store as StoreSettings
from syncline.store import checksums
from syncline.store.commit import POSITION_KEY, GroupCommit
from syncline.store.overlay import Writes
from syncline.store.port import (
    Committed,
    DiskRefused,
    Pair,
    Shard,
    Snapshot,
    StoreClosed,
    StoreDamaged,
    StoreFailed,
    StoreLocked,
    Transaction,
)
from syncline.store.spaces import Space
from syncline.store.watermark import Watermark

T = TypeVar("T")

STATEMENT_ROWS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256)
"""Upserts are prepared for these many rows; a smaller group repeats its last row, which changes nothing."""
LONG_READERS = 2
"""Threads for long reads: one per core of a small machine, so that one long scan does not queue behind another."""
CACHE_KB = 32 * 1024
"""Pages kept by each connection, once read: the inner pages of ten million items fit, so that a get reads one page."""
CHECKPOINT_PAGES = 4000
"""16 MB of WAL between checkpoints: fewer of them fall into a commit."""

_DAMAGED = frozenset((apsw.SQLITE_IOERR_DATA, apsw.SQLITE_IOERR_SHORT_READ, apsw.SQLITE_IOERR_CORRUPTFS))
_REFUSED_BY_DISK = frozenset((apsw.SQLITE_IOERR_WRITE, apsw.SQLITE_IOERR_TRUNCATE, apsw.SQLITE_IOERR_SHMSIZE))

_GET = "SELECT value FROM kv WHERE space=?1 AND key=?2"
_SCAN = "SELECT key, value FROM kv WHERE space=?1 AND key>=?2 AND key<?3 ORDER BY key LIMIT ?4"
_SCAN_BACK = "SELECT key, value FROM kv WHERE space=?1 AND key>=?2 AND key<?3 ORDER BY key DESC LIMIT ?4"
_DELETE = "DELETE FROM kv WHERE space=?1 AND key=?2"
_UPSERT = {
    rows: "INSERT INTO kv(space, key, value) VALUES "
    + ",".join(["(?,?,?)"] * rows)
    + " ON CONFLICT(space, key) DO UPDATE SET value=excluded.value"
    for rows in STATEMENT_ROWS
}


class SqliteStore:
    """A Store in `<folder>/syncline.db`. Raises StoreLocked when another server holds the folder."""

    def __init__(self, folder: Path, settings: StoreSettings | None = None, meter: Meter | None = None) -> None:
        settings = settings or StoreSettings()
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._lock = _lock_folder(folder)
        self._path = folder / "syncline.db"
        self._settings = settings
        self._mark = Watermark(folder, self._path)
        try:
            self._open(meter or Meter(out=None))
        except (SynclineError, OSError):
            self._mark.close()
            self._lock.close()
            raise
        self._long = ThreadPoolExecutor(LONG_READERS, thread_name_prefix="store-read")
        self._local = threading.local()
        self._closed = False

    def _open(self, meter: Meter) -> None:
        """Open the file, and see that it holds all that was committed."""
        found = self._mark.found
        if found is not None and self._size() < found.bytes:
            raise StoreDamaged(path=self._path, what=f"it has {self._size()} bytes of {found.bytes}")
        self._reader = _opened(self._path, self._settings)
        self._view = Connection(self._reader, self._path)
        writer = _connect(self._path, self._settings)
        self._driver = SqliteDriver(self._view, writer, self._mark)
        self._commits = GroupCommit(self._driver, self._settings, meter)
        if found is not None and self._commits.position < found.position:
            self._driver.stop()
            self._reader.close()
            missing = found.position - self._commits.position
            raise StoreDamaged(path=self._path, what=f"the last {missing} commits are missing from it or from its log")

    def _size(self) -> int:
        return self._path.stat().st_size if self._path.exists() else 0

    async def write(self, body: Callable[[Transaction], T]) -> Committed[T]:
        return await self._commits.write(body)

    async def read(self, body: Callable[[Snapshot], T], *, long: bool = False) -> T:
        if self._closed:
            raise StoreClosed()
        if long:
            return await asyncio.get_running_loop().run_in_executor(self._long, self._read_long, body)
        return self._view.moment(body)

    async def get(self, space: Space, key: bytes) -> bytes | None:
        return self._view.get(space, key)

    def watch(self, listener: Callable[[frozenset[Shard]], None]) -> None:
        self._commits.watch(listener)

    async def close(self) -> None:
        if self._closed:
            return
        await self._commits.close()
        self._closed = True
        self._long.shutdown(wait=True)
        self._driver.stop()
        self._reader.close()
        self._mark.close()
        self._lock.close()

    def _read_long(self, body: Callable[[Snapshot], T]) -> T:
        view = getattr(self._local, "view", None)
        if view is None:
            view = self._local.view = Connection(_connect(self._path, self._settings), self._path)
        assert isinstance(view, Connection)
        return view.moment(body)


class Connection:
    """The committed keyspace, read through one connection.

    Told that it `may_rest`, as nothing is being committed, it keeps one moment open for all reads: to open and to close
    one costs more than to read a key. An open moment would hold up the log's checkpoints, so it ends with `stir`.
    """

    def __init__(self, connection: apsw.Connection, path: Path) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._point = connection.cursor().execute
        """For single keys, on a cursor of their own: none is made for each."""
        self.path = path
        self.may_rest = False

    def stir(self) -> None:
        """Something will be committed: end the moment that is open."""
        self.may_rest = False
        if self._connection.in_transaction:
            self._execute("COMMIT")

    def get(self, space: Space, key: bytes) -> bytes | None:
        try:
            if self.may_rest and not self._connection.in_transaction:
                self._execute("BEGIN")
            found: bytes | None = self._point(_GET, (space, key)).get
        except apsw.Error as failure:
            raise _told(failure, self.path) from failure
        return found

    def scan(self, space: Space, low: bytes, high: bytes, *, limit: int, reverse: bool = False) -> list[Pair]:
        sql = _SCAN_BACK if reverse else _SCAN
        try:
            found: Any = self._execute(sql, (space, low, high, limit)).fetchall()
        except apsw.Error as failure:
            raise _told(failure, self.path) from failure
        pairs: list[Pair] = found
        return pairs

    def moment(self, body: Callable[[Snapshot], T]) -> T:
        """Run `body` over one moment of the keyspace, whatever is committed meanwhile."""
        if not self._connection.in_transaction:
            self._execute("BEGIN")
        try:
            return body(self)
        finally:
            if not self.may_rest and self._connection.in_transaction:  # a page that cannot be read ends it early
                self._execute("COMMIT")


class SqliteDriver:
    """Flushes groups on its own thread, the only one that writes."""

    def __init__(self, view: Connection, writer: apsw.Connection, mark: Watermark) -> None:
        self._own = Connection(writer, view.path)
        """Bodies run while nothing is being flushed, so they read where they are written: those pages stay at hand."""
        self.get, self.scan = self._own.get, self._own.scan
        self._view = view
        self._writer = writer
        self._mark = mark
        self._path = view.path
        self._work: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._run, name="store-flush", daemon=True)
        self._thread.start()
        self._own.may_rest = view.may_rest = True

    def flush(self, writes: Writes, done: Callable[[Exception | None], None]) -> None:
        """See `commit.Driver`."""
        loop = asyncio.get_running_loop()

        def work() -> None:
            failure: Exception | None = None
            try:
                _commit(self._writer, writes)
                self._mark.advance(int.from_bytes(writes[Space.META, POSITION_KEY] or b"", "big"))
            except apsw.Error as refusal:
                failure = _told(refusal, self._path)
            loop.call_soon_threadsafe(flushed, failure)

        def flushed(failure: Exception | None) -> None:
            self._own.may_rest = self._view.may_rest = True
            done(failure)

        self._own.stir()
        self._view.stir()
        self._work.put(work)

    def stop(self) -> None:
        """End the thread after the flushes it was given, and close its connection."""
        self._work.put(None)
        self._thread.join()
        self._writer.close()

    def _run(self) -> None:
        while (work := self._work.get()) is not None:
            work()


def _commit(connection: apsw.Connection, writes: Writes) -> None:
    puts: list[int | bytes] = []
    deletions: list[tuple[int, bytes]] = []
    # In key order: neighbours share a page.
    for at in sorted(writes):
        value = writes[at]
        if value is None:
            deletions.append(at)
        else:
            puts += (*at, value)
    if not deletions and len(puts) <= 3 * STATEMENT_ROWS[-1]:
        _upsert(connection, puts)
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        for start in range(0, len(puts), 3 * STATEMENT_ROWS[-1]):
            _upsert(connection, puts[start : start + 3 * STATEMENT_ROWS[-1]])
        connection.executemany(_DELETE, deletions)
        connection.execute("COMMIT")
    except apsw.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def _upsert(connection: apsw.Connection, puts: list[int | bytes]) -> None:
    count = len(puts) // 3
    if not count:
        return
    rows = next(size for size in STATEMENT_ROWS if size >= count)
    connection.execute(_UPSERT[rows], puts + puts[-3:] * (rows - count))


def _told(failure: apsw.Error, path: Path) -> SynclineError:
    """A failure of SQLite's as ours, which says what to do."""
    code = getattr(failure, "extendedresult", 0)
    if isinstance(failure, apsw.FullError) or code in _REFUSED_BY_DISK:
        return DiskRefused(reason=str(failure))
    if isinstance(failure, apsw.CorruptError | apsw.NotADBError) or code in _DAMAGED:
        return StoreDamaged(path=path, what=f"a page of it cannot be read as it was written ({failure})")
    return StoreFailed(path=path, reason=str(failure))


def _opened(path: Path, settings: StoreSettings) -> apsw.Connection:
    """The first connection: the file gets its checksums and its table, and its log is written back."""
    try:
        checksums.prepare(path)
        connection = _connect(path, settings)
        connection.execute(checksums.TABLE)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except apsw.Error as failure:
        raise _told(failure, path) from failure
    if path.stat().st_size < connection.pragma("page_count") * connection.pragma("page_size"):
        connection.close()
        raise StoreDamaged(path=path, what="it is shorter than it was written")
    return connection


def _connect(path: Path, settings: StoreSettings) -> apsw.Connection:
    connection = checksums.connect(path)
    connection.set_busy_timeout(5000)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute(f"PRAGMA synchronous={'NORMAL' if settings.synchronous == 'NORMAL' else 'FULL'}")
    connection.execute(f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}")
    connection.execute(f"PRAGMA cache_size=-{CACHE_KB}")
    return connection


def _lock_folder(folder: Path) -> apsw.Connection:
    """Hold the folder by an open transaction on a lock file: let go by the system however the process ends."""
    lock = apsw.Connection(str(folder / "lock"))
    try:
        lock.execute("PRAGMA locking_mode=EXCLUSIVE")
        lock.execute("BEGIN EXCLUSIVE")
    except apsw.BusyError:
        lock.close()
        raise StoreLocked(path=os.fspath(folder.resolve())) from None
    return lock
