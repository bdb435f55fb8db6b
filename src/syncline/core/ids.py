"""Ids and chance are handed in: the only place that draws random numbers."""

from __future__ import annotations

import os
import random  # noqa: TID251
from typing import Protocol

ALPHABET = "abcdefghijklmnopqrstuvwxyz0123456789"


class Ids(Protocol):
    """Where ids, tokens and jitter come from."""

    def uuid(self) -> str:
        """A version 4 UUID in its usual 36 characters."""
        ...

    def short(self, length: int = 26) -> str:
        """`length` characters of `[a-z0-9]`, the first a letter: API, resolver and function ids.

        Never `-`: Terraform splits ids there.
        """
        ...

    def bytes(self, count: int) -> bytes:
        """`count` unpredictable bytes."""
        ...

    def fraction(self) -> float:
        """A number in [0, 1): jitter."""
        ...


POOL_BYTES = 1024
"""Entropy asked for at once: a stream record's id takes 16 bytes."""


class SystemIds:
    """Ids from the operating system's entropy; uuids from a generator seeded by it, for speed."""

    def __init__(self) -> None:
        self._random = random.Random(os.urandom(32))
        self._pool = b""

    def uuid(self) -> str:
        return uuid4(self._random.getrandbits(128))

    def short(self, length: int = 26) -> str:
        return short(os.urandom(length * 2))

    def bytes(self, count: int) -> bytes:
        # Drawn in advance: each question to the system lets another thread take the interpreter.
        if len(self._pool) < count:
            self._pool = os.urandom(max(POOL_BYTES, count))
        drawn, self._pool = self._pool[:count], self._pool[count:]
        return drawn

    def fraction(self) -> float:
        return self._random.random()


class SeededIds:
    """The same ids for the same seed: simulations and tests."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def uuid(self) -> str:
        return uuid4(self._random.getrandbits(128))

    def short(self, length: int = 26) -> str:
        return short(self._random.randbytes(length * 2))

    def bytes(self, count: int) -> bytes:
        return self._random.randbytes(count)

    def fraction(self) -> float:
        return self._random.random()


def uuid4(entropy: int) -> str:
    """A version 4 UUID of 128 bits. Written out: every answer carries one, and `uuid.UUID` costs four times as much."""
    digits = f"{entropy:032x}"
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def short(entropy: bytes) -> str:
    """An id of `len(entropy) // 2` characters of `[a-z0-9]` that starts with a letter."""
    numbers = [int.from_bytes(entropy[n : n + 2], "big") for n in range(0, len(entropy), 2)]
    return "".join(ALPHABET[number % (26 if position == 0 else 36)] for position, number in enumerate(numbers))
