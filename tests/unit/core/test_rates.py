"""Token buckets: how much passes, how much memory, and that no key can spend another's."""

from __future__ import annotations

from collections import defaultdict

from hypothesis import given
from hypothesis import strategies as st

from syncline.core import Instant, Rates


class Hand:
    """A clock that stands still until it is set."""

    def __init__(self) -> None:
        self.at = 1000.0

    def now(self) -> Instant:
        return Instant(self.at)

    def monotonic(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("a bucket never waits")


def test_a_second_s_worth_passes_at_once_and_then_the_rate() -> None:
    clock = Hand()
    rates = Rates(clock, 5)
    assert [rates.take("a") for _ in range(7)] == [True] * 5 + [False] * 2
    clock.at += 0.4
    assert [rates.take("a") for _ in range(3)] == [True, True, False]


def test_a_key_cannot_spend_another_s_tokens() -> None:
    rates = Rates(Hand(), 1)
    assert rates.take("a")
    assert not rates.take("a")
    assert rates.take("b")


def test_no_rate_lets_everything_pass_and_keeps_nothing() -> None:
    rates = Rates(Hand(), 0)
    assert all(rates.take(key, 1e9) for key in range(100))
    assert len(rates) == 0


def test_a_rate_below_one_a_second_lets_one_pass() -> None:
    clock = Hand()
    rates = Rates(clock, 0.5)
    assert [rates.take("a"), rates.take("a")] == [True, False]
    clock.at += 2
    assert rates.take("a")


def test_memory_is_bounded_and_the_longest_idle_go_first() -> None:
    rates = Rates(Hand(), 1, keys_max=100)
    for key in range(1000):
        rates.take(key)
        assert not rates.take("busy") or key == 0
    assert len(rates) == 100


@given(
    st.floats(0.5, 100),
    st.lists(st.tuples(st.floats(0, 2), st.sampled_from("ab"), st.floats(0.1, 3)), max_size=60),
)
def test_no_span_of_time_passes_more_than_a_burst_and_the_rate(
    per_second: float, asked: list[tuple[float, str, float]]
) -> None:
    clock = Hand()
    rates, began = Rates(clock, per_second), clock.at
    passed: dict[str, float] = defaultdict(float)
    for pause, key, tokens in asked:
        clock.at += pause
        if rates.take(key, tokens):
            passed[key] += tokens
        most = max(per_second, 1) + per_second * (clock.at - began)
        assert passed[key] <= most * (1 + 1e-6) + 1e-6
