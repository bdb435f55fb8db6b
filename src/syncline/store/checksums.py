"""Page checksums: SQLite's own checksum VFS, so that no damaged page is ever taken for data.

For: `sqlite.py`, and the backup command. Owns: the extension, which `apsw` brings along.
Eight bytes at the end of each page are written with it and compared whenever it is read from the disk.
"""

from __future__ import annotations

import contextlib
import functools
import os
from pathlib import Path

import apsw
import apsw.sqlite_extra

from syncline.store.port import StoreDamaged

RESERVED_BYTES = 8
TABLE = (
    "CREATE TABLE IF NOT EXISTS main.kv(space INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL,"
    " PRIMARY KEY(space, key)) WITHOUT ROWID"
)
FORMAT = 1
"""The file's `user_version`: pages have checksums. 0 is a file from before, or no file yet."""


def connect(path: Path, flags: int = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE) -> apsw.Connection:
    """A connection that writes and compares checksums."""
    _load()
    return apsw.Connection(str(path), flags=flags, vfs="cksmvfs", statementcachesize=64)


def prepare(path: Path) -> None:
    """Have a new file's pages carry checksums, and those of a file from before. Raises StoreDamaged or apsw.Error."""
    if path.exists() and path.stat().st_size and _is_from_before(path):
        _rewrite(path)
        return
    _make(path)


def _is_from_before(path: Path) -> bool:
    """Whether the file has no checksums yet. Raises StoreDamaged when it should have, and its header denies it."""
    with contextlib.closing(connect(path)) as connection:
        if connection.pragma("user_version") == FORMAT:
            if connection.reserve_bytes() != RESERVED_BYTES:
                raise StoreDamaged(path=path, what="its header is not as it was written")
            return False
        return bool(connection.pragma("page_count"))


def _make(path: Path) -> None:
    """A file with checksums and nothing in it, unless it is there."""
    with contextlib.closing(connect(path)) as connection:
        if connection.pragma("user_version") != FORMAT:
            connection.reserve_bytes(reserve=RESERVED_BYTES)
            connection.pragma("user_version", FORMAT)


def _rewrite(path: Path) -> None:
    """Copy a file without checksums into one with them, then put that in its place."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    _make(fresh)
    with contextlib.closing(connect(fresh)) as connection:
        connection.execute("ATTACH ? AS old", (str(path),))
        if connection.pragma("quick_check", schema="old") != "ok":
            raise StoreDamaged(path=path, what="its pages do not fit together")
        connection.execute(TABLE)
        connection.execute("INSERT INTO main.kv SELECT space, key, value FROM old.kv")
        connection.execute("DETACH old")
    os.replace(fresh, path)


@functools.cache
def _load() -> None:
    apsw.sqlite_extra.load(apsw.Connection(":memory:"), "cksumvfs")
