"""The data-sync recipe's own templates, end to end over the real table engine."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from syncline.resolvers import Library
from syncline.resolvers.handler import TemplateHandler

Resolve = Callable[..., Awaitable[Any]]

CREATE = """{
    "version": "2017-02-28",
    "operation": "PutItem",
    "key": {
        "id": $util.dynamodb.toDynamoDBJson($util.autoId())
    },
    "attributeValues": {
        "title": $util.dynamodb.toDynamoDBJson($ctx.args.input.title),
        "content": $util.dynamodb.toDynamoDBJson($ctx.args.input.content),
        "timestamp": $util.dynamodb.toDynamoDBJson($util.time.nowISO8601()),
        "version": $util.dynamodb.toDynamoDBJson(1)
    }
}
"""
GET = """{
    "version": "2017-02-28",
    "operation": "GetItem",
    "key": {
        "id": $util.dynamodb.toDynamoDBJson($ctx.args.id)
    }
}
"""
LIST = """{
    "version": "2017-02-28",
    "operation": "Scan"
}
"""
RESULT = "$util.toJson($ctx.result)\n"
ITEMS = "$util.toJson($ctx.result.items)\n"


@pytest.mark.rule("RES-1")
async def test_what_is_created_is_got_and_listed(resolve: Resolve) -> None:
    created = await resolve(CREATE, RESULT, {"input": {"title": "a", "content": "b"}})
    assert created.keys() == {"id", "title", "content", "timestamp", "version"}
    assert (created["title"], created["content"], created["version"]) == ("a", "b", 1)
    assert await resolve(GET, RESULT, {"id": created["id"]}) == created
    assert await resolve(LIST, ITEMS) == [created]


@pytest.mark.rule("RES-1")
async def test_what_is_not_there_is_null(resolve: Resolve) -> None:
    assert await resolve(GET, RESULT, {"id": "nope"}) is None


@pytest.mark.rule("RES-2")
@pytest.mark.parametrize("template", [CREATE, GET, LIST, RESULT, ITEMS])
def test_the_recipes_templates_are_built_without_text(library: Library, template: str) -> None:
    assert TemplateHandler(template, "recipe", library)._template.builds_directly
