"""Who listens to a topic: groups, found by what they wait for.

For: `hub.fanout`. Owns: the index of each topic. Never: decides whether a value matches; it only leaves out groups
that cannot. So a publication costs what its matches cost, not what all subscriptions cost.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any, NamedTuple

from syncline.hub.groups import Group
from syncline.hub.port import Hint


class Table(NamedTuple):
    """The groups that wait for one fact of a value, by what they want it to be."""

    read: Callable[[Any], Hashable]
    groups: dict[Hashable, dict[Hashable, Group]]


class Listeners:
    """The groups of one topic, by their key."""

    __slots__ = ("_rest", "_tables", "groups")

    def __init__(self) -> None:
        self.groups: dict[Hashable, Group] = {}
        self._rest: dict[Hashable, Group] = {}
        self._tables: dict[Hashable, Table] = {}

    def add(self, key: Hashable, group: Group, hints: tuple[Hint, ...] | None) -> None:
        """Take in a group; any of its hints has to hold for a value to concern it, None: every value does."""
        self.groups[key] = group
        if hints is None:
            self._rest[key] = group
        for hint in hints or ():
            table = self._tables.setdefault(hint.fact, Table(hint.read, {}))
            table.groups.setdefault(hint.wanted, {})[key] = group

    def remove(self, key: Hashable, hints: tuple[Hint, ...] | None) -> None:
        """Let go of a group."""
        del self.groups[key]
        self._rest.pop(key, None)
        for hint in hints or ():
            table = self._tables.get(hint.fact)
            if table is None:
                continue
            waiting = table.groups.get(hint.wanted, {})
            waiting.pop(key, None)
            if not waiting:
                table.groups.pop(hint.wanted, None)
            if not table.groups:
                del self._tables[hint.fact]

    def concerned(self, value: Any) -> Iterable[Group]:
        """The groups that a value may concern, each once."""
        if not self._tables:
            return self._rest.values()
        found = dict(self._rest)
        for table in self._tables.values():
            waiting = table.groups.get(table.read(value))
            if waiting:
                found.update(waiting)
        return found.values()
