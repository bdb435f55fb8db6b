"""A live API: its records made ready to serve — schema, data sources, resolvers, documents, who may call.

For: `engine`. Owns: what is derived from an API's records, its figures and its live subscriptions.
Never: changes a record.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, cast
from weakref import WeakValueDictionary

from syncline.auth import ApiAuth, Mode, Provider
from syncline.core import Clock, Meter, Outcomes, SynclineError
from syncline.core.settings import Traces as TraceSettings
from syncline.datasources import DataSourceRecord, Engines, Sources
from syncline.graphql import schema as schemas
from syncline.graphql.api_cache import ApiCache
from syncline.graphql.asking import Repeated
from syncline.graphql.catalog import Entry
from syncline.graphql.documents import Documents
from syncline.graphql.errors import BadRequest
from syncline.graphql.fragments import Kept
from syncline.graphql.hosts import host_of, pattern_of
from syncline.graphql.logs import ApiLog
from syncline.graphql.model import Api
from syncline.graphql.model import Function as FunctionRecord
from syncline.graphql.model import Resolver as ResolverRecord
from syncline.graphql.needs import Needs
from syncline.graphql.plan import Settled
from syncline.graphql.schema import Schema
from syncline.graphql.traces import Traces
from syncline.hub import GAPS, Hub, Returning
from syncline.hub import Figures as ReturnFigures
from syncline.monitoring import LogWriter
from syncline.resolvers import FunctionSpec, Library, Resolver, ResolverError, ResolverSpec, compile_resolver

RESOLVERS_MAX = 10_000
"""Resolver runs per request when the API sets no lower limit (AppSync's quota)."""


class Figures:
    """One API's instruments."""

    def __init__(self, meter: Meter, api: str) -> None:
        self.requests = meter.counter("syncline_graphql_requests_total", api=api)
        self.latency = meter.summary("syncline_graphql_latency_ms", api=api)
        self.errors_4xx = meter.counter("syncline_graphql_errors_4xx_total", api=api)
        self.errors_5xx = meter.counter("syncline_graphql_errors_5xx_total", api=api)
        self.fallbacks = meter.counter("syncline_graphql_fallbacks_total", api=api)
        self.gaps = meter.counter("syncline_graphql_selection_gaps_total", api=api)
        self.connects = Outcomes(
            meter.counter("syncline_graphql_connects_total", api=api),
            meter.counter("syncline_graphql_connect_errors_total", api=api),
            meter.counter("syncline_graphql_connect_server_errors_total", api=api),
        )
        self.subscribes = Outcomes(
            meter.counter("syncline_graphql_subscribes_total", api=api),
            meter.counter("syncline_graphql_subscribe_errors_total", api=api),
            meter.counter("syncline_graphql_subscribe_server_errors_total", api=api),
        )
        self.connect_requests = meter.counter("syncline_graphql_connect_requests_total", api=api)
        self.disconnects = meter.counter("syncline_graphql_disconnects_total", api=api)
        self.disconnect_errors = meter.counter("syncline_graphql_disconnect_errors_total", api=api)
        self.unsubscribes = meter.counter("syncline_graphql_unsubscribes_total", api=api)
        self.unsubscribe_errors = meter.counter("syncline_graphql_unsubscribe_errors_total", api=api)
        self.connection_ms = meter.summary("syncline_graphql_connection_ms", api=api)
        self.failed_publications = meter.counter("syncline_graphql_failed_publications_total", api=api)
        self.invalidation_errors = meter.counter("syncline_graphql_invalidation_errors_total", api=api)
        self.invalidation_requests = meter.counter("syncline_graphql_invalidation_requests_total", api=api)
        self.invalidations = meter.counter("syncline_graphql_invalidations_total", api=api)
        self.returns = ReturnFigures(
            meter.counter("syncline_graphql_resumed_total", api=api),
            {gap: meter.counter("syncline_graphql_unresumed_total", api=api, reason=gap) for gap in GAPS},
        )
        self.connections = 0
        self.subscriptions = 0
        meter.gauge("syncline_graphql_connections", lambda: self.connections, api=api)
        meter.gauge("syncline_graphql_subscriptions", lambda: self.subscriptions, api=api)


class LiveApi:
    """One API as it serves now."""

    def __init__(
        self,
        entry: Entry,
        engines: Engines,
        library: Library,
        meter: Meter,
        clock: Clock,
        writer: LogWriter,
        kept: Kept,
        traces: TraceSettings,
        hub: Hub,
    ) -> None:
        self.entry = entry
        self.api_id = entry.api.api_id
        self.figures = Figures(meter, self.api_id)
        self._meter = meter
        self._clock = clock
        self._kept = kept
        self._library = library.for_api()
        self._writer = writer
        self._stream = library.ids.bytes(16).hex()
        self.log: ApiLog | None = None
        """How requests are logged; None when the API does not log."""
        self.keys: dict[str, float] = {}
        self.auth = ApiAuth(self.api_id, ("API_KEY",), self.keys)
        self.schema: Schema | None = None
        self.documents: Documents | None = None
        self.repeated = Repeated()
        self.cache: ApiCache | None = None
        self.traces = Traces(traces.kept_max)
        self.version = 0
        """Of the schema and of who may see what: subscriptions of one version can share a group."""
        self.changed: dict[object, Callable[[], None]] = {}
        """What wants to know of a new state: the live connections."""
        self.interests: WeakValueDictionary[Any, Any] = WeakValueDictionary()
        """What equal subscriptions share; gone with the last of them."""
        self.needs = Needs()
        """What live subscriptions need of mutations."""
        self.projections: WeakValueDictionary[Any, Any] = WeakValueDictionary()
        """By plan, what subscriptions share that differ in their arguments alone."""
        self.ending: dict[str, dict[tuple[Any, str], Callable[[Any], bool]]] = {}
        """By subscription field, what ends live subscriptions: by endpoint and id."""
        self.present: dict[Any, None] = {}
        """The connected endpoints."""
        self.returning = Returning(hub, clock, meter, self.figures.returns, room="graphql", api=self.api_id)
        """Subscriptions by name, to be continued."""
        self.domains: set[str] = set()
        """Custom domains that lead here."""
        self.sources = Sources(self, self.api_id, entry.api.arn, entry.sources, engines)
        self._resolvers: dict[tuple[str, str], Resolver] = {}

    def open_cache(self) -> None:
        """Have the cache that the records say, empty."""
        record = self.entry.cache
        self.cache = None if record is None else ApiCache(record, self._clock, self._meter, self.api_id)

    def restore(self) -> None:
        """Make everything from the records: at start. What no longer compiles is logged and left out."""
        text = self.entry.schema.text
        if text:
            try:
                self.schema = schemas.build(text)
            except schemas.SchemaRefused as refusal:
                self._left_out("schema", self.entry.api.name, str(refusal))
        self.open_cache()
        self._open_log()
        self.sources.restore(lambda name, reason: self._left_out("data source", name, reason))
        for key, resolver in self.entry.resolvers.items():
            try:
                self._resolvers[key] = self.compiled(resolver, checked=True)
            except SynclineError as refusal:
                self._left_out("resolver", ".".join(key), refusal.message)
        self.settle()

    def _open_log(self) -> bool:
        """Log as the records say. Returns whether resolvers are to be compiled anew for it."""
        api = self.entry.api
        self.log = ApiLog(api, self._writer, self._clock, self._stream) if api.log_config else None
        before = self._library.logged
        self._library.logged = self.log is not None and self.log.level != "NONE"
        return before is not self._library.logged

    def _left_out(self, kind: str, name: str, reason: str) -> None:
        self._meter.event(f"{kind} left out", room="graphql", api=self.api_id, part=name, reason=reason)

    def settle(self, *, schema_changed: bool = False) -> None:
        """Serve from the records as they are now. `schema_changed`: live subscriptions must look again, too."""
        api = self.entry.api
        self.refresh_keys()
        if self._open_log():
            for key in self._resolvers:
                self._resolvers[key] = self.compiled(self.entry.resolvers[key], checked=True)
        others = [provider["authenticationType"] for provider in api.additional_authentication_providers or ()]
        modes = cast("tuple[Mode, ...]", (api.authentication_type, *others))
        self.auth = ApiAuth(
            self.api_id,
            modes,
            self.keys,
            tuple(providers_of(api)),
            self.schema.groups if self.schema is not None else frozenset(),
            api.arn,
        )
        self.documents = None
        self.repeated = Repeated()
        if self.cache is not None:
            self.cache.flush()  # What it kept was true of the API as it was.
        if self.schema is not None:
            settled = Settled(
                self.schema,
                self._attached(),
                default_mode=default_mode_of(api),
                depth_max=api.query_depth_limit,
                kept=self._kept,
            )
            self.documents = Documents(settled, introspection=api.introspection_config == "ENABLED")
        if schema_changed:
            self.version += 1
            for listener in list(self.changed.values()):
                listener()

    def invalidate(self, asked: list[tuple[str, dict[str, Any]]]) -> None:
        """End what a mutation's handlers asked to end; the mutation's own publications were before that."""
        for field, payload in asked:
            self.figures.invalidation_requests.add()
            over = [key for key, holds in self.ending.get(field, {}).items() if holds(payload)]
            for endpoint, id in over:
                endpoint.invalidate(id)
            self.figures.invalidations.add(len(over))

    def refresh_keys(self) -> None:
        """Take over the keys' records; the map itself stays, since the authenticator reads it."""
        self.keys.clear()
        self.keys.update({key.id: float(key.expires) for key in self.entry.keys.values()})

    def _attached(self) -> dict[tuple[str, str], Resolver]:
        # A resolver whose field the schema has lost stays in the records, and comes back with the field.
        assert self.schema is not None, "only a schema has fields"
        found = {key: each for key, each in self._resolvers.items() if self.schema.field(*key) is not None}
        cache = self.cache
        if cache is None or cache.whole_operations:
            return found
        uncached = {kind.name for kind in (self.schema.core.mutation_type, self.schema.core.subscription_type) if kind}
        return {
            key: each if key[0] in uncached else cache.wrapped(each, *key, self.entry.resolvers[key].caching_config)
            for key, each in found.items()
        }

    def domain_of(self, headers: Mapping[str, str]) -> str | None:
        """The custom domain that a request with these headers (lower-case names) came by."""
        if not self.domains:
            return None
        hosts = [host_of(headers.get(name, "")) for name in ("host", "x-appsync-domain")]
        return next((host for host in hosts if pattern_of(host, self.domains)), None)

    @property
    def resolvers_max(self) -> int:
        """How many resolvers one request may run."""
        return self.entry.api.resolver_count_limit or RESOLVERS_MAX

    # --- compiling records

    def compiled(self, record: ResolverRecord, *, checked: bool = False) -> Resolver:
        """The resolver of a record; `checked`: it was compiled before, and its code is read when it runs.

        Raises BadRequest for a template that does not parse, CodeRefused, Unsupported."""
        try:
            return compile_resolver(self._spec(record), self.sources.built, self._library, checked=checked)
        except ResolverError as mistake:
            raise BadRequest(mistake.message) from None

    def check_function(self, record: FunctionRecord) -> None:
        """Compile a function as a pipeline's only step. Raises BadRequest, Unsupported."""
        spec = ResolverSpec("Query", record.name, "PIPELINE", functions=(function_spec(record),))
        try:
            compile_resolver(spec, self.sources.built, self._library)
        except ResolverError as mistake:
            raise BadRequest(mistake.message) from None

    def _spec(self, record: ResolverRecord) -> ResolverSpec:
        ids = (record.pipeline_config or {}).get("functions", ())
        return ResolverSpec(
            record.type_name,
            record.field_name,
            record.kind,
            record.data_source_name,
            record.request_mapping_template,
            record.response_mapping_template,
            tuple(function_spec(self.entry.functions[each]) for each in ids),
            record.runtime,
            record.code,
            record.max_batch_size,
        )

    def attach(self, record: ResolverRecord, resolver: Resolver) -> None:
        """Put a compiled resolver to use with the next `settle`."""
        self._resolvers[record.type_name, record.field_name] = resolver

    def detach(self, type_name: str, field_name: str) -> None:
        """Stop using a resolver with the next `settle`."""
        self._resolvers.pop((type_name, field_name), None)

    def recompile(self, function: str) -> None:
        """Compile again what is built on a changed function."""
        for record in self.resolvers_of(function):
            self.attach(record, self.compiled(record, checked=True))

    def resolvers_of(self, *functions: str) -> list[ResolverRecord]:
        """The resolvers whose pipelines use any of these functions."""
        return [
            each
            for each in self.entry.resolvers.values()
            if not {*functions}.isdisjoint((each.pipeline_config or {}).get("functions", ()))
        ]

    # --- datasources.Host

    def users_of(self, source: str) -> list[str]:
        """The fields whose resolvers ask this data source."""
        return [f"{each.type_name}.{each.field_name}" for each in self._asking(source)]

    def check_source(self, record: DataSourceRecord) -> None:
        """Resolvers can ask any type of data source."""

    def source_changed(self, name: str) -> None:
        """Serve with the data source as it is now."""
        for record in self._asking(name):
            self.attach(record, self.compiled(record, checked=True))
        self.settle()

    def _asking(self, source: str) -> list[ResolverRecord]:
        direct = [each for each in self.entry.resolvers.values() if each.data_source_name == source]
        functions = [each.function_id for each in self.entry.functions.values() if each.data_source_name == source]
        return direct + self.resolvers_of(*functions)


CONFIGS = {
    "AMAZON_COGNITO_USER_POOLS": "userPoolConfig",
    "OPENID_CONNECT": "openIDConnectConfig",
    "AWS_LAMBDA": "lambdaAuthorizerConfig",
}
"""Where a provider's configuration is, by mode."""


def providers_of(api: Api) -> list[Provider]:
    """The ways in that have a configuration, the default first."""
    given = {"userPoolConfig": api.user_pool_config, "openIDConnectConfig": api.open_id_connect_config}
    given["lambdaAuthorizerConfig"] = api.lambda_authorizer_config
    first = {"authenticationType": api.authentication_type, **given}
    found: list[Provider] = []
    for each in (first, *(api.additional_authentication_providers or ())):
        member = CONFIGS.get(each["authenticationType"])
        if member is not None and each.get(member):
            found.append(Provider(each["authenticationType"], each[member]))
    return found


def default_mode_of(api: Api) -> str:
    """The mode of fields without a directive; none where a user pool's defaultAction is DENY."""
    if api.authentication_type == "AMAZON_COGNITO_USER_POOLS" and api.user_pool_config:
        return "" if api.user_pool_config.get("defaultAction") == "DENY" else api.authentication_type
    return api.authentication_type


def function_spec(record: FunctionRecord) -> FunctionSpec:
    """A function's record as `resolvers` compiles it."""
    return FunctionSpec(
        record.function_id,
        record.name,
        record.data_source_name,
        record.request_mapping_template,
        record.response_mapping_template,
        record.function_version,
        record.runtime,
        record.code,
        record.max_batch_size,
    )
