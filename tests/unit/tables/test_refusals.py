"""In which order DynamoDB looks at a request: what is wrong first is told, and tables are looked at last."""

from typing import Any

import pytest

V = "ValidationException: "
P = V + "One or more parameter values were invalid: "
EMPTY = V + "Supplied AttributeValue is empty, must contain exactly one of the supported datatypes"
ABSENT = "ResourceNotFoundException: Requested resource not found"
SCALARS = V + "Key attributes must be scalars; list random access '[]' and map lookup '.' are not allowed: "
START = "The provided starting key is invalid: "
A = {"S": "a"}


@pytest.mark.rule("TBL-3")
@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            "",
            "Value '' at 'tableName' failed to satisfy constraint: Member must have length greater than or equal to 1",
        ),
        (
            "x" * 256,
            f"Value '{'x' * 256}' at 'tableName' failed to satisfy constraint: "
            "Member must have length less than or equal to 255",
        ),
        (
            "two words",
            "Value 'two words' at 'tableName' failed to satisfy constraint: "
            "Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
        ),
    ],
)
async def test_what_is_no_name_is_no_absent_table(room: Any, refusal: Any, name: str, sentence: str) -> None:
    get = room.engine.get_item({"TableName": name, "Key": {"id": A}})
    assert await refusal(get) == f"{V}1 validation error detected: {sentence}"


@pytest.mark.rule("TBL-3")
async def test_lengths_of_names_are_worded_otherwise_for_operations_on_tables(room: Any, refusal: Any) -> None:
    sentence = V + "TableName must be at least 3 characters long and at most 255 characters long"
    for operation in (room.api.describe_table, room.api.delete_table, room.api.update_table):
        for name in ("ab", "x" * 256):
            assert await refusal(operation({"TableName": name})) == sentence


@pytest.mark.rule("TBL-27")
@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        (
            {"Item": {"id": {}}, "ConditionExpression": "a", "Expected": {}},
            V + "1 validation error detected: Can not use both expression and non-expression parameters in the same "
            "request: Non-expression parameters: {Expected} Expression parameters: {ConditionExpression}",
        ),
        ({"Item": {"id": {}}, "ConditionExpression": "", "ReturnValues": "ALL_NEW"}, EMPTY),
        (
            {"Item": {"id": A}, "ConditionExpression": "", "ReturnValues": "ALL_NEW"},
            V + "1 validation error detected: ReturnValues can only be ALL_OLD or NONE",
        ),
        (
            {"Item": {"id": A, "x": {"S": "x" * 409_600}}, "ConditionExpression": ""},
            V + "Item size has exceeded the maximum allowed size",
        ),
        (
            {
                "Item": {"id": A},
                "ConditionExpression": "",
                "ExpressionAttributeValues": {":a": {}, "b": {}},
            },
            V + '1 validation error detected: ExpressionAttributeValues contains invalid key: Syntax error; key: "b"',
        ),
        (
            {"Item": {"id": A}, "ConditionExpression": ""},
            V + "1 validation error detected: Invalid ConditionExpression: The expression can not be empty;",
        ),
        ({"Item": {"other": A}, "ConditionExpression": "a = b"}, ABSENT),
    ],
)
async def test_a_put_is_looked_at_in_order(room: Any, refusal: Any, request_: Any, sentence: str) -> None:
    assert await refusal(room.engine.put_item({"TableName": "nowhere", **request_})) == sentence


@pytest.mark.rule("TBL-12")
async def test_each_type_of_a_value_of_several_is_looked_at(things: Any, refusal: Any) -> None:
    assert await refusal(things.engine.get_item({"TableName": "things", "Key": {"id": {"S": "a", "N": "x"}}})) == (
        V + "The parameter cannot be converted to a numeric value: x"
    )
    assert await refusal(things.engine.get_item({"TableName": "things", "Key": {"id": {"S": "a", "N": "1"}}})) == (
        V + "Supplied AttributeValue has more than one datatypes set, "
        "must contain exactly one of the supported datatypes"
    )


@pytest.mark.rule("TBL-23")
async def test_a_deletion_is_refused_as_other_writes_are(room: Any, refusal: Any) -> None:
    unused = {"ConditionExpression": "attribute_exists(a)", "ExpressionAttributeNames": {"#b": "b"}}
    assert await refusal(room.engine.delete_item({"TableName": "nowhere", "Key": {"id": A}, **unused})) == (
        V + "1 validation error detected: Value provided in ExpressionAttributeNames unused in expressions: keys: {#b}"
    )


