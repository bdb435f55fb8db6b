"""Secrets at rest: what is written to the store is sealed by a key that is not in the store.

For: rooms that keep secrets; `app` makes the one vault. Owns: nothing but its key.
Never: writes a key anywhere; tells a wrong key from damaged data.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from contextlib import suppress

from syncline.core.errors import Invalid
from syncline.core.ids import Ids

KEY_BYTES = 32
NONCE_BYTES = 12
FORM = b"\x01"
"""Of a sealed value: this byte, the nonce, AES-256-GCM's output."""


class SealBroken(Invalid):
    """A sealed {purpose} cannot be opened: it was sealed by another key, or damaged."""


class Vault:
    """Seals and opens bytes. What was sealed for one `purpose` opens for that one only.

    What `older` keys sealed opens, too: one key may take over from another.
    """

    def __init__(self, key: bytes, ids: Ids, older: Iterable[bytes] = ()) -> None:
        assert len(key) == KEY_BYTES, "the vault's key has 256 bits"
        # Imported when there is a vault: what only speaks of one starts without it.
        from cryptography.exceptions import InvalidTag
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        self._ciphers, self._broken = [AESGCM(each) for each in (key, *older)], InvalidTag
        self._digest_key = hmac.digest(key, b"syncline digest", "sha256")
        self._ids = ids

    def seal(self, purpose: str, data: bytes) -> bytes:
        """`data`, unreadable without this vault."""
        nonce = self._ids.bytes(NONCE_BYTES)
        return FORM + nonce + self._ciphers[0].encrypt(nonce, data, purpose.encode())

    def open(self, purpose: str, sealed: bytes) -> bytes:
        """What was sealed for `purpose`. Raises SealBroken."""
        nonce, body = sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
        if sealed[:1] != FORM or len(nonce) != NONCE_BYTES:
            raise SealBroken(purpose=purpose)
        for cipher in self._ciphers:
            with suppress(self._broken):
                return cipher.decrypt(nonce, body, purpose.encode())
        raise SealBroken(purpose=purpose)

    def seal_text(self, purpose: str, text: str) -> bytes:
        """`seal` of a text."""
        return self.seal(purpose, text.encode())

    def open_text(self, purpose: str, sealed: bytes) -> str:
        """`open` of a text."""
        return self.open(purpose, sealed).decode()

    def digest(self, purpose: str, text: str) -> bytes:
        """A fingerprint of `text` that nobody without this vault can make or search for."""
        return hmac.digest(self._digest_key, f"{purpose}\0{text}".encode(), hashlib.sha256)
