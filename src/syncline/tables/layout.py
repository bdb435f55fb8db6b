"""Where a table's items and index entries stand in the keyspace, and which keys are taken.

For: the write bodies and the readers. Owns: rows (an item as bytes), keys of items and of index entries, and the
checks on key attributes. Made once per table description.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Collection, Iterable
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from syncline.core import Invalid
from syncline.store import keys
from syncline.tables.catalog import ALL, DELETING, INCLUDE, Index, Table
from syncline.tables.errors import invalid_values
from syncline.tables.values import AttributeValue, Item, check_item, text_size

HASH_BYTES_MAX = 2048
RANGE_BYTES_MAX = 1024
KEY_MISMATCH = "The provided key element does not match the schema"
HASH_TOO_LONG = "Size of hashkey has exceeded the maximum size limit of2048 bytes"  # AWS's missing space
RANGE_TOO_LONG = "Aggregated size of all range keys has exceeded the size limit of 1024 bytes"

DUE_ITEMS = "table item"
DUE_SECONDS_MAX = 2**40
"""The year 36812; an item due later never expires."""

_SIZE = struct.Struct(">I")
_SIZE_BYTES = _SIZE.size

_encode_json = msgspec.json.Encoder().encode
_decode_json = msgspec.json.Decoder(dict[str, dict[str, Any]]).decode
_encode_packed = msgspec.msgpack.Encoder().encode
_decode_packed = msgspec.msgpack.Decoder(dict[str, dict[str, Any]] | bytes | None).decode
_BRACE = ord("{")
_BINARY = (b'"B":', b'"BS":')
"""What the JSON of an item with a binary value holds, and of few others: within a string, quotes are escaped."""


class IndexKey(NamedTuple):
    """A key attribute of an index: its name, type, longest size, and the index that asks for it."""

    name: str
    kind: str
    bytes_max: int
    index_name: str


def encode_row(item: Item, size: int) -> bytes:
    """An item as bytes: its size, so that nobody measures it again, then its JSON, which answers take as it is.

    JSON has no bytes: an item with binary values is MessagePack, as all items were before.
    """
    text = _encode_json(item)
    if _BINARY[0] in text or _BINARY[1] in text:
        text = _encode_packed(item)
    return size.to_bytes(_SIZE_BYTES, "big") + text


def decode_row(row: bytes) -> Item:
    """The item of a row: a fresh one, which the caller may change."""
    if row[_SIZE_BYTES] == _BRACE:
        return _decode_json(row[_SIZE_BYTES:])
    item = _decode_packed(row[_SIZE_BYTES:])
    assert type(item) is dict, "a row holds an item"
    return item


def shown_row(row: bytes) -> Any:
    """The item of a row for an answer in JSON: without a look at it, where it is JSON already."""
    return msgspec.Raw(row[_SIZE_BYTES:]) if row[_SIZE_BYTES] == _BRACE else decode_row(row)


def row_sizes(rows: list[bytes]) -> list[int]:
    """The sizes of the items in rows."""
    read = _SIZE.unpack_from
    return [read(row)[0] for row in rows]


def row_size(row: bytes | None) -> int:
    """The size of the item in a row; 0 for no row."""
    size: int = 0 if row is None else _SIZE.unpack_from(row)[0]
    return size


def row_image(row: bytes) -> msgspec.Raw:
    """The item of a row as a stream record keeps it: MessagePack of the item, or of its JSON."""
    image = row[_SIZE_BYTES:]
    return msgspec.Raw(_encode_packed(image) if image[0] == _BRACE else image)


def decode_image(image: msgspec.Raw) -> Item | None:
    """The item of a stream record's image, if there is one."""
    found = _decode_packed(image)
    return _decode_json(found) if isinstance(found, bytes) else found


def shown_image(image: msgspec.Raw) -> Any:
    """As `decode_image`, for an answer in JSON: without a look at what is JSON already."""
    found = _decode_packed(image)
    return msgspec.Raw(found) if isinstance(found, bytes) else found


def key_part(value: AttributeValue) -> keys.Part:
    """A key attribute's value as it stands in keys: numbers in numeric order."""
    kind, content = next(iter(value.items()))
    return Decimal(content) if kind == "N" else content


def encoded_key(names: Iterable[str], item: Item) -> bytes:
    """The named attributes of an item, which has them, as they stand in keys."""
    parts = []
    for name in names:
        ((kind, content),) = item[name].items()
        parts.append(keys.encode_number(content) if kind == "N" else keys.encode_part(content))
    return b"".join(parts)


