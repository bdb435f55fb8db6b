"""API caches: three behaviours, eviction, flush, bounded memory."""

from __future__ import annotations

from typing import Any

import pytest

from syncline.core import Meter, SynclineError, SystemClock, json
from syncline.graphql import api_cache
from syncline.graphql.api_cache import ApiCache
from syncline.graphql.model import ApiCache as Record

SDL = """
type Item { id: ID! n: Int price: Int }
type Query { item(id: ID!, x: Int): Item counted: Int fails: Int warned: Int }
type Mutation { save(id: ID!): Item touch: Int }
"""
COUNT = '#set($id = $util.autoId()){"version": "2018-05-29", "payload": {"id": "$ctx.args.id", "n": %s}}'
STAMP = '{"version": "2018-05-29", "payload": {"id": "$ctx.args.id", "n": $util.time.nowEpochMilliSeconds()}}'
ECHO = "$util.toJson($ctx.result)"


class Ticks(SystemClock):
    """A clock that is set."""

    def __init__(self) -> None:
        self.at = 1_000_000.0

    def now(self) -> float:
        self.at += 0.001
        return self.at

    def monotonic(self) -> float:
        return self.at


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


@pytest.fixture
async def cached(store: Any, ticks: Ticks, meter: Meter) -> Any:
    """`await cached(behaviour)`: a world whose items carry the moment at which they were made."""
    from tests.unit.graphql.conftest import World

    async def make(behaviour: str, ttl: int = 60, **resolver: Any) -> Any:
        world = World(store, ticks, meter)
        await world.create(SDL)
        await world.local("Query", "item", STAMP, ECHO)
        await world.local("Query", "fails", '$util.error("no", "E")')
        await world.local("Query", "warned", STAMP, '$util.appendError("w", "W")$ctx.result.n.intValue()')
        if resolver:
            await world.call(
                "UpdateResolver",
                typeName="Query",
                fieldName="item",
                dataSourceName="local",
                requestMappingTemplate=STAMP,
                responseMappingTemplate=ECHO,
                **resolver,
            )
        await world.call("CreateApiCache", ttl=ttl, apiCachingBehavior=behaviour, type="SMALL")
        return world

    return make


async def moment(world: Any, id: str = "1", **headers: str) -> int:
    response = await world.post(
        {"query": "query Q($id: ID!) { item(id: $id) { n } }", "variables": {"id": id}},
        {"x-api-key": world.key, **headers},
    )
    found: int = json.decode(response.body)["data"]["item"]["n"]
    return found


@pytest.mark.rule("GQL-60")
async def test_all_resolvers_of_queries_are_kept_by_their_arguments(cached: Any, ticks: Ticks) -> None:
    world = await cached("FULL_REQUEST_CACHING")
    first = await moment(world)
    assert await moment(world) == first
    assert await moment(world, "2") != first
    ticks.at += 61
    assert await moment(world) != first


@pytest.mark.rule("GQL-60")
async def test_only_resolvers_that_say_so_are_kept_by_their_keys(cached: Any, ticks: Ticks) -> None:
    keys = {"ttl": 10, "cachingKeys": ["context.arguments.id"]}
    world = await cached("PER_RESOLVER_CACHING", cachingConfig=keys)
    ask = "{ item(id: 1) { n } b: item(id: 1, x: 2) { n } c: item(id: 2) { n } }"
    await world.ask(ask)
    answer = (await world.ask(ask))["data"]
    assert answer["item"] == answer["b"]
    assert answer["c"] != answer["b"]
    ticks.at += 11
    assert (await world.ask(ask))["data"]["item"] != answer["item"]


@pytest.mark.rule("GQL-60")
async def test_without_a_configuration_a_resolver_is_not_kept(cached: Any) -> None:
    world = await cached("PER_RESOLVER_CACHING")
    assert await moment(world) != await moment(world)


@pytest.mark.rule("GQL-60")
async def test_errors_are_not_kept(cached: Any) -> None:
    world = await cached("FULL_REQUEST_CACHING")
    for _ in range(2):
        assert (await world.ask("{ fails }"))["errors"][0]["errorType"] == "E"
        assert (await world.ask("{ warned }"))["errors"][0]["errorType"] == "W"


@pytest.mark.rule("GQL-61")
async def test_whole_answers_are_kept_by_document_variables_and_headers(cached: Any) -> None:
    world = await cached("OPERATION_LEVEL_CACHING")
    first = await moment(world)
    assert await moment(world) == first
    assert await moment(world, **{"x-amz-date": "today", "sec-ch-ua-mobile": "?1"}) == first
    assert await moment(world, **{"accept-language": "de"}) != first
    assert await moment(world, "2") != first
    assert (await world.ask("{ fails }"))["errors"]
    assert (await world.ask("{ fails }"))["errors"]