@pytest.mark.rule("TBL-23")
@pytest.mark.parametrize(
    ("value", "write", "read"),
    [
        (
            {"SS": []},
            "One or more parameter values were invalid: An string set  may not be empty",
            "One or more parameter values were invalid: An string set  may not be empty for key :a",
        ),
        (
            {"NULL": False},
            "One or more parameter values were invalid: Null attribute value types must have the value of true",
            "must have the value of true for key :a",
        ),
        ({"N": "x"}, "contains invalid value: The parameter cannot be converted", "cannot be converted"),
    ],
)
async def test_writes_tell_of_a_wrong_set_or_null_without_its_name(
    room: Any, refusal: Any, value: Any, write: str, read: str
) -> None:
    values = {"ExpressionAttributeValues": {":a": value}}
    update = {"TableName": "nowhere", "Key": {"id": A}, "UpdateExpression": "SET a = :a", **values}
    assert (await refusal(room.engine.update_item(update))).startswith(V + "1 validation error detected: ")
    assert write in await refusal(room.engine.update_item(update))
    assert (":a" in await refusal(room.engine.update_item(update))) is ("N" in value)
    assert read in await refusal(
        room.engine.scan({"TableName": "nowhere", "FilterExpression": "attribute_exists(a) AND b = :a", **values})
    )


@pytest.mark.rule("TBL-27")
async def test_a_key_is_looked_at_before_a_projection_and_the_table(room: Any, refusal: Any) -> None:
    get = {"TableName": "nowhere", "Key": {"id": {}}, "ProjectionExpression": ""}
    assert await refusal(room.engine.get_item(get)) == EMPTY
    assert await refusal(room.engine.get_item(get | {"Key": {"x": A}})) == (
        V + "Invalid ProjectionExpression: The expression can not be empty;"
    )
    assert await refusal(room.engine.get_item({"TableName": "nowhere", "Key": {"x": A}})) == ABSENT


@pytest.mark.rule("TBL-45")
async def test_a_batch_is_looked_at_before_its_tables(room: Any, refusal: Any) -> None:
    keys = {"nowhere": {"Keys": [{"id": A}, {"id": A}]}}
    assert await refusal(room.engine.batch_get_item({"RequestItems": keys})) == (
        V + "Provided list of item keys contains duplicates"
    )
    keys = {"nowhere": {"Keys": [{"id": {}}]}}
    assert await refusal(room.engine.batch_get_item({"RequestItems": keys})) == EMPTY


@pytest.mark.rule("TBL-27")
@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        (
            {"QueryFilter": {"a": {"ComparisonOperator": "LT"}}, "ExclusiveStartKey": {"id": {}}},
            P + "Invalid number of argument(s) for the LT ComparisonOperator",
        ),
        ({"AttributesToGet": ["a", "a"], "ExclusiveStartKey": {"id": {}}}, P + "Duplicate value in attribute name: a"),
        ({"ExclusiveStartKey": {"id": {}}}, EMPTY.replace(V, V + START)),
        ({"ExclusiveStartKey": {"id": {"NS": []}}}, P + "An number set  may not be empty"),
        ({}, V + "Either the KeyConditions or KeyConditionExpression parameter must be specified in the request."),
        (
            {"KeyConditionExpression": "attribute_exists(id)", "FilterExpression": ""},
            V + "Invalid FilterExpression: The expression can not be empty;",
        ),
        (
            {"KeyConditionExpression": "attribute_exists(id)", "ProjectionExpression": ""},
            V + "Invalid ProjectionExpression: The expression can not be empty;",
        ),
        (
            {"KeyConditionExpression": "attribute_exists(id) AND abort = id"},
            V + "Invalid KeyConditionExpression: Attribute name is a reserved keyword; reserved keyword: abort",
        ),
        (
            {"KeyConditionExpression": "attribute_exists(id)"},
            V + "Invalid KeyConditionExpression: Invalid operator used in KeyConditionExpression: attribute_exists",
        ),
        (
            {"KeyConditionExpression": "attribute_exists(id)", "ExpressionAttributeNames": {"#a": "a"}},
            V + "Value provided in ExpressionAttributeNames unused in expressions: keys: {#a}",
        ),
        (
            {"KeyConditions": {"id": {"ComparisonOperator": "NE", "AttributeValueList": [A]}}},
            ABSENT,
        ),
    ],
)
async def test_a_query_is_looked_at_in_order(room: Any, refusal: Any, request_: Any, sentence: str) -> None:
    assert await refusal(room.engine.query({"TableName": "nowhere", **request_})) == sentence


