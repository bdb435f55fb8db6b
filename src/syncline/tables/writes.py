"""The write body: read the old item, check, put the new one, its index entries and its stream record: one commit.

For: the engine's single-item and batch writes. Owns: what a change of one item writes.
Never: awaits, asks for time, ids or the network; a body may run again and must mean the same.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

import msgspec

from syncline.core import Invalid
from syncline.store import Space, Transaction
from syncline.tables.capacity import write_units
from syncline.tables.catalog import CREATING, StreamDescription
from syncline.tables.conditions import Predicate
from syncline.tables.errors import ConditionalCheckFailed
from syncline.tables.figures import Change
from syncline.tables.item_collections import resize
from syncline.tables.layout import Layout, decode_row, encode_row, row_image, row_size
from syncline.tables.records import INSERT, MODIFY, NO_IMAGE, REMOVE, StreamRecord
from syncline.tables.scope import Values
from syncline.tables.updates import Update
from syncline.tables.values import ITEM_BYTES_MAX, Item, check, check_item, name_size, size_of, size_of_item

_encode_record = msgspec.msgpack.Encoder().encode

UPDATE_TOO_LARGE = "Item size to update has exceeded the maximum allowed size"

_NEW_VIEWS = ("NEW_IMAGE", "NEW_AND_OLD_IMAGES")
_OLD_VIEWS = ("OLD_IMAGE", "NEW_AND_OLD_IMAGES")


class Stamp(msgspec.Struct, frozen=True):
    """What a body is told about its moment: the table's live stream, if any, the record's id, the time."""

    stream: StreamDescription | None
    record_id: str
    at: float
    by_service: bool = False


class Guard(msgspec.Struct, frozen=True):
    """The condition of a write, and whether a refusal shows the item."""

    condition: Predicate | None
    values: Values
    shows_item: bool

    def check(self, old: Item | None) -> None:
        """Raise ConditionalCheckFailed when the condition does not hold of the old item."""
        if self.condition is None or self.condition({} if old is None else old, self.values):
            return
        raise ConditionalCheckFailed(data={"Item": old} if self.shows_item and old is not None else None)


class IndexChange(NamedTuple):
    """What a write did to an index: its cost, the entries that came less those that went, the growth in bytes."""

    units: float
    entries: int
    bytes: int


class Written(msgspec.Struct, frozen=True):
    """What a write found and left, as rows, and its cost."""

    old: bytes | None
    new: bytes | None
    units: float
    indexes: dict[str, IndexChange]

    @property
    def change(self) -> Change:
        """What came and went."""
        old_size, new_size = row_size(self.old), row_size(self.new)
        return Change((new_size > 0) - (old_size > 0), new_size - old_size, _entries_changed(self.indexes))

    @property
    def index_units(self) -> dict[str, float]:
        """The cost by index."""
        return _units_by_index(self.indexes)


class Together(NamedTuple):
    """What several writes to one table did, summed up."""

    items: int
    bytes: int
    units: float
    indexes: dict[str, IndexChange]

    @property
    def change(self) -> Change:
        """What came and went."""
        return Change(self.items, self.bytes, _entries_changed(self.indexes))

    @property
    def index_units(self) -> dict[str, float]:
        """The cost by index."""
        return _units_by_index(self.indexes)


class Replacement(NamedTuple):
    """An item's row as it shall be, where there is no condition; None: no row. Of one that goes, `item` is the key."""

    key: bytes
    item: Item
    row: bytes | None


def replace_all(txn: Transaction, layout: Layout, replacements: Iterable[tuple[Replacement, Stamp]]) -> Together:
    """Do them one after the other, each as its own body would."""
    items = size = 0
    units = 0.0
    indexes: dict[str, IndexChange] = {}
    for (key, item, row), stamp in replacements:
        old = txn.get(Space.ITEM, key)
        written = _replace(txn, layout, key, item, old, row, stamp)
        items += (row is not None) - (old is not None)
        size += row_size(row) - row_size(old)
        units += written.units
        for name, change in written.indexes.items():
            _add(indexes, name, change)
    return Together(items, size, units, indexes)


