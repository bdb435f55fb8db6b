"""Subscriptions by name, so that one that was lost continues where its client had got to.

For: `graphql` and `events`, one for each API. Owns: which are live under which name, and which were lost not long ago.
Never: reads the window itself; trusts an id that another client could have.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hashlib import blake2b
from typing import Any, NamedTuple, Protocol

from syncline.core import json
from syncline.hub.port import Subscription

ID_CHARACTERS_MIN = 16
"""Shorter ids (python gql counts "1", "2", …) are unique on their connection only, so they name nobody."""

LOST_MAX = 10_000
"""Lost subscriptions remembered per API; beyond, the oldest are forgotten."""

Name = bytes
"""A digest: names are kept for every live subscription."""


class Holder(Protocol):
    """A connection that holds subscriptions."""

    def closed(self) -> None:
        """The connection is gone: its subscriptions are lost."""
        ...


class Lost(NamedTuple):
    """A subscription whose connection ended before it did, and when (monotonic seconds).

    After a restart it is the position that its client had got to.
    """

    where: Subscription | int
    at: float


class Returning:
    """One API's subscriptions by name."""

    def __init__(self) -> None:
        self.present: dict[Name, Holder] = {}
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

    def claim(self, name: Name, holder: Holder, *, oldest: float) -> Subscription | int | None:
        """The subscription that continues under this name: lost, or still held by a connection that is as good as.

        Nothing more arrives over its connection. A position stands for one that another run of the server had.
        """
        before = self.present.get(name)
        if before is not None and before is not holder:
            before.closed()
        found = self._lost.pop(name, None)
        if found is None or found.at < oldest:
            return None
        if isinstance(found.where, Subscription):
            found.where.outbox.supersede()
        return found.where

    def positions(self, reached: Callable[[Subscription], int | None]) -> dict[Name, int]:
        """What is to be written down: `reached` tells where a client is."""
        where = {name: each.where for name, each in self._lost.items()}
        told = {name: each if isinstance(each, int) else reached(each) for name, each in where.items()}
        return {name: position for name, position in told.items() if position is not None}

    def restore(self, positions: Mapping[Name, int], *, now: float) -> None:
        """Go on from what was written down."""
        self._lost = {name: Lost(position, now) for name, position in positions.items()}


def named(id: str, *more: Any) -> Name | None:
    """What a subscription of this id, and whatever else makes it the same, is called; None for one that could be
    anybody's."""
    if len(id) < ID_CHARACTERS_MIN:
        return None
    return blake2b(json.encode([id, *more]), digest_size=16).digest()
