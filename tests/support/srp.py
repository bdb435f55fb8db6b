"""The client's side of Cognito's SRP, written from its specification and Python's own integers."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
from datetime import UTC, datetime
from typing import Any

from syncline.userpools.srp import INFO, G, K, N, pad


def hashed(*parts: bytes) -> int:
    return int.from_bytes(hashlib.sha256(b"".join(parts)).digest(), "big")


class SrpClient:
    """One sign-in attempt."""

    def __init__(self, pool: str, password: str) -> None:
        self._pool, self._password = pool.partition("_")[2], password
        self._secret = int.from_bytes(os.urandom(128), "big")
        self.public = pow(G, self._secret, N)

    def answer(self, challenge: dict[str, Any], *, stamp: str | None = None) -> dict[str, str]:
        """The responses to PASSWORD_VERIFIER."""
        given = challenge["ChallengeParameters"]
        user, salt, server = given["USER_ID_FOR_SRP"], int(given["SALT"], 16), int(given["SRP_B"], 16)
        inner = hashlib.sha256(f"{self._pool}{user}:{self._password}".encode()).digest()
        x, u = hashed(pad(salt), inner), hashed(pad(self.public), pad(server))
        shared = pow(server - K * pow(G, x, N), self._secret + u * x, N)
        first = hmac.digest(pad(u), pad(shared), "sha256")
        key = hmac.digest(first, INFO + b"\x01", "sha256")[:16]
        now = datetime.now(UTC)
        stamp = stamp or f"{now:%a %b} {now.day} {now:%H:%M:%S} UTC {now.year}"
        block = base64.b64decode(given["SECRET_BLOCK"])
        proof = hmac.digest(key, f"{self._pool}{user}".encode() + block + stamp.encode(), "sha256")
        return {
            "USERNAME": user,
            "PASSWORD_CLAIM_SECRET_BLOCK": given["SECRET_BLOCK"],
            "TIMESTAMP": stamp,
            "PASSWORD_CLAIM_SIGNATURE": base64.b64encode(proof).decode(),
        }
