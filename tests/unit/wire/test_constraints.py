"""Constraint and type errors in AWS's words, and the patterns of the served models."""

import json
from typing import Any

import pytest

from support.aws import door
from syncline.core import Request
from syncline.wire import models, patterns

SERVED = ("dynamodb", "dynamodbstreams", "appsync", "lambda", "iam", "sts", "secretsmanager", "logs", "cloudwatch")

SKIPPED: list[tuple[str, str]] = []
"""Patterns that Python cannot know even translated: values are then not checked against them."""


async def message(services: Any, operation: str, body: Any, service: str = "DynamoDB_20120810") -> tuple[str, str]:
    headers = [("x-amz-target", f"{service}.{operation}")]
    request = Request("POST", "/", "", headers, json.dumps(body).encode())
    response = await door(services, verify=False).respond(request)
    assert response.status == 400, response.body
    found = json.loads(response.body)
    return found["__type"].rpartition("#")[2], found.get("message", found.get("Message"))


ONE = "1 validation error detected: "
FAILED = "failed to satisfy constraint: "


@pytest.mark.rule("WIRE-4")
@pytest.mark.parametrize(
    ("operation", "body", "text"),
    [
        ("GetItem", {"Key": {}}, f"{ONE}Value null at 'tableName' {FAILED}Member must not be null"),
        ("CreateTable", {}, "The parameter 'TableName' is required but was not present in the request"),
        (
            "CreateTable",
            {"TableName": "ab"},
            f"{ONE}Value 'ab' at 'tableName' {FAILED}Member must have length greater than or equal to 3",
        ),
        (
            "CreateTable",
            {"TableName": "a" * 256},
            f"{ONE}Value '{'a' * 256}' at 'tableName' {FAILED}Member must have length less than or equal to 255",
        ),
        (
            "CreateTable",
            {"TableName": "a b!"},
            f"{ONE}Value 'a b!' at 'tableName' {FAILED}Member must satisfy regular expression pattern: [a-zA-Z0-9_.-]+",
        ),
        (
            "CreateTable",
            {"TableName": "abc", "KeySchema": [{"AttributeName": "a", "KeyType": "HASH"}, {"KeyType": "NO"}]},
            "2 validation errors detected: "
            f"Value 'NO' at 'keySchema.2.member.keyType' {FAILED}Member must satisfy enum value set: [HASH, RANGE]; "
            f"Value null at 'keySchema.2.member.attributeName' {FAILED}Member must not be null",
        ),
        (
            "PutItem",
            {"TableName": "abc", "Item": {}, "ReturnValues": "ALL", "ReturnConsumedCapacity": "x"},
            f"2 validation errors detected: Value 'ALL' at 'returnValues' {FAILED}Member must satisfy enum value set: "
            f"[ALL_NEW, UPDATED_OLD, ALL_OLD, NONE, UPDATED_NEW]; Value 'x' at 'returnConsumedCapacity' {FAILED}"
            "Member must satisfy enum value set: [INDEXES, TOTAL, NONE]",
        ),
        (
            "ListTables",
            {"Limit": 101},
            f"{ONE}Value '101' at 'limit' {FAILED}Member must have value less than or equal to 100",
        ),
    ],
)
async def test_a_broken_constraint_is_told_as_aws_does(services: Any, operation: str, body: Any, text: str) -> None:
    assert await message(services, operation, body) == ("ValidationException", text)


@pytest.mark.rule("WIRE-4")
async def test_at_most_ten_are_told(services: Any) -> None:
    keys = [{"AttributeName": "a", "KeyType": "NO"} for _ in range(12)]
    _, text = await message(
        services, "CreateTable", {"TableName": "abc", "AttributeDefinitions": [], "KeySchema": keys}
    )
    assert text.startswith("10 validation errors detected: ")
    assert text.count("Value ") == 10


@pytest.mark.rule("WIRE-4")
async def test_logs_have_their_own_code_and_elements_are_told_on_their_list(services: Any) -> None:
    code, text = await message(services, "CreateLogGroup", {"logGroupName": ""}, "Logs_20140328")
    at = f"Value '' at 'logGroupName' {FAILED}Member must"
    assert code == "InvalidParameterException"
    assert text == (
        f"2 validation errors detected: {at} have length greater than or equal to 1; "
        f"{at} satisfy regular expression pattern: [\\.\\-_/#A-Za-z0-9]+"
    )
    body = {"logGroupIdentifiers": ["ok", "no!"]}
    _, text = await message(services, "DescribeLogGroups", body, "Logs_20140328")
    assert text.startswith(f"{ONE}Value '[ok, no!]' at 'logGroupIdentifiers' {FAILED}Member must satisfy constraint: [")


@pytest.mark.rule("WIRE-3")
@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"TableName": 1}, "NUMBER_VALUE cannot be converted to String"),
        ({"TableName": 1.5}, "DECIMAL_VALUE cannot be converted to String"),
        ({"TableName": True}, "TRUE_VALUE cannot be converted to String"),
        ({"TableName": []}, "Unrecognized collection type class java.lang.String"),
        ({"TableName": {}}, "Start of structure or map found where not expected"),
        ({"Limit": "1", "TableName": ""}, "STRING_VALUE cannot be converted to Integer"),
        ({"Limit": 2**40}, "out of range of integer"),
        ({"ConsistentRead": 1}, "NUMBER_VALUE cannot be converted to Boolean"),
        ({"ConsistentRead": "x"}, "Unexpected token received from parser"),
        ({"AttributesToGet": "a"}, "Unexpected field type"),
        ({"AttributesToGet": {}}, "Start of structure or map found where not expected"),
        ({"ExclusiveStartKey": []}, "Unrecognized collection type java.util.Map<java.lang.String, "),
        ({"ExclusiveStartKey": {"a": "b"}}, "Unexpected value type in payload"),
        ({"ExclusiveStartKey": {"a": {"N": 1}}}, "NUMBER_VALUE cannot be converted to String"),
        ({"ExclusiveStartKey": {"a": {"B": "abc"}}}, "expected a multiple of 4 bytes but found: 3"),
        ({"ExclusiveStartKey": {"a": {"B": "a=bc"}}}, "Invalid last non-pad Base64 character dectected"),
        ({"ExclusiveStartKey": {"a": {"B": "AAAAAAB="}}}, "Invalid last non-pad Base64 character dectected"),
        ({"ExclusiveStartKey": {"a": {"B": "AAAAAB=="}}}, "Invalid last non-pad Base64 character dectected"),
    ],
)
async def test_a_wrong_type_is_told_before_any_constraint(services: Any, body: Any, text: str) -> None:
    code, found = await message(services, "Query", body)
    assert code == "SerializationException"
    assert text in found


