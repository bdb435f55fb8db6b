"""AppSync's operations on API keys: the same for both kinds of APIs.

For: the services of `graphql` and `events`, which inherit them. Owns: nothing; the API's shelf keeps the keys.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from syncline.auth.api_keys import ApiKey, changed_key, key_of, listed_keys, new_key
from syncline.core import Clock, Ids
from syncline.store import Shelf
from syncline.wire import page, shown

Members = dict[str, Any]


class KeyOperations:
    """The four operations. `keys_of` gives an API's keys by its id, or raises NotFound; `changed` hears of them."""

    def __init__(
        self, keys_of: Callable[[str], Shelf[str, ApiKey]], changed: Callable[[str], None], clock: Clock, ids: Ids
    ) -> None:
        self._keys_of, self._keys_changed = keys_of, changed
        self._clock, self._ids = clock, ids

    async def create_api_key(self, request: Members) -> Members:
        """A new key."""
        keys = self._keys_of(request["apiId"])
        return await self._put_key(request, new_key(request, keys, self._ids, self._clock.now()))

    async def update_api_key(self, request: Members) -> Members:
        """Another description or expiry of a key."""
        return await self._put_key(request, changed_key(request, self._keys_of(request["apiId"]), self._clock.now()))

    async def delete_api_key(self, request: Members) -> Members:
        """Refuse a key from now on."""
        keys = self._keys_of(request["apiId"])
        await keys.delete(key_of(keys, request["id"]).id)
        self._keys_changed(request["apiId"])
        return {}

    async def list_api_keys(self, request: Members) -> Members:
        """Keys, expired ones included."""
        return page("apiKeys", listed_keys(self._keys_of(request["apiId"]), self._clock.now()), request)

    async def _put_key(self, request: Members, key: ApiKey) -> Members:
        await self._keys_of(request["apiId"]).put(key)
        self._keys_changed(request["apiId"])
        return {"apiKey": shown(key)}
