"""Log groups, streams and events: written, read in order, trimmed by each group's retention.

For: `functions` and `graphql`, which append; the Logs service, which reads.
Owns: the log space. Never: knows what a message says.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from syncline.core import Clock
from syncline.monitoring.beats import every
from syncline.monitoring.errors import LogsExists, LogsNotFound
from syncline.monitoring.model import DAY_MS, LogEvent, LogGroup, LogStream
from syncline.store import Collection, Pair, Snapshot, Space, Store, Transaction, keys

MESSAGE_BYTES_MAX = 256 * 1024
"""An event's message: the rest of a longer one is cut off."""
TRIM_SECONDS = 60.0
TRIM_EVENTS = 1000
"""Events deleted in one body: short enough that a writer behind it does not notice."""
SCAN_PAGE = 256
PAGE_BYTES = 1024 * 1024
"""What one GetLogEvents answers: AWS's limit."""
SEARCH_EVENTS, SEARCH_BYTES = 10_000, 4 * 1024 * 1024
"""What one FilterLogEvents looks at: it answers what matched, and a token to go on from."""
FOREVER_MS = 1 << 62

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(tuple[str, int]).decode


class Place(NamedTuple):
    """Where an event stands in its group; places sort as events are read."""

    at_ms: int
    stream: str = ""
    number: int = -1


class Logs:
    """The log groups of this server. See RULES.md, MON-1 to MON-9."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._group_records = Collection("log group", LogGroup)
        self._stream_records = Collection("log stream", LogStream)
        self._groups: dict[str, LogGroup] = {}

    async def load(self) -> None:
        """Read the groups from the store."""
        groups = await self._store.read(lambda view: self._group_records.list(view))
        self._groups = {group.name: group for group in groups}

    async def run(self) -> None:
        """Trim every group by its retention, for ever."""
        await every(self._clock, TRIM_SECONDS, self.trim)

    async def append(self, group: str, stream: str, events: Iterable[tuple[int, str]]) -> None:
        """Add events (instant in ms, message) to a stream, making the group and the stream when they are missing."""
        now = self.now_ms()
        entries = [(at_ms, _cut(message)) for at_ms, message in events]
        record = self._groups.get(group) or LogGroup(group, now)

        def body(txn: Transaction) -> None:
            if self._group_records.get(txn, group) is None:
                self._group_records.put(txn, record, group)
            self._append(
                txn, self._stream_records.get(txn, group, stream) or LogStream(group, stream, now), entries, now
            )

        await self._store.write(body)
        self._groups.setdefault(group, record)

    def now_ms(self) -> int:
        """The instant of now, as events have it."""
        return int(self._clock.now() * 1000)

    def groups(self, prefix: str = "", pattern: str = "") -> list[LogGroup]:
        """The groups whose name begins with `prefix` and contains `pattern`, by name."""
        return [self._groups[name] for name in sorted(self._groups) if name.startswith(prefix) and pattern in name]

    def group(self, name: str) -> LogGroup:
        """The group, or LogsNotFound."""
        if name not in self._groups:
            raise LogsNotFound(kind="group")
        return self._groups[name]

    async def create_group(self, name: str, *, log_class: str, tags: dict[str, str]) -> None:
        """Make a group. Raises LogsExists."""
        if name in self._groups:
            raise LogsExists(kind="group")
        await self._save(LogGroup(name, self.now_ms(), None, log_class, tags))

    async def change_group(self, name: str, **changes: object) -> None:
        """Set members of the group's record."""
        await self._save(msgspec.structs.replace(self.group(name), **changes))

    async def delete_group(self, name: str) -> None:
        """Delete the group with its streams and events."""
        self.group(name)
        for stream in await self.streams(name):
            await self.delete_stream(name, stream.name)
        await self._store.write(lambda txn: self._group_records.delete(txn, name))
        self._groups.pop(name, None)

    async def create_stream(self, group: str, name: str) -> None:
        """Make a stream in an existing group. Raises LogsExists."""
        self.group(group)
        stream = LogStream(group, name, self.now_ms())

        def body(txn: Transaction) -> None:
            if self._stream_records.get(txn, group, name) is not None:
                raise LogsExists(kind="stream")
            self._stream_records.put(txn, stream, group, name)

        await self._store.write(body)

    async def delete_stream(self, group: str, name: str) -> None:
        """Delete a stream and its events."""
        await self.stream(group, name)
        await self._trim_stream(group, name, FOREVER_MS)
        await self._store.write(lambda txn: self._stream_records.delete(txn, group, name))

    async def stream(self, group: str, name: str) -> LogStream:
        """The stream, or LogsNotFound."""
        self.group(group)
        found = await self._store.read(lambda view: self._stream_records.get(view, group, name))
        if found is None:
            raise LogsNotFound(kind="stream")
        return found

    async def streams(self, group: str) -> list[LogStream]:
        """The group's streams, by name."""
        self.group(group)
        return await self._store.read(lambda view: self._stream_records.list(view, group))

    async def put(self, group: str, stream: str, events: list[tuple[int, str]]) -> None:
        """`append`, to a stream that must exist."""
        await self.stream(group, stream)
        await self.append(group, stream, events)

    async def read(
        self, group: str, stream: str, low: Place, high: Place, *, limit: int, reverse: bool = False
    ) -> list[LogEvent]:
        """At most `limit` events and PAGE_BYTES with low <= place < high, by instant, or from the newest down."""
        first, end = [keys.encode((group, stream, place.at_ms, place.number)) for place in (low, high)]

        def body(view: Snapshot) -> list[LogEvent]:
            pages = _pages(view, first, end, reverse=reverse)
            return _page((_event(stream, key, value) for key, value in pages), limit, PAGE_BYTES)[0]

        return await self._store.read(body, long=True)

    async def search(
        self, group: str, streams: list[LogStream], after: Place, end_ms: int
    ) -> tuple[list[LogEvent], bool]:
        """Events of these streams after a place and before an instant, in order over all streams.

        Also whether those are all: one call returns at most SEARCH_EVENTS and SEARCH_BYTES.
        """
        chosen = [one for one in streams if one.count and one.last_ms >= after.at_ms and one.first_ms < end_ms]

        def body(view: Snapshot) -> tuple[list[LogEvent], bool]:
            runs = [_run(view, group, one.name, after, end_ms) for one in chosen]
            return _page(heapq.merge(*runs, key=_place), SEARCH_EVENTS, SEARCH_BYTES)

        return await self._store.read(body, long=True)

    async def trim(self) -> None:
        """Delete events older than their group's retention."""
        for group in list(self._groups.values()):
            if group.retention_days is None:
                continue
            oldest = self.now_ms() - group.retention_days * DAY_MS
            for stream in await self.streams(group.name):
                if stream.count and stream.first_ms < oldest:
                    await self._trim_stream(group.name, stream.name, oldest)

    async def _trim_stream(self, group: str, stream: str, oldest: int) -> None:
        while (await self._store.write(lambda txn: self._delete_events(txn, group, stream, oldest))).result:
            pass

    def _delete_events(self, txn: Transaction, group: str, stream: str, oldest: int) -> int:
        low, end = keys.prefix_range((group, stream))
        pairs = txn.scan(Space.LOG, low, keys.encode((group, stream, oldest)), limit=TRIM_EVENTS)
        record = self._stream_records.get(txn, group, stream)
        for key, _ in pairs:
            txn.delete(Space.LOG, key)
        if pairs and record is not None:
            freed = sum(len(value) for _, value in pairs)
            left = txn.scan(Space.LOG, low, end, limit=1)
            first = _event(stream, *left[0]).at_ms if left else 0
            changed = msgspec.structs.replace(record, first_ms=first, bytes=max(0, record.bytes - freed))
            self._stream_records.put(txn, changed, group, stream)
        return len(pairs)

    def _append(self, txn: Transaction, stream: LogStream, entries: list[tuple[int, str]], now: int) -> None:
        size = 0
        for number, (at_ms, message) in enumerate(entries, stream.count):
            value = _encode((message, now))
            size += len(value)
            txn.put(Space.LOG, keys.encode((stream.group, stream.name, at_ms, number)), value)
        instants = [at_ms for at_ms, _ in entries]
        changed = msgspec.structs.replace(
            stream,
            count=stream.count + len(entries),
            first_ms=min([*instants, stream.first_ms or FOREVER_MS]) if instants else stream.first_ms,
            last_ms=max([*instants, stream.last_ms]),
            ingested_ms=now if entries else stream.ingested_ms,
            bytes=stream.bytes + size,
        )
        self._stream_records.put(txn, changed, stream.group, stream.name)

    async def _save(self, group: LogGroup) -> None:
        await self._store.write(lambda txn: self._group_records.put(txn, group, group.name))
        self._groups[group.name] = group


