"""Rows: an item as it is kept, and as answers take it without reading it."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncline.core import Invalid, json
from syncline.tables.catalog import Table
from syncline.tables.layout import (
    Layout,
    decode_image,
    decode_row,
    encode_row,
    row_image,
    row_size,
    row_sizes,
    shown_image,
    shown_row,
)
from syncline.tables.records import NO_IMAGE
from syncline.tables.values import Item, check_item

NAMES = st.one_of(st.sampled_from(["B", "BS", '"B":', "S", "é"]), st.text(min_size=1, max_size=4))
TEXTS = st.one_of(st.sampled_from(['"B":', '{"B":"', "\x00", "\\"]), st.text(max_size=8))
LEAVES = st.one_of(
    st.builds(lambda text: {"S": text}, TEXTS),
    st.builds(lambda number: {"N": str(number)}, st.integers(-(10**30), 10**30)),
    st.builds(lambda data: {"B": data}, st.binary(max_size=6)),
    st.builds(lambda parts: {"BS": parts}, st.lists(st.binary(max_size=4), min_size=1, max_size=3, unique=True)),
    st.builds(lambda parts: {"SS": parts}, st.lists(TEXTS, min_size=1, max_size=3, unique=True)),
    st.sampled_from([{"NULL": True}, {"BOOL": False}]),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(lambda parts: {"L": parts}, st.lists(inner, max_size=3)),
        st.builds(lambda parts: {"M": parts}, st.dictionaries(NAMES, inner, max_size=3)),
    ),
    max_leaves=6,
)
ITEMS = st.dictionaries(NAMES, VALUES, max_size=4).filter(lambda item: all(_writable(text) for text in _texts(item)))


def _texts(item: object) -> list[str]:
    if isinstance(item, dict):
        return [*item, *(text for value in item.values() for text in _texts(value))]
    if isinstance(item, list):
        return [text for value in item for text in _texts(value)]
    return [item] if isinstance(item, str) else []


def _writable(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)


@pytest.mark.rule("TBL-9")
@given(ITEMS)
def test_a_row_gives_back_its_item_and_shows_the_same(item: Item) -> None:
    item, size = check_item(item)
    row = encode_row(item, size)
    assert (decode_row(row), row_size(row), row_sizes([row])) == (item, size, [size])
    assert json.decode(json.encode(shown_row(row))) == json.decode(json.encode(item))
    assert decode_image(row_image(row)) == item


@pytest.mark.rule("TBL-9")
@given(ITEMS)
def test_rows_from_before_are_read_and_shown_alike(item: Item) -> None:
    item, size = check_item(item)
    packed = msgspec.msgpack.encode(item)
    row = size.to_bytes(4, "big") + packed
    assert decode_row(row) == item
    assert json.decode(json.encode(shown_row(row))) == json.decode(json.encode(item))
    assert decode_image(msgspec.Raw(packed)) == item


def test_only_what_holds_binary_values_is_not_kept_as_json() -> None:
    text = encode_row({"id": {"S": '"B":'}, "n": {"N": "1"}}, 1)
    assert text[4:] == b'{"id":{"S":"\\"B\\":"},"n":{"N":"1"}}'
    assert encode_row({"id": {"B": b"x"}}, 1)[4:5] != b"{"


@given(ITEMS)
def test_an_image_is_shown_as_its_item(item: Item) -> None:
    item, size = check_item(item)
    for row in (encode_row(item, size), size.to_bytes(4, "big") + msgspec.msgpack.encode(item)):
        assert json.decode(json.encode(shown_image(row_image(row)))) == json.decode(json.encode(item))
    assert shown_image(NO_IMAGE) is None


@given(
    key=st.one_of(
        st.text(max_size=6).map(lambda text: {"id": {"S": text}}),
        st.sampled_from([{"id": {"S": "x" * length}} for length in (2048, 2049)]),
        st.sampled_from([None, [], "id", {}, {"id": "x"}, {"id": {}}, {"id": {"N": "1"}}, {"id": {"S": 5}}]),
        st.sampled_from([{"id": {"S": "x", "N": "1"}}, {"id": {"S": "x"}, "other": {"S": "y"}}, {"other": {"S": "x"}}]),
        st.sampled_from([{"id": {"S": "ü" * 1024}}, {"id": {"S": "ü" * 1025}}, {"id": {"S": "\ud800"}}]),
    )
)
def test_a_key_that_is_plainly_right_is_the_key_that_checks_find(key: Any) -> None:
    layout = Layout(Table("things", "1", "r", "arn", 0.0, "id", None, {"id": "S"}), 10**10)

    def outcome(made: Callable[[Any], bytes]) -> Any:
        try:
            return made(key)
        except Invalid as refusal:
            return refusal.code, refusal.message

    assert outcome(layout.row_key) == outcome(lambda given: layout.key(layout.checked_key(given)))