@pytest.mark.rule("GQL-62")
async def test_a_mutation_evicts_an_entry_and_says_so(cached: Any) -> None:
    keys = {"ttl": 10, "cachingKeys": ["context.arguments.id"]}
    world = await cached("PER_RESOLVER_CACHING", cachingConfig=keys)
    evict = '$extensions.evictFromApiCache("Query", "item", {"context.arguments.id": $ctx.args.id})'
    await world.local("Mutation", "save", response=evict + ECHO)
    first, other = await moment(world), await moment(world, "2")
    answer = await world.ask('mutation { save(id: "1") { id } }')
    assert answer == {"data": {"save": {"id": "1"}}, "extensions": {"apiCacheEntriesDeleted": 1}}
    # A changed resolver empties the cache; here nothing changed but the entry.
    assert await moment(world) != first
    assert await moment(world, "2") == other
    answer = await world.ask('mutation { save(id: "9") { id } }')
    assert answer["extensions"] == {"apiCacheEntriesDeleted": 0}


@pytest.mark.rule("GQL-62")
async def test_flushing_and_changing_the_api_forget_everything(cached: Any) -> None:
    world = await cached("FULL_REQUEST_CACHING")
    first = await moment(world)
    await world.call("FlushApiCache")
    second = await moment(world)
    assert second != first
    await world.local("Mutation", "touch")
    third = await moment(world)
    assert third != second
    await world.call("DeleteApiCache")
    assert await moment(world) != await moment(world)


@pytest.mark.rule("GQL-23")
async def test_a_cache_is_described_as_it_was_made(cached: Any) -> None:
    world = await cached("FULL_REQUEST_CACHING")
    made = {
        "ttl": 60,
        "apiCachingBehavior": "FULL_REQUEST_CACHING",
        "type": "SMALL",
        "status": "AVAILABLE",
        "transitEncryptionEnabled": False,
        "atRestEncryptionEnabled": False,
        "healthMetricsConfig": "DISABLED",
    }
    assert await world.call("GetApiCache") == {"apiCache": made}
    changed = {"ttl": 5, "apiCachingBehavior": "PER_RESOLVER_CACHING", "type": "LARGE"}
    assert await world.call("UpdateApiCache", **changed) == {"apiCache": {**made, **changed}}
    for operation, more, code in (
        ("CreateApiCache", changed, "BadRequestException"),
        ("UpdateApiCache", {**changed, "ttl": 3601}, "BadRequestException"),
    ):
        with pytest.raises(SynclineError) as refused:
            await world.call(operation, **more)
        assert refused.value.code == code
    await world.call("DeleteApiCache")
    with pytest.raises(SynclineError) as refused:
        await world.call("GetApiCache")
    assert refused.value.code == "NotFoundException"


@pytest.mark.rule("GQL-63")
def test_what_was_used_longest_ago_makes_room(monkeypatch: pytest.MonkeyPatch, ticks: Ticks, meter: Meter) -> None:
    monkeypatch.setattr(api_cache, "BYTES_MAX", 1000)
    cache = ApiCache(Record(60, "FULL_REQUEST_CACHING", "SMALL"), ticks, meter, "a")
    for name in ("a", "b", "c"):
        cache.keep(("Query", name, b""), b"x" * 100, 60)
    assert cache.find(("Query", "a", b"")) is not None
    cache.keep(("Query", "d", b""), b"x" * 100, 60)
    assert cache.find(("Query", "b", b"")) is None
    assert cache.find(("Query", "a", b"")) is not None
    cache.keep(("Query", "e", b""), b"x" * 2000, 60)
    assert cache.find(("Query", "e", b"")) is None
    assert cache.find(("Query", "d", b"")) is not None


@pytest.mark.rule("GQL-64")
async def test_added_response_headers_are_on_the_answer(world: Any) -> None:
    await world.create(SDL)
    add = '$util.http.addResponseHeader("X-One", "1")$util.http.addResponseHeaders({"x-two": 2, "x-one": "last"})'
    await world.local("Query", "counted", response=add + "5")
    response = await world.post({"query": "{ counted }"})
    assert json.decode(response.body) == {"data": {"counted": 5}}
    assert response.headers[1:] == [("x-one", "last"), ("x-two", "2")]


@pytest.mark.rule("GQL-64")
@pytest.mark.parametrize(
    ("call", "message"),
    [
        ('("Content-Type", "a")', "The response header 'Content-Type' cannot be set."),
        ('("x-amzn-a", "a")', "The response header 'x-amzn-a' cannot be set."),
        ('("Access-Control-Allow-Origin", "*")', "The response header 'Access-Control-Allow-Origin' cannot be set."),
        ('("", "a")', "The response header '' is not valid."),
        ('("a", $nothing)', "The response header 'a' is not valid."),
        ('("a b", "c")', "The response header 'a b' is not valid."),
        ('("a", "$util.urlDecode(\'%0a\')x")', "The value of the response header 'a' is not valid."),
        ('("a", "$long")', "The response headers may have at most 4096 bytes."),
    ],
)
async def test_a_refused_header_is_an_error_beside_the_data(world: Any, call: str, message: str) -> None:
    await world.create(SDL)
    prefix = '#set($x = "x")#set($long = $x.repeat(4096))'
    await world.local("Query", "counted", response=f"{prefix}$util.http.addResponseHeader{call}5")
    answer = await world.ask("{ counted }")
    assert answer["data"] == {"counted": 5}
    assert [(each["errorType"], each["message"]) for each in answer["errors"]] == [("ResponseHeaderError", message)]
