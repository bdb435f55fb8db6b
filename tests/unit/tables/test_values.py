"""Values: types, sets, nesting, sizes, keys."""

from __future__ import annotations

from typing import Any

import pytest

P = "ValidationException: One or more parameter values were invalid: "
V = "ValidationException: 1 validation error detected: "
M = V + "One or more parameter values were invalid: "
KEY_EMPTY = (
    "ValidationException: One or more parameter values are not valid. The AttributeValue for a key attribute "
    "cannot contain an empty string value. Key: id"
)


@pytest.mark.rule("TBL-12")
@pytest.mark.parametrize(
    ("value", "sentence"),
    [
        (
            {},
            "ValidationException: Supplied AttributeValue is empty, "
            "must contain exactly one of the supported datatypes",
        ),
        (
            {"S": "a", "N": "1"},
            "ValidationException: Supplied AttributeValue has more than one datatypes set, "
            "must contain exactly one of the supported datatypes",
        ),
        ({"NULL": False}, M + "Null attribute value types must have the value of true"),
        ({"SS": []}, M + "An string set  may not be empty"),
        ({"NS": []}, M + "An number set  may not be empty"),
        ({"BS": []}, M + "Binary sets should not be empty"),
        ({"L": [{"SS": []}]}, M + "An string set  may not be empty"),
        ({"SS": ["a", "a"]}, M + "Input collection [a, a] contains duplicates."),
        (
            {"NS": ["1", "1.0"]},
            V + "Input collection contains duplicates",
        ),
        ({"BS": [b"b", b"b"]}, M + "Input collection [Yg==, Yg==]of type BS contains duplicates."),
        ({"N": 1}, "SerializationException: NUMBER_VALUE cannot be converted to String"),
        ({"S": True}, "SerializationException: TRUE_VALUE cannot be converted to String"),
        ({"B": "text"}, "SerializationException: only base-64-encoded strings are convertible to bytes"),
        ({"L": "x"}, "SerializationException: Unexpected field type"),
    ],
)
async def test_a_malformed_value_is_refused(things: Any, refusal: Any, value: Any, sentence: str) -> None:
    assert await refusal(things.put({"id": {"S": "a"}, "v": value})) == sentence


@pytest.mark.rule("TBL-12")
async def test_every_type_comes_back_as_it_went_in(things: Any) -> None:
    item = {
        "id": {"S": "a"},
        "empty": {"S": ""},
        "é": {"S": "日本"},
        "b": {"B": b"\x00\xff"},
        "flag": {"BOOL": False},
        "nothing": {"NULL": True},
        "words": {"SS": ["b", "a"]},
        "numbers": {"NS": ["10", "9", "-1.50"]},
        "blobs": {"BS": [b"\xff", b""]},
        "tree": {"M": {"list": {"L": [{"N": "1"}, {"M": {}}, {"L": []}]}}},
    }
    await things.put(item)
    found = await things.get("a")
    assert found == item | {
        "words": {"SS": ["a", "b"]},
        "numbers": {"NS": ["-1.5", "9", "10"]},
        "blobs": {"BS": [b"", b"\xff"]},
    }


def nested(levels: int) -> dict[str, Any]:
    value: dict[str, Any] = {"S": "x"}
    for _ in range(levels):
        value = {"L": [value]}
    return value


@pytest.mark.rule("TBL-12")
async def test_nesting_ends_at_32_levels(things: Any, refusal: Any) -> None:
    await things.put({"id": {"S": "a"}, "v": nested(31)})
    assert "Nesting Levels have exceeded supported limits" in await refusal(
        things.put({"id": {"S": "a"}, "v": nested(32)})
    )
    assert "Nesting Levels have exceeded" in await refusal(things.put({"id": {"S": "a"}, "v": nested(5000)}))


@pytest.mark.rule("TBL-13")
async def test_an_item_of_400_kb_is_the_largest(things: Any, refusal: Any) -> None:
    room_left = 400 * 1024 - len("id") - len("a") - len("v")
    await things.put({"id": {"S": "a"}, "v": {"S": "x" * room_left}})
    too_long = things.put({"id": {"S": "a"}, "v": {"S": "x" * (room_left + 1)}})
    assert await refusal(too_long) == "ValidationException: Item size has exceeded the maximum allowed size"
    longer = things.update("a", "SET v2 = :x", x={"S": ""})
    assert await refusal(longer) == "ValidationException: Item size to update has exceeded the maximum allowed size"


