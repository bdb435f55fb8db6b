"""Tables as such: create, describe, update, delete, list, tag; restarts."""

from __future__ import annotations

from typing import Any

import pytest

from syncline.store import Space
from syncline.tables import Tables

V = "ValidationException: "
P = V + "One or more parameter values were invalid: "
ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/"
HASH, RANGE = {"AttributeName": "id", "KeyType": "HASH"}, {"AttributeName": "k", "KeyType": "RANGE"}
ALL = {"Projection": {"ProjectionType": "ALL"}}
WARM = {"ReadUnitsPerSecond": 12_000, "WriteUnitsPerSecond": 4_000, "Status": "ACTIVE"}


@pytest.mark.rule("TBL-1")
async def test_a_table_is_creating_then_active_then_gone(room: Any, refusal: Any) -> None:
    created = await room.create(view="NEW_IMAGE")
    assert created["TableStatus"] == "CREATING"
    assert created["LatestStreamArn"] == f"{ARN}things/stream/{created['LatestStreamLabel']}"
    shown = (await room.api.describe_table({"TableName": "things"}))["Table"]
    assert shown == created | {
        "TableStatus": "ACTIVE",
        "BillingModeSummary": {
            "BillingMode": "PAY_PER_REQUEST",
            "LastUpdateToPayPerRequestDateTime": created["CreationDateTime"],
        },
        "WarmThroughput": WARM,
    }
    assert (shown["TableArn"], shown["ItemCount"], shown["TableSizeBytes"]) == (ARN + "things", 0, 0)
    assert shown["KeySchema"] == [HASH]
    assert shown["StreamSpecification"] == {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"}
    deleted = (await room.api.delete_table({"TableName": "things"}))["TableDescription"]
    assert deleted["TableStatus"] == "DELETING"
    assert not {"KeySchema", "AttributeDefinitions", "CreationDateTime", "WarmThroughput"} & deleted.keys()
    gone = "ResourceNotFoundException: Requested resource not found: Table: things not found"
    assert await refusal(room.api.describe_table({"TableName": "things"})) == gone
    assert await refusal(room.api.delete_table({"TableName": "things"})) == gone


@pytest.mark.rule("TBL-1")
async def test_warm_throughput_is_what_is_provisioned(room: Any) -> None:
    index = {
        "IndexName": "by_k",
        "KeySchema": [RANGE | {"KeyType": "HASH"}],
        "ProvisionedThroughput": {"ReadCapacityUnits": 2, "WriteCapacityUnits": 3},
        **ALL,
    }
    provisioned = {"ReadCapacityUnits": 5, "WriteCapacityUnits": 7}
    created = await room.create(
        attributes="k:S",
        BillingMode="PROVISIONED",
        ProvisionedThroughput=provisioned,
        GlobalSecondaryIndexes=[index],
    )
    assert "WarmThroughput" not in created | created["GlobalSecondaryIndexes"][0]
    shown = (await room.api.describe_table({"TableName": "things"}))["Table"]
    assert shown["WarmThroughput"] == {"ReadUnitsPerSecond": 5, "WriteUnitsPerSecond": 7, "Status": "ACTIVE"}
    of_index = shown["GlobalSecondaryIndexes"][0]["WarmThroughput"]
    assert of_index == {"ReadUnitsPerSecond": 2, "WriteUnitsPerSecond": 3, "Status": "ACTIVE"}


@pytest.mark.rule("TBL-1")
async def test_a_name_is_taken_once(room: Any, refusal: Any) -> None:
    await room.create()
    assert await refusal(room.create()) == "ResourceInUseException: Table already exists: things"


@pytest.mark.rule("TBL-2")
async def test_a_table_made_again_is_empty_and_the_old_rows_go(room: Any) -> None:
    index = {"IndexName": "by_k", "KeySchema": [RANGE | {"KeyType": "HASH"}], **ALL}
    await room.create(attributes="k:S", GlobalSecondaryIndexes=[index])
    for n in range(1100):
        await room.put({"id": {"S": str(n)}, "k": {"S": "x"}})
    await room.api.delete_table({"TableName": "things"})
    await room.create()
    assert await room.get("1") is None
    await room.put({"id": {"S": "kept"}})
    await room.engine.housekeeping.round()
    disk = room.store.disk
    assert (len(disk.order[Space.ITEM]), len(disk.order[Space.INDEX])) == (1, 0)
    assert await room.get("kept") == {"id": {"S": "kept"}}


TWO = [{"AttributeName": name, "AttributeType": "S"} for name in ("id", "k")]


@pytest.mark.rule("TBL-3")
@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"TableName": None}, V + "The parameter 'TableName' is required but was not present in the request"),
        (
            {"TableName": "ab"},
            V + "1 validation error detected: Value 'ab' at 'tableName' failed to satisfy constraint: "
            "Member must have length greater than or equal to 3",
        ),
        (
            {"BillingMode": None},
            P + "ReadCapacityUnits and WriteCapacityUnits must both be specified when BillingMode is PROVISIONED",
        ),
        (
            {"ProvisionedThroughput": {"ReadCapacityUnits": 1, "WriteCapacityUnits": 1}},
            P + "Neither ReadCapacityUnits nor WriteCapacityUnits can be specified when BillingMode is PAY_PER_REQUEST",
        ),
        ({"KeySchema": [HASH, RANGE]}, V + "Invalid KeySchema: Some index key attribute have no definition"),
        ({"KeySchema": [HASH, HASH]}, V + "Invalid KeySchema: Some index key attribute have no definition"),
        (
            {"KeySchema": [HASH | {"KeyType": "RANGE"}]},
            V + "Invalid KeySchema: The first KeySchemaElement is not a HASH key type",
        ),
        (
            {"KeySchema": [HASH, HASH], "AttributeDefinitions": TWO},
            V + "Both the Hash Key and the Range Key element in the KeySchema have the same name",
        ),
        (
            {"KeySchema": [HASH, RANGE | {"KeyType": "HASH"}], "AttributeDefinitions": TWO},
            V + "Invalid KeySchema: The second KeySchemaElement is not a RANGE key type",
        ),
        (
            {"KeySchema": [RANGE, HASH | {"KeyType": "RANGE"}], "AttributeDefinitions": TWO[:1]},
            V + "Invalid KeySchema: Some index key attribute have no definition",
        ),
        (
            {"KeySchema": [HASH | {"AttributeName": "other"}]},
            P + "Some index key attributes are not defined in AttributeDefinitions. Keys: [other], "
            "AttributeDefinitions: [id]",
        ),
        (
            {"GlobalSecondaryIndexes": [{"IndexName": "one", "KeySchema": [HASH, RANGE], "Projection": {}}]},
            P + "Some index key attributes are not defined in AttributeDefinitions. Keys: [id, k], "
            "AttributeDefinitions: [id]",
        ),
        (
            {
                "KeySchema": [HASH, RANGE],
                "AttributeDefinitions": TWO,
                "LocalSecondaryIndexes": [
                    {"IndexName": "one", "KeySchema": [RANGE | {"KeyType": "HASH"}], "Projection": {}}
                ],
            },
            P + "Index KeySchema does not have a range key for index: one",
        ),
        (
            {
                "KeySchema": [HASH, RANGE],
                "AttributeDefinitions": TWO,
                "LocalSecondaryIndexes": [
                    {
                        "IndexName": "one",
                        "KeySchema": [RANGE | {"KeyType": "HASH"}, HASH | {"KeyType": "RANGE"}],
                        "Projection": {},
                    }
                ],
            },
            P + "Index KeySchema does not have the same leading hash key as table KeySchema for index: one. "
            "index hash key: k, table hash key: id",
        ),
        (
            {"AttributeDefinitions": [{"AttributeName": n, "AttributeType": "S"} for n in ("id", "x")]},
            P + "Number of attributes in KeySchema does not exactly match number of attributes defined in "
            "AttributeDefinitions",
        ),
        (
            {"LocalSecondaryIndexes": [{"IndexName": "one", "KeySchema": [HASH, RANGE], **ALL}]},
            P + "Table KeySchema does not have a range key, which is required when specifying a LocalSecondaryIndex",
        ),
        ({"GlobalSecondaryIndexes": []}, P + "List of GlobalSecondaryIndexes is empty"),
        (
            {"GlobalSecondaryIndexes": [{"IndexName": "one", "KeySchema": [HASH], **ALL}] * 2},
            P + "Duplicate index name: one",
        ),
        (
            {"GlobalSecondaryIndexes": [{"IndexName": "one", "KeySchema": [HASH], "Projection": {}}]},
            P + "Unknown ProjectionType: null",
        ),
        (
            {
                "GlobalSecondaryIndexes": [
                    {"IndexName": "one", "KeySchema": [HASH], "Projection": {"ProjectionType": "INCLUDE"}}
                ]
            },
            P + "ProjectionType is INCLUDE, but NonKeyAttributes is not specified",
        ),
        (
            {"StreamSpecification": {"StreamEnabled": False, "StreamViewType": "KEYS_ONLY"}},
            P + "Table is being created with a stream disabled, UpdateViewType should not be specified",
        ),
    ],
)
async def test_a_wrong_schema_is_refused(room: Any, refusal: Any, change: dict[str, Any], sentence: str) -> None:
    request = {
        "TableName": "things",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [HASH],
        "BillingMode": "PAY_PER_REQUEST",
        **change,
    }
    assert await refusal(room.api.create_table({n: v for n, v in request.items() if v is not None})) == sentence
    assert (await room.api.list_tables({}))["TableNames"] == []


