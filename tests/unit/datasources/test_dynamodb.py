"""DynamoDB data sources over the real table engine: results as plain JSON, conditions, pages, refusals."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from syncline.core import json
from syncline.datasources import Context, DataSource, DataSourceError, DataSourceRecord, Engines, Info, build
from syncline.tables import TableEngine

Ask = Callable[..., Awaitable[Any]]
CONTEXT = Context(arguments={}, info=Info("field", "Query"))


def key(id: str = "a", n: int = 1) -> dict[str, Any]:
    return {"id": {"S": id}, "n": {"N": n}}


async def refusal(asked: Awaitable[Any]) -> DataSourceError:
    with pytest.raises(DataSourceError) as refused:
        await asked
    return refused.value


@pytest.mark.rule("DS-1")
async def test_every_type_comes_back_as_plain_json(ask: Ask) -> None:
    values = {
        "s": {"S": "x"},
        "i": {"N": "12345678901234567890"},
        "f": {"N": 2.5},
        "b": {"B": "AAEC"},
        "t": {"BOOL": True},
        "z": {"NULL": None},
        "l": {"L": [{"S": "x"}, {"N": 1}, {"NULL": True}]},
        "m": {"M": {"k": {"M": {"d": {"N": "-0.5"}}}}},
        "ss": {"SS": ["a", "b"]},
        "ns": {"NS": [1, 2.5]},
        "bs": {"BS": ["AA=="]},
    }
    plain = {
        "id": "a", "n": 1, "s": "x", "i": 12345678901234567890, "f": 2.5, "b": "AAEC", "t": True, "z": None,
        "l": ["x", 1, None], "m": {"k": {"d": -0.5}}, "ss": ["a", "b"], "ns": [1, 2.5], "bs": ["AA=="],
    }  # fmt: skip
    assert await ask("PutItem", key=key(), attributeValues=values) == plain
    found = await ask("GetItem", key=key(), consistentRead=True)
    assert found == plain
    assert json.decode(json.encode(found)) == json.decode(json.encode(plain))


@pytest.mark.rule("DS-2")
async def test_what_is_not_there_is_null(ask: Ask) -> None:
    assert await ask("GetItem", key=key()) is None
    assert await ask("DeleteItem", key=key()) is None


@pytest.mark.rule("DS-2")
async def test_update_gives_the_item_after_and_delete_the_item_before(ask: Ask) -> None:
    await ask("PutItem", key=key(), attributeValues={"v": {"N": 1}})
    update = {
        "expression": "SET #v = #v + :one",
        "expressionNames": {"#v": "v"},
        "expressionValues": {":one": {"N": 1}},
    }
    assert await ask("UpdateItem", key=key(), update=update) == {"id": "a", "n": 1, "v": 2}
    assert await ask("DeleteItem", key=key()) == {"id": "a", "n": 1, "v": 2}
    assert await ask("GetItem", key=key()) is None


@pytest.mark.rule("DS-2")
async def test_a_projection_leaves_the_rest_out(ask: Ask) -> None:
    await ask("PutItem", key=key(), attributeValues={"v": {"N": 1}, "w": {"N": 2}})
    projection = {"expression": "#v", "expressionNames": {"#v": "v"}}
    assert await ask("GetItem", key=key(), projection=projection) == {"v": 1}


@pytest.mark.rule("DS-3")
async def test_a_failed_condition_tells_the_current_item(ask: Ask) -> None:
    await ask("PutItem", key=key(), attributeValues={"v": {"N": 1}})
    condition = {"expression": "attribute_not_exists(id)"}
    error = await refusal(ask("PutItem", key=key(), attributeValues={"v": {"N": 2}}, condition=condition))
    assert error.error_type == "DynamoDB:ConditionalCheckFailedException"
    assert error.data == {"id": "a", "n": 1, "v": 1}
    assert error.message == (
        "The conditional request failed (Service: AmazonDynamoDBv2; Status Code: 400; "
        "Error Code: ConditionalCheckFailedException; Request ID: null)"
    )


@pytest.mark.rule("DS-4")
async def test_a_put_that_was_already_made_succeeds(ask: Ask) -> None:
    values = {"v": {"N": 1}, "at": {"S": "then"}, "tags": {"SS": ["a", "b"]}}
    condition = {"expression": "attribute_not_exists(id)", "equalsIgnore": ["at"]}
    await ask("PutItem", key=key(), attributeValues=values, condition=condition)
    again = {"v": {"N": "1.0"}, "at": {"S": "now"}, "tags": {"SS": ["b", "a"]}}
    assert (await ask("PutItem", key=key(), attributeValues=again, condition=condition))["at"] == "then"
    other = {**again, "v": {"N": 2}}
    assert (await refusal(ask("PutItem", key=key(), attributeValues=other, condition=condition))).data["v"] == 1


@pytest.mark.rule("DS-4")
async def test_a_delete_of_what_is_gone_succeeds(ask: Ask) -> None:
    condition = {"expression": "attribute_exists(id)"}
    assert await ask("DeleteItem", key=key(), condition=condition) is None
    await ask("PutItem", key=key(), attributeValues={"v": {"N": 1}})
    never = {"expression": "v = :v", "expressionValues": {":v": {"N": 9}}}
    assert (await refusal(ask("DeleteItem", key=key(), condition=never))).data["v"] == 1
    update = {"expression": "SET w = :w", "expressionValues": {":w": {"N": 1}}}
    error = await refusal(ask("UpdateItem", key=key("gone"), update=update, condition=condition))
    assert (error.error_type, error.data) == ("DynamoDB:ConditionalCheckFailedException", None)


@pytest.mark.rule("DS-5")
async def test_pages_follow_their_tokens(ask: Ask) -> None:
    for n in range(5):
        await ask("PutItem", key=key(n=n), attributeValues={"even": {"BOOL": n % 2 == 0}})
    query = {"expression": "id = :id", "expressionValues": {":id": {"S": "a"}}}
    first = await ask("Query", query=query, limit=2, nextToken=None, filter=None)
    assert ([item["n"] for item in first["items"]], first["scannedCount"]) == ([0, 1], 2)
    rest = await ask("Query", query=query, nextToken=first["nextToken"])
    assert ([item["n"] for item in rest["items"]], rest["nextToken"]) == ([2, 3, 4], None)
    backwards = await ask("Query", query=query, scanIndexForward=False, limit=1)
    assert backwards["items"][0]["n"] == 4
    even = {"expression": "#e = :e", "expressionNames": {"#e": "even"}, "expressionValues": {":e": {"BOOL": True}}}
    found = await ask("Query", query=query, filter=even)
    assert ([item["n"] for item in found["items"]], found["scannedCount"]) == ([0, 2, 4], 5)
    assert len((await ask("Scan", filter=even, limit=3))["items"]) == 2


@pytest.mark.rule("DS-6")
async def test_only_its_own_tokens_open(ask: Ask, engine: TableEngine) -> None:
    for n in range(3):
        await ask("PutItem", key=key(n=n))
    token = (await ask("Scan", limit=1))["nextToken"]
    spec = DataSourceRecord("other", "AMAZON_DYNAMODB", dynamodb_config={"tableName": "posts"})
    other: DataSource = build(spec, Engines(tables=engine, secret=b"test"))
    foreign = (await other.invoke({"operation": "Scan", "limit": 1}, CONTEXT))["nextToken"]
    flipped = ("B" if token[0] == "A" else "A") + token[1:]
    for wrong in (foreign, flipped, "", "é", 5, "bm90IGEgdG9rZW4="):
        error = await refusal(ask("Scan", nextToken=wrong))
        assert (error.message, error.error_type) == ("Invalid pagination token given.", "MappingTemplate")


@pytest.mark.rule("DS-7")
@pytest.mark.parametrize(
    ("request_document", "message"),
    [
        ([], "Expected a JSON object as the request of a DynamoDB data source."),
        ({}, "Value for field '$[operation]' not found."),
        (
            {"operation": ["x"]},
            "Unsupported operation '['x']'. Supported operations are: GetItem, PutItem, UpdateItem, ",
        ),
        (
            {"operation": "Drop"},
            "Unsupported operation 'Drop'. Supported operations are: GetItem, PutItem, UpdateItem, ",
        ),
        ({"operation": "GetItem"}, "Value for field '$[key]' not found."),
        ({"operation": "GetItem", "key": {}, "tableName": "x"}, "Unsupported element '$[tableName]'."),
        (
            {"operation": "GetItem", "key": "a"},
            "Expected JSON object for attribute map '$[key]', but got 'STRING' instead.",
        ),
        (
            {"operation": "GetItem", "key": {"id": "a"}},
            "Expected JSON object for attribute value '$[key][id]', but got 'STRING' instead.",
        ),
        (
            {"operation": "GetItem", "key": {"id": None}},
            "Expected JSON object for attribute value '$[key][id]', but got 'NULL_VALUE' instead.",
        ),
        ({"operation": "GetItem", "key": {"id": {"X": 1}}}, "Unsupported element '$[key][id][X]'."),
        (
            {"operation": "GetItem", "key": {"id": {"S": 1}}},
            "Unable to read value for attribute '$[key][id][S]': got 'NUMBER'.",
        ),
        (
            {"operation": "GetItem", "key": {"id": {"B": "?"}}},
            "Unable to read value for attribute '$[key][id][B]': got 'STRING'.",
        ),
        ({"operation": "UpdateItem", "key": {}}, "Value for field '$[update]' not found."),
        ({"operation": "UpdateItem", "key": {}, "update": {"x": 1}}, "Unsupported element '$[update][x]'."),
        ({"operation": "UpdateItem", "key": {}, "update": {}}, "Value for field '$[update][expression]' not found."),
        ({"operation": "Query"}, "Value for field '$[query]' not found."),
        ({"operation": "Scan", "filter": 5}, "Expected JSON object for field '$[filter]'."),
        ({"operation": "Scan", "projection": 5}, "Expected JSON object for field '$[projection]'."),
        ({"operation": "BatchGetItem"}, "Value for field '$[tables]' not found."),
        ({"operation": "BatchPutItem", "tables": {"t": 1}}, "Expected JSON array for field '$[tables][t]'."),
    ],
)
async def test_a_request_it_cannot_read_is_refused_by_name(
    source: DataSource, request_document: Any, message: str
) -> None:
    error = await refusal(source.invoke(request_document, CONTEXT))
    assert error.error_type == "MappingTemplate"
    assert error.message.startswith(message)


@pytest.mark.rule("DS-7")
@pytest.mark.parametrize(
    "members",
    [
        {"limit": "many"},
        {"limit": True},
        {"limit": -1},
        {"index": 7},
        {"select": "NOTHING"},
        {"consistentRead": "yes"},
        {"totalSegments": "x", "segment": []},
        {"filter": {"expression": "a = :b", "expressionValues": {":b": {"S": "x"}}, "expressionNames": 5}},
        {"filter": {"expression": "(((", "expressionNames": {"#a": 5}}},
        {"projection": {"expression": "a", "expressionNames": ["x"]}},
    ],
)
async def test_members_of_the_wrong_kind_are_errors_not_crashes(ask: Ask, members: dict[str, Any]) -> None:
    await refusal(ask("Scan", **members))


@pytest.mark.rule("DS-8")
async def test_the_engines_refusals_keep_their_names(ask: Ask, engine: TableEngine) -> None:
    error = await refusal(ask("GetItem", key={"id": {"S": "a"}}))
    assert error.error_type == "DynamoDB:ValidationException"
    assert error.message.startswith("The provided key element does not match the schema (Service: AmazonDynamoDBv2; ")
    gone = build(
        DataSourceRecord("x", "AMAZON_DYNAMODB", dynamodb_config={"tableName": "gone"}), Engines(tables=engine)
    )
    error = await refusal(gone.invoke({"operation": "GetItem", "key": key()}, CONTEXT))
    assert error.error_type == "DynamoDB:ResourceNotFoundException"


@pytest.mark.rule("DS-9")
async def test_batches_keep_the_order_of_their_keys(ask: Ask) -> None:
    items = [key(n=n) for n in (1, 2)]
    put = await ask("BatchPutItem", tables={"posts": items})
    assert put == {"data": {"posts": [{"id": "a", "n": 1}, {"id": "a", "n": 2}]}, "unprocessedItems": {"posts": []}}
    found = await ask("BatchGetItem", tables={"posts": {"keys": [key(n=2), key(n=3), key(n=1)]}})
    assert found == {
        "data": {"posts": [{"id": "a", "n": 2}, None, {"id": "a", "n": 1}]},
        "unprocessedKeys": {"posts": []},
    }
    gone = await ask("BatchDeleteItem", tables={"posts": [key(n=1)]})
    assert gone == {"data": {"posts": [{"id": "a", "n": 1}]}, "unprocessedKeys": {"posts": []}}
    assert await ask("GetItem", key=key(n=1)) is None
