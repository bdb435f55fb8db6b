"""The same through unmodified boto3: shapes, waiters, paginators, error classes, the resource's conversions."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from boto3.dynamodb.conditions import Attr, Key
from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

from support import aws


@pytest.fixture
def services(room: Any) -> dict[str, object]:
    return {"dynamodb": room.api, "dynamodbstreams": room.changes}


@pytest.mark.rule("TBL-1")
async def test_the_waiters_of_a_tables_life(services: Any) -> None:
    client = aws.client(services, "dynamodb")
    created = await aws.called(
        client.create_table,
        TableName="Orders",
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    assert created["TableDescription"]["TableStatus"] == "CREATING"
    await aws.called(client.get_waiter("table_exists").wait, TableName="Orders")
    await aws.called(client.delete_table, TableName="Orders")
    await aws.called(client.get_waiter("table_not_exists").wait, TableName="Orders")


@pytest.mark.rule("TBL-40")
async def test_a_failed_condition_is_its_own_exception_and_carries_the_item(room: Any, services: Any) -> None:
    await room.create()
    client = aws.client(services, "dynamodb")
    item = {"id": {"S": "a"}, "blob": {"B": b"\x00\x01"}, "set": {"NS": ["1", "2"]}}
    await aws.called(client.put_item, TableName="things", Item=item)
    with pytest.raises(client.exceptions.ConditionalCheckFailedException) as caught:
        await aws.called(
            client.put_item,
            TableName="things",
            Item={"id": {"S": "a"}},
            ConditionExpression="attribute_not_exists(id)",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
    assert caught.value.response["Error"]["Message"] == "The conditional request failed"
    assert caught.value.response["Item"] == item


@pytest.mark.rule("TBL-43")
async def test_paginators_and_condition_builders(room: Any, services: Any) -> None:
    await room.create(key="id:S k:N")
    client = aws.client(services, "dynamodb")
    for n in range(25):
        await room.put({"id": {"S": "a"}, "k": {"N": str(n)}, "even": {"BOOL": n % 2 == 0}})

    def all_pages() -> list[int]:
        pages = client.get_paginator("query").paginate(
            TableName="things",
            KeyConditionExpression="#i = :i AND k >= :k",
            FilterExpression="even = :e",
            ExpressionAttributeNames={"#i": "id"},
            ExpressionAttributeValues={":i": {"S": "a"}, ":k": {"N": "5"}, ":e": {"BOOL": True}},
            PaginationConfig={"PageSize": 4},
        )
        return [int(item["k"]["N"]) for page in pages for item in page["Items"]]

    assert await aws.called(all_pages) == list(range(6, 25, 2))


@pytest.mark.rule("TBL-22")
async def test_the_resources_conditions_are_understood(room: Any) -> None:
    """The resource API's builders write the expressions; the engine reads them."""
    from boto3.dynamodb.conditions import ConditionExpressionBuilder

    await room.create(key="id:S k:N")
    await room.put({"id": {"S": "a"}, "k": {"N": "1"}, "size": {"S": "big"}, "tags": {"SS": ["x"]}})
    builder, to_wire = ConditionExpressionBuilder(), TypeSerializer()
    key = builder.build_expression(Key("id").eq("a") & Key("k").between(Decimal(0), Decimal(2)), is_key_condition=True)
    rest = builder.build_expression(Attr("size").begins_with("b") & ~Attr("tags").contains("y") | Attr("nix").exists())
    found = await room.engine.query(
        {
            "TableName": "things",
            "KeyConditionExpression": key.condition_expression,
            "FilterExpression": rest.condition_expression,
            "ExpressionAttributeNames": {**key.attribute_name_placeholders, **rest.attribute_name_placeholders},
            "ExpressionAttributeValues": {
                name: to_wire.serialize(value)
                for built in (key, rest)
                for name, value in built.attribute_value_placeholders.items()
            },
        }
    )
    assert [TypeDeserializer().deserialize(item["size"]) for item in found["Items"]] == ["big"]


@pytest.mark.rule("TBL-61")
async def test_a_stream_read_by_boto3(room: Any, services: Any) -> None:
    await room.create(view="NEW_AND_OLD_IMAGES")
    await room.put({"id": {"S": "a"}, "b": {"B": b"\xff"}})
    client = aws.client(services, "dynamodbstreams")

    def read() -> list[dict[str, Any]]:
        arn = client.list_streams(TableName="things")["Streams"][0]["StreamArn"]
        shard = client.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"][0]["ShardId"]
        place = client.get_shard_iterator(StreamArn=arn, ShardId=shard, ShardIteratorType="TRIM_HORIZON")
        return client.get_records(ShardIterator=place["ShardIterator"])["Records"]

    (record,) = await aws.called(read)
    assert record["dynamodb"]["NewImage"] == {"id": {"S": "a"}, "b": {"B": b"\xff"}}
    assert record["dynamodb"]["ApproximateCreationDateTime"].tzinfo is not None


@pytest.mark.rule("TBL-47")
async def test_what_has_no_method_is_unsupported(services: Any) -> None:
    client = aws.client(services, "dynamodb")
    with pytest.raises(client.exceptions.ClientError) as caught:
        await aws.called(client.list_backups)
    assert caught.value.response["Error"]["Code"] == "UnsupportedOperation"
    assert 400 <= caught.value.response["ResponseMetadata"]["HTTPStatusCode"] < 500
