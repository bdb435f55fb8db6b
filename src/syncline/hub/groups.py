"""Groups: subscriptions that receive the same payload, kept in the shape that makes delivery cheapest.

For: `hub.fanout`. Owns: who is in a group, and the bytes that its members share.
Never: decides when to flush; writes anything but whole frames.

A message is `header + prefix + payload + suffix` and only `prefix` (it holds the subscription's id) differs
between members. Members of equal framing, prefix length and suffix share everything else, so what one of them
gets is `prefix.join(parts)`: one call and one allocation, however many messages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from typing import NamedTuple

from syncline.hub.port import Outbox, Subscription
from syncline.hub.topics import Publication

UNIT_BYTES = 5 * 1024
"""What AppSync counts as one outbound message."""


class Form:
    """How values become payloads: groups of one form share what it makes of a publication."""

    __slots__ = ("__weakref__", "project", "stamp")

    def __init__(self, project: Callable[[object], bytes | None], stamp: Callable[[bytes, int], bytes] | None) -> None:
        self.project = project
        self.stamp = stamp

    def payload(self, publication: Publication) -> bytes | None:
        """What a publication becomes; None: nothing."""
        payload = self.project(publication.value)
        if self.stamp is None or payload is None:
            return payload
        return self.stamp(payload, publication.position)


class Shape:
    """How payloads become frames, but for the prefix: cohorts of one shape share that, too."""

    __slots__ = ("__weakref__", "frame_header", "pack", "prefix_length", "suffix")

    def __init__(self, first: Subscription) -> None:
        self.frame_header, self.pack = first.outbox.frame_header, first.outbox.pack
        self.prefix_length = len(first.prefix)
        self.suffix = first.suffix

    def parts(self, trail: Trail) -> Parts:
        """The frames of a trail's messages, but for the prefix."""
        messages = trail.messages()
        pack, suffix, length, frame_header = self.pack, self.suffix, self.prefix_length, self.frame_header
        packed = [pack(each.payload + suffix) for each in messages]
        headers = [frame_header(length + len(rest)) for rest in packed]
        shared = [
            headers[0],
            *(rest + following for rest, (_, following) in zip(packed, pairwise([*headers, b""]), strict=True)),
        ]
        positions = [each.position for each in messages]
        return Parts(positions, packed, shared, sum(map(len, shared)) + len(packed) * length)


class Parts(NamedTuple):
    """Some messages as every member of a shape gets them.

    `packed`: what follows the prefix in each, as it leaves; `shared`: what `prefix.join` makes their frames from;
    `length`: how many bytes these are.
    """

    positions: list[int]
    packed: list[bytes]
    shared: list[bytes]
    length: int


