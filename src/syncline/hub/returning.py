"""Giving a returning subscription what it missed, no faster than its outbox takes it.

For: `hub.fanout`. Never: looks further than the publications it is handed.
"""

from __future__ import annotations

from collections.abc import Sequence

from syncline.hub.ledger import message_of
from syncline.hub.port import Subscription
from syncline.hub.topics import Publication

CATCH_UP_BYTES = 256 * 1024
"""What may wait in the outbox of one that catches up: well under the bound at which it would be cut as slow."""
CATCH_UP_SECONDS = 0.01


def catch_up(
    subscription: Subscription, cursor: int, missed: Sequence[Publication], payload_bytes_max: int
) -> tuple[int, int]:
    """Write what was missed while there is room. Returns how many messages, and the position reached."""
    outbox, count, waiting = subscription.outbox, 0, subscription.outbox.pending_bytes
    frames = []
    for publication in missed:
        if waiting > CATCH_UP_BYTES:
            break
        cursor = publication.position
        payload = message_of(subscription, publication) if publication.concerns(subscription.topics) else None
        if payload is None or (len(payload) > payload_bytes_max and not publication.judged):
            continue
        body = subscription.prefix + outbox.pack(payload + subscription.suffix)
        frame = outbox.frame_header(len(body)) + body
        outbox.ledger.note(len(frame), subscription, publication.position)
        frames.append(frame)
        waiting += len(frame)
        count += 1
    if frames:
        outbox.write(b"".join(frames))
    return count, cursor
