"""History: the publications of durable APIs, kept in the store.

For: `hub.fanout`. Owns: their records, and the position that each gets. Never: delivers one; knows who listens.

A publication gets its position in the body that keeps it: positions follow the commits, have no gaps, and go on after
a restart. A record knows how many bytes its API had published with it, so what is too old or too much is found by
halving, and nothing is counted at start.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Sequence
from functools import partial
from typing import Any

import msgspec

from syncline.core import Clock, Meter, json, settings
from syncline.hub.topics import Publication, Topic
from syncline.store import Collection, Snapshot, Space, Store, Transaction, keys

PAGE = 64
"""Publications read at once, and remembered for the next who comes that way."""
PAGES_BYTES_MAX = 8 * 1024 * 1024
LOOKED_AT_MAX = 20_000
"""How many publications are looked at for the last ones of some topics."""
RECORDS_PER_TRIM = 1000
"""Records deleted in one body: short enough that a writer behind it does not notice."""


class Kept(msgspec.Struct, frozen=True):
    """An API is durable: its positions belong to `epoch`. `ended`: it was, and what it kept is being deleted."""

    api: str
    epoch: str
    ended: bool = False


class Mark(msgspec.Struct, frozen=True, array_like=True):
    """The position of a durable API's newest publication, and the bytes of all of them."""

    position: int
    through: int


class Entry(msgspec.Struct, frozen=True, array_like=True):
    """A publication in the store. `content` is its value: JSON, or, `plain`, the very bytes."""

    at: float
    through: int
    topic: str
    content: bytes
    commit: int
    wider: tuple[str, ...] = ()
    judged: bool = False
    plain: bool = False


class Draft(msgspec.Struct, frozen=True):
    """What is to be published once it is kept. `content` is its value as the store has it: JSON, or `plain`."""

    topic: Topic
    value: Any
    content: bytes
    plain: bool
    commit: int
    size: int
    wider: tuple[Topic, ...]
    judged: bool

    def placed(self, position: int) -> Publication:
        """The publication that it becomes."""
        return Publication(self.topic, self.value, position, self.commit, self.size, self.wider, self.judged)


class Keep(msgspec.Struct, frozen=True):
    """How much is kept: what is older goes, then what is more. `count` 0: any number."""

    seconds: float
    bytes: int
    count: int = 0


class Log(msgspec.Struct):
    """One durable API: publications up to `passed` are gone, those up to `last` are kept."""

    epoch: str
    passed: int
    last: int
    keep: Keep | None = None
    """Instead of what the settings say."""


