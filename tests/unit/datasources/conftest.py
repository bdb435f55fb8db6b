"""A table of the real engine behind a data source."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from syncline.core import Meter, SystemClock, SystemIds, settings
from syncline.datasources import Context, DataSource, DataSourceRecord, Engines, Info, build
from syncline.store import MemoryStore
from syncline.streams import Streams
from syncline.tables import TableEngine, Tables

Ask = Callable[..., Awaitable[Any]]


@pytest.fixture
async def engine(store: MemoryStore, streams: Streams, clock: SystemClock, ids: SystemIds, meter: Meter) -> TableEngine:
    engine = TableEngine(store, streams, clock, ids, settings.Settings(), meter)
    await engine.load()
    await Tables(engine).create_table(
        {
            "TableName": "posts",
            "AttributeDefinitions": [
                {"AttributeName": name, "AttributeType": kind} for name, kind in (("id", "S"), ("n", "N"))
            ],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "n", "KeyType": "RANGE"}],
            "BillingMode": "PAY_PER_REQUEST",
        }
    )
    return engine


def context() -> Context:
    return Context(arguments={}, info=Info("field", "Query"))


@pytest.fixture
def source(engine: TableEngine) -> DataSource:
    spec = DataSourceRecord("posts", "AMAZON_DYNAMODB", dynamodb_config={"tableName": "posts", "awsRegion": "x"})
    return build(spec, Engines(tables=engine, secret=b"test"))


@pytest.fixture
def ask(source: DataSource) -> Ask:
    """`await ask("GetItem", key=…)`."""

    async def run(operation: str, **members: Any) -> Any:
        return await source.invoke({"version": "2018-05-29", "operation": operation, **members}, context())

    return run
