"""What is published and under which name. For: `hub` and those who publish. Never: looks into a value."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec


class Topic(NamedTuple):
    """One stream of equal things within an API: a mutation field of a GraphQL API, say."""

    api: str
    name: str


class Publication(msgspec.Struct, frozen=True):
    """One published value.

    `position` counts an API's publications from 1; `commit` is the store's position of the write it tells of
    (0: none); `size` is the value's length as JSON, in bytes. `wider` are topics that hear of it besides its own.
    """

    topic: Topic
    value: Any
    position: int
    commit: int
    size: int
    wider: tuple[Topic, ...] = ()
    judged: bool = False
    """Whoever published it knows its size and finds it small enough."""

    @property
    def topics(self) -> tuple[Topic, ...]:
        """Every topic that hears of it."""
        return self.topic, *self.wider

    def concerns(self, topics: tuple[Topic, ...]) -> bool:
        """Whether a subscription to these topics hears of it."""
        return self.topic in topics or any(each in topics for each in self.wider)
