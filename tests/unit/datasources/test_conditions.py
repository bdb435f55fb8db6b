"""Failed conditions that a function decides on, and transactions, over the real table engine."""

from typing import Any

import pytest

from syncline.core import json
from syncline.datasources import Context, DataSource, DataSourceError, DataSourceRecord, Engines, Info, build
from syncline.tables import TableEngine

ARN = "arn:aws:lambda:us-east-1:000000000000:function:decide"
CONTEXT = Context(
    arguments={"id": "a"}, identity={"sub": "u"}, info=Info("save", "Mutation", output_type="Post"), source=None
)
FAILED = (
    "The conditional request failed (Service: AmazonDynamoDBv2; Status Code: 400; "
    "Error Code: ConditionalCheckFailedException; Request ID: "
)


class Decider:
    """A function that decides as told."""

    def __init__(self) -> None:
        self.answer: Any = None
        self.asked: list[Any] = []

    async def invoke(self, name_or_arn: str, payload: bytes, *, kind: str = "RequestResponse") -> Any:
        self.asked.append((name_or_arn, json.decode(payload)))
        return type("Answer", (), {"payload": json.encode(self.answer), "function_error": None})()


@pytest.fixture
def decider() -> Decider:
    return Decider()


@pytest.fixture
def posts(engine: TableEngine, decider: Decider) -> DataSource:
    config = {"tableName": "posts", "awsRegion": "eu-west-1"}
    spec = DataSourceRecord("posts", "AMAZON_DYNAMODB", dynamodb_config=config)
    return build(spec, Engines(tables=engine, functions=decider, secret=b"test"))


def key(id: str = "a") -> dict[str, Any]:
    return {"id": {"S": id}, "n": {"N": 1}}


def put(title: str, version: int, *, handler: Any = None) -> dict[str, Any]:
    condition = {
        "expression": "attribute_not_exists(version) OR version < :v",
        "expressionValues": {":v": {"N": version}},
        "conditionalCheckFailedHandler": handler or {"strategy": "Custom", "lambdaArn": ARN},
    }
    values = {"title": {"S": title}, "version": {"N": version}}
    return {"operation": "PutItem", "key": key(), "attributeValues": values, "condition": condition}


async def refused(source: DataSource, request: Any) -> DataSourceError:
    with pytest.raises(DataSourceError) as failed:
        await source.invoke({"version": "2018-05-29", **request}, CONTEXT)
    return failed.value


@pytest.mark.rule("DS-19")
async def test_the_function_is_told_the_request_and_the_current_item(posts: DataSource, decider: Decider) -> None:
    await posts.invoke(put("first", 5), CONTEXT)
    request = put("second", 4)
    failure = await refused(posts, request)
    assert failure.error_type == "DynamoDB:ConditionalCheckFailedException"
    assert failure.message.startswith(FAILED)
    current = {"id": "a", "n": 1, "title": "first", "version": 5}
    assert failure.data == current
    assert decider.asked == [
        (
            ARN,
            {
                "arguments": {"id": "a"},
                "requestMapping": {"version": "2018-05-29", **request},
                "currentValue": current,
                "resolver": {
                    "tableName": "posts",
                    "awsRegion": "eu-west-1",
                    "parentType": "Mutation",
                    "field": "save",
                    "outputType": "Post",
                },
                "identity": {"sub": "u"},
            },
        )
    ]


@pytest.mark.rule("DS-19")
async def test_discard_is_a_success_with_the_current_item(posts: DataSource, decider: Decider) -> None:
    await posts.invoke(put("first", 5), CONTEXT)
    decider.answer = {"action": "discard"}
    assert (await posts.invoke(put("second", 4), CONTEXT))["title"] == "first"


@pytest.mark.rule("DS-19")
async def test_retry_is_tried_once(posts: DataSource, decider: Decider) -> None:
    await posts.invoke(put("first", 5), CONTEXT)
    decider.answer = {"action": "retry", "retryMapping": put("merged", 6)}
    assert (await posts.invoke(put("second", 4), CONTEXT))["title"] == "merged"
    decider.answer = {"action": "retry", "retryMapping": put("never", 3)}
    assert (await refused(posts, put("second", 4))).error_type == "DynamoDB:ConditionalCheckFailedException"
    assert len(decider.asked) == 2
    decider.answer = {"action": "retry"}
    assert (await refused(posts, put("second", 4))).error_type == "MappingTemplate"


