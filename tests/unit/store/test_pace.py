"""Chores take fewer rows at once when rows are large."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncline.store import Pace

LARGE, SMALL = 400 * 1024, 100


def rows_taken(sizes: list[int], most: int) -> list[int]:
    """How many rows each body of a walk over rows of these sizes takes."""
    pace, taken = Pace(most), []
    while sizes:
        now, sizes = sizes[: pace.rows], sizes[pace.rows :]
        pace.saw([(b"", b"x" * size) for size in now])
        taken.append(len(now))
    return taken


@pytest.mark.rule("STO-16")
def test_small_rows_are_soon_taken_by_the_hundred_and_large_ones_by_the_megabyte() -> None:
    assert rows_taken([SMALL] * 2000, 500) == [10, 20, 40, 80, 160, 320, 500, 500, 370]
    assert rows_taken([LARGE] * 16, 500) == [10, 2, 2, 2]
    assert rows_taken([2 * 1024 * 1024] * 12, 500) == [10, 1, 1]


@pytest.mark.rule("STO-16")
@given(st.lists(st.integers(0, 5000), max_size=300), st.integers(1, 40))
def test_every_row_is_taken_and_never_more_at_once_than_the_most(sizes: list[int], most: int) -> None:
    taken = rows_taken(sizes, most)
    assert sum(taken) == len(sizes)
    assert all(0 < count <= most for count in taken)
