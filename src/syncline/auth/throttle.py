"""How often an API, a key and a caller may ask: AppSync's quotas, and limits of one's own.

For: `authenticate`, which asks once it knows who calls. Owns: the buckets, the words of a refusal.
Never: decides who may.
"""

from __future__ import annotations

from typing import Literal

from syncline.auth.model import ApiAuth, Identity
from syncline.core import Clock, Meter, Rates, Throttled, settings

Door = Literal["request", "connect", "message"]
"""What asks: an HTTP request, a connection that opens, or a message on one."""


class RateExceeded(Throttled):
    """Rate exceeded"""

    code = "ThrottlingException"


class MessageRateExceeded(Throttled):
    """Rate limit exceeded"""

    code = "LimitExceededError"


class Throttle:
    """One token for each call, from the API's bucket for the door and from the caller's own."""

    def __init__(self, clock: Clock, meter: Meter, limits: settings.Rates) -> None:
        self._meter = meter
        self._doors: dict[Door, tuple[str, Rates]] = {
            "request": ("requests_per_api", Rates(clock, limits.requests_per_api)),
            "connect": ("connects_per_api", Rates(clock, limits.connects_per_api)),
            "message": ("messages_per_api", Rates(clock, limits.messages_per_api)),
        }
        self._keys = ("calls_per_key", Rates(clock, limits.calls_per_key))
        self._identities = ("calls_per_identity", Rates(clock, limits.calls_per_identity))

    def admit(self, api: ApiAuth, identity: Identity, door: Door, *, source_ip: str) -> None:
        """Return when the call fits. Raises RateExceeded, on an open connection MessageRateExceeded."""
        limit = self._exceeded(api.api, identity, door)
        if limit is None:
            return
        self._meter.counter("syncline_auth_throttles_total", api=api.api, limit=limit).add()
        self._meter.event(
            "call throttled", room="auth", api=api.api, limit=limit, mode=identity.mode, source_ip=source_ip
        )
        raise RateExceeded if door == "request" else MessageRateExceeded

    def _exceeded(self, api: str, identity: Identity, door: Door) -> str | None:
        """The limit that the call does not fit in. The caller's own first: who is loud spends nothing of others'."""
        keyed = identity.mode == "API_KEY"
        limit, rates = self._keys if keyed else self._identities
        if rates.per_second and not rates.take((api, identity.credential if keyed else identity.caller)):
            return limit
        limit, rates = self._doors[door]
        return None if rates.take(api) else limit
