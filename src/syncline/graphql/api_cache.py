"""An API's cache: answers of resolvers, or of whole queries, kept in memory for a while (graphql-api §1.7).

For: `live_api`, which wraps resolvers in it, and `serve`, which asks it before a query runs.
Owns: the keys, the bound of memory, the least used that goes first. Entries are bytes: nobody can change what is kept.
Never: keeps a failure; keeps what a mutation's own field gave.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from syncline.core import Clock, Meter, json
from syncline.datasources import Context
from syncline.graphql.model import ApiCache as Record
from syncline.resolvers import Resolver

BYTES_MAX = 64 * 1024 * 1024
"""Of one API's entries, keys included."""
ANSWER_BYTES_MAX = 15 * 1024 * 1024
"""AppSync keeps no longer answer of an operation."""
FULL, PER_RESOLVER, OPERATION = "FULL_REQUEST_CACHING", "PER_RESOLVER_CACHING", "OPERATION_LEVEL_CACHING"
ROOTS = ("arguments", "source", "identity")
NOT_IN_KEYS = frozenset(
    {"authorization", "content-length", "host", "priority", "via", "x-amz-cf-id", "x-amz-date", "x-amz-security-token"}
    | {"x-amzn-appsync-is-vpce-request", "x-amzn-remote-ip", "x-amzn-requestid", "x-amzn-trace-id", "x-forwarded-for"}
)
"""Headers that do not tell operations apart; nor do those that begin with `cloudfront-` or `sec-ch-ua`."""

Key = tuple[str, str, bytes]
"""Type, field and the values of the caching keys; for an operation the first two are empty."""


class ApiCache:
    """What one API keeps."""

    def __init__(self, record: Record, clock: Clock, meter: Meter, api: str) -> None:
        self.record = record
        self._clock = clock
        self._entries: OrderedDict[Key, tuple[float, bytes]] = OrderedDict()
        self._bytes = 0
        self.generation = 0
        """Grows with whatever is taken out on purpose: what was asked before that may be out of date."""
        self._hits = meter.counter("syncline_graphql_cache_hits_total", api=api)
        self._misses = meter.counter("syncline_graphql_cache_misses_total", api=api)

    @property
    def whole_operations(self) -> bool:
        """Whether it keeps the answers of whole queries."""
        return self.record.api_caching_behavior == OPERATION

    def find(self, key: Key) -> bytes | None:
        """What is kept under `key`, unless it is too old."""
        found = self._entries.get(key)
        if found is not None and found[0] > self._clock.now():
            self._entries.move_to_end(key)
            self._hits.add()
            return found[1]
        self._misses.add()
        if found is not None:
            self._drop(key)
        return None

    def keep(self, key: Key, value: bytes, ttl: float) -> None:
        """Keep a value for `ttl` seconds; what was used longest ago makes room."""
        if key in self._entries:
            self._drop(key)
        size = _size(key, value)
        if size > BYTES_MAX:
            return
        self._entries[key] = self._clock.now() + ttl, value
        self._bytes += size
        while self._bytes > BYTES_MAX:
            self._drop(next(iter(self._entries)))

    def keep_answer(self, key: Key, answer: bytes, generation: int) -> None:
        """Keep the answer of a whole operation that began in this generation, unless it is too long."""
        if len(answer) <= ANSWER_BYTES_MAX and generation == self.generation:
            self.keep(key, answer, self.record.ttl)

    def evict(self, type_name: str, field_name: str, values: Mapping[str, Any]) -> int:
        """Forget one field's entry; how many there were: 0 or 1."""
        self.generation += 1
        key = type_name, field_name, json.encode(list(values.values()))
        if key not in self._entries:
            return 0
        fresh = self._entries[key][0] > self._clock.now()
        self._drop(key)
        return int(fresh)

    def flush(self) -> None:
        """Forget everything."""
        self.generation += 1
        self._entries.clear()
        self._bytes = 0

    def _drop(self, key: Key) -> None:
        self._bytes -= _size(key, self._entries.pop(key)[1])

    def wrapped(
        self, resolver: Resolver, type_name: str, field_name: str, config: Mapping[str, Any] | None
    ) -> Resolver:
        """The resolver behind this cache, or as it is when this cache does not keep it."""
        if self.record.api_caching_behavior == FULL:
            # AWS names arguments and identity only; without the source, siblings would get each other's values.
            return Cached(resolver, self, (type_name, field_name), ROOTS, self.record.ttl)
        if self.record.api_caching_behavior == PER_RESOLVER and config and config.get("ttl"):
            keys = tuple(
                each.removeprefix("context.").removeprefix("$context.") for each in config.get("cachingKeys", ())
            )
            return Cached(resolver, self, (type_name, field_name), keys or ROOTS, int(config["ttl"]))
        return resolver


class Cached:
    """A resolver that is asked once per values of its caching keys."""

    __slots__ = ("_cache", "_field", "_paths", "_resolver", "_ttl")
    gives_rows = False

    def __init__(
        self, resolver: Resolver, cache: ApiCache, field: tuple[str, str], keys: Sequence[str], ttl: int
    ) -> None:
        self._resolver, self._cache, self._field, self._ttl = resolver, cache, field, ttl
        self._paths = [each.split(".") for each in keys]

    async def resolve(self, ctx: Context) -> Any:
        """The kept value, or the resolver's own. Raises as the resolver does."""
        key = *self._field, json.encode([_at(ctx, path) for path in self._paths])
        found = self._cache.find(key)
        if found is not None:
            return json.decode(found)
        generation = self._cache.generation
        value = await self._resolver.resolve(ctx)
        if generation == self._cache.generation and ctx.lasting and not ctx.out_errors:
            self._cache.keep(key, json.encode(value), self._ttl)
        return value


def _at(ctx: Context, path: list[str]) -> Any:
    value = getattr(ctx, path[0], None) if path[0] in ROOTS else None
    for name in path[1:]:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def operation_key(
    query: str, operation: str | None, variables: Any, *, identity: Any, grants: Any, headers: Mapping[str, Any]
) -> Key:
    """The key of a whole operation. An identity's addresses do not tell callers apart."""
    who = (
        {name: value for name, value in identity.items() if name != "sourceIp"} if isinstance(identity, dict) else None
    )
    told = {
        name: value
        for name, value in headers.items()
        if name not in NOT_IN_KEYS and not name.startswith(("cloudfront-", "sec-ch-ua"))
    }
    return "", "", json.encode([query, operation, variables, who, repr(grants), sorted(told.items())])


def _size(key: Key, value: bytes) -> int:
    # A hundred and fifty bytes are what an entry costs besides.
    return len(key[0]) + len(key[1]) + len(key[2]) + len(value) + 150
