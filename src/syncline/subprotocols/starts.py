"""The ids of one connection's subscriptions, and which start of a used id renews its credential.

For: `appsync` and `events`, whose starts carry an authorization each. Never: judges an authorization.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Started(NamedTuple):
    """What a subscription was started with, in short."""

    what: int
    authorization: int


class Starts:
    """Ids in use: those of live subscriptions and of those being started."""

    def __init__(self) -> None:
        self._started: dict[str, Started] = {}
        self._renewing: dict[str, Started] = {}

    @property
    def ids(self) -> set[str]:
        """Those in use."""
        return set(self._started)

    def __contains__(self, id: str) -> bool:
        return id in self._started

    def __len__(self) -> int:
        return len(self._started)

    def begin(self, id: str, raw: str, authorization: Mapping[str, str]) -> bool:
        """Take up a start, of a new id or of the same with another credential; False for what is neither."""
        start = Started(hash(raw), hash(tuple(sorted(authorization.items()))))
        earlier = self._started.get(id)
        if earlier is None:
            self._started[id] = start
        elif id in self._renewing or earlier.what != start.what or earlier.authorization == start.authorization:
            return False
        else:
            self._renewing[id] = start
        return True

    def accepted(self, id: str) -> bool:
        """A start is registered; False when its id has ended meanwhile."""
        if id not in self._started:
            return False
        self._started[id] = self._renewing.pop(id, self._started[id])
        return True

    def refused(self, id: str) -> bool:
        """A start is refused: its id is free again, unless it was to renew what goes on. False as above."""
        return id in self._started if self._renewing.pop(id, None) is not None else self.end(id)

    def end(self, id: str) -> bool:
        """An id is free again. False when it was not in use."""
        self._renewing.pop(id, None)
        return self._started.pop(id, None) is not None

    def clear(self) -> None:
        """The connection is over."""
        self._started.clear()
        self._renewing.clear()
