"""Numbers through the engine: canonical form, range, equality and order of keys."""

from __future__ import annotations

import asyncio
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncline.core import Invalid
from syncline.store import MemoryStore
from syncline.tables.numbers import canonical

OVERFLOW = (
    "ValidationException: Number overflow. Attempting to store a number with magnitude larger than supported range"
)
UNDERFLOW = (
    "ValidationException: Number underflow. Attempting to store a number with magnitude smaller than supported range"
)
TOO_PRECISE = "ValidationException: Attempting to store more than 38 significant digits in a Number"


@pytest.mark.rule("TBL-10")
@pytest.mark.parametrize(
    ("written", "shown"),
    [
        *[(zero, "0") for zero in ("0", "-0", "0.0", "00", "0e5", "0.0e126")],
        ("+3", "3"),
        ("001.230", "1.23"),
        ("5.", "5"),
        ("1E3", "1000"),
        ("1e+3", "1000"),
        ("1.0e3", "1000"),
        ("-3e2", "-300"),
        ("123e-2", "1.23"),
        ("5e-1", "0.5"),
        (".5", "0.5"),
        ("9.9e10", "99000000000"),
        ("1e-20", "0.00000000000000000001"),
        ("0.1e126", "1" + "0" * 125),
        ("1e-130", "0." + "0" * 129 + "1"),
        ("9" * 38, "9" * 38),
        ("9." + "9" * 37 + "e125", "9" * 38 + "0" * 88),
    ],
)
async def test_a_number_has_one_form(things: Any, written: str, shown: str) -> None:
    await things.put({"id": {"S": "a"}, "n": {"N": written}})
    assert await things.get("a") == {"id": {"S": "a"}, "n": {"N": shown}}


@pytest.mark.rule("TBL-10")
@pytest.mark.parametrize(
    ("written", "sentence"),
    [
        ("", "ValidationException: The parameter cannot be converted to a numeric value"),
        *[
            (text, f"ValidationException: The parameter cannot be converted to a numeric value: {text}")
            for text in (" 1", "1 ", "abc", "NaN", "Infinity", "0x1", "1e", "--1", "١")
        ],
        ("1e126", OVERFLOW),
        ("-1e126", OVERFLOW),
        ("1e99999999999999999999999", OVERFLOW),
        ("0e126", OVERFLOW),
        ("1e-131", UNDERFLOW),
        ("1e-99999999999999999999999", UNDERFLOW),
        ("1" * 39, TOO_PRECISE),
        ("1." + "1" * 38, TOO_PRECISE),
    ],
)
async def test_a_number_that_does_not_fit_is_refused(things: Any, refusal: Any, written: str, sentence: str) -> None:
    assert await refusal(things.put({"id": {"S": "a"}, "n": {"N": written}})) == sentence


@pytest.mark.rule("TBL-10")
async def test_a_sum_is_exact_or_refused(things: Any, refusal: Any) -> None:
    await things.put({"id": {"S": "a"}, "n": {"N": "99999999999999999999999999999999999999"}})
    assert await refusal(things.update("a", "SET n = n - :x", x={"N": "0.1"})) == OVERFLOW
    answer = await things.update("a", "SET n = n + :x", x={"N": "1"}, ReturnValues="UPDATED_NEW")
    assert answer["Attributes"] == {"n": {"N": "1" + "0" * 38}}


digits = st.text("0123456789", min_size=1, max_size=20)
texts = st.builds(
    lambda sign, whole, fraction, exponent: f"{sign}{whole}.{fraction}e{exponent}",
    st.sampled_from(("", "+", "-")),
    digits,
    digits.filter(lambda text: len(text) < 18),
    st.integers(-90, 90),
)


@pytest.mark.rule("TBL-10")
@pytest.mark.rule("TBL-11")
@settings(max_examples=60, deadline=None)
@given(st.lists(texts, min_size=1, max_size=8))
def test_number_keys_are_equal_and_ordered_by_value(new_room: Any, written: list[str]) -> None:
    async def run() -> list[str]:
        room = await new_room(MemoryStore())
        await room.create(key="id:S k:N")
        for text in written:
            await room.put({"id": {"S": "a"}, "k": {"N": text}})
        answer = await room.query("id = :i", i={"S": "a"})
        return [item["k"]["N"] for item in answer["Items"]]

    shown = asyncio.run(run())
    assert [Decimal(text) for text in shown] == sorted({Decimal(text) for text in written})
    assert all("e" not in text.lower() and not text.startswith("+") for text in shown)


@pytest.mark.rule("TBL-10")
@settings(max_examples=60, deadline=None)
@given(st.integers(-(10**37), 10**37), st.integers(-(10**37), 10**37), st.integers(-40, 40))
def test_sums_are_those_of_exact_decimals(new_room: Any, left: int, right: int, scale: int) -> None:
    one, two = f"{left}e{scale}", f"{right}e{scale}"

    async def run() -> str:
        room = await new_room(MemoryStore())
        await room.create()
        await room.put({"id": {"S": "a"}, "n": {"N": one}})
        answer = await room.update("a", "ADD n :x", x={"N": two}, ReturnValues="ALL_NEW")
        return str(answer["Attributes"]["n"]["N"])

    assert Decimal(asyncio.run(run())) == Decimal(f"{left + right}e{scale}")


@given(st.from_regex(r"-?[0-9]{0,39}", fullmatch=True))
def test_whole_numbers_are_read_as_with_a_point_behind_them(text: str) -> None:
    def read(text: str) -> str:
        try:
            return canonical(text)
        except Invalid as refusal:
            return refusal.message.partition(":")[0]

    assert read(text) == read(f"{text}.") or text in ("", "-")
