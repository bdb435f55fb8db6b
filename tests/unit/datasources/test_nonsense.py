"""Templates that produce nonsense: whatever a data source is asked, it answers or refuses in AppSync's shape."""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncline.bus import LocalBus
from syncline.core import Meter, SynclineError, SystemClock, SystemIds
from syncline.core.settings import Http, Settings
from syncline.datasources import Context, DataSource, DataSourceRecord, Engines, Info, Outbound, build
from syncline.store import MemoryStore
from syncline.streams import Streams
from syncline.tables import TableEngine, Tables

EXAMPLES = int(os.environ.get("SYNCLINE_FUZZ_EXAMPLES", "150"))
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.sampled_from(
        ["", "S", "id", "#a", ":b", "SET #a = :b", "posts", "é", "x" * 3000, "\ud800", "1e999", "=", "a.b[0"]
    ),
)
JSONISH = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["S", "N", "M", "L", "NS", "BOOL", "id", "n", "posts", "keys"]), inner, max_size=3
        )
    ),
    max_leaves=8,
)
KEY = {"id": {"S": "1"}, "n": {"N": 1}}
EXPRESSION = {"expression": "#a = :b", "expressionNames": {"#a": "id"}, "expressionValues": {":b": {"S": "1"}}}
MEMBERS: dict[str, Any] = {
    "key": KEY,
    "attributeValues": {"a": {"S": "x"}},
    "update": {**EXPRESSION, "expression": "SET #a = :b"},
    "condition": EXPRESSION,
    "filter": EXPRESSION,
    "query": EXPRESSION,
    "projection": {"expression": "#a", "expressionNames": {"#a": "id"}},
    "index": "i",
    "limit": 1,
    "nextToken": "x",
    "consistentRead": True,
    "scanIndexForward": False,
    "select": "ALL_ATTRIBUTES",
    "totalSegments": 2,
    "segment": 0,
    "tables": {"posts": [KEY]},
    "transactItems": [{"table": "posts", "operation": "PutItem", "key": KEY, "attributeValues": {"a": {"S": "x"}}}],
    "version": "2018-05-29",
}
OPERATIONS = [
    *("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan", "BatchGetItem", "BatchPutItem"),
    *("BatchDeleteItem", "TransactGetItems", "TransactWriteItems", "Sync", "Nothing", None, 1),
]
WEB: dict[str, Any] = {
    "method": "GET",
    "resourcePath": "/x",
    "params": {"query": {"a": 1}, "headers": {"b": "c"}, "body": "d"},
    "version": "2018-05-29",
}


@st.composite
def damaged(draw: Any, whole: dict[str, Any]) -> Any:
    """A request with some members left out, and some, at any depth, replaced by anything."""
    request = {name: value for name, value in whole.items() if draw(st.integers(0, 3))}
    for _ in range(draw(st.integers(0, 3))):
        request = _replaced(draw, request)
    return request


def _replaced(draw: Any, value: Any) -> Any:
    if isinstance(value, dict) and value and draw(st.integers(0, 3)):
        name = draw(st.sampled_from(sorted(value)))
        return {**value, name: _replaced(draw, value[name])}
    if isinstance(value, list) and value and draw(st.booleans()):
        return [_replaced(draw, value[0]), *value[1:]]
    return draw(JSONISH)


async def tables() -> TableEngine:
    clock, store = SystemClock(), MemoryStore()
    meter = Meter(out=None)
    streams = Streams(store, LocalBus(), clock, Settings().streams, meter)
    engine = TableEngine(store, streams, clock, SystemIds(), Settings(), meter)
    await engine.load()
    names = [{"AttributeName": name, "AttributeType": kind} for name, kind in (("id", "S"), ("n", "N"))]
    keys = [{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "n", "KeyType": "RANGE"}]
    table = {"TableName": "posts", "BillingMode": "PAY_PER_REQUEST", "AttributeDefinitions": names, "KeySchema": keys}
    await Tables(engine).create_table(table)
    return engine


class Echo:
    """A function engine whose functions say what they were given."""

    async def invoke(self, name_or_arn: str, payload: bytes, *, kind: str = "RequestResponse") -> Any:
        class Done:
            function_error = None

        Done.payload = payload
        return Done()


async def asked(source: DataSource, request: Any) -> None:
    found: SynclineError | None = None
    try:
        await source.invoke(request, Context({}, Info("field", "Query")))
    except SynclineError as refusal:
        found = refusal
    assert found is None or 0 < len(found.message) < 20_000


RELAXED = settings(max_examples=EXAMPLES, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.rule("DS-22")
def test_any_request_of_a_table_is_answered_or_refused() -> None:
    with asyncio.Runner() as runner:
        engine = runner.run(tables())
        record = DataSourceRecord("posts", "AMAZON_DYNAMODB", dynamodb_config={"tableName": "posts", "awsRegion": "x"})
        source = build(record, Engines(tables=engine, secret=b"test"))

        @RELAXED
        @given(st.sampled_from(OPERATIONS), damaged(MEMBERS) | JSONISH)
        def run(operation: Any, request: Any) -> None:
            given_request = {**request, "operation": operation} if isinstance(request, dict) else request
            runner.run(asked(source, given_request))

        run()


@pytest.mark.rule("DS-22")
@pytest.mark.parametrize("kind", ["HTTP", "AWS_LAMBDA", "NONE"])
def test_any_request_of_the_others_is_answered_or_refused(kind: str) -> None:
    configs = {
        "HTTP": {"http_config": {"endpoint": "http://nobody.invalid"}},
        "AWS_LAMBDA": {"lambda_config": {"lambdaFunctionArn": "arn:aws:lambda:us-east-1:0:function:f"}},
    }
    whole = {
        "HTTP": WEB,
        "AWS_LAMBDA": {"operation": "Invoke", "invocationType": "Event", "payload": {}, "version": "2018-05-29"},
        "NONE": {"payload": 1},
    }[kind]

    class Nowhere(Outbound):
        async def send(self, method: str, url: str, headers: Any, body: bytes | None) -> Any:
            assert all(type(each) is str for pair in headers for each in pair)
            "".join(name + value for name, value in headers).encode("latin-1")
            url.encode("ascii")
            assert body is None or type(body) is bytes
            raise OSError

    engines = Engines(functions=Echo(), outbound=Nowhere(Http()), clock=SystemClock())
    source = build(DataSourceRecord("s", kind, **configs.get(kind, {})), engines)

    async def one(request: Any) -> None:
        try:
            await asked(source, request)
        except OSError:
            assert kind == "HTTP"

    with asyncio.Runner() as runner:

        @RELAXED
        @given(damaged(whole) | JSONISH)
        def run(request: Any) -> None:
            runner.run(one(request))

        run()
