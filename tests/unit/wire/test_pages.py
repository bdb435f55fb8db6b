"""Pages by offset: every entry once, and tokens that nobody was given."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncline.core import Invalid
from syncline.wire import cut


@given(st.lists(st.integers(), max_size=50), st.integers(1, 20))
def test_pages_hold_every_entry_once_in_order(entries: list[int], size: int) -> None:
    found: list[int] = []
    token: str | None = None
    for _ in range(len(entries) + 1):
        page, token = cut(entries, token, size, Invalid)
        found += page
        if token is None:
            break
    assert found == entries


@pytest.mark.parametrize("token", ["-1", "1.5", "x", "LTU=", "9" * 10, "9" * 5000, "²", "١", " 1", "1\n"])
def test_a_token_that_nobody_was_given_is_refused(token: str) -> None:
    with pytest.raises(Invalid):
        cut([1, 2, 3], token, 1, Invalid)
