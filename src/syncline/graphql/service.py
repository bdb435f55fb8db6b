"""The AppSync operations on GraphQL APIs: one method each; `wire` calls them by name.

For: `app`, which registers `Graphql` as the service `appsync`. Owns: nothing. An operation without a method is
one that Syncline does not have.
"""

from __future__ import annotations

from typing import Any

from syncline.auth import KeyOperations
from syncline.datasources import SourceOperations
from syncline.graphql import evaluation
from syncline.graphql.apis import Apis
from syncline.graphql.caches import Caches
from syncline.graphql.coverage import OPERATIONS
from syncline.graphql.domains import Domains
from syncline.graphql.engine import GraphqlEngine
from syncline.graphql.parts import Parts
from syncline.graphql.types import Types

Members = dict[str, Any]


class Graphql(SourceOperations, KeyOperations):
    """AppSync's control plane for GraphQL APIs."""

    coverage = OPERATIONS

    def __init__(self, engine: GraphqlEngine) -> None:
        SourceOperations.__init__(self, lambda api_id: engine.live(api_id).sources)
        KeyOperations.__init__(
            self, lambda api_id: engine.live(api_id).entry.keys, engine.keys_changed, engine.clock, engine.ids
        )
        self._apis = Apis(engine)
        self._parts = Parts(engine)
        self._engine = engine
        self._types = Types(engine)
        self._caches = Caches(engine)
        self._domains = Domains(engine)

    async def create_graphql_api(self, request: Members) -> Members:
        """A new API."""
        return await self._apis.create(request)

    async def get_graphql_api(self, request: Members) -> Members:
        """One API."""
        return self._apis.get(request)

    async def update_graphql_api(self, request: Members) -> Members:
        """An API described anew."""
        return await self._apis.update(request)

    async def delete_graphql_api(self, request: Members) -> Members:
        """Remove an API and all its parts."""
        return await self._apis.delete(request)

    async def list_graphql_apis(self, request: Members) -> Members:
        """APIs, a page at a time."""
        return self._apis.list(request)

    async def start_schema_creation(self, request: Members) -> Members:
        """A schema from SDL or introspection JSON."""
        return await self._apis.start_schema_creation(request)

    async def get_schema_creation_status(self, request: Members) -> Members:
        """How the last schema creation went."""
        return self._apis.schema_creation_status(request)

    async def get_introspection_schema(self, request: Members) -> Members:
        """The schema's document."""
        return await self._apis.introspection_schema(request)

    async def put_graphql_api_environment_variables(self, request: Members) -> Members:
        """Replace all environment variables."""
        return await self._apis.put_environment(request)

    async def get_graphql_api_environment_variables(self, request: Members) -> Members:
        """All environment variables."""
        return self._apis.get_environment(request)

    async def tag_resource(self, request: Members) -> Members:
        """Add tags."""
        return await self._apis.tag(request)

    async def untag_resource(self, request: Members) -> Members:
        """Remove tags."""
        return await self._apis.untag(request)

    async def list_tags_for_resource(self, request: Members) -> Members:
        """All tags."""
        return self._apis.tags(request)

    async def create_function(self, request: Members) -> Members:
        """A new step for pipelines."""
        return await self._parts.create_function(request)

    async def get_function(self, request: Members) -> Members:
        """One function."""
        return self._parts.get_function(request)

    async def update_function(self, request: Members) -> Members:
        """A function described anew."""
        return await self._parts.update_function(request)

    async def delete_function(self, request: Members) -> Members:
        """Remove a function that nothing uses."""
        return await self._parts.delete_function(request)

    async def list_functions(self, request: Members) -> Members:
        """Functions, a page at a time."""
        return self._parts.list_functions(request)

    async def list_resolvers_by_function(self, request: Members) -> Members:
        """Resolvers whose pipelines use a function."""
        return self._parts.list_resolvers_by_function(request)

    async def create_resolver(self, request: Members) -> Members:
        """Attach a resolver to a field."""
        return await self._parts.create_resolver(request)

    async def get_resolver(self, request: Members) -> Members:
        """One resolver."""
        return self._parts.get_resolver(request)

    async def update_resolver(self, request: Members) -> Members:
        """A resolver described anew."""
        return await self._parts.update_resolver(request)

    async def delete_resolver(self, request: Members) -> Members:
        """Detach a resolver."""
        return await self._parts.delete_resolver(request)

    async def list_resolvers(self, request: Members) -> Members:
        """A type's resolvers, a page at a time."""
        return self._parts.list_resolvers(request)

    async def create_type(self, request: Members) -> Members:
        """Add one type to the schema."""
        return await self._types.create(request)

    async def get_type(self, request: Members) -> Members:
        """One type, as SDL or introspection JSON."""
        return self._types.get(request)

    async def update_type(self, request: Members) -> Members:
        """One type of the schema written anew."""
        return await self._types.update(request)

    async def delete_type(self, request: Members) -> Members:
        """Take one type out of the schema."""
        return await self._types.delete(request)

    async def list_types(self, request: Members) -> Members:
        """The schema's types, a page at a time."""
        return self._types.list(request)

    async def create_api_cache(self, request: Members) -> Members:
        """A cache for an API."""
        return await self._caches.create(request)

    async def get_api_cache(self, request: Members) -> Members:
        """An API's cache."""
        return self._caches.get(request)

    async def update_api_cache(self, request: Members) -> Members:
        """A cache described anew; it begins empty."""
        return await self._caches.update(request)

    async def delete_api_cache(self, request: Members) -> Members:
        """Remove an API's cache."""
        return await self._caches.delete(request)

    async def flush_api_cache(self, request: Members) -> Members:
        """Forget what the cache keeps."""
        return self._caches.flush(request)

    async def create_domain_name(self, request: Members) -> Members:
        """A custom domain."""
        return await self._domains.create(request)

    async def get_domain_name(self, request: Members) -> Members:
        """One custom domain."""
        return self._domains.get(request)

    async def update_domain_name(self, request: Members) -> Members:
        """Another description of a custom domain."""
        return await self._domains.update(request)

    async def delete_domain_name(self, request: Members) -> Members:
        """Remove a custom domain that leads nowhere."""
        return await self._domains.delete(request)

    async def list_domain_names(self, request: Members) -> Members:
        """Custom domains, a page at a time."""
        return self._domains.list(request)

    async def associate_api(self, request: Members) -> Members:
        """Lead a custom domain to an API."""
        return await self._domains.associate(request)

    async def get_api_association(self, request: Members) -> Members:
        """Where a custom domain leads."""
        return self._domains.association(request)

    async def disassociate_api(self, request: Members) -> Members:
        """Lead a custom domain nowhere."""
        return await self._domains.disassociate(request)

    async def evaluate_code(self, request: Members) -> Members:
        """What a handler of some code does with a context."""
        return await evaluation.evaluate_code(self._engine.library, request)

    async def evaluate_mapping_template(self, request: Members) -> Members:
        """What a template writes for a context."""
        return evaluation.evaluate_mapping_template(self._engine.library, request)