@pytest.mark.rule("TBL-4")
async def test_tables_are_listed_in_pages(room: Any, refusal: Any) -> None:
    for name in ("gamma", "alpha", "beta.2"):
        await room.create(name)
    first = await room.api.list_tables({"Limit": 2})
    assert first == {"TableNames": ["alpha", "beta.2"], "LastEvaluatedTableName": "beta.2"}
    assert await room.api.list_tables({"ExclusiveStartTableName": "beta.2"}) == {"TableNames": ["gamma"]}
    assert await room.api.list_tables({"ExclusiveStartTableName": "b"}) == {"TableNames": ["beta.2", "gamma"]}
    assert "less than or equal to 100" in await refusal(room.api.list_tables({"Limit": 101}))


@pytest.mark.rule("TBL-5")
async def test_billing_changes(room: Any, refusal: Any) -> None:
    await room.create()

    def update(**change: Any) -> Any:
        return room.api.update_table({"TableName": "things", **change})

    assert (await refusal(update())).startswith(V + "At least one of ProvisionedThroughput, BillingMode")
    assert await refusal(update(BillingMode="PROVISIONED")) == (
        P + "ProvisionedThroughput must be specified when BillingMode is PROVISIONED"
    )
    units = {"ReadCapacityUnits": 3, "WriteCapacityUnits": 4}
    changed = await update(BillingMode="PROVISIONED", ProvisionedThroughput=units)
    assert changed["TableDescription"]["TableStatus"] == "UPDATING"
    shown = (await room.api.describe_table({"TableName": "things"}))["Table"]
    assert shown["ProvisionedThroughput"] == {"NumberOfDecreasesToday": 0, **units}
    assert shown["BillingModeSummary"]["BillingMode"] == "PROVISIONED"
    assert "will not change" in await refusal(update(ProvisionedThroughput=units))


