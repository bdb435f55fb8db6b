"""Channel paths: what they look like, and which topics a publication to one of them reaches.

For: publishing and subscribing. Owns: the canonical form (`/ns/a/b`) and the wildcard. Never: knows which
namespaces there are.

A channel has a topic of its own name, and so has a wildcard pattern: a publication to `/ns/a/b` is heard by
`/ns/a/b`, `/ns/a/*` and `/ns/*`. So its cost follows those who are subscribed to these, however many patterns exist.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from syncline.events.errors import InvalidChannel
from syncline.hub import Topic

SEGMENT = "[A-Za-z0-9](?:[A-Za-z0-9-]{0,48}[A-Za-z0-9])?"
CONCRETE = re.compile(f"/?{SEGMENT}(?:/{SEGMENT}){{0,4}}/?")
PATTERN = re.compile(f"/?{SEGMENT}(?:/{SEGMENT}){{0,3}}/\\*")
"""The `*` is one of the five segments."""
PRESENCE = "$presence"
"""Below a channel: what becomes of its members. AppSync has no such segment, so nobody publishes there."""


class Channel(NamedTuple):
    """A channel, or with a last segment of `*` all channels below it."""

    path: str
    segments: tuple[str, ...]

    @property
    def namespace(self) -> str:
        """The name of its namespace."""
        return self.segments[0]

    @property
    def wildcard(self) -> bool:
        """Whether it is a pattern."""
        return self.segments[-1] == "*"

    @property
    def presence(self) -> Channel:
        """The channel that tells of this one's members."""
        return Channel(f"{self.path}/{PRESENCE}", (*self.segments, PRESENCE))

    @property
    def about(self) -> Channel:
        """The channel that it is, or that it tells of."""
        if self.segments[-1] != PRESENCE:
            return self
        return Channel(self.path.removesuffix(f"/{PRESENCE}"), self.segments[:-1])

    def topic(self, api: str) -> Topic:
        """What is published here, or heard by this pattern."""
        return Topic(api, self.path)

    def wider(self, api: str) -> tuple[Topic, ...]:
        """The topics of the patterns that this channel matches, the narrowest first."""
        parts = self.segments
        return tuple(Topic(api, f"/{'/'.join(parts[:n])}/*") for n in range(len(parts) - 1, 0, -1))


@lru_cache(4096)
def channel_of(text: str, *, wildcard: bool = False) -> Channel:
    """The channel that a client names; with `wildcard`, it may be a pattern or a presence channel.

    Raises InvalidChannel."""
    if wildcard and text.endswith(f"/{PRESENCE}"):
        return channel_of(text.removesuffix(f"/{PRESENCE}")).presence
    if not CONCRETE.fullmatch(text) and not (wildcard and PATTERN.fullmatch(text)):
        raise InvalidChannel
    segments = tuple(text.strip("/").split("/"))
    return Channel("/" + "/".join(segments), segments)
