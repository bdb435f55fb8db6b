"""What a namespace has beyond AppSync, as its tags say: history, presence, echo, who may use which channels.

For: `live_api`, which serves by it, and the control plane, which refuses what cannot be read. Owns: the tags.
Never: serves anything. Tags, because every deployment tool can set them and AppSync has no other word for it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import msgspec

from syncline.auth import Identity, NotAuthorized
from syncline.events.channels import Channel
from syncline.events.errors import BadRequest, InvalidChannel

PREFIX = "syncline:"
HISTORY, PRESENCE, ECHO, POLICY = "syncline:history", "syncline:presence", "syncline:echo", "syncline:policy"
BOUND = re.compile(r"(count|seconds|bytes)=([1-9][0-9]{0,14})")
SWITCH = {"true": True, "false": False}
SEGMENT = re.compile(r"[A-Za-z0-9-]{1,50}|@[A-Za-z0-9:_.-]+|\+")
GRANT = re.compile(r"(?:(?P<operation>publish|subscribe)=)?/(?P<path>[^\s]+)")
BELOW = "..."


class TagInvalid(BadRequest):
    """The tag {name} cannot be {text}: {reason}."""


class Grant(NamedTuple):
    """Channels that may be used: `operation` empty for any. A segment `+` is any, `@claim` a claim's value; `below`:
    all channels below these segments, by wildcard, too."""

    operation: str
    segments: tuple[str, ...]
    below: bool

    def covers(self, operation: str, channel: Channel, identity: Identity) -> bool:
        """Whether it grants this to the caller."""
        asked, mine = channel.segments, self.segments
        reaches = len(asked) > len(mine) if self.below else len(asked) == len(mine) and not channel.wildcard
        if not reaches or self.operation not in ("", operation):
            return False
        return all(_fits(wanted, given, identity) for wanted, given in zip(mine, asked, strict=False))


class Features(msgspec.Struct, frozen=True):
    """Of one namespace. `history`: bounds of what is kept, None when nothing is. `grants` None: whoever is authorised
    may use every channel, as with AppSync."""

    history: dict[str, int] | None = None
    presence: bool = False
    echo: bool = True
    grants: tuple[Grant, ...] | None = None

    def check(self, operation: str, channel: Channel, identity: Identity) -> None:
        """Raise NotAuthorized when the caller may not `publish` or `subscribe` there, InvalidChannel if none can."""
        if channel.about != channel and not self.presence:
            raise InvalidChannel
        if self.grants is None or any(each.covers(operation, channel.about, identity) for each in self.grants):
            return
        raise NotAuthorized


def features_of(tags: Mapping[str, str]) -> Features:
    """What the tags of a namespace say. Raises TagInvalid."""
    features = Features()
    for name, text in sorted(tags.items()):
        if name == HISTORY:
            features = msgspec.structs.replace(features, history=_bounds(name, text))
        elif name == PRESENCE:
            features = msgspec.structs.replace(features, presence=_switch(name, text))
        elif name == ECHO:
            features = msgspec.structs.replace(features, echo=_switch(name, text))
        elif name.startswith(POLICY):
            grants = (*(features.grants or ()), *(_grant(name, each) for each in text.split()))
            features = msgspec.structs.replace(features, grants=grants)
        elif name.startswith(PREFIX):
            raise TagInvalid(name=name, text=text, reason="there is no such tag of a namespace")
    return features


def _bounds(name: str, text: str) -> dict[str, int] | None:
    if text in SWITCH:
        return {} if SWITCH[text] else None
    found = [BOUND.fullmatch(each) for each in text.split()]
    bounds = {each[1]: int(each[2]) for each in found if each is not None}
    if not bounds or len(bounds) != len(found):
        raise TagInvalid(name=name, text=text, reason="it is true, false, or some of count=N seconds=N bytes=N")
    return bounds


def _switch(name: str, text: str) -> bool:
    if text not in SWITCH:
        raise TagInvalid(name=name, text=text, reason="it is true or false")
    return SWITCH[text]


def _grant(name: str, text: str) -> Grant:
    found = GRANT.fullmatch(text)
    segments = found["path"].split("/") if found else []
    below = bool(segments) and segments[-1] == BELOW
    if below:
        segments.pop()
    if found is None or not segments or not all(SEGMENT.fullmatch(each) for each in segments):
        raise TagInvalid(name=name, text=text, reason="a grant is [publish=|subscribe=]/segment/@claim/+/...")
    return Grant(found["operation"] or "", tuple(segments), below)


def _fits(wanted: str, given: str, identity: Identity) -> bool:
    if wanted.startswith("@"):
        return given in values_of(identity, wanted[1:])
    return wanted in ("+", given)


def values_of(identity: Identity, claim: str) -> list[Any]:
    """The values of a claim: of the identity itself, of its token, or of its authorizer's context."""
    members = identity.claims if isinstance(identity.claims, Mapping) else {}
    for place in (members, members.get("claims"), members.get("handlerContext")):
        if isinstance(place, Mapping) and place.get(claim) is not None:
            found = place[claim]
            return found if isinstance(found, list) else [found]
    return []
