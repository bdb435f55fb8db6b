"""Sibling fields that ask the same function together: BatchInvoke, and batches of direct Lambda resolvers.

For: `resolver`, which wraps a function's data source. Owns: which runs make one batch (graphql-api §5.7): those of one
request, one field and one step that ask within the same turn of the loop. Nobody waits for stragglers.
"""

from __future__ import annotations

import asyncio
from typing import Any, Protocol, runtime_checkable

from syncline.datasources import Context, DataSourceError

JSON = Any

BATCH_INVOKE_DEFAULT = 5
"""How many a BatchInvoke takes when no maxBatchSize is set."""


@runtime_checkable
class BatchSource(Protocol):
    """A data source that can be asked for several runs at once."""

    async def invoke(self, request: JSON, context: Context) -> JSON: ...

    async def invoke_all(self, requests: list[JSON]) -> list[JSON]:
        """One result per request, in their order. Raises DataSourceError for all of them."""
        ...


class Batch:
    """The requests that wait to be asked together, and what their fields wait for."""

    __slots__ = ("requests", "results")

    def __init__(self) -> None:
        self.requests: list[JSON] = []
        self.results: asyncio.Future[list[JSON]] = asyncio.get_running_loop().create_future()


class Batching:
    """A data source whose batch requests are gathered, at most `size` together. `direct`: it has no request template,
    so every request is a batch's, and the entries are unwrapped when `unwrap` says so."""

    def __init__(self, source: BatchSource, *, size: int, direct: bool, unwrap: bool) -> None:
        self._source = source
        self._size = size
        self._direct = direct
        self._unwrap = unwrap

    async def invoke(self, request: JSON, context: Context) -> JSON:
        """As the data source's own `invoke`."""
        if type(request) is not dict:
            return await self._source.invoke(request, context)
        if self._direct:
            request = {**request, "operation": "BatchInvoke"}
        elif request.get("operation") != "BatchInvoke":
            return await self._source.invoke(request, context)
        entry = await self._entry(request, context)
        return unwrapped(entry) if self._unwrap else entry

    async def _entry(self, request: JSON, context: Context) -> JSON:
        """The entry of the batch that belongs to `request`. The batch's first field asks for all of them."""
        # Fields in series never meet here: the first is answered before the second begins.
        key = self, request.get("invocationType")
        if request.get("invocationType") == "Event":
            context.must_not_be_kept()
        batch = context.shared.batches.get(key)
        first = batch is None
        if batch is None:
            batch = context.shared.batches[key] = Batch()
        at = len(batch.requests)
        batch.requests.append(request)
        if len(batch.requests) == self._size:
            del context.shared.batches[key]
        if first:
            await self._lead(batch, key, context)
        # A shield: one field that is cancelled must not cancel what the others wait for.
        results = await asyncio.shield(batch.results)
        return results[at]

    async def _lead(self, batch: Batch, key: Any, context: Context) -> None:
        try:
            await asyncio.sleep(0)
            if context.shared.batches.get(key) is batch:
                del context.shared.batches[key]
            batch.results.set_result(await self._source.invoke_all(batch.requests))
        except DataSourceError as failure:
            batch.results.set_exception(failure)
        finally:
            if not batch.results.done():
                batch.results.cancel()


def unwrapped(entry: JSON) -> JSON:
    """What a field of a direct batch is: the entry's `data`. Raises DataSourceError for its `errorMessage`."""
    if type(entry) is not dict:
        return None
    message = entry.get("errorMessage")
    if message:
        kind = str(entry.get("errorType") or "Lambda:Unhandled")
        raise DataSourceError(str(message), kind, entry.get("data"))
    return entry.get("data")
