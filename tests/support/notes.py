"""A small API to try things on: notes in a table with a stream, VTL resolvers, subscriptions, an API key."""

from __future__ import annotations

import io
import json
import time
import zipfile
from typing import Any, NamedTuple
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from support.server import Server, eventually

SCHEMA = """
type Note { id: ID! text: String! }
type Query { getNote(id: ID!): Note  listNotes: [Note]  echo(text: String): String }
type Mutation { putNote(id: ID!, text: String!): Note  tell(id: ID!, text: String!): Note }
type Subscription {
  onPut(id: ID): Note @aws_subscribe(mutations: ["putNote"])
  onTell: Note @aws_subscribe(mutations: ["tell"])
}
"""

PUT = """{"version": "2017-02-28", "operation": "PutItem",
  "key": {"id": $util.dynamodb.toDynamoDBJson($ctx.args.id)},
  "attributeValues": {"text": $util.dynamodb.toDynamoDBJson($ctx.args.text)}}"""
GET = """{"version": "2017-02-28", "operation": "GetItem",
  "key": {"id": $util.dynamodb.toDynamoDBJson($ctx.args.id)}}"""
SCAN = """{"version": "2017-02-28", "operation": "Scan"}"""
LOCAL = """{"version": "2017-02-28", "payload": $util.toJson($ctx.args)}"""
RESULT = "$util.toJson($ctx.result)"

RESOLVERS = [
    ("Query", "getNote", "table", GET, RESULT),
    ("Query", "listNotes", "table", SCAN, "$util.toJson($ctx.result.items)"),
    ("Query", "echo", "none", LOCAL, "$util.toJson($ctx.result.text)"),
    ("Mutation", "putNote", "table", PUT, RESULT),
    ("Mutation", "tell", "none", LOCAL, RESULT),
]


class Notes(NamedTuple):
    """The deployed API."""

    server: Server
    api_id: str
    url: str
    key: str
    table: str
    stream_arn: str

    def ask(self, query: str, **variables: Any) -> dict[str, Any]:
        """The GraphQL answer to `query`."""
        status, body = self.post(json.dumps({"query": query, "variables": variables}).encode())
        assert status == 200, (status, body)
        answer: dict[str, Any] = json.loads(body)
        return answer

    def post(self, body: bytes, **headers: str) -> tuple[int, bytes]:
        """Status and body of a POST with the API key, unless `headers` say otherwise."""
        sent = {"content-type": "application/json", "x-api-key": self.key} | {
            name.replace("_", "-"): value for name, value in headers.items()
        }
        try:
            with urlopen(Request(self.url, body, sent), timeout=30) as response:
                return response.status, response.read()
        except HTTPError as refusal:
            return refusal.code, refusal.read()


def deploy(server: Server, name: str, *, mode: str = "API_KEY") -> Notes:
    """Make table and API on `server` through its public operations."""
    tables, api = server.root("dynamodb"), server.root("appsync")
    stream_arn = make_table(tables, name)
    made = api.create_graphql_api(name=name, authenticationType=mode)["graphqlApi"]
    api_id = made["apiId"]
    key = ""
    if mode == "API_KEY":
        key = api.create_api_key(apiId=api_id, expires=int(time.time()) + 7 * 86_400)["apiKey"]["id"]
    api.start_schema_creation(apiId=api_id, definition=SCHEMA.encode())
    status = eventually(
        lambda: (found := api.get_schema_creation_status(apiId=api_id))["status"] != "PROCESSING" and found
    )
    assert status["status"] in ("SUCCESS", "ACTIVE"), status
    role = make_role(server, name)
    config = {"tableName": name, "awsRegion": "us-east-1"}
    api.create_data_source(
        apiId=api_id, name="table", type="AMAZON_DYNAMODB", serviceRoleArn=role, dynamodbConfig=config
    )
    api.create_data_source(apiId=api_id, name="none", type="NONE")
    for kind, field, source, request, response in RESOLVERS:
        api.create_resolver(
            apiId=api_id,
            typeName=kind,
            fieldName=field,
            dataSourceName=source,
            requestMappingTemplate=request,
            responseMappingTemplate=response,
        )
    return Notes(server, api_id, made["uris"]["GRAPHQL"], key, name, stream_arn)


def make_role(server: Server, table: str) -> str:
    """Make the role under which AppSync uses a table, and return its ARN."""
    iam, name = server.root("iam"), f"appsync-{table}"
    trust = {"Effect": "Allow", "Principal": {"Service": "appsync.amazonaws.com"}, "Action": "sts:AssumeRole"}
    uses = {"Effect": "Allow", "Action": "dynamodb:*", "Resource": f"arn:aws:dynamodb:*:*:table/{table}*"}
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName=name, PolicyName="table", PolicyDocument=policy(uses))
    return str(arn)


def policy(statement: dict[str, Any]) -> str:
    """A policy document of one statement."""
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def make_table(tables: Any, name: str) -> str:
    """Make a table with a stream, and return the stream's ARN."""
    tables.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
        StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
    )
    tables.get_waiter("table_exists").wait(TableName=name)
    return str(tables.describe_table(TableName=name)["Table"]["LatestStreamArn"])


def make_function(server: Server, name: str, source: str, *, handler: str = "handler.handle", **more: Any) -> str:
    """Make a function of one module, `handler`, wait until it is active, and return its ARN."""
    functions = server.root("lambda")
    made = functions.create_function(
        FunctionName=name,
        Runtime="python3.11",
        Role="arn:aws:iam::000000000000:role/notes",
        Handler=handler,
        Code={"ZipFile": zipped(source)},
        **{"Timeout": 10} | more,
    )
    functions.get_waiter("function_active_v2").wait(FunctionName=name)
    return str(made["FunctionArn"])


def zipped(source: str) -> bytes:
    """A zip with `source` as handler.py."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as writer:
        writer.writestr("handler.py", source)
    return archive.getvalue()


def stream_records(server: Server, stream_arn: str) -> list[dict[str, Any]]:
    """Every record of the stream, oldest first."""
    streams = server.client("dynamodbstreams")
    found: list[dict[str, Any]] = []
    for shard in streams.describe_stream(StreamArn=stream_arn)["StreamDescription"]["Shards"]:
        iterator = streams.get_shard_iterator(
            StreamArn=stream_arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        while iterator:
            page = streams.get_records(ShardIterator=iterator)
            found += page["Records"]
            iterator = page.get("NextShardIterator") if page["Records"] else None
    return found
