"""Rows of a table shown without plain JSON in between: the same answers as by templates that do read the result."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.graphql.conftest import World

from syncline.bus import LocalBus
from syncline.core import Meter, Settings, SystemClock, SystemIds
from syncline.datasources import Engines
from syncline.graphql import fragments
from syncline.graphql.fragments import Fragments, Kept
from syncline.store import MemoryStore
from syncline.streams import Streams
from syncline.tables import TableEngine, Tables

EXAMPLES = max(20, int(os.environ.get("SYNCLINE_DIFFERENTIAL_EXAMPLES", "0")) // 10)
SDL = """
enum Color { RED GREEN }
interface Named { id: ID! s: String }
type Part { s: String n: Int parts: [Part] }
type Item implements Named {
  id: ID! s: String need: String! n: Int f: Float b: Boolean color: Color at: AWSTimestamp day: AWSDate any: AWSJSON
  list: [String] part: Part parts: [Part!] items: [Part]
}
type Page { items: [Item!]! nextToken: String scannedCount: Int more: Int }
type Query {
  one(id: ID!): Item one2(id: ID!): Item named(id: ID!): Named named2(id: ID!): Named
  list: [Item] list2: [Item] strict: [Item!]! strict2: [Item!]!
  page(limit: Int): Page page2(limit: Int): Page member(id: ID!): [Part] member2(id: ID!): [Part]
}
"""
GET = """{"version": "2018-05-29", "operation": "GetItem",
  "key": {"k": {"S": "all"}, "id": $util.dynamodb.toDynamoDBJson($ctx.args.id)}}"""
QUERY = """{"version": "2018-05-29", "operation": "Query",
  #if($ctx.args.limit)"limit": $ctx.args.limit,#end
  "query": {"expression": "k = :k", "expressionValues": {":k": {"S": "all"}}}}"""
WHOLE, READ = "$util.toJson($ctx.result)", "#set($r = $ctx.result)$util.toJson($r)"
ITEMS, READ_ITEMS = "$util.toJson($ctx.result.items)", "#set($r = $ctx.result.items)$util.toJson($r)"
RESOLVERS = {
    "one": (GET, WHOLE),
    "named": (GET, WHOLE),
    "page": (QUERY, WHOLE),
    "list": (QUERY, ITEMS),
    "strict": (QUERY, ITEMS),
    "member": (GET, ITEMS),
}
FIELDS = "id s need n f b color at day any list part { s n parts { n } } parts { s } items { n s } t: __typename"
QUERIES = [
    f"query ($id: ID!) {{ a: one%(_)s(id: $id) {{ {FIELDS} }} n: named%(_)s(id: $id) {{ __typename s id }} }}",
    f"{{ a: list%(_)s {{ {FIELDS} }} b: list%(_)s {{ renamed: id n }} }}",
    "{ a: strict%(_)s { need } }",
    "{ a: page%(_)s { items { id s need f } scannedCount nextToken more } b: page%(_)s(limit: 1) { items { id } } }",
    "query ($id: ID!) { a: member%(_)s(id: $id) { n s } }",
]

texts = st.sampled_from(["", "x", "RED", "BLUE", '"quoted"\n', "2026-01-31", "ü𝄞", "7"])
numbers = st.sampled_from(["0", "7", "-1", "2147483648", "1.5", "1E+30", "123456789012345678901234567890"])
leaves = st.one_of(
    texts.map(lambda text: {"S": text}),
    numbers.map(lambda number: {"N": number}),
    st.booleans().map(lambda truth: {"BOOL": truth}),
    st.just({"NULL": True}),
    st.just({"B": b"\x00\xff"}),
    st.just({"SS": ["a", "b"]}),
    st.just({"NS": ["1", "2.5"]}),
)
NAMES = ["s", "n", "f", "b", "color", "at", "day", "any", "list", "part", "parts", "items", "need", "__typename"]
attributes = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda found: {"L": found}),
        st.dictionaries(st.sampled_from(NAMES), inner, max_size=4).map(lambda found: {"M": found}),
    ),
    max_leaves=6,
)
PROPER: dict[str, Any] = {
    "s": {"S": "x"},
    "need": {"S": "y"},
    "n": {"N": "3"},
    "f": {"N": "1.5"},
    "b": {"BOOL": True},
    "color": {"S": "RED"},
    "at": {"N": "5"},
    "day": {"S": "2026-01-31"},
    "__typename": {"S": "Item"},
    "list": {"L": [{"S": "x"}]},
    "part": {"M": {"s": {"S": "x"}, "parts": {"L": [{"M": {"n": {"N": "1"}}}]}}},
}
items = st.dictionaries(st.sampled_from(NAMES), attributes, max_size=3).map(lambda odd: {**PROPER, **odd})


async def tabled(make_world: Callable[..., World], store: MemoryStore, meter: Meter) -> tuple[World, TableEngine]:
    """A world with a table, and each field twice: by a template that hands the result on, and by one that reads it."""
    clock, ids = SystemClock(), SystemIds()
    tables = TableEngine(
        store, Streams(store, LocalBus(), clock, Settings().streams, meter), clock, ids, Settings(), meter
    )
    await Tables(tables).create_table(
        {
            "TableName": "rows",
            "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("k", "id")],
            "KeySchema": [{"AttributeName": "k", "KeyType": "HASH"}, {"AttributeName": "id", "KeyType": "RANGE"}],
            "BillingMode": "PAY_PER_REQUEST",
        }
    )
    world = make_world(engines=Engines(tables=tables, secret=b"s"))
    await world.create(SDL)
    await world.call(
        "CreateDataSource",
        name="table",
        type="AMAZON_DYNAMODB",
        serviceRoleArn="arn:aws:iam::000000000000:role/r",
        dynamodbConfig={"tableName": "rows", "awsRegion": "us-east-1"},
    )
    for field, (request, response) in RESOLVERS.items():
        read = READ if response == WHOLE else READ_ITEMS
        for name, template in ((field, response), (f"{field}2", read)):
            await world.call(
                "CreateResolver",
                typeName="Query",
                fieldName=name,
                dataSourceName="table",
                requestMappingTemplate=request,
                responseMappingTemplate=template,
            )
    return world, tables


def named(answer: Any) -> Any:
    """The answer without what tells the twins apart: places in the text."""
    for error in answer.get("errors", ()):
        error.pop("locations", None)
    return answer


@pytest.mark.rule("GQL-36")
@settings(max_examples=EXAMPLES, deadline=None)
@given(found=st.lists(items, min_size=1, max_size=4))
def test_rows_are_answered_as_plain_results_are(found: list[Any]) -> None:
    async def compare() -> None:
        store, meter = MemoryStore(), Meter(out=None)
        world, tables = await tabled(lambda engines: World(store, SystemClock(), meter, engines), store, meter)
        for number, item in enumerate(found):
            await tables.put_item({"TableName": "rows", "Item": {**item, "k": {"S": "all"}, "id": {"S": str(number)}}})
        for query in QUERIES:
            given = {"id": "0"} if "$id" in query else {}
            plain = named(await world.ask(query % {"_": "2"}, **given))
            for _ in range(2):  # once new, once kept
                assert named(await world.ask(query % {"_": ""}, **given)) == plain
        await store.close()

    asyncio.run(compare())


@pytest.mark.rule("GQL-2")
async def test_a_changed_item_is_seen_at_once(
    make_world: Any, store: MemoryStore, meter: Meter, monkeypatch: pytest.MonkeyPatch
) -> None:
    world, tables = await tabled(make_world, store, meter)
    made = []
    make = Fragments._made
    monkeypatch.setattr(Fragments, "_made", lambda self, row: made.append(row) or make(self, row))
    item = {"k": {"S": "all"}, "id": {"S": "1"}, "need": {"S": "a"}}
    for text in ("a", "b", "a"):
        await tables.put_item({"TableName": "rows", "Item": {**item, "s": {"S": text}}})
        assert await world.ask("{ list { s } one(id: 1) { s } }") == {
            "data": {"list": [{"s": text}], "one": {"s": text}}
        }
    await tables.delete_item({"TableName": "rows", "Key": {"k": item["k"], "id": item["id"]}})
    assert await world.ask("{ list { s } one(id: 1) { s } }") == {"data": {"list": [], "one": None}}
    assert len(made) == 4, "two states of the item in two fields, each made once; the third time they are kept"


def test_fragments_are_bounded_over_all_plans(monkeypatch: pytest.MonkeyPatch) -> None:
    from syncline.datasources import Rows

    monkeypatch.setattr(fragments, "BYTES_MAX", 10_000)
    kept = Kept()
    keepers = [Fragments(kept, lambda item: item) for _ in range(2)]
    for number in range(100):
        row = b"\0\0\0\0" + msgspec.msgpack.encode({"id": {"S": f"{number}" * 50}})
        for keeper in keepers:
            keeper.of_one(Rows([row], one=True))
    assert 0 < sum(len(keeper._fragments) for keeper in keepers) < 40
