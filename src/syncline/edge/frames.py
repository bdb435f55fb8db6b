"""Outgoing text frames: plain, or deflated once for all whom a message goes to (RFC 7692).

For: `edge.sockets`, `edge.outbox`. Owns: the bytes of text frames. Never: reads a frame.

A deflated message is two parts that know nothing of each other: what is its connection's own (the subscription's id)
is a stored block, what it shares with other connections is deflated once. Neither refers back to anything before
it, so no connection holds a window.
"""

from __future__ import annotations

import zlib

DEFLATED_BYTES_MIN = 256
"""A message of one connection alone is deflated from this size on; below, it costs more than it saves."""

LEVEL = 1
"""JSON of some kilobytes gains nothing from a higher one, and costs a fifth."""

NEXT, END = b"event: next\ndata: ", b"\n\n"
"""Around a result, in Server-Sent Events."""

TAIL = b"\x00\x00\xff\xff"


def text_header(length: int) -> bytes:
    """The header of an unmasked text frame (RFC 6455, section 5.2)."""
    return header(0x81, length)


def deflated_header(length: int) -> bytes:
    """The same of a frame that holds a whole deflated message."""
    return header(0xC1, length)


def header(first: int, length: int) -> bytes:
    """A frame's header: its first byte, and the length in as few bytes as will do."""
    if length < 126:
        return bytes((first, length))
    if length < 65536:
        return bytes((first, 126)) + length.to_bytes(2, "big")
    return bytes((first, 127)) + length.to_bytes(8, "big")


class Plain:
    """Text as it is."""

    __slots__ = ()

    framing: str = "websocket"
    frame_header = staticmethod(text_header)

    def opening(self, prefix: bytes) -> bytes:
        """What a connection's own beginning of a message is on the wire."""
        return prefix

    @staticmethod
    def pack(rest: bytes) -> bytes:
        """What the rest of a message is on the wire, the same for all connections of this framing."""
        return rest

    def frame(self, text: bytes) -> bytes:
        """A whole message in one frame."""
        return text_header(len(text)) + text


class Deflated:
    """permessage-deflate without context takeover, in a window of `bits`."""

    __slots__ = ("bits", "framing")

    frame_header = staticmethod(deflated_header)

    def __init__(self, bits: int) -> None:
        self.bits = bits
        self.framing = f"deflate {bits}"

    def opening(self, prefix: bytes) -> bytes:
        """A stored block (RFC 1951, section 3.2.4)."""
        length = len(prefix)
        assert length < 65536, "ids are shorter than a stored block"
        return b"\x00" + length.to_bytes(2, "little") + (length ^ 0xFFFF).to_bytes(2, "little") + prefix

    def pack(self, rest: bytes) -> bytes:
        """Deflated, in no more memory than the message needs: a full window costs six times as much for a small one."""
        bits = min(self.bits, max(9, len(rest).bit_length()))
        deflate = zlib.compressobj(LEVEL, zlib.DEFLATED, -bits, max(bits - 7, 1))
        packed = deflate.compress(rest) + deflate.flush(zlib.Z_SYNC_FLUSH)
        assert packed.endswith(TAIL), "a sync flush ends with an empty stored block"
        return packed[:-4]

    def frame(self, text: bytes) -> bytes:
        """A whole message in one frame: a short one as it is."""
        if len(text) < DEFLATED_BYTES_MIN:
            return text_header(len(text)) + text
        packed = self.pack(text)
        return deflated_header(len(packed)) + packed


class Events:
    """Server-Sent Events: the frame is in the subscription's prefix and suffix."""

    __slots__ = ()

    framing: str = "events"

    @staticmethod
    def frame_header(length: int) -> bytes:
        """Nothing announces an event."""
        return b""

    def opening(self, prefix: bytes) -> bytes:
        """As it is."""
        return prefix

    @staticmethod
    def pack(rest: bytes) -> bytes:
        """As it is."""
        return rest

    @staticmethod
    def frame(text: bytes) -> bytes:
        """One result."""
        return NEXT + text + END


PLAIN = Plain()
DEFLATED = {bits: Deflated(bits) for bits in range(9, 16)}
EVENTS = Events()
