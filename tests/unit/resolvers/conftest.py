"""A table over the memory store, the data sources over it, and resolvers from templates."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from syncline.core import Meter, SystemClock, SystemIds, settings
from syncline.datasources import Context, DataSource, DataSourceRecord, Engines, Info, build
from syncline.resolvers import Library, ResolverSpec, compile_resolver
from syncline.store import MemoryStore
from syncline.streams import Streams
from syncline.tables import TableEngine, Tables

Resolve = Callable[..., Awaitable[Any]]


@pytest.fixture
async def engine(store: MemoryStore, streams: Streams, clock: SystemClock, ids: SystemIds, meter: Meter) -> TableEngine:
    engine = TableEngine(store, streams, clock, ids, settings.Settings(), meter)
    await engine.load()
    await Tables(engine).create_table(
        {
            "TableName": "items",
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "BillingMode": "PAY_PER_REQUEST",
        }
    )
    return engine


@pytest.fixture
def sources(engine: TableEngine) -> dict[str, DataSource]:
    engines = Engines(tables=engine, secret=b"test")
    table = DataSourceRecord("table", "AMAZON_DYNAMODB", dynamodb_config={"tableName": "items", "awsRegion": "x"})
    return {"table": build(table, engines), "none": build(DataSourceRecord("none", "NONE"), engines)}


@pytest.fixture
def library(clock: SystemClock, ids: SystemIds, meter: Meter) -> Library:
    return Library(clock, ids, meter)


def context(arguments: dict[str, Any] | None = None, **more: Any) -> Context:
    return Context(arguments=arguments or {}, info=Info("field", "Query"), **more)


@pytest.fixture
def resolve(sources: dict[str, DataSource], library: Library) -> Resolve:
    """`await resolve(request, response, arguments, source="table")`."""

    async def run(request: str, response: str, arguments: dict[str, Any] | None = None, source: str = "table") -> Any:
        spec = ResolverSpec("Query", "field", "UNIT", source, request, response)
        return await compile_resolver(spec, sources, library).resolve(context(arguments))

    return run
