"""Groups: subscriptions that receive the same payload, kept in the shape that makes delivery cheapest.

For: `hub.fanout`. Owns: who is in a group, and the bytes that its members share.
Never: decides when to flush; writes anything but whole frames.

A message is `header + prefix + payload + suffix` and only `prefix` (it holds the subscription's id) differs
between members. Members of equal framing, prefix length and suffix share everything else, so what one of them
gets is `prefix.join(parts)`: one call and one allocation, however many messages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

from syncline.hub.port import Outbox, Subscription
from syncline.hub.topics import Publication


class Message(NamedTuple):
    """A payload that a group gets, and its publication's position."""

    position: int
    payload: bytes


class Cohort:
    """Members of a group whose frames differ in the prefix alone."""

    __slots__ = ("alone", "bytes", "frame_header", "pack", "prefix_length", "shared", "suffix")

    def __init__(self, first: Subscription) -> None:
        self.frame_header = first.outbox.frame_header
        self.pack = first.outbox.pack
        self.prefix_length = len(first.prefix)
        self.suffix = first.suffix
        self.bytes = 0
        """What every member was sent since the cohort began."""
        self.alone: dict[Subscription, tuple[Callable[[bytes], None], bytes]] = {}
        """Members that are the only subscription of their outbox: written without a look at the others."""
        self.shared: dict[Subscription, tuple[Callable[[bytes], None], bytes]] = {}

    def packed(self, messages: Sequence[Message]) -> list[bytes]:
        """What follows the prefix in each of `messages`, as it leaves."""
        pack, suffix = self.pack, self.suffix
        return [pack(message.payload + suffix) for message in messages]

    def parts(self, packed: Sequence[bytes]) -> list[bytes]:
        """What `prefix.join` makes the frames of messages from."""
        length, frame_header = self.prefix_length, self.frame_header
        headers = [frame_header(length + len(rest)) for rest in packed]
        parts = [
            headers[0],
            *(rest + following for rest, (_, following) in zip(packed, pairwise([*headers, b""]), strict=True)),
        ]
        self.bytes += sum(map(len, parts)) + len(packed) * length
        return parts

    def place(self, subscription: Subscription, *, alone: bool) -> None:
        """Put a member on its side: alone on its outbox, or not."""
        self.remove(subscription)
        side = self.alone if alone else self.shared
        side[subscription] = subscription.outbox.write, subscription.prefix

    def remove(self, subscription: Subscription) -> None:
        self.alone.pop(subscription, None)
        self.shared.pop(subscription, None)


class Group:
    """Subscriptions to the same topics with equal `matches` and `project`."""

    __slots__ = ("cohorts", "doubles", "matches", "outboxes", "project", "stamp")

    def __init__(self, first: Subscription) -> None:
        self.matches = first.matches
        self.project = first.project
        self.stamp = first.stamp
        self.cohorts: dict[Hashable, Cohort] = {}
        self.outboxes: Counter[Outbox] = Counter()
        self.doubles = 0
        """How many outboxes have more than one member here."""

    def payload(self, publication: Publication) -> bytes | None:
        """What the group's members get of a publication: None when nothing."""
        if self.matches is not None and not self.matches(publication.value):
            return None
        payload = self.project(publication.value)
        if self.stamp is None or payload is None:
            return payload
        return self.stamp(payload, publication.position)

    def add(self, subscription: Subscription, *, alone: bool) -> Cohort:
        """Take in a member; returns with whom it shares its bytes."""
        cohort = self.cohorts.get(cohort_of(subscription))
        if cohort is None:
            cohort = self.cohorts[cohort_of(subscription)] = Cohort(subscription)
        cohort.place(subscription, alone=alone)
        self.outboxes[subscription.outbox] += 1
        self.doubles += self.outboxes[subscription.outbox] == 2
        return cohort

    def place(self, subscription: Subscription, *, alone: bool) -> None:
        """Move a member to the side where it now belongs."""
        self.cohorts[cohort_of(subscription)].place(subscription, alone=alone)

    def remove(self, subscription: Subscription) -> None:
        cohort = self.cohorts[cohort_of(subscription)]
        cohort.remove(subscription)
        if not cohort.alone and not cohort.shared:
            del self.cohorts[cohort_of(subscription)]
        left = self.outboxes[subscription.outbox] - 1
        self.doubles -= left == 1
        if left:
            self.outboxes[subscription.outbox] = left
        else:
            del self.outboxes[subscription.outbox]


class Touched(NamedTuple):
    """A group and what it gets in this flush, in position order."""

    group: Group
    messages: list[Message]


class Entry(NamedTuple):
    """What one of an outbox's several subscriptions gets in this flush."""

    subscription: Subscription
    messages: list[Message]
    packed: list[bytes]
    parts: list[bytes]


def deliver(touched: Sequence[Touched]) -> int:
    """Write every message to every member, in position order, one write per outbox. Returns how many messages."""
    count = 0
    together = len(touched) == 1 and not touched[0].group.doubles
    mixed: dict[Outbox, list[Entry]] = {}
    for group, messages in touched:
        for cohort in group.cohorts.values():
            count += (len(cohort.alone) + len(cohort.shared)) * len(messages)
            packed = cohort.packed(messages)
            parts = cohort.parts(packed)
            write_all(cohort.alone.values(), parts)
            if together:
                write_all(cohort.shared.values(), parts)
                continue
            for subscription in cohort.shared:
                mixed.setdefault(subscription.outbox, []).append(Entry(subscription, messages, packed, parts))
    for outbox, entries in mixed.items():
        first = entries[0]
        frames = interleaved(outbox, entries) if len(entries) > 1 else first.subscription.prefix.join(first.parts)
        outbox.write(frames)
    return count


def write_all(members: Iterable[tuple[Callable[[bytes], None], bytes]], parts: list[bytes]) -> None:
    """The hot loop of the whole server: one join and one write for each member."""
    for write, prefix in members:
        write(prefix.join(parts))


def interleaved(outbox: Outbox, entries: Sequence[Entry]) -> bytes:
    """The frames of several subscriptions of one outbox, in position order."""
    frames: list[tuple[int, bytes, bytes]] = []
    for subscription, messages, packed, _ in entries:
        for (position, _), rest in zip(messages, packed, strict=True):
            body = subscription.prefix + rest
            frames.append((position, subscription.prefix, outbox.frame_header(len(body)) + body))
    frames.sort(key=lambda frame: frame[:2])
    return b"".join(frame for _, _, frame in frames)


def cohort_of(subscription: Subscription) -> Hashable:
    """Equal for members that may share bytes."""
    return subscription.outbox.framing, len(subscription.prefix), subscription.suffix
