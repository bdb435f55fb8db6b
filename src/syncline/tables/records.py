"""Stream records: what is kept of a change, and how GetRecords and Lambda events show it.

For: the write bodies, which append them; `table_streams` and the functions room, which show them.
Owns: sequence numbers as text.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import msgspec

from syncline.core import arns
from syncline.tables.layout import decode_image
from syncline.tables.values import Item

INSERT, MODIFY, REMOVE = "INSERT", "MODIFY", "REMOVE"
NO_IMAGE = msgspec.Raw(b"\xc0")
"""MessagePack's nil."""

# AWS's sequence numbers have 21 digits or more and no leading zero; this one digit in front keeps ours of one length.
_SEQUENCE_BASE = 10**20


class StreamRecord(msgspec.Struct, array_like=True):
    """One change of one item. The images are the item's own rows, spliced in.

    `by_service` marks what expired by itself.
    """

    id: str
    event: str
    at: float
    stream: str
    view: str
    keys: Item
    new: msgspec.Raw
    old: msgspec.Raw
    size: int
    by_service: bool = False

    @staticmethod
    def decode(value: bytes) -> StreamRecord:
        """The record that a stream keeps as `value`."""
        return _record(value)

    def as_event(self, sequence: int, show: Callable[[msgspec.Raw], Any] = decode_image) -> dict[str, Any]:
        """The entry of `Records` in GetRecords' answer and in a Lambda event; binary values are bytes.

        `show` makes of an image what the entry holds.
        """
        change: dict[str, Any] = {"ApproximateCreationDateTime": int(self.at), "Keys": self.keys}
        new, old = show(self.new), show(self.old)
        if new is not None:
            change["NewImage"] = new
        if old is not None:
            change["OldImage"] = old
        change["SequenceNumber"] = sequence_text(sequence)
        change["SizeBytes"] = self.size
        change["StreamViewType"] = self.view
        shown = {
            "eventID": self.id,
            "eventName": self.event,
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": _region(self.stream),
            "dynamodb": change,
            "eventSourceARN": self.stream,
        }
        if self.by_service:
            shown["userIdentity"] = {"type": "Service", "principalId": "dynamodb.amazonaws.com"}
        return shown


@lru_cache(maxsize=256)
def _region(arn: str) -> str:
    return arns.parse(arn).region


_record = msgspec.msgpack.Decoder(StreamRecord).decode


def sequence_text(sequence: int) -> str:
    """A sequence as AWS writes it: 21 digits, in the order of the sequences."""
    return str(_SEQUENCE_BASE + sequence)


def parse_sequence(text: str) -> int | None:
    """The sequence that `sequence_text` wrote, or None."""
    if not text.isascii() or not text.isdigit() or not 21 <= len(text) <= 40:
        return None
    sequence = int(text) - _SEQUENCE_BASE
    return sequence if sequence >= 0 else None
