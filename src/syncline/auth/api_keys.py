"""API keys of AppSync's APIs, GraphQL and Event ones: made, changed, found and listed.

For: `graphql` and `events`, which keep the records. Owns: a key's expiry and the quota. Never: keeps a key.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from syncline.core import Ids, Invalid, NotFound

KEYS_MAX = 50
HOUR = 3600
DAY = 24 * HOUR
KEY_DAYS_DEFAULT, KEY_DAYS_MAX = 7, 365
KEY_KEPT_DAYS = 60
"""An expired key can still be seen and extended for so long."""


class ApiKey(msgspec.Struct, frozen=True, rename="camel"):
    """An API key: the id is the key. Instants are epoch seconds."""

    id: str
    expires: int
    deletes: int
    description: str | None = None


class ApiKeyLimitExceeded(Invalid):
    """The API exceeded a limit: it has {limit} keys."""

    code = "ApiKeyLimitExceededException"


class ApiKeyValidityOutOfBounds(Invalid):
    """API key must be valid for a minimum of 1 days and a maximum of 365 days."""

    code = "ApiKeyValidityOutOfBoundsException"


class ApiKeyNotFound(NotFound):
    """API key not found."""

    code = "NotFoundException"


def new_key(request: Mapping[str, Any], kept: Mapping[str, ApiKey], ids: Ids, now: float) -> ApiKey:
    """The key that CreateApiKey asks for. Raises ApiKeyLimitExceeded, ApiKeyValidityOutOfBounds."""
    if len(kept) >= KEYS_MAX:
        raise ApiKeyLimitExceeded(limit=KEYS_MAX)
    return _key("da2-" + ids.short(), request.get("description"), request.get("expires"), now)


def changed_key(request: Mapping[str, Any], kept: Mapping[str, ApiKey], now: float) -> ApiKey:
    """A key as UpdateApiKey describes it. Raises ApiKeyNotFound, ApiKeyValidityOutOfBounds."""
    old = key_of(kept, request["id"])
    description, expires = request.get("description", old.description), request.get("expires")
    if expires is None:
        return msgspec.structs.replace(old, description=description)
    return _key(old.id, description, expires, now)


def key_of(kept: Mapping[str, ApiKey], key_id: str) -> ApiKey:
    """The key. Raises ApiKeyNotFound."""
    if key_id not in kept:
        raise ApiKeyNotFound
    return kept[key_id]


def listed_keys(kept: Mapping[str, ApiKey], now: float) -> list[ApiKey]:
    """The keys that can be seen, in the order of their ids."""
    return [kept[key_id] for key_id in sorted(kept) if kept[key_id].deletes > now]


def _key(key_id: str, description: str | None, expires: float | None, now: float) -> ApiKey:
    at = _expiry(expires, int(now))
    return ApiKey(key_id, at, at + KEY_KEPT_DAYS * DAY, description)


def _expiry(given: float | None, now: int) -> int:
    expires = now + KEY_DAYS_DEFAULT * DAY if given is None else int(given)
    # A day ahead, rounded down to the hour, is still a day ahead to AWS: bounds are compared by the hour.
    rounded, hour = expires - expires % HOUR, now - now % HOUR
    if not hour + DAY <= rounded <= hour + KEY_DAYS_MAX * DAY + HOUR:
        raise ApiKeyValidityOutOfBounds
    return rounded
