"""The watermark: how far the store had got, in a file of its own, so that a loss shows.

For: `sqlite.py`. Owns: the file `position`. SQLite takes a log that was cut or damaged for one that ends there, and an
empty file for a new database; this file knows better. It is written after each commit and not waited for: it survives
`kill -9`, and after a power cut it says at most what is true.
"""

from __future__ import annotations

import contextlib
import os
import struct
import zlib
from pathlib import Path
from typing import NamedTuple

_FORMAT = struct.Struct(">QQ")
_CRC = struct.Struct(">I")


class Mark(NamedTuple):
    """The position of the last commit, and the bytes that the database file had by then."""

    position: int
    bytes: int


class Watermark:
    """The file. A mark that cannot be read is no mark: the data is checked by itself."""

    def __init__(self, folder: Path, database: Path) -> None:
        self._file = os.open(folder / "position", os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o600)
        self._database = database
        self.found = self._read()

    def advance(self, position: int) -> None:
        """The commit at `position` is durable."""
        with contextlib.suppress(OSError):  # The commit stands; a mark that lags is still true.
            mark = _FORMAT.pack(position, os.stat(self._database).st_size)
            os.lseek(self._file, 0, os.SEEK_SET)
            os.write(self._file, mark + _CRC.pack(zlib.crc32(mark)))

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._file)

    def _read(self) -> Mark | None:
        found = os.read(self._file, _FORMAT.size + _CRC.size)
        mark = found[: _FORMAT.size]
        if len(found) != _FORMAT.size + _CRC.size or _CRC.pack(zlib.crc32(mark)) != found[_FORMAT.size :]:
            return None
        return Mark(*_FORMAT.unpack(mark))
