"""Equal reads of one query ask the table once: the answers are those of a query whose reads are each asked."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.graphql.conftest import World
from tests.unit.graphql.test_rows import tabled as table_of

from syncline.core import Meter, SystemClock, json
from syncline.datasources import Context, Shared
from syncline.datasources.dynamodb import DynamoDbSource
from syncline.store import MemoryStore
from syncline.tables import TableEngine

SDL = """
type Post { id: ID! by: String author: Author copy: Author changed: Author put: Author }
type Author { id: ID! s: String l: [String] post: Post }
type Query { posts(of: String!): [Post] }
type Mutation { posts(of: String!): [Post] }
"""
POSTS = """{"version": "2018-05-29", "payload": $util.toJson($util.parseJson($ctx.args.of))}"""
KEY = """"key": {"k": {"S": "all"}, "id": $util.dynamodb.toDynamoDBJson($ctx.source.by)}"""
GET = """{"version": "2018-05-29", "operation": "GetItem", %s, "consistentRead": %s}"""
PUT = """{"version": "2018-05-29", "operation": "PutItem", %s, "attributeValues": {"s": {"S": "put"}}}"""
WHOLE = "$util.toJson($ctx.result)"
CHANGED = """#if($ctx.result)$util.qr($ctx.result.put("s", "$ctx.result.s $ctx.source.id"))
$util.qr($ctx.result.l.add($ctx.source.id))#end$util.toJson($ctx.result)"""
RESOLVERS = {
    "author": (GET % (KEY, "false"), WHOLE),
    "copy": (GET % (KEY, "true"), WHOLE),
    "changed": (GET % (KEY, "false"), CHANGED),
    "put": (PUT % KEY, WHOLE),
}
FIELDS = st.lists(st.sampled_from(sorted(RESOLVERS)), min_size=1, max_size=4)
AUTHORS = st.lists(st.sampled_from(["0", "1", "2", "none", ""]), min_size=1, max_size=6)


async def deployed(store: MemoryStore) -> tuple[World, TableEngine]:
    """Posts whose authors are read from a table, as they are, changed, or written."""
    meter = Meter(out=None)
    world, tables = await table_of(lambda engines: World(store, SystemClock(), meter, engines), store, meter)
    await world.create(SDL)
    await world.call("CreateDataSource", name="none", type="NONE")
    await world.call(
        "CreateDataSource",
        name="table",
        type="AMAZON_DYNAMODB",
        serviceRoleArn="arn:aws:iam::000000000000:role/r",
        dynamodbConfig={"tableName": "rows", "awsRegion": "us-east-1"},
    )

    async def resolver(type_name: str, name: str, source: str, request: str, response: str) -> None:
        members = {"requestMappingTemplate": request, "responseMappingTemplate": response}
        await world.call("CreateResolver", typeName=type_name, fieldName=name, dataSourceName=source, **members)

    for type_name in ("Query", "Mutation"):
        await resolver(type_name, "posts", "none", POSTS, WHOLE)
    for name, (request, response) in RESOLVERS.items():
        await resolver("Post", name, "table", request, response)
    for number in range(3):
        item = {"k": {"S": "all"}, "id": {"S": f"{number}"}, "s": {"S": "x"}, "l": {"L": []}}
        await tables.put_item({"TableName": "rows", "Item": item})
    return world, tables


@pytest.mark.rule("DS-23")
@settings(max_examples=25, deadline=None)
@given(fields=FIELDS, authors=AUTHORS, kind=st.sampled_from(["query", "mutation"]))
def test_the_answers_are_those_of_reads_that_are_each_asked(fields: list[str], authors: list[str], kind: str) -> None:
    selected = " ".join(f"f{at}: {name} {{ id s l }}" for at, name in enumerate(fields))
    posts = json.encode([{"id": f"p{at}", "by": by} for at, by in enumerate(authors)]).decode()

    async def answer(*, each: bool) -> Any:
        store = MemoryStore()
        world, _ = await deployed(store)
        with pytest.MonkeyPatch.context() as patch:
            if each:
                patch.setattr(Shared, "mutation", property(lambda self: True, lambda self, value: None))
            found = await world.ask(f"{kind} ($of: String!) {{ posts(of: $of) {{ id {selected} }} }}", of=posts)
        for error in found.get("errors", ()):
            error["message"] = error["message"].partition("Request ID")[0]
        await store.close()
        return found

    once = asyncio.run(answer(each=False))
    assert [each["id"] for each in once["data"]["posts"]] == [f"p{at}" for at in range(len(authors))]
    assert once == asyncio.run(answer(each=True))


@pytest.mark.rule("DS-23")
@pytest.mark.parametrize(("kind", "asked"), [("query", 2), ("mutation", 6)])
async def test_equal_reads_of_a_query_ask_once(kind: str, asked: int, monkeypatch: pytest.MonkeyPatch) -> None:
    world, tables = await deployed(MemoryStore())
    counted = []
    get = tables.get_item
    monkeypatch.setattr(
        TableEngine, "get_item", lambda self, ask, **options: counted.append(ask) or get(ask, **options)
    )
    of = json.encode([{"id": f"{at}", "by": f"{at % 2}"} for at in range(6)]).decode()
    answer = await world.ask(f"{kind} ($of: String!) {{ posts(of: $of) {{ author {{ id }} }} }}", of=of)
    assert [each["author"]["id"] for each in answer["data"]["posts"]] == ["0", "1"] * 3
    assert len(counted) == asked


@pytest.mark.rule("DS-23")
async def test_a_later_turn_reads_again(monkeypatch: pytest.MonkeyPatch) -> None:
    _, tables = await deployed(MemoryStore())
    source = DynamoDbSource("rows", tables, None)  # type: ignore[arg-type]
    request = {"operation": "GetItem", "key": {"k": {"S": "all"}, "id": {"S": "0"}}}
    shared = Shared()
    seen = []
    for text in ("a", "b"):
        item = {"k": {"S": "all"}, "id": {"S": "0"}, "s": {"S": text}}
        await tables.put_item({"TableName": "rows", "Item": item})
        await asyncio.sleep(0)
        context = Context({}, None, {}, shared=shared)  # type: ignore[arg-type]
        seen.append((await source.invoke(request, context))["s"])
    assert seen == ["a", "b"]