@pytest.mark.rule("TBL-13")
@pytest.mark.parametrize(
    ("value", "size"),
    [
        ({"S": ""}, 0),
        ({"S": "é"}, 2),
        ({"B": b"abc"}, 3),
        ({"BOOL": True}, 1),
        ({"NULL": True}, 1),
        *[({"N": text}, size) for text, size in (("0", 1), ("1", 2), ("12", 2), ("123", 3), ("100", 2), ("1.5", 3))],
        *[({"N": text}, size) for text, size in (("3.14159", 5), ("0.15", 3), ("-42", 3), ("1e125", 2), ("-12345", 5))],
        ({"N": "1" * 38}, 20),
        ({"SS": ["ab", "c"]}, 3),
        ({"L": []}, 3),
        ({"L": [{"S": "xy"}]}, 6),
        ({"M": {"k": {"BOOL": True}}}, 6),
    ],
)
async def test_sizes_are_those_of_dynamodb(things: Any, value: Any, size: int) -> None:
    await things.put({"id": {"S": "a"}, "v": value})
    record = (await things.records())[-1]["dynamodb"]
    assert record["SizeBytes"] == len("id") + len("a") + (len("id") + len("a") + len("v") + size)


@pytest.mark.rule("TBL-14")
@pytest.mark.parametrize(
    ("item", "sentence"),
    [
        ({"v": {"S": "x"}}, P + "Missing the key id in the item"),
        ({"id": {"N": "1"}}, P + "Type mismatch for key id expected: S actual: N"),
        ({"id": {"S": ""}}, KEY_EMPTY),
        ({"id": {"S": "é" * 1025}}, P + "Size of hashkey has exceeded the maximum size limit of2048 bytes"),
        ({"id": {"S": "a"}, "": {"S": "x"}}, P + "Empty attribute name"),
    ],
)
async def test_an_item_without_a_proper_key_is_refused(things: Any, refusal: Any, item: Any, sentence: str) -> None:
    assert await refusal(things.put(item)) == sentence


@pytest.mark.rule("TBL-14")
@pytest.mark.parametrize(
    "key", [{}, {"other": {"S": "a"}}, {"id": {"N": "1"}}, {"id": {"S": "a"}, "other": {"S": "b"}}]
)
async def test_a_key_must_be_exactly_the_tables(things: Any, refusal: Any, key: Any) -> None:
    sentence = "ValidationException: The provided key element does not match the schema"
    assert await refusal(things.get(key)) == sentence
    assert await refusal(things.update(key)) == sentence
    assert await refusal(things.engine.delete_item({"TableName": "things", "Key": key})) == sentence


@pytest.mark.rule("TBL-14")
async def test_a_sort_key_has_its_own_limit(room: Any, refusal: Any) -> None:
    await room.create(key="id:S k:B")
    await room.put({"id": {"S": "x" * 2048}, "k": {"B": b"x" * 1024}})
    too_long = room.put({"id": {"S": "a"}, "k": {"B": b"x" * 1025}})
    assert await refusal(too_long) == P + "Aggregated size of all range keys has exceeded the size limit of 1024 bytes"


@pytest.mark.rule("TBL-11")
async def test_text_and_binary_keys_are_in_the_order_of_bytes(room: Any) -> None:
    await room.create("texts", "id:S k:S")
    await room.create("blobs", "id:S k:B")
    texts = ["a", "a\x00", "a\x00b", "ab", "é", "\uffff", "\U00010000"]
    blobs = [b"\x00", b"\x00\x00", b"\x00\xff", b"\x01", b"\xff", b"\xff\x00"]
    for text in reversed(texts):
        await room.put({"id": {"S": "x"}, "k": {"S": text}}, "texts")
    for blob in reversed(blobs):
        await room.put({"id": {"S": "x"}, "k": {"B": blob}}, "blobs")
    assert [i["k"]["S"] for i in (await room.query("id = :i", "texts", i={"S": "x"}))["Items"]] == texts
    assert [i["k"]["B"] for i in (await room.query("id = :i", "blobs", i={"S": "x"}))["Items"]] == blobs
    starting = await room.query("id = :i AND begins_with(k, :b)", "blobs", i={"S": "x"}, b={"B": b"\xff"})
    assert [item["k"]["B"] for item in starting["Items"]] == [b"\xff", b"\xff\x00"]
