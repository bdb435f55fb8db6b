"""The ledger of an outbox: which of its bytes belong to which publication, so that what arrived can be told.

For: `hub.fanout`, and the outboxes of `edge`, which note their own frames here. Owns: the order of the bytes.
Never: asks a socket; costs anything per delivery (a cohort counts its members' bytes for all of them at once, and
which frames these bytes were is worked out from the window, once somebody asks).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from syncline.hub.groups import Cohort
    from syncline.hub.port import Subscription
    from syncline.hub.topics import Publication

OWN_FRAMES_MAX = 64
"""Frames noted one by one before those that have arrived are forgotten."""

MISTAKES = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What a `matches` or `project` that cannot do a value raises: the flush did not send it either."""


class Own(NamedTuple):
    """A frame that was written for this outbox alone; every publication up to `mark` was written before it."""

    mark: int
    length: int
    subscription: Subscription | None
    position: int


class Place(NamedTuple):
    """A subscription's publications here: those after `after`, of which those after `since` came with its cohort's.

    `until`: the last it could get; None while it is live. `bytes`: what it was sent; while it shares a cohort's
    bytes, what the cohort had been sent before.
    """

    after: int
    since: int
    until: int | None
    cohort: Cohort | None
    bytes: int


class Ledger:
    """The bytes of one outbox. `settled`: the position up to which everything was handed to outboxes."""

    __slots__ = ("_base", "_own", "_places", "settled")

    def __init__(self) -> None:
        self.settled: Callable[[], int] | None = None
        self._base = 0
        self._own: list[Own] = []
        self._places: dict[Subscription, Place] = {}

    @property
    def busy(self) -> bool:
        """Is it worth forgetting what has arrived?"""
        return len(self._own) >= OWN_FRAMES_MAX

    @property
    def written(self) -> int:
        """All bytes written to the outbox."""
        spliced = sum(
            place.bytes if place.cohort is None else place.cohort.bytes - place.bytes for place in self._places.values()
        )
        return self._base + sum(own.length for own in self._own) + spliced

    def note(self, length: int, subscription: Subscription | None = None, position: int = 0) -> None:
        """The outbox writes a frame of its own, or a publication for one subscription alone."""
        if self.settled is None:
            self._base += length
        else:
            self._own.append(Own(self.settled(), length, subscription, position))

    def began(self, subscription: Subscription, after: int) -> None:
        """A subscription is to get what comes after a position."""
        self._places[subscription] = Place(after, after, None, None, 0)

    def joined(self, subscription: Subscription, cohort: Cohort, since: int) -> None:
        """It shares its cohort's bytes from now on, which is after the position `since`."""
        self._places[subscription] = Place(self._places[subscription].after, since, None, cohort, cohort.bytes)

    def left(self, subscription: Subscription, until: int) -> None:
        """It has ended; the last publication that it could get was at `until`."""
        place = self._places[subscription]
        sent = place.bytes if place.cohort is None else place.cohort.bytes - place.bytes
        since = until if place.cohort is None else place.since
        self._places[subscription] = Place(place.after, since, until, None, sent)

    def arrived(self, reached: int) -> None:
        """Forget what is known to have arrived, when that is everything."""
        written = self.written
        if reached < written:
            return
        self._base = written
        self._own.clear()
        for subscription, place in list(self._places.items()):
            if place.until is not None:
                subscription.complete_at = place.until  # It may come back.
                del self._places[subscription]
            elif place.cohort is not None:
                now = self._now()
                self._places[subscription] = Place(now, now, None, place.cohort, place.cohort.bytes)

    def reached(
        self, subscription: Subscription, reached: int, recent: Sequence[Publication], *, complete: bool
    ) -> int | None:
        """The position up to which the peer has everything of a subscription; None when it cannot be told.

        `reached` of the outbox's bytes have arrived. `recent` are the publications of the window, `complete` when
        none after the first subscription is missing from it.
        """
        place = self._places.get(subscription)
        if place is None:
            return subscription.complete_at
        until = self._now() if place.until is None else place.until
        left, found = self.written - reached, until
        own, publications = list(self._own), list(recent)
        while left > 0 and (own or publications):
            if own and (not publications or own[-1].mark >= publications[-1].position):
                frame = own.pop()
                left -= frame.length
                if frame.subscription is subscription:
                    found = min(found, frame.position - 1)
                continue
            publication = publications.pop()
            for sent, length in reversed(self._frames(publication)):
                if left <= 0:
                    break
                left -= length
                if sent is subscription:
                    found = min(found, publication.position - 1)
        return max(found, place.after) if left <= 0 or complete else None

    @property
    def first(self) -> int:
        """The position before the first publication that any subscription here could get."""
        return min((place.since for place in self._places.values()), default=0)

    def _now(self) -> int:
        assert self.settled is not None, "there are subscriptions, so the hub knows this ledger"
        return self.settled()

    def _frames(self, publication: Publication) -> list[tuple[Subscription, int]]:
        """Who was sent a publication in how many bytes, in the order of the bytes."""
        found = []
        now = self._now()
        for subscription, place in self._places.items():
            within = place.since < publication.position <= (now if place.until is None else place.until)
            if not within or (place.cohort is None and not place.bytes):
                continue
            if not publication.concerns(subscription.topics):
                continue
            payload = message_of(subscription, publication)
            if payload is not None:
                outbox = subscription.outbox
                length = len(subscription.prefix) + len(outbox.pack(payload + subscription.suffix))
                found.append((subscription, len(outbox.frame_header(length)) + length))
        return sorted(found, key=lambda sent: sent[0].prefix)


def message_of(subscription: Subscription, publication: Publication) -> bytes | None:
    """What a subscription gets of a publication, in between prefix and suffix."""
    try:
        if subscription.matches is not None and not subscription.matches(publication.value):
            return None
        payload = subscription.project(publication.value)
    except MISTAKES:
        return None
    if payload is None or subscription.stamp is None:
        return payload
    return subscription.stamp(payload, publication.position)
