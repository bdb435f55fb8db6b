"""The AppSync operations on Event APIs: one method each; `wire` calls them by name.

For: `app`, which joins them with those on GraphQL APIs into the service `appsync`. Owns: nothing.
"""

from __future__ import annotations

from typing import Any

from syncline.auth import KeyOperations
from syncline.datasources import SourceOperations
from syncline.events.apis import Apis
from syncline.events.coverage import OPERATIONS
from syncline.events.engine import EventsEngine
from syncline.events.namespaces import Namespaces

Members = dict[str, Any]


class Events(SourceOperations, KeyOperations):
    """AppSync's control plane for Event APIs."""

    coverage = OPERATIONS

    def __init__(self, engine: EventsEngine) -> None:
        SourceOperations.__init__(self, lambda api_id: engine.live(api_id).sources)
        KeyOperations.__init__(
            self, lambda api_id: engine.live(api_id).entry.keys, engine.keys_changed, engine.clock, engine.ids
        )
        self._apis = Apis(engine)
        self._namespaces = Namespaces(engine)

    async def create_api(self, request: Members) -> Members:
        """A new API."""
        return await self._apis.create(request)

    async def get_api(self, request: Members) -> Members:
        """One API."""
        return self._apis.get(request)

    async def update_api(self, request: Members) -> Members:
        """An API described anew."""
        return await self._apis.update(request)

    async def delete_api(self, request: Members) -> Members:
        """Remove an API and all its parts."""
        return await self._apis.delete(request)

    async def list_apis(self, request: Members) -> Members:
        """APIs, a page at a time."""
        return self._apis.list(request)

    async def create_channel_namespace(self, request: Members) -> Members:
        """A new namespace."""
        return await self._namespaces.create(request)

    async def get_channel_namespace(self, request: Members) -> Members:
        """One namespace."""
        return self._namespaces.get(request)

    async def update_channel_namespace(self, request: Members) -> Members:
        """A namespace described anew."""
        return await self._namespaces.update(request)

    async def delete_channel_namespace(self, request: Members) -> Members:
        """Remove a namespace; its subscriptions end."""
        return await self._namespaces.delete(request)

    async def list_channel_namespaces(self, request: Members) -> Members:
        """Namespaces, a page at a time."""
        return self._namespaces.list(request)

    async def tag_resource(self, request: Members) -> Members:
        """Add tags to an API or a namespace."""
        return await self._apis.tag(request)

    async def untag_resource(self, request: Members) -> Members:
        """Remove tags."""
        return await self._apis.untag(request)

    async def list_tags_for_resource(self, request: Members) -> Members:
        """All tags."""
        return self._apis.tags(request)