def put_body(layout: Layout, item: Item, row: bytes, guard: Guard, stamp: Stamp) -> Callable[[Transaction], Written]:
    """The body that puts a checked item."""
    key = layout.key(item)

    def body(txn: Transaction) -> Written:
        old = txn.get(Space.ITEM, key)
        if guard.condition is not None:
            guard.check(None if old is None else decode_row(old))
        return _replace(txn, layout, key, item, old, row, stamp)

    return body


def check_body(layout: Layout, key_item: Item, guard: Guard) -> Callable[[Transaction], Written]:
    """The body that checks the item of a checked key and changes nothing."""
    key = layout.key(key_item)

    def body(txn: Transaction) -> Written:
        old = txn.get(Space.ITEM, key)
        guard.check(None if old is None else decode_row(old))
        return Written(old, old, write_units(row_size(old), row_size(old)), {})

    return body


def delete_body(layout: Layout, key_item: Item, guard: Guard, stamp: Stamp) -> Callable[[Transaction], Written]:
    """The body that deletes the item of a checked key."""
    key = layout.key(key_item)

    def body(txn: Transaction) -> Written:
        old = txn.get(Space.ITEM, key)
        if guard.condition is not None:
            guard.check(None if old is None else decode_row(old))
        return _replace(txn, layout, key, key_item, old, None, stamp)

    return body


def update_body(
    layout: Layout,
    key_item: Item,
    update: Update | None,
    *,
    creates: bool,
    guard: Guard,
    stamp: Stamp,
) -> Callable[[Transaction], Written]:
    """The body that changes the item of a checked key, or makes it when it `creates`."""
    key = layout.key(key_item)

    def body(txn: Transaction) -> Written:
        old = txn.get(Space.ITEM, key)
        before = None if old is None else decode_row(old)
        guard.check(before)
        if before is None:
            if not creates:
                return Written(None, None, write_units(0, 0), {})
            made = key_item if update is None else update.apply(key_item, guard.values, is_new=True)
            item, size = check_item(made)
        else:
            item, size = _updated(before, row_size(old), update, guard.values)
        if size > ITEM_BYTES_MAX:
            raise Invalid(UPDATE_TOO_LARGE)
        layout.check_update(before, item)
        return _replace(txn, layout, key, item, old, encode_row(item, size), stamp, before=before)

    return body


def _updated(before: Item, size: int, update: Update | None, values: Values) -> tuple[Item, int]:
    """An item of that size as updated, and its size then. Only what the update names is checked and measured anew."""
    if update is None:
        return before, size
    item = update.apply(before, values)
    for name in {str(path[0]) for path in update.paths}:
        if name in before:
            size -= name_size(name) + size_of(before[name])
        if name in item:
            item[name], measured = check(item[name])
            size += name_size(name) + measured
    return item, size


def _replace(
    txn: Transaction,
    layout: Layout,
    key: bytes,
    item: Item,
    old: bytes | None,
    new: bytes | None,
    stamp: Stamp,
    *,
    before: Item | None = None,
) -> Written:
    """Set the row at `key` and everything that follows from it; nothing when nothing changes.

    `before` is the item of the old row, where it is known already.
    """
    units = write_units(row_size(old), row_size(new))
    was = Kept(before, old)
    if _same(was, new, item):
        return Written(old, old, units, {})
    if new is None:
        txn.delete(Space.ITEM, key)
    else:
        txn.put(Space.ITEM, key, new)
    if layout.table.ttl is not None:
        _replace_due(txn, layout, was.item, None if new is None else item)
    indexes = _replace_entries(txn, layout, key, was, Kept(item, new)) if layout.table.indexes else {}
    if layout.local_indexes:
        growth = row_size(new) - row_size(old)
        growth += sum([indexes[index.name].bytes for index in layout.local_indexes if index.name in indexes])
        resize(txn, layout, key, item, growth, new)
    if stamp.stream is not None:
        txn.append(stamp.stream.shard, _record(layout, item, old, new, stamp, stamp.stream))
    return Written(old, new, units, indexes)


def expire(txn: Transaction, layout: Layout, item: Item, row: bytes, stamp: Stamp) -> Written:
    """Delete an item that is due, as its own body would."""
    return _replace(txn, layout, layout.key(item), item, row, None, stamp)


