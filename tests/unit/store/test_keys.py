"""Keys: byte order is value order."""

from decimal import Context, Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from syncline.store import keys

NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, places=None).filter(
    lambda number: abs(number.adjusted()) < 200
)
PARTS = st.one_of(st.text(), st.binary(), st.integers(min_value=-(2**63), max_value=2**63 - 1), NUMBERS, st.none())


@st.composite
def comparable_keys(draw: st.DrawFn) -> tuple[keys.Key, keys.Key]:
    """Two tuples whose elements at each place are of one type."""
    kinds = draw(
        st.lists(st.sampled_from([st.text(), st.binary(), st.integers(-(2**63), 2**63 - 1), NUMBERS]), max_size=4)
    )
    first = tuple(draw(kind) for kind in kinds)
    second = tuple(draw(kind) for kind in kinds)
    return first[: draw(st.integers(0, len(kinds)))], second[: draw(st.integers(0, len(kinds)))]


@pytest.mark.rule("STO-1")
@given(comparable_keys())
def test_byte_order_is_value_order(pair: tuple[keys.Key, keys.Key]) -> None:
    first, second = pair
    assert (keys.encode(first) < keys.encode(second)) == (first < second)
    assert (keys.encode(first) == keys.encode(second)) == (first == second)


@pytest.mark.rule("STO-1")
@given(st.lists(PARTS, max_size=5).map(tuple))
def test_a_key_is_read_back_as_it_was_written(key: keys.Key) -> None:
    assert keys.decode(keys.encode(key)) == key


@given(st.lists(PARTS, max_size=3).map(tuple), st.lists(PARTS, max_size=3).map(tuple))
def test_the_range_of_a_prefix_holds_exactly_the_keys_that_begin_with_it(prefix: keys.Key, other: keys.Key) -> None:
    low, high = keys.prefix_range(prefix)
    assert low <= keys.encode(prefix + other) < high
    assume([(type(part), part) for part in other[: len(prefix)]] != [(type(part), part) for part in prefix])
    assume(other[: len(prefix)] != prefix)
    assert not low <= keys.encode(other) < high


@given(st.text(), st.integers(-(2**63), 2**63 - 1))
def test_the_last_int_of_a_key_is_read_by_itself(text: str, number: int) -> None:
    assert keys.last_int(keys.encode((text, number))) == number


def test_numbers_keep_all_38_digits() -> None:
    number = Decimal("12345678901234567890123456789012345678")
    assert keys.decode(keys.encode((number,))) == (number,)
    assert keys.encode((number,)) < keys.encode((number + 1,))


def test_a_part_of_another_type_is_refused_by_name() -> None:
    with pytest.raises(TypeError, match="not float"):
        keys.encode((1.5,))  # type: ignore[arg-type]


@given(st.integers(0, 10**38), st.integers(-20, 20))
def test_a_whole_number_is_encoded_as_any_other(number: int, exponent: int) -> None:
    same = [Decimal(number), Decimal(number).normalize(Context(prec=60)), Decimal(f"{number}.000")]
    assert len({keys.encode((one,)) for one in same}) == 1
    moved = Decimal(number).scaleb(exponent, Context(prec=60))
    assert keys.decode(keys.encode((moved,))) == (moved,)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=3) | st.integers(-(10**40), 10**40).map(Decimal))
def test_a_number_s_plain_digits_are_encoded_as_the_number(number: Decimal) -> None:
    assert keys.encode_number(format(number, "f")) == keys.encode((number,))
