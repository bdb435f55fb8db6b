"""A new data key: everything in the store that the old one sealed is sealed by its successor.

For: `syncline keys rotate --data-key`. Owns: how sealed values are found in records that it knows nothing else of.
Never: runs beside a server.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from functools import partial
from typing import Any

import msgspec

from syncline.core import SealBroken, Vault
from syncline.core.vault import FORM
from syncline.store import Snapshot, Space, Store, Transaction

PURPOSES = ("access key secret", "client secret", "password verifier", "secret value", "signing key")
"""Of what is kept. What clients hold (refresh tokens, challenge sessions) opens no more: that is the point."""
PAGE = 500
LAST = b"\xff" * 64


async def reseal(store: Store, old: Vault, new: Vault) -> int:
    """Seal anew what `old` opens, page by page; returns how many values. One that was interrupted may begin again."""
    low, count = b"", 0
    while True:
        page = await store.read(partial(_page, low))
        changes: list[tuple[bytes, bytes]] = []
        for key, value in page:
            found = Resealing(old, new)
            changed = found.of(msgspec.msgpack.decode(value))
            if found.count:
                changes.append((key, msgspec.msgpack.encode(changed)))
                count += found.count
        await store.write(partial(_put, changes))
        if len(page) < PAGE:
            return count
        low = page[-1][0] + b"\0"


def _page(low: bytes, snapshot: Snapshot) -> list[tuple[bytes, bytes]]:
    return snapshot.scan(Space.CATALOG, low, LAST, limit=PAGE)


def _put(changes: list[tuple[bytes, bytes]], txn: Transaction) -> None:
    for key, value in changes:
        txn.put(Space.CATALOG, key, value)


class Resealing:
    """One record on its way from one vault to another. `count` says how many sealed values it had."""

    def __init__(self, old: Vault, new: Vault) -> None:
        self._old, self._new = old, new
        self.count = 0

    def of(self, value: Any) -> Any:
        """The value, with all that is sealed in it sealed anew: bytes, or bytes as base64."""
        if isinstance(value, dict):
            return {name: self.of(each) for name, each in value.items()}
        if isinstance(value, list):
            return [self.of(each) for each in value]
        if isinstance(value, bytes):
            return self._sealed(value, lambda sealed: sealed) if value[:1] == FORM else value
        return self._text(value) if isinstance(value, str) and value.startswith("A") else value

    def _text(self, value: str) -> Any:
        try:
            sealed = base64.b64decode(value, validate=True)
        except (binascii.Error, ValueError):
            return value
        if sealed[:1] != FORM:
            return value
        return self._sealed(sealed, lambda anew: base64.b64encode(anew).decode(), value)

    def _sealed(self, sealed: bytes, written: Callable[[bytes], Any], otherwise: Any = None) -> Any:
        for purpose in PURPOSES:
            try:
                plain = self._old.open(purpose, sealed)
            except SealBroken:
                continue
            self.count += 1
            return written(self._new.seal(purpose, plain))
        return sealed if otherwise is None else otherwise
