"""AppSync's operations on data sources: the same for both kinds of APIs.

For: the services of `graphql` and `events`, which inherit them. Owns: nothing; `Sources` does the work.
"""

from __future__ import annotations

from collections.abc import Callable

from syncline.datasources.sources import Members, Sources


class SourceOperations:
    """The five operations. `sources_of` gives the data sources of an API by its id, or raises NotFound."""

    def __init__(self, sources_of: Callable[[str], Sources]) -> None:
        self._sources_of = sources_of

    async def create_data_source(self, request: Members) -> Members:
        """A new data source."""
        return await self._sources_of(request["apiId"]).create(request)

    async def get_data_source(self, request: Members) -> Members:
        """One data source."""
        return self._sources_of(request["apiId"]).get(request)

    async def update_data_source(self, request: Members) -> Members:
        """A data source described anew."""
        return await self._sources_of(request["apiId"]).update(request)

    async def delete_data_source(self, request: Members) -> Members:
        """Remove a data source that nothing uses."""
        return await self._sources_of(request["apiId"]).delete(request)

    async def list_data_sources(self, request: Members) -> Members:
        """Data sources, a page at a time."""
        return self._sources_of(request["apiId"]).list(request)