class Trail:
    """What groups get in one flush: a message, and those before it. Groups of one form that get the same share it."""

    __slots__ = ("before", "bytes", "count", "parts", "payload", "position", "units")

    def __init__(self, before: Trail | None, position: int, payload: bytes) -> None:
        self.before = before
        self.position = position
        self.payload = payload
        self.count, self.bytes = 1, len(payload)
        self.units = -(-len(payload) // UNIT_BYTES) or 1
        if before is not None:
            self.count += before.count
            self.bytes += before.bytes
            self.units += before.units
        self.parts: dict[Shape, Parts] = {}

    def messages(self) -> list[Trail]:
        """It and those before it, in position order."""
        found: list[Trail] = []
        each: Trail | None = self
        while each is not None:
            found.append(each)
            each = each.before
        return found[::-1]


Member = tuple[Callable[[bytes], int], bytes, Outbox]
"""What delivery touches of a subscription: `outbox.send`, the prefix, the outbox."""


def member_of(subscription: Subscription) -> Member:
    """As a row has it."""
    outbox = subscription.outbox
    return outbox.send, subscription.prefix, outbox


class Cohort:
    """Members of a group whose frames differ in the prefix alone."""

    __slots__ = ("_row", "alone", "bytes", "shape", "shared")

    def __init__(self, shape: Shape) -> None:
        self.shape = shape
        self.bytes = 0
        """What every member was sent since the cohort began."""
        self.alone: dict[Subscription, None] = {}
        """Members that are the only subscription of their outbox: written without a look at the others."""
        self.shared: dict[Subscription, None] = {}
        self._row: list[Member] | None = None

    @property
    def row(self) -> list[Member]:
        """Those alone. Made anew once one came or went: side by side in memory, a delivery costs a fortieth less."""
        if self._row is None:
            self._row = [member_of(each) for each in self.alone]
        return self._row

    def place(self, subscription: Subscription, *, alone: bool) -> None:
        """Put a member on its side: alone on its outbox, or not."""
        self.remove(subscription)
        side = self.alone if alone else self.shared
        side[subscription] = None

    def remove(self, subscription: Subscription) -> None:
        self.alone.pop(subscription, None)
        self.shared.pop(subscription, None)
        self._row = None


class Group:
    """Subscriptions to the same topics with equal `matches` and `project`."""

    __slots__ = ("cohorts", "doubles", "form", "matches", "outboxes", "size")

    def __init__(self, first: Subscription, form: Form) -> None:
        self.matches = first.matches
        self.form = form
        self.cohorts: dict[Shape, Cohort] = {}
        self.outboxes: Counter[Outbox] = Counter()
        self.size = 0
        self.doubles = 0
        """How many outboxes have more than one member here."""

    def add(self, subscription: Subscription, shape: Shape, *, alone: bool) -> Cohort:
        """Take in a member; returns with whom it shares its bytes."""
        cohort = self.cohorts.get(shape)
        if cohort is None:
            cohort = self.cohorts[shape] = Cohort(shape)
        cohort.place(subscription, alone=alone)
        self.size += 1
        self.outboxes[subscription.outbox] += 1
        self.doubles += self.outboxes[subscription.outbox] == 2
        return cohort

    def place(self, subscription: Subscription, shape: Shape, *, alone: bool) -> None:
        """Move a member to the side where it now belongs."""
        self.cohorts[shape].place(subscription, alone=alone)

    def remove(self, subscription: Subscription, shape: Shape) -> None:
        """Let go of a member."""
        cohort = self.cohorts[shape]
        cohort.remove(subscription)
        if not cohort.alone and not cohort.shared:
            del self.cohorts[shape]
        self.size -= 1
        left = self.outboxes[subscription.outbox] - 1
        self.doubles -= left == 1
        if left:
            self.outboxes[subscription.outbox] = left
        else:
            del self.outboxes[subscription.outbox]


class Entry(NamedTuple):
    """What one of an outbox's several subscriptions gets in this flush."""

    subscription: Subscription
    parts: Parts


class Delivered(NamedTuple):
    """What left: messages, AppSync's units of them, and the bytes of their payloads."""

    messages: int
    units: int
    bytes: int


def deliver(touched: Mapping[Group, Trail]) -> Delivered:
    """Write every message to every member, in position order, one write per outbox."""
    count = units = size = 0
    together = len(touched) == 1 and not next(iter(touched)).doubles
    mixed: dict[Outbox, list[Entry]] = {}
    for group, trail in touched.items():
        count += group.size * trail.count
        units += group.size * trail.units
        size += group.size * trail.bytes
        for shape, cohort in group.cohorts.items():
            parts = trail.parts.get(shape)
            if parts is None:
                parts = trail.parts[shape] = shape.parts(trail)
            cohort.bytes += parts.length
            send_all(cohort.row, parts)
            if not cohort.shared:
                continue
            if together:
                send_all(map(member_of, cohort.shared), parts)
                continue
            for subscription in cohort.shared:
                mixed.setdefault(subscription.outbox, []).append(Entry(subscription, parts))
    for outbox, entries in mixed.items():
        first = entries[0]
        frames = (
            interleaved(outbox, entries) if len(entries) > 1 else first.subscription.prefix.join(first.parts.shared)
        )
        outbox.write(frames)
    return Delivered(count, units, size)


def send_all(members: Iterable[Member], parts: Parts) -> None:
    """The hot loop of the whole server: one join and one send for each member."""
    shared, length = parts.shared, parts.length
    for send, prefix, outbox in members:
        frames = prefix.join(shared)
        try:
            sent = send(frames)
        except OSError:  # It is full, or gone.
            sent = 0
        if sent != length:
            outbox.write(frames[sent:])


def interleaved(outbox: Outbox, entries: Iterable[Entry]) -> bytes:
    """The frames of several subscriptions of one outbox, in position order."""
    frames: list[tuple[int, bytes, bytes]] = []
    for subscription, parts in entries:
        for position, rest in zip(parts.positions, parts.packed, strict=True):
            body = subscription.prefix + rest
            frames.append((position, subscription.prefix, outbox.frame_header(len(body)) + body))
    frames.sort(key=lambda frame: frame[:2])
    return b"".join(frame for _, _, frame in frames)