class Layout:
    """One table's rows. Made again whenever the description changes."""

    def __init__(self, table: Table, collection_bytes_max: int) -> None:
        self.table = table
        self.local_indexes = table.local_indexes
        self.collection_bytes_max = collection_bytes_max
        self.prefix = keys.encode((table.rows,))
        self._key_kinds = [(name, table.types[name]) for name in table.key_names]
        self._own_names = table.key_names
        self._key_names = frozenset(table.key_names)
        self._entry_names = {index.number: index.key_names for index in table.indexes}
        self.index_key_names = frozenset(name for index in table.indexes for name in index.key_names)
        self._text_key = table.hash if self._key_kinds == [(table.hash, "S")] else ""
        self._prefixes = {index.number: keys.encode((table.rows, index.number)) for index in table.indexes}
        self.kept_indexes = [index for index in table.indexes if index.status != DELETING]
        self._entry_kinds = {
            index.number: [
                (name, table.types[name], HASH_BYTES_MAX if name in index.hash_names else RANGE_BYTES_MAX)
                for name in index.key_names
            ]
            for index in table.indexes
        }
        self._index_keys = _index_keys(table, self.kept_indexes)

    def index_prefix(self, index: Index) -> bytes:
        """What the keys of an index's entries begin with."""
        return self._prefixes[index.number]

    def key(self, item: Item) -> bytes:
        """The key of an item, or of a bare key, whose key attributes were checked."""
        return self.prefix + self._own_key(item)

    def partition(self, item: Item) -> bytes:
        """What the keys of all items with this one's partition key begin with."""
        return self.prefix + encoded_key(self.table.hash_names, item)

    def index_partition(self, index: Index, item: Item) -> bytes:
        """What the keys of all entries with this item's index partition key begin with."""
        return self._prefixes[index.number] + encoded_key(index.hash_names, item)

    def checked_key(self, key: Any) -> Item:
        """A request's Key in canonical form. Raises Invalid when it is not exactly the table's key."""
        checked, _ = check_item(key)
        return self.fitting_key(checked)

    def row_key(self, key: Any) -> bytes:
        """The key of the row that a request's Key names. Raises Invalid when it is not exactly the table's key."""
        value = key.get(self._text_key) if type(key) is dict and len(key) == 1 else None
        text = value.get("S") if type(value) is dict and len(value) == 1 else None
        if type(text) is str and 0 < len(text) <= HASH_BYTES_MAX and text.isascii():
            return self.prefix + keys.encode_part(text)  # What is plainly right needs no second look.
        return self.key(self.checked_key(key))

    def fitting_key(self, checked: Item) -> Item:
        """A Key in canonical form, when it is exactly the table's. Raises Invalid."""
        if checked.keys() != self._key_names:
            raise Invalid(KEY_MISMATCH)
        for name, kind in self._key_kinds:
            if kind not in checked[name]:
                raise Invalid(KEY_MISMATCH)
        self._check_key_sizes(checked)
        return checked

    def refuse_opened(self, names: Collection[str]) -> None:
        """Refuse expressions that name a part of a key attribute of the table or of an index."""
        if not names:
            return
        for role, key_names in (("Key", self._own_names), ("IndexKey", sorted(self.index_key_names))):
            for name in key_names:
                if name in names:
                    raise Invalid(
                        "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: "
                        f"{role}: {name}"
                    )

    def has_key(self, item: Item) -> bool:
        """Whether the table's key attributes are there, each of its type."""
        return all(kind in item.get(name, ()) for name, kind in self._key_kinds)

    def check_put(self, item: Item) -> None:
        """Refuse an item whose key attributes or index key attributes are not as they must be."""
        for name, kind in self._key_kinds:
            value = item.get(name)
            if value is None:
                raise invalid_values(f"Missing the key {name} in the item")
            if kind not in value:
                raise invalid_values(f"Type mismatch for key {name} expected: {kind} actual: {next(iter(value))}")
        self._check_key_sizes(item)
        for key in self._index_keys:
            value = item.get(key.name)
            if value is not None:
                _check_index_key(key, value)

    def check_update(self, old: Item | None, new: Item) -> None:
        """Refuse an update that sets an index key attribute to what cannot be one. Others it leaves alone."""
        for key in self._index_keys:
            value = new.get(key.name)
            if value is None or (old is not None and old.get(key.name) == value):
                continue
            if kind_is_empty(value):
                raise Invalid(
                    "One or more parameter values are not valid. The update expression attempted to update a secondary "
                    "index key to a value that is not supported. The AttributeValue for a key attribute cannot contain "
                    f"an empty {'string' if 'S' in value else 'binary'} value."
                )
            _check_index_key(key, value)

    def is_in(self, index: Index, item: Item) -> bool:
        """Whether an index has an entry for an item."""
        return self.entry_prefix(index, item) is not None

    def entry_prefix(self, index: Index, item: Item) -> bytes | None:
        """What the key of an item's entry in an index begins with; then comes the item's own. None: it has no entry.

        It has one when it has all the key attributes, and they can be keys: what could not was there before the index.
        """
        key = self._prefixes[index.number]
        for name, kind, bytes_max in self._entry_kinds[index.number]:
            value = item.get(name)
            content = None if value is None else value.get(kind)
            if content is None:
                return None
            if kind == "N":
                key += keys.encode_number(content)
            elif 0 < (text_size(content) if kind == "S" else len(content)) <= bytes_max:
                key += keys.encode_part(content)
            else:
                return None
        return key

    def entry_key(self, index: Index, item: Item) -> bytes:
        """The key of an item's entry in an index, whose key attributes it has."""
        return self._prefixes[index.number] + encoded_key(self._entry_names[index.number], item) + self._own_key(item)

    def project(self, index: Index, item: Item) -> Item:
        """What an index keeps of an item."""
        if index.projection == ALL:
            return item
        kept = {*index.key_names, *self.table.key_names}
        if index.projection == INCLUDE:
            kept.update(index.included)
        return {name: value for name, value in item.items() if name in kept}

    def due_key(self, item: Item) -> bytes | None:
        """Where the item stands among what expires, by the second; None when it never does."""
        value = item.get(self.table.ttl) if self.table.ttl is not None else None
        if value is None or "N" not in value:
            return None
        second = Decimal(value["N"])
        if not 0 <= second < DUE_SECONDS_MAX:
            return None
        return keys.encode((DUE_ITEMS, math.ceil(second), self.table.rows, self.key(item)))

    def _own_key(self, item: Item) -> bytes:
        return encoded_key(self._own_names, item)

    def _check_key_sizes(self, item: Item) -> None:
        for position, (name, kind) in enumerate(self._key_kinds):
            content = item[name][kind]
            if kind == "N":
                continue
            if not content:
                raise Invalid(
                    "One or more parameter values are not valid. The AttributeValue for a key attribute "
                    f"cannot contain an empty {'string' if kind == 'S' else 'binary'} value. Key: {name}"
                )
            size = text_size(content) if kind == "S" else len(content)
            if size > (RANGE_BYTES_MAX if position else HASH_BYTES_MAX):
                raise invalid_values(RANGE_TOO_LONG if position else HASH_TOO_LONG)