@pytest.mark.rule("TBL-23")
@pytest.mark.parametrize(
    ("condition", "sentence"),
    [
        ("size(id) = :a", "KeyConditionExpressions cannot contain nested operations"),
        ("id = size(k)", "KeyConditionExpressions cannot contain nested operations"),
        (
            "size(id) BETWEEN :a AND :a",
            "Invalid condition in KeyConditionExpression: "
            "BETWEEN operator must have the key attribute as its first operand",
        ),
        (
            "begins_with(:a, id)",
            "Invalid condition in KeyConditionExpression: "
            "begins_with operator must have the key attribute as its first operand",
        ),
        ("id = k", "Invalid condition in KeyConditionExpression: Multiple attribute names used in one condition"),
        ("id.x = :a", "KeyConditionExpressions cannot have conditions on nested attributes"),
        (":a = :a", "Invalid condition in KeyConditionExpression: No key attribute specified"),
        (
            "id = :a AND (k = :a AND k > :a)",
            "KeyConditionExpressions must only contain one condition per key",
        ),
    ],
)
async def test_a_key_condition_is_no_other_condition(room: Any, refusal: Any, condition: str, sentence: str) -> None:
    values = {"ExpressionAttributeValues": {":a": A}} if ":a" in condition else {}
    query = {"TableName": "nowhere", "KeyConditionExpression": condition, **values}
    assert await refusal(room.engine.query(query)) == f"{V}Invalid KeyConditionExpression: {sentence}"


@pytest.mark.rule("TBL-23")
@pytest.mark.parametrize(
    ("condition", "function"),
    [
        ("begins_with(a, size(b))", "begins_with"),
        ("size(size(a)) = a", "size"),
    ],
)
async def test_a_size_is_a_number(things: Any, refusal: Any, condition: str, function: str) -> None:
    assert await refusal(things.engine.scan({"TableName": "things", "FilterExpression": condition})) == (
        f"{V}Invalid FilterExpression: Incorrect operand type for operator or function; "
        f"operator or function: {function}, operand type: N"
    )
    await things.engine.scan({"TableName": "things", "FilterExpression": "size(a) < size(b) AND contains(a, size(b))"})


@pytest.mark.rule("TBL-43")
@pytest.mark.parametrize(
    ("conditions", "start", "sentence"),
    [
        ({"x": A}, {"id": {"N": "1"}, "k": A}, "The provided key element does not match the schema"),
        ({"x": A}, {"id": A, "k": {"N": "1"}}, "Query condition missed key schema element: id"),
        ({"id": A}, {"id": A, "k": {"N": "1"}}, "The provided key element does not match the schema"),
        ({"id": A}, {"id": A, "other": A}, "The provided starting key is invalid"),
        ({"id": A, "k": A}, {"id": A, "k": A}, "The query can return at most one row and cannot be restarted"),
    ],
)
async def test_a_starting_key_is_looked_at_with_the_conditions(
    room: Any, refusal: Any, conditions: Any, start: Any, sentence: str
) -> None:
    await room.create(key="id:S k:S")
    query = {
        "TableName": "things",
        "KeyConditions": {
            name: {"ComparisonOperator": "EQ", "AttributeValueList": [value]} for name, value in conditions.items()
        },
        "ExclusiveStartKey": start,
    }
    assert await refusal(room.engine.query(query)) == V + sentence


@pytest.mark.rule("TBL-43")
async def test_a_scans_starting_key_is_told_of_in_other_words(things: Any, refusal: Any) -> None:
    for start in ({"id": {"N": "1"}}, {"id": A, "x": A}, {"x": A}):
        assert await refusal(things.engine.scan({"TableName": "things", "ExclusiveStartKey": start})) == (
            f"{V}{START}The provided key element does not match the schema"
        )


@pytest.mark.rule("TBL-14")
async def test_no_expression_opens_a_key(room: Any, refusal: Any) -> None:
    index = {
        "IndexName": "by_g",
        "KeySchema": [{"AttributeName": "g", "KeyType": "HASH"}],
        "Projection": {"ProjectionType": "ALL"},
    }
    await room.create(attributes="g:S", GlobalSecondaryIndexes=[index])
    on = {"TableName": "things"}
    key = {"Key": {"id": A}}
    exists = {"ConditionExpression": "attribute_exists(g[0])"}
    engine = room.engine
    for operation, role in (
        (engine.get_item({**on, **key, "ProjectionExpression": "a, id.b"}), "Key: id"),
        (engine.get_item({**on, **key, "ProjectionExpression": "g[1]"}), "IndexKey: g"),
        (engine.put_item({**on, "Item": {"id": A}, **exists}), "IndexKey: g"),
        (engine.delete_item({**on, **key, **exists}), "IndexKey: g"),
        (engine.update_item({**on, **key, "UpdateExpression": "SET a = id.b"}), "Key: id"),
        (engine.scan({**on, "FilterExpression": "attribute_exists(id.b)"}), "Key: id"),
        (engine.batch_get_item({"RequestItems": {"things": {"Keys": [{"id": A}], "ProjectionExpression": "id.b"}}}),
         "Key: id"),
    ):  # fmt: skip
        assert await refusal(operation) == SCALARS + role
