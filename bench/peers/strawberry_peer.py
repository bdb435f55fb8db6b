"""The Python peer: Strawberry on uvicorn, as shipped. `uvicorn strawberry_peer:app`."""

import strawberry
from strawberry.asgi import GraphQL


@strawberry.type
class DataItem:
    id: strawberry.ID
    title: str
    content: str
    timestamp: str
    version: int


ITEM = DataItem(
    id=strawberry.ID("0123456789"), title="t" * 60, content="c" * 110, timestamp="2026-11-21T08:00:00.000Z", version=3
)


@strawberry.type
class Query:
    @strawberry.field
    def get_data_item(self, id: strawberry.ID) -> DataItem:
        return ITEM


app = GraphQL(strawberry.Schema(Query))
