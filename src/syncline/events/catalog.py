"""The catalog of Event APIs: every record in the store, and the same in memory for the data plane.

For: the control plane, which changes records, and `engine`, which serves from them.
Owns: the records' keys, and that memory follows a commit and never leads it. Never: knows what a record means.
"""

from __future__ import annotations

from typing import Any

from syncline.auth import ApiKey
from syncline.datasources import DataSourceRecord
from syncline.events.errors import NoSuchApi
from syncline.events.model import Api, Namespace
from syncline.store import Collection, Shelf, Snapshot, Store, Transaction

KEYS = Collection("events.key", ApiKey)
NAMESPACES = Collection("events.namespace", Namespace)
SOURCES = Collection("events.source", DataSourceRecord)


class Entry:
    """One API and all that belongs to it."""

    def __init__(self, store: Store, api: Api) -> None:
        self.api = api
        self.keys = Shelf(store, KEYS, api.api_id, lambda key: key.id)
        self.namespaces = Shelf(store, NAMESPACES, api.api_id, lambda each: each.name)
        self.sources = Shelf(store, SOURCES, api.api_id, lambda each: each.name)

    @property
    def shelves(self) -> tuple[Shelf[Any, Any], ...]:
        """What there are several of."""
        return self.keys, self.namespaces, self.sources


class Catalog:
    """Records by API. Reads are from memory."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.entries: dict[str, Entry] = {}
        self._apis = Collection("events.api", Api)

    def entry(self, api_id: str) -> Entry:
        """The API's records. Raises NoSuchApi."""
        found = self.entries.get(api_id)
        if found is None:
            raise NoSuchApi(api=api_id)
        return found

    async def load(self) -> None:
        """Read everything: once, at start."""
        self.entries = await self._store.read(self._read_all)

    def _read_all(self, snapshot: Snapshot) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        for api in self._apis.list(snapshot):
            entry = entries[api.api_id] = Entry(self._store, api)
            for shelf in entry.shelves:
                shelf.load(snapshot)
        return entries

    async def put_api(self, api: Api) -> Entry:
        """Keep an API's own record, new or changed."""
        await self._store.write(lambda txn: self._apis.put(txn, api, api.api_id))
        entry = self.entries.setdefault(api.api_id, Entry(self._store, api))
        entry.api = api
        return entry

    async def delete_api(self, entry: Entry) -> None:
        """Remove an API and all that belongs to it, in one commit."""
        api_id = entry.api.api_id

        def body(txn: Transaction) -> None:
            for shelf in entry.shelves:
                shelf.clear(txn)
            self._apis.delete(txn, api_id)

        await self._store.write(body)
        self.entries.pop(api_id, None)
