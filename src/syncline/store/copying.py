"""A copy of the keyspace while it is used: SQLite's online backup, of one moment, every page compared on the way,
and without many empty ones.

For: the backup command, beside a running server or without one.
"""

from __future__ import annotations

import contextlib
from pathlib import Path

import apsw

from syncline.store import checksums
from syncline.store.port import StoreDamaged, StoreFailed

NAME = "syncline.db"


def copy_database(folder: Path, target: Path) -> None:
    """Copy the keyspace in `folder` to the new file `target`. Raises StoreDamaged or StoreFailed."""
    path = folder / NAME
    try:
        # Made first: a page that the cache spills before the header is written would get no checksum.
        checksums.prepare(target)
        with (
            contextlib.closing(checksums.connect(path, apsw.SQLITE_OPEN_READWRITE)) as source,
            contextlib.closing(checksums.connect(target)) as copy,
        ):
            source.set_busy_timeout(5000)
            # All pages in one step: one moment, which the log keeps while writers go on.
            with copy.backup("main", source, "main") as backup:
                while not backup.done:
                    backup.step(-1)
            # Empty pages are used again and never given back but here; a few are not worth a second copy.
            if copy.pragma("freelist_count") * 10 > copy.pragma("page_count"):
                copy.execute("VACUUM")
            check_database(copy, target)
    except apsw.Error as failure:
        raise failed(failure, path) from failure


def verify_database(path: Path) -> None:
    """See that every page of the file is as it was written and fits the others. Raises StoreDamaged or StoreFailed."""
    try:
        with contextlib.closing(checksums.connect(path, apsw.SQLITE_OPEN_READWRITE)) as connection:
            check_database(connection, path)
    except apsw.Error as failure:
        raise failed(failure, path) from failure


def check_database(connection: apsw.Connection, path: Path) -> None:
    """The same through a connection."""
    if connection.pragma("user_version") != checksums.FORMAT or connection.pragma("quick_check") != "ok":
        raise StoreDamaged(path=path, what="its pages do not fit together")


def failed(failure: apsw.Error, path: Path) -> StoreDamaged | StoreFailed:
    """What SQLite said, as ours."""
    if isinstance(failure, apsw.IOError | apsw.CorruptError | apsw.NotADBError):
        return StoreDamaged(path=path, what=f"a page of it cannot be read as it was written ({failure})")
    return StoreFailed(path=path, reason=str(failure))