class History:
    """The store's side of durable APIs."""

    def __init__(self, store: Store, clock: Clock, limits: settings.Hub, meter: Meter) -> None:
        self._store, self._clock, self._limits = store, clock, limits
        self._kept = Collection("durable api", Kept)
        self._pages: OrderedDict[tuple[str, int], list[Publication]] = OrderedDict()
        self._pages_bytes = 0
        self._trimmed = meter.counter("syncline_hub_trimmed_publications_total")

    # --- which APIs

    async def load(self) -> dict[str, Log]:
        """The durable APIs as the store has them. What was being deleted when the server ended is deleted now."""
        records = await self._store.read(lambda view: self._kept.list(view))
        for gone in [each for each in records if each.ended]:
            await self._clear(gone.api)
        return await self._store.read(lambda view: {each.api: _log(view, each) for each in records if not each.ended})

    async def begin(self, api: str, epoch: str, position: int) -> None:
        """Keep what the API publishes after `position`."""

        def body(txn: Transaction) -> None:
            self._kept.put(txn, Kept(api, epoch), api)
            txn.put(Space.HISTORY, _mark_key(api), msgspec.msgpack.encode(Mark(position, 0)))

        await self._store.write(body)

    async def end(self, api: str) -> None:
        """Keep nothing of the API any more."""

        def body(txn: Transaction) -> None:
            self._kept.put(txn, Kept(api, "", ended=True), api)
            txn.delete(Space.HISTORY, _mark_key(api))

        await self._store.write(body)
        await self._clear(api)

    async def _clear(self, api: str) -> None:
        low, high = keys.prefix_range(("publication", api))
        while (await self._store.write(partial(_delete, low=low, high=high))).result:
            pass
        await self._store.write(lambda txn: self._kept.delete(txn, api))
        self._forget_pages(api)

    # --- publications

    async def append(self, drafts: Sequence[Draft]) -> list[int | None]:
        """Keep the drafts, in their order, in one commit. Returns their positions; None: the API is not durable."""
        now = self._clock.now()
        return (await self._store.write(lambda txn: _append(txn, drafts, now))).result

    async def after(self, api: str, position: int, *, until: int) -> list[Publication]:
        """At least one publication after a position, in order, none after `until`; empty when the next one is gone."""
        number = position // PAGE
        page = self._pages.get((api, number))
        if page is None or page[-1].position < min(until, (number + 1) * PAGE):
            low, high = number * PAGE, min(until, (number + 1) * PAGE)
            page = await self._store.read(lambda view: _page(view, api, low, high))
            self._remember((api, number), page)
        found = [each for each in page if position < each.position <= until]
        return found if found and found[0].position == position + 1 else []

    async def last(self, api: str, topics: tuple[Topic, ...], count: int, log: Log) -> tuple[int, bool]:
        """The position after which there are the last `count` publications that concern these topics.

        False: there are fewer, and others were, or nobody looked further back."""
        position, until = log.last, log.last
        while until > log.passed and log.last - until < LOOKED_AT_MAX:
            low = max((until - 1) // PAGE * PAGE, log.passed)
            found = await self.after(api, low, until=until)
            if not found:
                break
            for publication in reversed(found):
                if publication.concerns(topics):
                    position, count = publication.position - 1, count - 1
                if not count:
                    return position, True
            until = low
        return position, until <= log.passed == 0

    def _remember(self, key: tuple[str, int], page: list[Publication]) -> None:
        self._pages_bytes -= _size(self._pages.pop(key, []))
        if not page:
            return
        self._pages[key] = page
        self._pages_bytes += _size(page)
        while self._pages_bytes > PAGES_BYTES_MAX and len(self._pages) > 1:
            self._pages_bytes -= _size(self._pages.popitem(last=False)[1])

    def _forget_pages(self, api: str) -> None:
        for key in [key for key in self._pages if key[0] == api]:
            self._pages_bytes -= _size(self._pages.pop(key))

    # --- retention

    async def trim(self, api: str, log: Log) -> None:
        """Let go of what is too old or too much, in bounded bodies."""
        keep = log.keep or Keep(self._limits.history_seconds, self._limits.history_bytes_max)
        oldest = self._clock.now() - keep.seconds
        bounds = partial(_horizon, api=api, passed=log.passed, last=log.last, oldest=oldest, keep=keep)
        horizon = await self._store.read(bounds)
        while log.passed < horizon:
            before, log.passed = log.passed, min(log.passed + RECORDS_PER_TRIM, horizon)
            low, high = _key(api, before + 1), _key(api, log.passed + 1)
            self._trimmed.add((await self._store.write(partial(_delete, low=low, high=high))).result)


def _key(api: str, position: int) -> bytes:
    return keys.encode(("publication", api, position))


def _mark_key(api: str) -> bytes:
    return keys.encode(("publications", api))


_decode_mark = msgspec.msgpack.Decoder(Mark).decode
_decode_entry = msgspec.msgpack.Decoder(Entry).decode
_encode = msgspec.msgpack.Encoder().encode


def _log(view: Snapshot, kept: Kept) -> Log:
    mark = _decode_mark(view.get(Space.HISTORY, _mark_key(kept.api)) or _encode(Mark(0, 0)))
    oldest = view.scan(Space.HISTORY, *keys.prefix_range(("publication", kept.api)), limit=1)
    return Log(kept.epoch, _position(oldest[0][0]) - 1 if oldest else mark.position, mark.position)


def _append(txn: Transaction, drafts: Sequence[Draft], now: float) -> list[int | None]:
    marks: dict[str, Mark | None] = {}
    positions: list[int | None] = []
    for draft in drafts:
        api = draft.topic.api
        if api not in marks:
            stored = txn.get(Space.HISTORY, _mark_key(api))
            marks[api] = None if stored is None else _decode_mark(stored)
        mark = marks[api]
        if mark is None:
            positions.append(None)
            continue
        mark = marks[api] = Mark(mark.position + 1, mark.through + len(draft.content))
        wider = tuple(topic.name for topic in draft.wider)
        told = draft.topic.name, draft.content, draft.commit, wider, draft.judged, draft.plain
        entry = Entry(now, mark.through, *told)
        txn.put(Space.HISTORY, _key(api, mark.position), _encode(entry))
        positions.append(mark.position)
    for api, newest in marks.items():
        if newest is not None:
            txn.put(Space.HISTORY, _mark_key(api), _encode(newest))
    return positions


def _page(view: Snapshot, api: str, low: int, high: int) -> list[Publication]:
    pairs = view.scan(Space.HISTORY, _key(api, low + 1), _key(api, high + 1), limit=PAGE)
    return [_publication(api, _position(key), _decode_entry(value)) for key, value in pairs]


def _publication(api: str, position: int, entry: Entry) -> Publication:
    value = entry.content if entry.plain else json.decode(entry.content)
    wider = tuple(Topic(api, name) for name in entry.wider)
    return Publication(Topic(api, entry.topic), value, position, entry.commit, len(entry.content), wider, entry.judged)


def _position(key: bytes) -> int:
    position = keys.decode(key)[-1]
    assert isinstance(position, int), "a publication's key ends with its position"
    return position


def _size(page: Sequence[Publication]) -> int:
    return sum(each.size for each in page)


def _horizon(view: Snapshot, *, api: str, passed: int, last: int, oldest: float, keep: Keep) -> int:
    """The last position after `passed` of which nothing need be kept."""
    if passed == last:
        return passed
    total = _entry(view, api, last).through
    first = max(passed, last - keep.count) if keep.count else passed

    def wanted(position: int) -> bool:
        entry = _entry(view, api, position)
        return entry.at >= oldest and total - entry.through + len(entry.content) <= keep.bytes

    return first + bisect_left(range(first + 1, last + 1), True, key=wanted)


def _entry(view: Snapshot, api: str, position: int) -> Entry:
    stored = view.get(Space.HISTORY, _key(api, position))
    assert stored is not None, "positions have no gaps"
    return _decode_entry(stored)


def _delete(txn: Transaction, *, low: bytes, high: bytes) -> int:
    pairs = txn.scan(Space.HISTORY, low, high, limit=RECORDS_PER_TRIM)
    for key, _ in pairs:
        txn.delete(Space.HISTORY, key)
    return len(pairs)
