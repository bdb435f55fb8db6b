"""What the benches measure, deployed on a running Syncline through public operations."""

from __future__ import annotations

import io
import json
import time
import zipfile
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import boto3
from botocore.config import Config

SCHEMA = """
type DataItem { id: ID! title: String! content: String! timestamp: String! version: Int! }
type Published { id: ID! content: String! }
input PublishInput { id: ID! content: String! }
input CreateDataItemInput { title: String! content: String! }
type Query { getDataItem(id: ID!): DataItem }
type Mutation { createDataItem(input: CreateDataItemInput!): DataItem publish(input: PublishInput!): Published }
type Subscription {
  onDataItemCreated: DataItem @aws_subscribe(mutations: ["createDataItem"])
  onPublished: Published @aws_subscribe(mutations: ["publish"])
}
"""
RESULT = "$util.toJson($ctx.result)"
GET = """{ "version": "2017-02-28", "operation": "GetItem",
  "key": { "id": $util.dynamodb.toDynamoDBJson($ctx.args.id) } }"""
CREATE = """{
  "version": "2017-02-28",
  "operation": "PutItem",
  "key": { "id": $util.dynamodb.toDynamoDBJson($util.autoId()) },
  "attributeValues": {
    "title": $util.dynamodb.toDynamoDBJson($ctx.args.input.title),
    "content": $util.dynamodb.toDynamoDBJson($ctx.args.input.content),
    "timestamp": $util.dynamodb.toDynamoDBJson($util.time.nowISO8601()),
    "version": $util.dynamodb.toDynamoDBJson(1)
  }
}"""
PUBLISH = """{ "version": "2017-02-28", "payload": $util.toJson($ctx.args.input) }"""
RESOLVERS = [
    ("Query", "getDataItem", "Table", GET),
    ("Mutation", "createDataItem", "Table", CREATE),
    ("Mutation", "publish", "None", PUBLISH),
]
ITEM = {
    "id": {"S": "0123456789"},
    "title": {"S": "t" * 60},
    "content": {"S": "c" * 110},
    "timestamp": {"S": "2026-11-21T08:00:00.000Z"},
    "version": {"N": "3"},
}
TABLE, FUNCTION = "bench", "bench-arrival"
HANDLER = """
import time

def handler(event, context):
    now = time.time()
    for record in event["Records"]:
        if record["eventName"] == "INSERT":
            sent = float(record["dynamodb"]["NewImage"]["sent"]["N"])
            print(f"arrival_ms={(now - sent) * 1000:.3f}")
"""

COUNTER = """
import time

def handler(event, context):
    print(f"batch {time.time()} {len(event['Records'])}")
"""


@dataclass
class Api:
    """A deployed API: the path of its endpoint and its key."""

    path: str
    key: str


def clients(port: int, *services: str) -> list[Any]:
    """boto3 clients pointed at the server; any credentials do in development."""
    session: Any = boto3.Session(aws_access_key_id="bench", aws_secret_access_key="bench", region_name="us-east-1")
    config = Config(retries={"total_max_attempts": 1}, proxies={})
    return [session.client(name, endpoint_url=f"http://127.0.0.1:{port}", config=config) for name in services]


def deploy_table(port: int) -> str:
    """The table with its stream and one item; returns the stream's ARN."""
    (dynamodb,) = clients(port, "dynamodb")
    made = dynamodb.create_table(
        TableName=TABLE,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    dynamodb.get_waiter("table_exists").wait(TableName=TABLE, WaiterConfig={"Delay": 1})
    dynamodb.put_item(TableName=TABLE, Item=ITEM)
    return str(made["TableDescription"]["LatestStreamArn"])


def deploy_api(port: int, **members: Any) -> Api:
    """The API over that table, with an API key. `members` are more of the API's own: its tags."""
    (appsync,) = clients(port, "appsync")
    api = appsync.create_graphql_api(name="bench", authenticationType="API_KEY", **members)["graphqlApi"]
    key = appsync.create_api_key(apiId=api["apiId"])["apiKey"]["id"]
    appsync.start_schema_creation(apiId=api["apiId"], definition=SCHEMA.encode())
    for _ in range(100):
        status = appsync.get_schema_creation_status(apiId=api["apiId"])
        if status["status"] in ("SUCCESS", "ACTIVE"):
            break
        assert status["status"] != "FAILED", status
        time.sleep(0.05)
    role = "arn:aws:iam::000000000000:role/bench"
    table = {"tableName": TABLE, "awsRegion": "us-east-1"}
    appsync.create_data_source(
        apiId=api["apiId"], name="Table", type="AMAZON_DYNAMODB", serviceRoleArn=role, dynamodbConfig=table
    )
    appsync.create_data_source(apiId=api["apiId"], name="None", type="NONE")
    for type_name, field_name, source, template in RESOLVERS:
        appsync.create_resolver(
            apiId=api["apiId"],
            typeName=type_name,
            fieldName=field_name,
            dataSourceName=source,
            requestMappingTemplate=template,
            responseMappingTemplate=RESULT,
        )
    return Api(urlsplit(api["uris"]["GRAPHQL"]).path, key)


def fill_table(port: int, count: int) -> None:
    """So many items, written in batches."""
    (dynamodb,) = clients(port, "dynamodb")
    for begin in range(0, count, 25):
        puts = [{"PutRequest": {"Item": ITEM | {"id": {"S": f"item-{n}"}}}} for n in range(begin, begin + 25)]
        dynamodb.batch_write_item(RequestItems={TABLE: puts})


def deploy_function(port: int, stream_arn: str, *, code: str = HANDLER, batch: int = 10, start: str = "LATEST") -> None:
    """A function that says when records reached it, mapped without a window."""
    iam, functions = clients(port, "iam", "lambda")
    statement = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    role = iam.create_role(RoleName="bench", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w") as archive:
        archive.writestr("arrival.py", code)
    functions.create_function(
        FunctionName=FUNCTION,
        Runtime="python3.11",
        Role=role,
        Handler="arrival.handler",
        Code={"ZipFile": package.getvalue()},
        Timeout=10,
    )
    functions.get_waiter("function_active_v2").wait(FunctionName=FUNCTION, WaiterConfig={"Delay": 1})
    functions.create_event_source_mapping(
        FunctionName=FUNCTION,
        EventSourceArn=stream_arn,
        StartingPosition=start,
        BatchSize=batch,
        MaximumBatchingWindowInSeconds=0,
    )
