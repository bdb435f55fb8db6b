"""What is published and under which name. For: `hub` and those who publish. Never: looks into a value."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec


class Topic(NamedTuple):
    """One stream of equal things within an API: a mutation field of a GraphQL API, say."""

    api: str
    name: str


class Publication(msgspec.Struct):
    """One published value.

    `position` counts an API's publications from 1; `commit` is the store's position of the write it tells of
    (0: none); `size` is the value's length as JSON, in bytes. `wider` are topics that hear of it besides its own.
    Nothing but `turn` changes once it is made.
    """

    topic: Topic
    value: Any
    position: int
    commit: int
    size: int
    wider: tuple[Topic, ...] = ()
    judged: bool = False
    """Whoever published it knows its size and finds it small enough."""
    turn: int = 0
    """The how manieth it is of all that the hub has handed to outboxes; 0: it was not handed to any (yet)."""

    @property
    def topics(self) -> tuple[Topic, ...]:
        """Every topic that hears of it."""
        return self.topic, *self.wider

    def concerns(self, topics: tuple[Topic, ...]) -> bool:
        """Whether a subscription to these topics hears of it."""
        return self.topic in topics or any(each in topics for each in self.wider)
