"""What a process prints: lines with their instants, bounded per invocation, never holding the process up.

Owns: the reading end of the pipe. Never: keeps more than its limit; what is over it is read, counted and dropped.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re

from syncline.core import Clock

READ_BYTES = 256 * 1024
DRAIN_READS_MAX = 64
"""Reads when an answer has come: a pipe holds 64 KiB, a thread may go on printing, so this ends."""
LINE_BYTES_MAX = 256 * 1024

_ONE_EVENT = re.compile(r"\[ERROR\]|\d{4}-\d\d-\d\dT[\d:.]+Z\t")

Line = tuple[int, str]
"""Instant in ms, and the text with its line end."""


class Output:
    """The standard output and error of one process."""

    def __init__(self, clock: Clock, limit: int) -> None:
        self._clock = clock
        self._limit = limit
        self._reader, self.writer = os.pipe()
        os.set_blocking(self._reader, False)
        self._lines: list[Line] = []
        self._partial = b""
        self._kept = 0
        self._dropped = 0
        self._open = False

    def start(self) -> None:
        """Begin to read, after the process was given the writing end."""
        os.close(self.writer)
        self._open = True
        asyncio.get_running_loop().add_reader(self._reader, self._read)

    def take(self) -> list[Line]:
        """All lines since the last call, with what is still in the pipe."""
        self._drain()
        if self._partial:
            self._keep(self._partial)
            self._partial = b""
        if self._dropped:
            note = (
                f"[syncline] {self._dropped} bytes of output were dropped: an invocation keeps {self._limit} bytes.\n"
            )
            self._lines.append((self._now(), note))
        lines, self._lines = self._lines, []
        self._kept = self._dropped = 0
        return lines

    def close(self) -> None:
        """Stop reading; what was read stays to be taken."""
        if self._open:
            self._drain()
        if self._open:
            self._end()

    def _drain(self) -> None:
        for _ in range(DRAIN_READS_MAX):
            if not self._open or not self._read():
                return

    def _read(self) -> bool:
        try:
            data = os.read(self._reader, READ_BYTES)
        except BlockingIOError:
            return False
        if not data:
            self._end()
            return False
        self._feed(data)
        return True

    def _feed(self, data: bytes) -> None:
        if self._kept >= self._limit:
            self._dropped += len(data)
            return
        *lines, self._partial = (self._partial + data).split(b"\n")
        for line in lines:
            self._keep(line + b"\n")
        if len(self._partial) >= min(LINE_BYTES_MAX, self._limit):
            self._keep(self._partial)
            self._partial = b""

    def _keep(self, line: bytes) -> None:
        if self._kept >= self._limit:
            self._dropped += len(line)
            return
        self._kept += len(line)
        text = line.decode("utf-8", "replace")
        if _ONE_EVENT.match(text):
            # The runtime clients join the lines of a message by CR, so that they stay one event.
            text = text.replace("\r", "\n")
        self._lines.append((self._now(), text))

    def _end(self) -> None:
        self._open = False
        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody reads any more
            asyncio.get_running_loop().remove_reader(self._reader)
        os.close(self._reader)

    def _now(self) -> int:
        return int(self._clock.now() * 1000)