def _run(view: Snapshot, group: str, stream: str, after: Place, end_ms: int) -> Iterator[LogEvent]:
    """One stream's events after a place of the group, in order."""
    # At the place's own instant, streams that sort before its stream are done, those after it are not begun.
    number = after.number + 1 if stream == after.stream else (0 if stream > after.stream else FOREVER_MS)
    low, high = keys.encode((group, stream, after.at_ms, number)), keys.encode((group, stream, end_ms))
    for key, value in _pages(view, low, high):
        yield _event(stream, key, value)


def _pages(view: Snapshot, low: bytes, high: bytes, *, reverse: bool = False) -> Iterator[Pair]:
    while pairs := view.scan(Space.LOG, low, high, limit=SCAN_PAGE, reverse=reverse):
        yield from pairs
        low, high = (low, pairs[-1][0]) if reverse else (pairs[-1][0] + b"\x00", high)


def _page(events: Iterable[LogEvent], count: int, size: int) -> tuple[list[LogEvent], bool]:
    """The first `count` events or `size` bytes of them, and whether there are no more."""
    page: list[LogEvent] = []
    for event in events:
        if len(page) == count or size <= 0:
            return page, False
        page.append(event)
        size -= len(event.message)
    return page, True


def _event(stream: str, key: bytes, value: bytes) -> LogEvent:
    at_ms, number = keys.decode(key)[2:]
    assert isinstance(at_ms, int), "a log key ends with instant and number"
    assert isinstance(number, int), "a log key ends with instant and number"
    message, ingested_ms = _decode(value)
    return LogEvent(stream, at_ms, number, message, ingested_ms)


def _place(event: LogEvent) -> Place:
    return Place(event.at_ms, event.stream, event.number)


def _cut(message: str) -> str:
    if len(message) * 4 <= MESSAGE_BYTES_MAX:
        return message
    data = message.encode("utf-8", "replace")
    return data[:MESSAGE_BYTES_MAX].decode("utf-8", "ignore") if len(data) > MESSAGE_BYTES_MAX else message
