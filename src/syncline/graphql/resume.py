"""Coming back: a subscription that was lost continues where its client had got to.

For: `subscribe`. Owns: which subscriptions of an API are live under which name, which were lost
not long ago, and what of that outlives the server.
Never: reads the window itself; trusts an id that another client could have.

A client that knows nothing of this starts again with the same id, document, variables and identity after it lost
its connection; that is its name here. A client that knows names a position.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

from syncline.auth import Identity
from syncline.core import json
from syncline.graphql.model import Remembered
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
    """A subscription whose connection ended without `stop`, and when (monotonic seconds).

    After a restart it is the position that its client had got to.
    """

    where: Subscription | int
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

    def claim(self, name: Name, endpoint: Endpoint, *, oldest: float) -> Subscription | int | None:
        """The subscription that continues under this name: lost, or still held by a connection that is as good as.

        A position stands for one that another run of the server had.
        """
        holder = self.present.get(name)
        if holder is not None and holder is not endpoint:
            return holder.give_up(name)
        found = self._lost.pop(name, None)
        return found.where if found is not None and found.at >= oldest else None

    def remembered(self, reached: Callable[[Subscription], int | None]) -> Remembered:
        """What is to be written down: `reached` tells where a client is."""
        where = {name: each.where for name, each in self._lost.items()}
        told = {name: each if isinstance(each, int) else reached(each) for name, each in where.items()}
        return Remembered({name: position for name, position in told.items() if position is not None})

    def restore(self, remembered: Remembered, *, now: float) -> None:
        """Go on from what was written down."""
        self._lost = {name: Lost(position, now) for name, position in remembered.positions.items()}


def name_of(start: Start, identity: Identity) -> Name | None:
    """What a start is called when it comes again; None for one that could be anybody's."""
    if len(start.id) < ID_CHARACTERS_MIN:
        return None
    document = start.payload.get("query"), start.payload.get("operationName"), start.payload.get("variables")
    whole = json.encode([start.id, document, identity.caller, repr(identity.grants)])
    return blake2b(whole, digest_size=16).digest()


@lru_cache(maxsize=64)
def stamp(epoch: str) -> Callable[[bytes, int], bytes]:
    """Puts the position into a payload, a JSON object with members. One for each epoch, so that groups share it."""
    before = b',"extensions":{"syncline":{"position":"' + epoch.encode() + b":"

    def stamped(payload: bytes, position: int) -> bytes:
        return b'%b%b%d"}}}' % (payload[:-1], before, position)

    return stamped