@pytest.mark.rule("TBL-5")
async def test_a_stream_is_turned_on_and_off(room: Any, refusal: Any) -> None:
    await room.create()

    def stream(**wanted: Any) -> Any:
        return room.api.update_table({"TableName": "things", "StreamSpecification": wanted})

    assert await refusal(stream(StreamEnabled=False)) == V + "Table has no stream to disable: TableName: things"
    await room.put({"id": {"S": "before"}})
    first = (await stream(StreamEnabled=True, StreamViewType="KEYS_ONLY"))["TableDescription"]["LatestStreamArn"]
    again = stream(StreamEnabled=True, StreamViewType="KEYS_ONLY")
    assert await refusal(again) == V + "Table already has an enabled stream: TableName: things"
    await room.put({"id": {"S": "during"}})
    await stream(StreamEnabled=False)
    await room.put({"id": {"S": "after"}})
    second = (await stream(StreamEnabled=True, StreamViewType="NEW_IMAGE"))["TableDescription"]["LatestStreamArn"]
    assert second != first
    await room.put({"id": {"S": "later"}})
    assert [r["dynamodb"]["Keys"]["id"]["S"] for r in await room.records(first)] == ["during"]
    assert [r["dynamodb"]["Keys"]["id"]["S"] for r in await room.records(second)] == ["later"]


@pytest.mark.rule("TBL-6")
async def test_a_protected_table_stays(room: Any, refusal: Any) -> None:
    await room.create(DeletionProtectionEnabled=True)
    assert await refusal(room.api.delete_table({"TableName": "things"})) == (
        V + "Resource cannot be deleted as it is currently protected against deletion. "
        "Disable deletion protection first."
    )
    await room.api.update_table({"TableName": "things", "DeletionProtectionEnabled": False})
    await room.api.delete_table({"TableName": "things"})


@pytest.mark.rule("TBL-7")
async def test_tags(room: Any, refusal: Any) -> None:
    await room.create(Tags=[{"Key": "a", "Value": "1"}])
    arn = {"ResourceArn": ARN + "things"}
    await room.api.tag_resource({**arn, "Tags": [{"Key": "a", "Value": "2"}, {"Key": "b", "Value": ""}]})
    await room.api.untag_resource({**arn, "TagKeys": ["zzz"]})
    shown = await room.api.list_tags_of_resource(arn)
    assert shown == {"Tags": [{"Key": "a", "Value": "2"}, {"Key": "b", "Value": ""}]}
    await room.api.untag_resource({**arn, "TagKeys": ["a"]})
    assert await room.api.list_tags_of_resource(arn) == {"Tags": [{"Key": "b", "Value": ""}]}
    many = [{"Key": str(n), "Value": ""} for n in range(50)]
    assert "exceed the current limit" in await refusal(room.api.tag_resource({**arn, "Tags": many}))
    assert "Atleast one Tag needs" in await refusal(room.api.tag_resource({**arn, "Tags": []}))
    unknown = {"ResourceArn": ARN + "nowhere"}
    assert await refusal(room.api.list_tags_of_resource(unknown)) == (
        f"ResourceNotFoundException: Requested resource not found: ResourcArn: {ARN}nowhere not found"
    )
    assert await refusal(room.api.list_tags_of_resource({"ResourceArn": "x"})) == (
        "ValidationException: Invalid TableArn: Invalid ResourceArn provided as input x"
    )


