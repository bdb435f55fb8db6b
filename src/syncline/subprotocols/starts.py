"""The ids of one connection's subscriptions, and which start of a used id begins the same again.

For: `appsync` and `events`, whose starts carry an authorization each. Never: judges an authorization.
"""

from __future__ import annotations


class Starts:
    """Ids in use: those of live subscriptions and of those being started."""

    def __init__(self) -> None:
        self._started: dict[str, int] = {}
        """By id, a hash of what was started."""
        self._again: set[str] = set()

    @property
    def ids(self) -> set[str]:
        """Those in use."""
        return set(self._started)

    def __contains__(self, id: str) -> bool:
        return id in self._started

    def __len__(self) -> int:
        return len(self._started)

    def begin(self, id: str, raw: str) -> bool:
        """Take up a start, of a new id or of the same again; False for an id that is in use for something else.

        AppSync refuses what starts again with the same credential. To aws-amplify that is the subscription's end, and
        it does so by itself, when it takes a connection for broken that is not.
        """
        what = hash(raw)
        if id not in self._started:
            self._started[id] = what
        elif id in self._again or self._started[id] != what:
            return False
        else:
            self._again.add(id)
        return True

    def accepted(self, id: str) -> bool:
        """A start is registered; False when its id has ended meanwhile."""
        self._again.discard(id)
        return id in self._started

    def refused(self, id: str) -> bool:
        """A start is refused: its id is free again, unless it was to begin again what goes on. False as above."""
        if id in self._again:
            self._again.discard(id)
            return id in self._started
        return self.end(id)

    def end(self, id: str) -> bool:
        """An id is free again. False when it was not in use."""
        self._again.discard(id)
        return self._started.pop(id, None) is not None

    def clear(self) -> None:
        """The connection is over."""
        self._started.clear()
        self._again.clear()