DYNAMODB = "com.amazonaws.dynamodb.v20120810"


@pytest.mark.rule("WIRE-3")
@pytest.mark.parametrize(
    ("operation", "body", "text"),
    [
        ("Query", {"TableName": {}}, "Start of structure or map found where not expected"),
        (
            "Query",
            {"ExclusiveStartKey": []},
            f"Unrecognized collection type java.util.Map<java.lang.String, {DYNAMODB}.AttributeValue>",
        ),
        (
            "Query",
            {"ExpressionAttributeNames": []},
            "Unrecognized collection type java.util.Map<java.lang.String, java.lang.String>",
        ),
        ("Query", {"KeyConditions": {"a": 1}}, "Unexpected value type in payload"),
        ("Query", {"KeyConditions": {"a": []}}, f"Unrecognized collection type class {DYNAMODB}.Condition"),
        ("DeleteItem", {"Expected": {"a": {"Value": 1}}}, "Unexpected field type"),
        (
            "DeleteItem",
            {"Expected": {"a": {"Value": []}}},
            f"Unrecognized collection type class {DYNAMODB}.AttributeValue",
        ),
        (
            "BatchWriteItem",
            {"RequestItems": []},
            f"Unrecognized collection type java.util.Map<java.lang.String, java.util.List<{DYNAMODB}.WriteRequest>>",
        ),
        ("BatchWriteItem", {"RequestItems": {"a": {}}}, "Start of structure or map found where not expected"),
        (
            "BatchWriteItem",
            {"RequestItems": {"a": 1}},
            "class sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl cannot be cast to class "
            "java.lang.Class (sun.reflect.generics.reflectiveObjects.ParameterizedTypeImpl and java.lang.Class are in "
            "module java.base of loader 'bootstrap')",
        ),
    ],
)
async def test_a_misplaced_value_is_told_in_the_words_of_its_place(
    services: Any, operation: str, body: Any, text: str
) -> None:
    assert await message(services, operation, body) == ("SerializationException", text)


@pytest.mark.rule("WIRE-3")
async def test_decimals_are_cut_and_words_are_booleans(services: Any) -> None:
    headers = [("x-amz-target", "DynamoDB_20120810.Query")]
    body = b'{"TableName":"abc","Limit":2.9,"ConsistentRead":"Yes"}'
    response = await door(services, verify=False).respond(Request("POST", "/", "", headers, body))
    assert response.status == 200
    assert services["dynamodb"].asked == [{"TableName": "abc", "Limit": 2, "ConsistentRead": True}]


@pytest.mark.rule("WIRE-6")
def test_every_pattern_of_the_served_models_is_known_or_listed() -> None:
    unknown = [
        (service, shape.pattern)
        for service in SERVED
        for shape in models.load(service).shapes.values()
        if shape.pattern and patterns.compile(shape.pattern) is None
    ]
    assert unknown == SKIPPED


@pytest.mark.rule("WIRE-6")
@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        (r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*", ["", "Tag-1 é漢/x", "a\u00a0b"], ["a!", "a&b", "tab\t"]),
        (r"\p{Print}+", ["abc ~"], ["", "é", "\x07"]),
        (r"\p{ASCII}*", ["\x00a"], ["é"]),
        (r"[\w-_]*", ["a-b_c", ""], ["a b"]),
        (r"arn:aws:iam::\d{12}:role\/[\w-\/.@+=,]{1,1017}", ["arn:aws:iam::123456789012:role/a-b/c"], ["arn:x"]),
        ("[\\u0020-\\uD7FF\\uE000-\\uFFFD\\uD800\\uDC00-\\uDBFF\\uDFFF\\r\\n\\t]*", ["a\nb", "😀"], ["\x07"]),
        (r"^[\p{L}\p{M}\p{S}\p{N}\p{P}\s]+$", ["a,b +1"], ["", "\x07"]),
        (r"[a-z]+[\S]+.*", ["ab c"], ["A"]),
    ],
)
def test_java_patterns_mean_the_same(pattern: str, good: list[str], bad: list[str]) -> None:
    compiled = patterns.compile(pattern)
    assert compiled is not None
    assert [text for text in good if not compiled.fullmatch(text)] == []
    assert [text for text in bad if compiled.fullmatch(text)] == []


@pytest.mark.rule("WIRE-25")
def test_a_model_holds_no_documentation() -> None:
    model = models.load("dynamodb")
    assert model.operations["PutItem"].input is not None
    assert not hasattr(model.shapes["PutItemInput"], "documentation")


@pytest.mark.rule("WIRE-4")
def test_a_mapping_template_may_have_many_lines() -> None:
    pattern = patterns.compile("^.*$")
    assert pattern is not None
    assert pattern.fullmatch('{\n  "version": "2017-02-28"\n}\n')