async def test_plain_truths(room: Any, refusal: Any) -> None:
    await room.create()
    ttl = await room.api.describe_time_to_live({"TableName": "things"})
    assert ttl == {"TimeToLiveDescription": {"TimeToLiveStatus": "DISABLED"}}
    backups = await room.api.describe_continuous_backups({"TableName": "things"})
    assert "PointInTimeRecoveryDescription" in backups["ContinuousBackupsDescription"]
    assert await refusal(room.api.describe_continuous_backups({"TableName": "no"})) == (
        "TableNotFoundException: Table not found: no"
    )
    assert (await room.api.describe_endpoints({}))["Endpoints"][0]["Address"] == "127.0.0.1:4000"
    assert (await room.api.describe_limits({}))["TableMaxReadCapacityUnits"] == 40_000


@pytest.mark.rule("TBL-8")
async def test_everything_is_there_after_a_restart(room: Any, new_room: Any) -> None:
    index = {"IndexName": "by_k", "KeySchema": [RANGE | {"KeyType": "HASH"}], **ALL}
    await room.create(attributes="k:S", GlobalSecondaryIndexes=[index], view="NEW_AND_OLD_IMAGES")
    created = (await room.api.describe_table({"TableName": "things"}))["Table"]
    await room.put({"id": {"S": "a"}, "k": {"S": "x"}})
    again = await new_room(room.store, seed=2)
    await again.engine.housekeeping.round()
    shown = (await again.api.describe_table({"TableName": "things"}))["Table"]
    assert shown == created | {
        "TableStatus": "ACTIVE",
        "ItemCount": 1,
        "TableSizeBytes": 5,
        "GlobalSecondaryIndexes": [
            created["GlobalSecondaryIndexes"][0] | {"IndexStatus": "ACTIVE", "ItemCount": 1, "IndexSizeBytes": 5}
        ],
    }
    await again.put({"id": {"S": "b"}, "k": {"S": "x"}})
    found = await again.query("k = :k", k={"S": "x"}, IndexName="by_k")
    assert [item["id"]["S"] for item in found["Items"]] == ["a", "b"]
    assert len(await again.records()) == 2


@pytest.mark.rule("TBL-56")
async def test_what_is_written_while_items_are_counted_counts_once(room: Any, new_room: Any) -> None:
    index = {"IndexName": "by_k", "KeySchema": [RANGE | {"KeyType": "HASH"}], **ALL}
    await room.create(attributes="k:S", GlobalSecondaryIndexes=[index])
    for name in "abc":
        await room.put({"id": {"S": name}, "k": {"S": "x"}})
    again = await new_room(room.store, seed=2)
    read = again.store.read

    async def slow(body: Any, **how: Any) -> Any:
        found = await read(body, **how)
        await again.put({"id": {"S": "after"}, "k": {"S": "x"}})
        return found

    await again.put({"id": {"S": "before"}, "k": {"S": "x"}})
    await again.engine.delete_item({"TableName": "things", "Key": {"id": {"S": "a"}}})
    again.store.read = slow
    await again.engine.housekeeping.round()
    again.store.read = read
    await again.put({"id": {"S": "later"}})
    shown = (await again.api.describe_table({"TableName": "things"}))["Table"]
    assert (shown["ItemCount"], shown["GlobalSecondaryIndexes"][0]["ItemCount"]) == (5, 4)
    assert shown["TableSizeBytes"] == sum(len(f"id{name}") for name in "bc") + len("idbeforeidafteridlater") + 8


@pytest.mark.rule("TBL-2")
async def test_a_deletion_under_way_is_finished_after_a_restart(room: Any, new_room: Any) -> None:
    await room.create()
    await room.put({"id": {"S": "a"}})
    await room.api.delete_table({"TableName": "things"})
    again = await new_room(room.store, seed=2)
    await again.engine.housekeeping.round()
    assert room.store.disk.order[Space.ITEM] == []
    assert (await new_room(room.store, seed=3)).engine.registry.dropped == []


async def test_the_endpoint_is_where_the_server_listens(room: Any) -> None:
    found = await Tables(room.engine, lambda: "http://localhost:31415").describe_endpoints({})
    assert found["Endpoints"] == [{"Address": "localhost:31415", "CachePeriodInMinutes": 1440}]