def _replace_due(txn: Transaction, layout: Layout, before: Item | None, item: Item | None) -> None:
    old = None if before is None else layout.due_key(before)
    new = None if item is None else layout.due_key(item)
    if old == new:
        return
    if old is not None:
        txn.delete(Space.DUE, old)
    if new is not None:
        txn.put(Space.DUE, new, b"")


class Kept:
    """An item and its row. The item of a row is read when it is asked for; no row, no item."""

    __slots__ = ("_item", "row")

    def __init__(self, item: Item | None, row: bytes | None) -> None:
        self._item = item
        self.row = row

    @property
    def item(self) -> Item | None:
        """The item, if there is one."""
        if self._item is None and self.row is not None:
            self._item = decode_row(self.row)
        return None if self.row is None else self._item

    def row_of(self, entry: Item) -> bytes:
        """An entry as bytes: the item's own row where it is all of the item."""
        if entry is self._item and self.row is not None:
            return self.row
        return encode_row(entry, size_of_item(entry))

    def size_of(self, entry: Item) -> int:
        """An entry's bytes."""
        return row_size(self.row) if entry is self._item else size_of_item(entry)


def _same(was: Kept, new: bytes | None, item: Item) -> bool:
    old = was.row
    if old == new:
        return True
    # Equal items may differ in bytes by the order of their attributes alone.
    return old is not None and new is not None and old[:4] == new[:4] and was.item == item


def _replace_entries(txn: Transaction, layout: Layout, key: bytes, old: Kept, new: Kept) -> dict[str, IndexChange]:
    own = key[len(layout.prefix) :]
    was, now = old.item, new.item
    changes: dict[str, IndexChange] = {}
    for index in layout.kept_indexes:
        before = None if was is None else layout.entry_prefix(index, was)
        after = None if now is None else layout.entry_prefix(index, now)
        gone = None if was is None or before is None else layout.project(index, was)
        come = None if now is None or after is None else layout.project(index, now)
        if before == after and gone == come:
            continue
        if before is not None and index.status == CREATING and txn.get(Space.INDEX, before + own) is None:
            before = gone = (
                None  # Its turn has not come yet: there is nothing to take away, and nothing that was counted.
            )
        units, old_size, size = 0.0, 0 if gone is None else old.size_of(gone), 0
        if before is not None and before != after:
            txn.delete(Space.INDEX, before + own)
            units = write_units(old_size, 0)
        if after is not None and come is not None:
            row = new.row_of(come)
            size = row_size(row)
            txn.put(Space.INDEX, after + own, row)
            units += write_units(old_size if before == after else 0, size)
        changes[index.name] = IndexChange(units, (come is not None) - (gone is not None), size - old_size)
    return changes


def _add(changes: dict[str, IndexChange], index: str, change: IndexChange) -> None:
    known = changes.get(index)
    if known is not None:
        change = IndexChange(known.units + change.units, known.entries + change.entries, known.bytes + change.bytes)
    changes[index] = change


def _units_by_index(indexes: dict[str, IndexChange]) -> dict[str, float]:
    return {name: change.units for name, change in indexes.items()}


def _entries_changed(indexes: dict[str, IndexChange]) -> dict[str, tuple[int, int]]:
    return {name: (change.entries, change.bytes) for name, change in indexes.items()}


def _record(
    layout: Layout, item: Item, old: bytes | None, new: bytes | None, stamp: Stamp, stream: StreamDescription
) -> bytes:
    keys = layout.table.key_of(item)
    shows_new = new is not None and stream.view in _NEW_VIEWS
    shows_old = old is not None and stream.view in _OLD_VIEWS
    size = size_of_item(keys) + (row_size(new) if shows_new else 0) + (row_size(old) if shows_old else 0)
    return _encode_record(
        StreamRecord(
            id=stamp.record_id,
            event=INSERT if old is None else REMOVE if new is None else MODIFY,
            at=stamp.at,
            stream=stream.arn,
            view=stream.view,
            keys=keys,
            new=row_image(new) if new is not None and shows_new else NO_IMAGE,
            old=row_image(old) if old is not None and shows_old else NO_IMAGE,
            size=size,
            by_service=stamp.by_service,
        )
    )
