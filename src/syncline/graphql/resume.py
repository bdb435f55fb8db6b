"""Coming back: a subscription that was lost continues where its client had got to.

For: `subscribe`. Owns: which subscriptions of an API are live under which name, and which were lost not long ago.
Never: reads the window itself; trusts an id that another client could have.

A client that knows nothing of this starts again with the same id, document, variables and identity after it lost
its connection; that is its name here. A client that knows names a position.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from syncline.auth import Identity
from syncline.core import json
from syncline.hub import Start, Subscription

if TYPE_CHECKING:
    from syncline.graphql.subscribe import Endpoint

ID_CHARACTERS_MIN = 16
"""Shorter ids (python gql counts "1", "2", …) are unique on their connection only, so they name nobody."""

LOST_MAX = 10_000
"""Lost subscriptions remembered per API; beyond, the oldest are forgotten."""

Name = bytes
"""A digest: names are kept for every live subscription."""


class Lost(NamedTuple):
    """A subscription whose connection ended without `stop`, and when (monotonic seconds)."""

    subscription: Subscription
    at: float


class Returning:
    """One API's subscriptions by name."""

    def __init__(self) -> None:
        self.present: dict[Name, Endpoint] = {}
        self._lost: dict[Name, Lost] = {}

    def lost(self, name: Name, subscription: Subscription, *, now: float, seconds_max: float) -> None:
        """Remember a subscription for the window."""
        while self._lost:
            oldest = next(iter(self._lost))
            if len(self._lost) < LOST_MAX and self._lost[oldest].at >= now - seconds_max:
                break
            del self._lost[oldest]
        self._lost.pop(name, None)
        self._lost[name] = Lost(subscription, now)

    def claim(self, name: Name, endpoint: Endpoint, *, oldest: float) -> Subscription | None:
        """The subscription that continues under this name: lost, or still held by a connection that is as good as."""
        holder = self.present.get(name)
        if holder is not None and holder is not endpoint:
            return holder.give_up(name)
        found = self._lost.pop(name, None)
        return found.subscription if found is not None and found.at >= oldest else None


def name_of(start: Start, identity: Identity) -> Name | None:
    """What a start is called when it comes again; None for one that could be anybody's."""
    if len(start.id) < ID_CHARACTERS_MIN:
        return None
    document = start.payload.get("query"), start.payload.get("operationName"), start.payload.get("variables")
    whole = json.encode([start.id, document, identity.caller, repr(identity.grants)])
    return blake2b(whole, digest_size=16).digest()


def stamp(epoch: str) -> Callable[[bytes, int], bytes]:
    """Puts the position into a payload, which is a JSON object with members."""
    before = b',"extensions":{"syncline":{"position":"' + epoch.encode() + b":"

    def stamped(payload: bytes, position: int) -> bytes:
        return b'%b%b%d"}}}' % (payload[:-1], before, position)

    return stamped
