"""Sibling fields that ask one function are asked together."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from syncline.core import json
from syncline.datasources import Engines

SDL = """
type Item { id: ID! price: Int name: String deep: [Item] }
type Query { items: [Item] one: Int two: Int }
type Mutation { one: Int two: Int }
"""
ARN = "arn:aws:lambda:us-east-1:000000000000:function:f"
ITEMS = '{"version": "2018-05-29", "payload": [%s]}'
BATCH = '{"version": "2018-05-29", "operation": "BatchInvoke", "payload": $util.toJson($ctx.source.id)}'


class Functions:
    """A function that answers by what `answer` makes of its event."""

    def __init__(self) -> None:
        self.events: list[Any] = []
        self.error: str | None = None
        self.answer: Callable[[Any], Any] = lambda event: [int(each) * 10 for each in event]

    async def invoke(self, name_or_arn: str, payload: bytes, *, kind: str = "RequestResponse") -> Any:
        event = json.decode(payload)
        self.events.append(event)
        value = self.answer(event)
        return type("Answer", (), {"payload": json.encode(value), "function_error": self.error})()


@pytest.fixture
def functions() -> Functions:
    return Functions()


@pytest.fixture
async def batched(make_world: Any, functions: Functions) -> Any:
    """`await batched(count, request, response, size)`: a world whose items ask the function for their price."""

    async def make(count: int, request: str = "", response: str = "", size: int = 0) -> Any:
        world = make_world(Engines(functions=functions))
        await world.create(SDL)
        await world.local("Query", "items", ITEMS % ",".join(f'{{"id": "{at}"}}' for at in range(count)))
        await world.call(
            "CreateDataSource", name="f", type="AWS_LAMBDA", lambdaConfig={"lambdaFunctionArn": ARN}, serviceRoleArn=ARN
        )
        members: dict[str, Any] = {"maxBatchSize": size} if size else {}
        if request:
            members["requestMappingTemplate"] = request
        if response:
            members["responseMappingTemplate"] = response
        await world.call("CreateResolver", typeName="Item", fieldName="price", dataSourceName="f", **members)
        return world

    return make


@pytest.mark.rule("RES-20")
async def test_siblings_are_asked_five_at_a_time_without_a_size(batched: Any, functions: Functions) -> None:
    world = await batched(7, BATCH, "$util.toJson($ctx.result)")
    answer = await world.ask("{ items { id price } }")
    assert answer == {"data": {"items": [{"id": str(at), "price": at * 10} for at in range(7)]}}
    assert functions.events == [["0", "1", "2", "3", "4"], ["5", "6"]]


@pytest.mark.rule("RES-20")
async def test_a_size_of_its_own_bounds_the_batch(batched: Any, functions: Functions) -> None:
    world = await batched(3, BATCH, "$util.toJson($ctx.result)", size=2)
    await world.ask("{ items { price name } }")
    assert functions.events == [["0", "1"], ["2"]]


@pytest.mark.rule("RES-20")
async def test_requests_do_not_share_a_batch(batched: Any, functions: Functions) -> None:
    import asyncio

    world = await batched(2, BATCH, "$util.toJson($ctx.result)", size=10)
    await asyncio.gather(world.ask("{ items { price } }"), world.ask("{ items { price } }"))
    assert functions.events == [["0", "1"], ["0", "1"]]


@pytest.mark.rule("RES-21")
async def test_a_direct_batch_is_a_list_of_contexts_and_is_unwrapped(batched: Any, functions: Functions) -> None:
    world = await batched(4, size=100)
    entries = [{"data": 1, "x": 2}, {"data": 7, "errorMessage": "no", "errorType": "Mine"}, None, 5]
    functions.answer = lambda events: entries
    answer = await world.ask("{ items { price } }")
    assert answer["data"] == {"items": [{"price": 1}, {"price": None}, {"price": None}, {"price": None}]}
    (error,) = answer["errors"]
    assert (error["path"], error["errorType"], error["message"]) == (["items", 1, "price"], "Mine", "no")
    assert [event["source"] for event in functions.events[0]] == [{"id": str(at)} for at in range(4)]
    assert functions.events[0][0]["info"]["fieldName"] == "price"


@pytest.mark.rule("RES-21")
async def test_a_direct_resolver_without_a_size_asks_one_by_one(batched: Any, functions: Functions) -> None:
    world = await batched(2)
    functions.answer = lambda event: int(event["source"]["id"]) + 1
    assert (await world.ask("{ items { price } }"))["data"] == {"items": [{"price": 1}, {"price": 2}]}
    assert len(functions.events) == 2


@pytest.mark.rule("RES-21")
async def test_with_a_response_template_the_entry_is_the_result(batched: Any, functions: Functions) -> None:
    world = await batched(1, response="$util.toJson($ctx.result.data.n)", size=5)
    functions.answer = lambda events: [{"data": {"n": 3}}]
    assert (await world.ask("{ items { price } }"))["data"] == {"items": [{"price": 3}]}


@pytest.mark.rule("RES-22")
async def test_a_failure_is_every_fields_failure(batched: Any, functions: Functions) -> None:
    world = await batched(2, BATCH, "$util.error($ctx.error.message, $ctx.error.type)", size=5)
    functions.error, functions.answer = "Unhandled", lambda event: {"errorMessage": "down", "errorType": "E"}
    answer = await world.ask("{ items { price } }")
    assert [(each["path"], each["errorType"], each["message"]) for each in answer["errors"]] == [
        (["items", at, "price"], "Lambda:Unhandled", "down") for at in range(2)
    ]
    functions.error, functions.answer = None, lambda event: [1]
    answer = await world.ask("{ items { price } }")
    wrong = "The batch result must be a list with one entry per request."
    assert [each["message"] for each in answer["errors"]] == [wrong, wrong]
