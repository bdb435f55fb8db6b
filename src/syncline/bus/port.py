"""The bus's port: messages between nodes. Wake-ups and unkept publications; nothing here is durable.

Drivers: `local.py`. A subscriber that falls behind loses the oldest messages and is told so by a `Gap`.
"""

from __future__ import annotations

from typing import Protocol

import msgspec


class Message(msgspec.Struct, frozen=True):
    """Bytes under a subject."""

    subject: str
    data: bytes


class Gap(msgspec.Struct, frozen=True):
    """`lost` messages did not reach this subscriber; it must read what it needs from a stream."""

    lost: int


class Listening(Protocol):
    """One subscription."""

    async def receive(self) -> Message | Gap:
        """Wait for the next message, or for word of a lost stretch."""
        ...

    def close(self) -> None:
        """Take part in no further message."""
        ...


class Bus(Protocol):
    """Messages by subject. Each subscriber gets the messages of a subject in the order they were published."""

    def publish(self, subject: str, data: bytes) -> None:
        """Send `data` to whoever listens to `subject` now. Never waits."""
        ...

    def subscribe(self, subject: str) -> Listening:
        """Listen to `subject` from now on."""
        ...