def kind_is_empty(value: AttributeValue) -> bool:
    """Whether the value is an empty string or an empty binary."""
    return value.get("S") == "" or value.get("B") == b""


def _index_keys(table: Table, indexes: list[Index]) -> list[IndexKey]:
    """The key attributes of the indexes beyond the table's own, those of the alphabetically first index first."""
    found: list[IndexKey] = []
    for index in sorted(indexes, key=lambda index: index.name):
        for name in index.key_names:
            if name not in table.key_names:
                longest = HASH_BYTES_MAX if name in index.hash_names else RANGE_BYTES_MAX
                found.append(IndexKey(name, table.types[name], longest, index.name))
    return found


def _check_index_key(key: IndexKey, value: AttributeValue) -> None:
    kind, content = next(iter(value.items()))
    if kind != key.kind:
        raise invalid_values(
            f"Type mismatch for Index Key {key.name} Expected: {key.kind} Actual: {kind} IndexName: {key.index_name}"
        )
    if kind == "N":
        return
    if not content:
        raise Invalid(
            "One or more parameter values are not valid. A value specified for a secondary index key is not supported. "
            f"The AttributeValue for a key attribute cannot contain an empty {'string' if kind == 'S' else 'binary'} "
            f"value. IndexName: {key.index_name}, IndexKey: {key.name}"
        )
    size = text_size(content) if kind == "S" else len(content)
    if size > key.bytes_max:
        raise invalid_values(HASH_TOO_LONG if key.bytes_max == HASH_BYTES_MAX else RANGE_TOO_LONG)
