"""The catalog of GraphQL APIs: every record in the store, and the same in memory for the data plane.

For: `apis` and `parts`, which change records, and `engine`, which serves from them.
Owns: the records' keys, and that memory follows a commit and never leads it. Never: knows what a record means.
"""

from __future__ import annotations

from typing import Any

from syncline.auth import ApiKey
from syncline.datasources import DataSourceRecord
from syncline.graphql.errors import NoSuchApi
from syncline.graphql.model import (
    Api,
    ApiAssociation,
    ApiCache,
    DomainName,
    Environment,
    Function,
    Remembered,
    Resolver,
    SchemaRecord,
)
from syncline.store import Collection, Shelf, Snapshot, Store, Transaction

KEYS = Collection("graphql.key", ApiKey)
SOURCES = Collection("graphql.source", DataSourceRecord)
FUNCTIONS = Collection("graphql.function", Function)
RESOLVERS = Collection("graphql.resolver", Resolver)


class Entry:
    """One API and all that belongs to it."""

    def __init__(self, store: Store, api: Api) -> None:
        self.api = api
        self.schema = SchemaRecord()
        self.environment = Environment()
        self.cache: ApiCache | None = None
        self.keys = Shelf(store, KEYS, api.api_id, lambda key: key.id)
        self.sources = Shelf(store, SOURCES, api.api_id, lambda each: each.name)
        self.functions = Shelf(store, FUNCTIONS, api.api_id, lambda each: each.function_id)
        self.resolvers = Shelf(store, RESOLVERS, api.api_id, lambda each: (each.type_name, each.field_name))

    @property
    def shelves(self) -> tuple[Shelf[Any, Any], ...]:
        """What there are several of."""
        return self.keys, self.sources, self.functions, self.resolvers


class Catalog:
    """Records by API. Reads are from memory."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.entries: dict[str, Entry] = {}
        self._apis = Collection("graphql.api", Api)
        self._schemas = Collection("graphql.schema", SchemaRecord)
        self._environments = Collection("graphql.environment", Environment)
        self._caches = Collection("graphql.cache", ApiCache)
        self._remembered = Collection("graphql.lost subscriptions", Remembered)
        self._domains = Collection("graphql.domain", DomainName)
        self._associations = Collection("graphql.association", ApiAssociation)
        self.domains: dict[str, DomainName] = {}
        self.associations: dict[str, ApiAssociation] = {}

    def entry(self, api_id: str) -> Entry:
        """The API's records. Raises NoSuchApi."""
        found = self.entries.get(api_id)
        if found is None:
            raise NoSuchApi(api=api_id)
        return found

    async def load(self) -> None:
        """Read everything: once, at start."""
        self.entries = await self._store.read(self._read_all)
        domains = await self._store.read(self._domains.list)
        self.domains = {domain.domain_name: domain for domain in domains}
        associations = await self._store.read(self._associations.list)
        self.associations = {each.domain_name: each for each in associations}

    def _read_all(self, snapshot: Snapshot) -> dict[str, Entry]:
        entries: dict[str, Entry] = {}
        for api in self._apis.list(snapshot):
            entry = entries[api.api_id] = Entry(self._store, api)
            entry.schema = self._schemas.get(snapshot, api.api_id) or entry.schema
            entry.environment = self._environments.get(snapshot, api.api_id) or entry.environment
            entry.cache = self._caches.get(snapshot, api.api_id)
            for shelf in entry.shelves:
                shelf.load(snapshot)
        return entries

    async def put_api(self, api: Api) -> Entry:
        """Keep an API's own record, new or changed."""
        await self._put(self._apis, api, api.api_id)
        entry = self.entries.setdefault(api.api_id, Entry(self._store, api))
        entry.api = api
        return entry

    async def put_schema(self, entry: Entry, schema: SchemaRecord) -> None:
        await self._put(self._schemas, schema, entry.api.api_id)
        entry.schema = schema

    async def put_environment(self, entry: Entry, environment: Environment) -> None:
        await self._put(self._environments, environment, entry.api.api_id)
        entry.environment = environment

    async def put_cache(self, entry: Entry, cache: ApiCache) -> None:
        await self._put(self._caches, cache, entry.api.api_id)
        entry.cache = cache

    async def delete_cache(self, entry: Entry) -> None:
        await self._delete(self._caches, entry.api.api_id)
        entry.cache = None

    async def take_remembered(self, api_id: str) -> Remembered | None:
        """What was written down of an API's lost subscriptions: once, since it is true of the next start alone."""
        found = await self._store.read(lambda view: self._remembered.get(view, api_id))
        if found is not None:
            await self._delete(self._remembered, api_id)
        return found

    async def remember(self, api_id: str, remembered: Remembered) -> None:
        """Write down what of an API's lost subscriptions the next start has to know."""
        await self._put(self._remembered, remembered, api_id)

    async def put_domain(self, domain: DomainName) -> None:
        await self._put(self._domains, domain, domain.domain_name)
        self.domains[domain.domain_name] = domain

    async def delete_domain(self, name: str) -> None:
        await self._delete(self._domains, name)
        self.domains.pop(name, None)

    async def put_association(self, association: ApiAssociation) -> None:
        await self._put(self._associations, association, association.domain_name)
        self.associations[association.domain_name] = association

    async def delete_association(self, name: str) -> None:
        await self._delete(self._associations, name)
        self.associations.pop(name, None)

    async def delete_api(self, entry: Entry) -> None:
        """Remove an API and all that belongs to it, in one commit."""
        api_id = entry.api.api_id
        domains = [each.domain_name for each in self.associations.values() if each.api_id == api_id]

        def body(txn: Transaction) -> None:
            for shelf in entry.shelves:
                shelf.clear(txn)
            self._schemas.delete(txn, api_id)
            self._environments.delete(txn, api_id)
            self._caches.delete(txn, api_id)
            for name in domains:
                self._associations.delete(txn, name)
            self._apis.delete(txn, api_id)

        await self._store.write(body)
        self.entries.pop(api_id, None)
        for name in domains:
            self.associations.pop(name, None)

    async def _put(self, collection: Collection[Any], record: Any, *key: str) -> None:
        await self._store.write(lambda txn: collection.put(txn, record, *key))

    async def _delete(self, collection: Collection[Any], *key: str) -> None:
        await self._store.write(lambda txn: collection.delete(txn, *key))
