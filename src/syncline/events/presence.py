"""Who is in the channels of one API: members with their state, and what becomes of them.

For: `live_api`. Owns: the members, and the events about them. In memory: after a restart clients come back, and so do
they. Never: decides who may be told.

A member is a subscription to a channel. Who loses its connection stays for a while, and is the same member when its
subscription comes back: with the same id, of the same caller.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import Any

import msgspec

from syncline.auth import Identity
from syncline.core import Clock, json
from syncline.events.channels import Channel
from syncline.hub import Hub

JSON = Any
ID_CHARACTERS_MIN = 16
"""Shorter ids of subscriptions are unique on their connection only: they come back as new members."""
USER_CLAIMS = ("username", "sub", "userArn")


class Event(msgspec.Struct, frozen=True):
    """What subscribers of a presence channel hear, in the form of any other event."""

    payload: bytes
    origin: None = None


class Member(msgspec.Struct):
    """One of a channel's members. `holder` is the connection that it is on; None once that is lost."""

    id: str
    user: str | None
    state: JSON
    since: float
    holder: object | None
    lost_at: float = 0.0

    @property
    def shown(self) -> dict[str, JSON]:
        """As others see it."""
        return {"id": self.id, "user": self.user, "state": self.state, "since": self.since}


class Room(msgspec.Struct):
    """A channel's members by id, in the order in which they came. `version` counts what has happened here."""

    members: dict[str, Member] = {}
    version: int = 0


class Presence:
    """The members of one API's channels."""

    def __init__(self, hub: Hub, clock: Clock, api_id: str, seconds: float) -> None:
        self._hub, self._clock, self._api_id, self._seconds = hub, clock, api_id, seconds
        self._rooms: dict[Channel, Room] = {}
        self._lost: dict[tuple[Channel, str], None] = {}
        """Who has lost its connection, the longest ago first."""

    @property
    def count(self) -> int:
        """All members of all channels."""
        return sum(len(room.members) for room in self._rooms.values())

    def enter(self, channel: Channel, id: str, identity: Identity, state: JSON, holder: object) -> None:
        """A subscription is a member from now on, or again."""
        room = self._rooms.setdefault(channel, Room({}))
        member = room.members.get(id)
        if member is None:
            user = user_of(identity)
            member = room.members[id] = Member(id, user, state, self._clock.now(), holder)
            self._tell(channel, room, "join", member)
            return
        self._lost.pop((channel, id), None)
        member.holder = holder
        if member.state != state:
            member.state = state
            self._tell(channel, room, "update", member)

    def update(self, channel: Channel, id: str, state: JSON) -> None:
        """A member has another state."""
        room = self._rooms.get(channel)
        if room is not None and id in room.members:
            room.members[id].state = state
            self._tell(channel, room, "update", room.members[id])

    def leave(self, channel: Channel, id: str, holder: object, why: str = "leave") -> None:
        """A member is gone, unless another connection holds it by now."""
        room = self._rooms.get(channel)
        member = None if room is None else room.members.get(id)
        if room is None or member is None or member.holder is not holder:
            return
        del room.members[id]
        self._lost.pop((channel, id), None)
        self._tell(channel, room, why, member)
        if not room.members:
            del self._rooms[channel]

    def lost(self, channel: Channel, id: str, holder: object) -> None:
        """A member has lost its connection: it may come back."""
        room = self._rooms.get(channel)
        member = None if room is None else room.members.get(id)
        if member is not None and member.holder is holder:
            member.holder, member.lost_at = None, self._clock.monotonic()
            self._lost[channel, id] = None

    def sweep(self) -> None:
        """Expire who has not come back in time."""
        oldest = self._clock.monotonic() - self._seconds
        for channel, id in list(self._lost):
            if self._rooms[channel].members[id].lost_at > oldest:
                return
            self.leave(channel, id, None, "expire")

    def forget(self, namespace: str) -> None:
        """A namespace has no members any more; nobody is told."""
        for channel in [each for each in self._rooms if each.namespace == namespace]:
            for id in self._rooms.pop(channel).members:
                self._lost.pop((channel, id), None)

    def shown(self, channel: Channel, most: int) -> dict[str, JSON]:
        """A channel's members, the first `most` of them."""
        room = self._rooms.get(channel) or Room({})
        members = [each.shown for each, _ in zip(room.members.values(), range(most), strict=False)]
        return {"channel": channel.path, "count": len(room.members), "version": room.version, "members": members}

    def told(self, channel: Channel, id: str) -> dict[str, JSON]:
        """What a new member is told of its channel."""
        room = self._rooms[channel]
        return {"member": id, "count": len(room.members), "version": room.version}

    def _tell(self, channel: Channel, room: Room, kind: str, member: Member) -> None:
        room.version += 1
        event = {"type": kind, "member": member.shown, "count": len(room.members), "version": room.version}
        payload = json.encode(json.encode(event).decode())
        self._hub.publish(channel.presence.topic(self._api_id), Event(payload), commit=0, size=len(payload))


def member_id(subscription_id: str, identity: Identity, connection_id: str) -> str:
    """What a subscription is called as a member: the same when it comes back, and nothing that opens anything."""
    own = connection_id if len(subscription_id) < ID_CHARACTERS_MIN else ""
    whole = json.encode([subscription_id, identity.caller, own])
    return blake2b(whole, digest_size=12).hexdigest()


def user_of(identity: Identity) -> str | None:
    """The name by which a caller is known to others; None for keys."""
    claims = identity.claims if isinstance(identity.claims, dict) else {}
    return next((str(claims[claim]) for claim in USER_CLAIMS if claims.get(claim)), None)
