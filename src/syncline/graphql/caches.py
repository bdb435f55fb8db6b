"""API caches: the control plane's verbs.

For: `service`. Owns: what a cache may be told. Never: keeps an entry (`api_cache` does).
"""

from __future__ import annotations

from typing import Any

import msgspec

from syncline.graphql.engine import GraphqlEngine
from syncline.graphql.errors import BadRequest
from syncline.graphql.live_api import LiveApi
from syncline.graphql.model import ApiCache
from syncline.graphql.parts import PartNotFound
from syncline.wire import record_from, shown

Members = dict[str, Any]
TTL_MAX = 3600


class Caches:
    """The verbs over an API's cache."""

    def __init__(self, engine: GraphqlEngine) -> None:
        self._engine = engine

    async def create(self, request: Members) -> Members:
        live = self._engine.live(request["apiId"])
        if live.entry.cache is not None:
            raise BadRequest("An API cache already exists for this API.")
        return await self._put(live, record_from(ApiCache, request, status="AVAILABLE"))

    async def update(self, request: Members) -> Members:
        live = self._engine.live(request["apiId"])
        changed = record_from(ApiCache, request)
        encryption = {
            name: getattr(_cache(live), name) for name in ("transit_encryption_enabled", "at_rest_encryption_enabled")
        }
        return await self._put(live, msgspec.structs.replace(changed, status="AVAILABLE", **encryption))

    async def _put(self, live: LiveApi, cache: ApiCache) -> Members:
        if not 1 <= cache.ttl <= TTL_MAX:
            raise BadRequest(f"The ttl of an API cache is between 1 and {TTL_MAX} seconds.")
        await self._engine.catalog.put_cache(live.entry, cache)
        live.open_cache()
        live.settle()
        return {"apiCache": shown(cache)}

    def get(self, request: Members) -> Members:
        return {"apiCache": shown(_cache(self._engine.live(request["apiId"])))}

    async def delete(self, request: Members) -> Members:
        live = self._engine.live(request["apiId"])
        _cache(live)
        await self._engine.catalog.delete_cache(live.entry)
        live.open_cache()
        live.settle()
        return {}

    def flush(self, request: Members) -> Members:
        live = self._engine.live(request["apiId"])
        _cache(live)
        if live.cache is not None:
            live.cache.flush()
        return {}


def _cache(live: LiveApi) -> ApiCache:
    if live.entry.cache is None:
        raise PartNotFound("Unable to find the API cache.")
    return live.entry.cache
