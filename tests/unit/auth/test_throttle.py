"""Rates of calls: whose bucket is asked, what a refusal says, and that it is counted."""

from __future__ import annotations

import io
from typing import Any

import pytest

from syncline.auth import ApiAuth, Identity, MessageRateExceeded, RateExceeded, Throttle
from syncline.core import Instant, Meter, json
from syncline.core.settings import Rates

KEY = "da2-" + "k" * 26
LIMITS = {"requests_per_api": 0.0, "connects_per_api": 0.0, "messages_per_api": 0.0}


class Hand:
    at = 1000.0

    def now(self) -> Instant:
        return Instant(self.at)

    def monotonic(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        raise AssertionError("nobody waits here")


class Asked:
    """A throttle with a clock that stands still, and its log."""

    def __init__(self, **limits: float) -> None:
        self.log = io.StringIO()
        self.clock = Hand()
        self.meter = Meter(self.clock, out=self.log)
        self.throttle = Throttle(self.clock, self.meter, Rates(**{**LIMITS, **limits}))

    def passes(self, identity: Identity, api: str = "one", door: Any = "request") -> bool:
        try:
            self.throttle.admit(ApiAuth(api, ("API_KEY",), {}), identity, door, source_ip="192.0.2.1")
        except (RateExceeded, MessageRateExceeded):
            return False
        return True


def keyed(key: str) -> Identity:
    return Identity("API_KEY", None, ("API_KEY",), credential=key)


def person(sub: str, sign_in: str = "") -> Identity:
    shown = {"sub": sub, "issuer": "i", "username": sub, "claims": {}}
    return Identity("OPENID_CONNECT", shown, ("OPENID_CONNECT",), credential=sign_in)


@pytest.mark.rule("AUTH-14")
def test_an_api_s_calls_share_its_rate_and_other_apis_have_their_own() -> None:
    asked = Asked(requests_per_api=2)
    assert [asked.passes(keyed("a")), asked.passes(person("b")), asked.passes(keyed("c"))] == [True, True, False]
    assert asked.passes(keyed("a"), api="two")


@pytest.mark.rule("AUTH-14")
def test_a_key_has_its_own_rate_and_is_not_in_the_log() -> None:
    asked = Asked(calls_per_key=1)
    assert [asked.passes(keyed(KEY)), asked.passes(keyed(KEY)), asked.passes(keyed("other"))] == [True, False, True]
    line = json.decode(asked.log.getvalue())
    assert {
        "event": "call throttled",
        "api": "one",
        "limit": "calls_per_key",
        "source_ip": "192.0.2.1",
    }.items() <= line.items()
    assert KEY not in asked.log.getvalue()
    assert asked.meter.counter("syncline_auth_throttles_total", api="one", limit="calls_per_key").value == 1


@pytest.mark.rule("AUTH-14")
def test_a_caller_is_the_same_with_a_fresh_token() -> None:
    asked = Asked(calls_per_identity=1)
    assert [asked.passes(person("ada", "s1")), asked.passes(person("ada", "s2")), asked.passes(person("bob"))] == [
        True,
        False,
        True,
    ]


@pytest.mark.rule("AUTH-14")
def test_a_throttled_caller_takes_nothing_from_the_api_s_rate() -> None:
    asked = Asked(calls_per_key=1, requests_per_api=3)
    assert [asked.passes(keyed("loud")) for _ in range(5)] == [True, False, False, False, False]
    assert asked.passes(keyed("quiet"))


@pytest.mark.rule("AUTH-15")
@pytest.mark.parametrize(
    ("door", "refusal", "told"),
    [
        ("request", RateExceeded, ("ThrottlingException", "Rate exceeded")),
        ("connect", MessageRateExceeded, ("LimitExceededError", "Rate limit exceeded")),
        ("message", MessageRateExceeded, ("LimitExceededError", "Rate limit exceeded")),
    ],
)
def test_each_door_has_a_rate_and_words_of_its_own(door: Any, refusal: type[Exception], told: tuple[str, str]) -> None:
    asked = Asked(requests_per_api=1, connects_per_api=1, messages_per_api=1)
    assert all(asked.passes(keyed("a"), door=each) for each in ("request", "connect", "message"))
    with pytest.raises(refusal) as caught:
        asked.throttle.admit(ApiAuth("one", ("API_KEY",), {}), keyed("a"), door, source_ip="")
    assert (caught.value.code, caught.value.message) == told  # type: ignore[attr-defined]


@pytest.mark.rule("AUTH-14")
def test_the_quotas_are_appsync_s() -> None:
    given = Rates()
    assert (given.requests_per_api, given.connects_per_api, given.messages_per_api) == (10_000, 2_000, 10_000)
    assert (given.calls_per_key, given.calls_per_identity, given.requests_per_address) == (0, 0, 0)
