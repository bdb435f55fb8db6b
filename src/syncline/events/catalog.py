"""The catalog of Event APIs: every record in the store, and the same in memory for the data plane.

For: the control plane, which changes records, and `engine`, which serves from them.
Owns: the records' keys, and that memory follows a commit and never leads it. Never: knows what a record means.
"""

from __future__ import annotations

from typing import Any

from syncline.auth import ApiKey
from syncline.events.errors import NoSuchApi
from syncline.events.model import Api, DataSource, Namespace
from syncline.store import Collection, Snapshot, Store, Transaction


class Entry:
    """One API and all that belongs to it."""

    def __init__(self, api: Api) -> None:
        self.api = api
        self.keys: dict[str, ApiKey] = {}
        self.namespaces: dict[str, Namespace] = {}
        self.sources: dict[str, DataSource] = {}


class Catalog:
    """Records by API. Reads are from memory."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.entries: dict[str, Entry] = {}
        self._apis = Collection("events.api", Api)
        self._keys = Collection("events.key", ApiKey)
        self._namespaces = Collection("events.namespace", Namespace)
        self._sources = Collection("events.source", DataSource)

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
            entry = entries[api.api_id] = Entry(api)
            entry.keys = {key.id: key for key in self._keys.list(snapshot, api.api_id)}
            entry.namespaces = {each.name: each for each in self._namespaces.list(snapshot, api.api_id)}
            entry.sources = {each.name: each for each in self._sources.list(snapshot, api.api_id)}
        return entries

    async def put_api(self, api: Api) -> Entry:
        """Keep an API's own record, new or changed."""
        await self._put(self._apis, api, api.api_id)
        entry = self.entries.setdefault(api.api_id, Entry(api))
        entry.api = api
        return entry

    async def put_key(self, entry: Entry, key: ApiKey) -> None:
        await self._put(self._keys, key, entry.api.api_id, key.id)
        entry.keys[key.id] = key

    async def put_namespace(self, entry: Entry, namespace: Namespace) -> None:
        await self._put(self._namespaces, namespace, entry.api.api_id, namespace.name)
        entry.namespaces[namespace.name] = namespace

    async def put_source(self, entry: Entry, source: DataSource) -> None:
        await self._put(self._sources, source, entry.api.api_id, source.name)
        entry.sources[source.name] = source

    async def delete_key(self, entry: Entry, key_id: str) -> None:
        await self._delete(self._keys, entry.api.api_id, key_id)
        entry.keys.pop(key_id, None)

    async def delete_namespace(self, entry: Entry, name: str) -> None:
        await self._delete(self._namespaces, entry.api.api_id, name)
        entry.namespaces.pop(name, None)

    async def delete_source(self, entry: Entry, name: str) -> None:
        await self._delete(self._sources, entry.api.api_id, name)
        entry.sources.pop(name, None)

    async def delete_api(self, entry: Entry) -> None:
        """Remove an API and all that belongs to it, in one commit."""
        api_id = entry.api.api_id

        def body(txn: Transaction) -> None:
            for key in self._keys.list(txn, api_id):
                self._keys.delete(txn, api_id, key.id)
            for namespace in self._namespaces.list(txn, api_id):
                self._namespaces.delete(txn, api_id, namespace.name)
            for source in self._sources.list(txn, api_id):
                self._sources.delete(txn, api_id, source.name)
            self._apis.delete(txn, api_id)

        await self._store.write(body)
        self.entries.pop(api_id, None)

    async def _put(self, collection: Collection[Any], record: Any, *key: str) -> None:
        await self._store.write(lambda txn: collection.put(txn, record, *key))

    async def _delete(self, collection: Collection[Any], *key: str) -> None:
        await self._store.write(lambda txn: collection.delete(txn, *key))
