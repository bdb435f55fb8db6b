"""Page tokens: the key a page ended at, signed, so that a client can neither read sense into nor make one up."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from typing import Any

from syncline.core import json
from syncline.datasources.attributes import mapping_error, typed_map

SIGNATURE_BYTES = 16


class Tokens:
    """Seals and opens the tokens of one data source; another's tokens do not open."""

    def __init__(self, secret: bytes, owner: str) -> None:
        self._key = hashlib.blake2b(secret, person=b"page token").digest()
        self._owner = owner.encode()

    def seal(self, key: dict[str, Any]) -> str:
        """The token of a LastEvaluatedKey. Binary is base64 text inside."""
        text = json.encode(key)
        return base64.urlsafe_b64encode(self._sign(text) + text).decode()

    def open(self, token: Any) -> dict[str, Any]:
        """The ExclusiveStartKey of a token. Raises DataSourceError for a foreign or changed one."""
        try:
            sealed = base64.urlsafe_b64decode(token)
        except (binascii.Error, ValueError, TypeError):
            raise mapping_error("Invalid pagination token given.") from None
        signature, text = sealed[:SIGNATURE_BYTES], sealed[SIGNATURE_BYTES:]
        if not hmac.compare_digest(signature, self._sign(text)):
            raise mapping_error("Invalid pagination token given.")
        return typed_map(json.decode(text), "$[nextToken]")

    def _sign(self, text: bytes) -> bytes:
        return hashlib.blake2b(self._owner + b"\x00" + text, key=self._key, digest_size=SIGNATURE_BYTES).digest()