@pytest.mark.rule("DS-19")
@pytest.mark.parametrize(
    ("handler", "message"),
    [
        ("x", "Expected JSON object for field '$[condition][conditionalCheckFailedHandler]'."),
        (
            {"strategy": "Ask"},
            "Unsupported value 'Ask' for field '$[condition][conditionalCheckFailedHandler][strategy]'.",
        ),
        (
            {"strategy": "Custom"},
            "Value for field '$[condition][conditionalCheckFailedHandler][lambdaArn]' not found.",
        ),
    ],
)
async def test_a_handler_that_cannot_be_read_is_refused(posts: DataSource, handler: Any, message: str) -> None:
    assert (await refused(posts, put("x", 1, handler=handler))).message == message


def entry(operation: str, id: str, **more: Any) -> dict[str, Any]:
    return {"table": "posts", "operation": operation, "key": key(id), **more}


def absent(**more: Any) -> dict[str, Any]:
    return {"expression": "attribute_not_exists(id)", **more}


@pytest.mark.rule("DS-20")
async def test_a_transaction_writes_all_and_reads_all(posts: DataSource) -> None:
    await posts.invoke({"operation": "PutItem", "key": key("old")}, CONTEXT)
    items = [
        entry("PutItem", "new", attributeValues={"t": {"S": "x"}}, condition=absent()),
        entry("UpdateItem", "up", update={"expression": "SET t = :t", "expressionValues": {":t": {"S": "y"}}}),
        entry("DeleteItem", "old"),
        entry("ConditionCheck", "none", condition=absent()),
    ]
    written = await posts.invoke({"operation": "TransactWriteItems", "transactItems": items}, CONTEXT)
    assert written == {
        "keys": [{"id": name, "n": 1} for name in ("new", "up", "old", "none")],
        "cancellationReasons": None,
    }
    asked = [{"table": "posts", "key": key(name)} for name in ("up", "old")]
    asked.append({"table": "posts", "key": key("new"), "projection": {"expression": "t"}})
    found = await posts.invoke({"operation": "TransactGetItems", "transactItems": asked}, CONTEXT)
    assert found == {"items": [{"id": "up", "n": 1, "t": "y"}, None, {"t": "x"}], "cancellationReasons": None}


@pytest.mark.rule("DS-20")
async def test_a_cancelled_transaction_has_a_reason_per_entry(posts: DataSource) -> None:
    await posts.invoke({"operation": "PutItem", "key": key("there")}, CONTEXT)
    silent = absent(returnValuesOnConditionCheckFailure=False)
    items = [
        entry("PutItem", "new"),
        entry("PutItem", "there", condition=absent()),
    ]
    failure = await refused(posts, {"operation": "TransactWriteItems", "transactItems": items})
    assert failure.error_type == "DynamoDB:TransactionCanceledException"
    assert failure.message.startswith(
        "Transaction cancelled, please refer cancellation reasons for specific reasons [None, ConditionalCheckFailed] ("
    )
    why = {"type": "ConditionCheckFailed", "message": "The conditional request failed"}
    none = {"type": "None", "message": "None"}
    assert failure.data == {"keys": None, "cancellationReasons": [none, {"item": {"id": "there", "n": 1}, **why}]}
    items[1]["condition"] = silent
    failure = await refused(posts, {"operation": "TransactWriteItems", "transactItems": items})
    assert failure.data == {"keys": None, "cancellationReasons": [none, why]}
    assert await posts.invoke({"operation": "GetItem", "key": key("new")}, CONTEXT) is None


@pytest.mark.rule("DS-7")
@pytest.mark.parametrize(
    ("operation", "items", "message"),
    [
        ("TransactGetItems", None, "Value for field '$[transactItems]' not found."),
        ("TransactGetItems", [1], "Expected JSON object for field '$[transactItems][0]'."),
        ("TransactGetItems", [{"key": key()}], "Value for field '$[transactItems][0][table]' not found."),
        ("TransactGetItems", [{"table": "t", "x": 1}], "Unsupported element '$[transactItems][0][x]'."),
        ("TransactGetItems", [{}] * 101, "'$[transactItems]' may have at most 100 elements."),
        ("TransactWriteItems", [entry("UpdateItem", "a")], "Value for field '$[transactItems][0][update]' not found."),
        (
            "TransactWriteItems",
            [entry("ConditionCheck", "a")],
            "Value for field '$[transactItems][0][condition]' not found.",
        ),
        (
            "TransactWriteItems",
            [entry("Get", "a")],
            "Unsupported operation 'Get' of '$[transactItems][0]'. "
            "Supported operations are: PutItem, UpdateItem, DeleteItem, ConditionCheck.",
        ),
    ],
)
async def test_a_transaction_that_cannot_be_read_is_refused(
    posts: DataSource, operation: str, items: Any, message: str
) -> None:
    failure = await refused(posts, {"operation": operation, "transactItems": items})
    assert (failure.error_type, failure.message) == ("MappingTemplate", message)
