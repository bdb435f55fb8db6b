"""Client request tokens: a transaction sent twice within ten minutes happens once.

For: TransactWriteItems. Owns: the record of each token, kept in the transaction's own commit, and its removal.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec

from syncline.store import Collection, Snapshot, Space, Transaction, keys
from syncline.tables.errors import IdempotentParameterMismatch

TOKEN_SECONDS = 600
DUE_TOKENS = "transaction token"
TOKENS_PER_BODY = 500

_encode = msgspec.msgpack.Encoder(order="deterministic").encode


class UsedToken(msgspec.Struct, frozen=True):
    """A token that a committed transaction carried: what it asked, and when."""

    digest: bytes
    at: float


TOKENS = Collection("transaction token", UsedToken)


def digest_of(request: Mapping[str, Any]) -> bytes:
    """What a transaction asks, whatever order its members came in and whatever it wants to be told."""
    return hashlib.sha256(_encode(request.get("TransactItems"))).digest()


def was_used(txn: Snapshot, token: str, digest: bytes, now: float) -> bool:
    """Whether this very transaction was committed under the token. Raises IdempotentParameterMismatch for another."""
    used = TOKENS.get(txn, token)
    if used is None or used.at + TOKEN_SECONDS <= now:
        return False
    if used.digest != digest:
        raise IdempotentParameterMismatch()
    return True


def use(txn: Transaction, token: str, digest: bytes, now: float) -> None:
    """Keep the token with the transaction that carries it."""
    TOKENS.put(txn, UsedToken(digest, now), token)
    txn.put(Space.DUE, keys.encode((DUE_TOKENS, int(now) + TOKEN_SECONDS + 1, token)), b"")


def forget_used(txn: Transaction, now: float) -> int:
    """Remove some tokens whose time is over; says how many notes went."""
    low, high = keys.encode((DUE_TOKENS,)), keys.encode((DUE_TOKENS, int(now) + 1))
    notes = txn.scan(Space.DUE, low, high, limit=TOKENS_PER_BODY)
    for note, _ in notes:
        txn.delete(Space.DUE, note)
        token = str(keys.decode(note)[-1])
        used = TOKENS.get(txn, token)
        # A token used again since then has a later note of its own.
        if used is not None and used.at + TOKEN_SECONDS <= now:
            TOKENS.delete(txn, token)
    return len(notes)
