"""Deploys the recipe's API as anyone would: through public operations over HTTP, with boto3 pointed at the server.

For: `syncline demo`. Owns: the names of what it makes. Never: makes a thing twice; a restart finds what is there.
"""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from syncline.core import Clock, json

RECIPE = Path(__file__).parent / "recipe"
TABLE = "RealTimeData-demo"
FUNCTION = "AppSyncNotifier-demo"
FUNCTION_ROLE = f"{FUNCTION}-Role"
API = "RealTimeSyncAPI-demo"
API_ROLE = "AppSyncDynamoDBRole-demo"
DATA_SOURCE = "DynamoDBDataSource"
TAGS = {"Project": "AppSyncRealTimeSync"}
RESOLVERS = [
    ("Query", "getDataItem"),
    ("Query", "listDataItems"),
    ("Mutation", "createDataItem"),
    ("Mutation", "updateDataItem"),
    ("Mutation", "deleteDataItem"),
]
NOT_THERE = ("ResourceNotFoundException", "NotFoundException", "NoSuchEntity")
MANAGED_POLICIES = "arn:aws:iam::aws:policy/service-role/"
KEY_DAYS = 30
# A key that ends sooner than this is replaced at start, so that a page left open for a day keeps working.
KEY_SECONDS_LEFT_MIN = 2 * 24 * 3600
SCHEMA_POLL_S = 0.05
SCHEMA_POLLS_MAX = 200


class DemoConfig(msgspec.Struct, frozen=True, rename="camel"):
    """What the page must know. `graphql_path` is relative to the server, so that any of its names will do."""

    graphql_path: str
    api_key: str
    region: str
    table_name: str
    stream_arn: str
    function_name: str
    log_group: str


class DeploymentFailed(Exception):
    """The server refused a part of the recipe; the message says which."""


async def deploy_demo(
    url: str, clock: Clock, *, region: str = "us-east-1", access_key_id: str = "demo", secret_access_key: str = "demo"
) -> DemoConfig:
    """Make what is missing of the recipe's API on the server at `url` and return the page's configuration."""
    recipe = Recipe(await _clients(url, region, access_key_id, secret_access_key), clock, region)
    stream_arn = await recipe.table()
    await recipe.function(stream_arn)
    api_id, path = await recipe.api()
    await recipe.schema(api_id)
    await recipe.resolvers(api_id)
    return DemoConfig(
        graphql_path=path,
        api_key=await recipe.key(api_id),
        region=region,
        table_name=TABLE,
        stream_arn=stream_arn,
        function_name=FUNCTION,
        log_group=f"/aws/lambda/{FUNCTION}",
    )


class Recipe:
    """The recipe's steps, each of which finds or makes its resource. Calls leave the event loop by a thread."""

    def __init__(self, clients: dict[str, Any], clock: Clock, region: str) -> None:
        self._clients = clients
        self._clock = clock
        self._region = region

    async def table(self) -> str:
        """The table with its change stream; returns the stream's ARN."""
        described = await self._find("dynamodb", "describe_table", TableName=TABLE)
        if described is None:
            await self._call(
                "dynamodb",
                "create_table",
                TableName=TABLE,
                AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
                KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
                BillingMode="PAY_PER_REQUEST",
                Tags=[{"Key": name, "Value": value} for name, value in TAGS.items()],
            )
            await self._wait("dynamodb", "table_exists", TableName=TABLE)
            described = await self._call("dynamodb", "describe_table", TableName=TABLE)
        return str(described["Table"]["LatestStreamArn"])

    async def function(self, stream_arn: str) -> None:
        """The recipe's own function, its log group and its mapping to the stream, without a batching window."""
        role = await self._role(FUNCTION_ROLE, "lambda.amazonaws.com")
        for policy in ("AWSLambdaBasicExecutionRole", "AWSLambdaDynamoDBExecutionRole"):
            await self._call("iam", "attach_role_policy", RoleName=FUNCTION_ROLE, PolicyArn=MANAGED_POLICIES + policy)
        groups = await self._call("logs", "describe_log_groups", logGroupNamePrefix=f"/aws/lambda/{FUNCTION}")
        if not groups["logGroups"]:
            await self._call("logs", "create_log_group", logGroupName=f"/aws/lambda/{FUNCTION}")
        if await self._find("lambda", "get_function", FunctionName=FUNCTION) is None:
            await self._call(
                "lambda",
                "create_function",
                FunctionName=FUNCTION,
                Runtime="python3.11",
                Role=role,
                Handler="lambda_function.lambda_handler",
                Code={"ZipFile": function_zip()},
                Timeout=60,
                MemorySize=256,
                Environment={"Variables": {"TABLE_NAME": TABLE}},
                Tags=TAGS,
            )
            await self._wait("lambda", "function_active_v2", FunctionName=FUNCTION)
        await self._mapping(stream_arn)

    async def _mapping(self, stream_arn: str) -> None:
        found = await self._call("lambda", "list_event_source_mappings", FunctionName=FUNCTION)
        if any(mapping["EventSourceArn"] == stream_arn for mapping in found["EventSourceMappings"]):
            return
        await self._call(
            "lambda",
            "create_event_source_mapping",
            FunctionName=FUNCTION,
            EventSourceArn=stream_arn,
            StartingPosition="LATEST",
            BatchSize=10,
            MaximumBatchingWindowInSeconds=0,
            ParallelizationFactor=1,
        )

    async def api(self) -> tuple[str, str]:
        """The API; returns its id and the path of its GraphQL endpoint."""
        listed = await self._call("appsync", "list_graphql_apis")
        api = next((api for api in listed["graphqlApis"] if api["name"] == API), None)
        if api is None:
            made = await self._call("appsync", "create_graphql_api", name=API, authenticationType="API_KEY", tags=TAGS)
            api = made["graphqlApi"]
        return api["apiId"], urlsplit(api["uris"]["GRAPHQL"]).path

    async def schema(self, api_id: str) -> None:
        """The recipe's schema. Raises DeploymentFailed with the server's own words when it is refused."""
        definition = (RECIPE / "schema.graphql").read_bytes()
        await self._call("appsync", "start_schema_creation", apiId=api_id, definition=definition)
        for _ in range(SCHEMA_POLLS_MAX):
            status = await self._call("appsync", "get_schema_creation_status", apiId=api_id)
            if status["status"] in ("SUCCESS", "ACTIVE"):
                return
            if status["status"] == "FAILED":
                raise DeploymentFailed(f"the schema was refused: {status.get('details')}")
            await self._clock.sleep(SCHEMA_POLL_S)
        raise DeploymentFailed("the schema was not ready in time")

    async def resolvers(self, api_id: str) -> None:
        """The data source and the five resolvers, brought to the recipe's templates when they differ."""
        await self._data_source(api_id)
        for type_name, field_name in RESOLVERS:
            wanted = {
                "apiId": api_id,
                "typeName": type_name,
                "fieldName": field_name,
                "dataSourceName": DATA_SOURCE,
                "requestMappingTemplate": _template(type_name, field_name, "request"),
                "responseMappingTemplate": _template(type_name, field_name, "response"),
            }
            name = {"apiId": api_id, "typeName": type_name, "fieldName": field_name}
            found = await self._find("appsync", "get_resolver", **name)
            if found is None:
                await self._call("appsync", "create_resolver", **wanted)
            elif any(found["resolver"].get(member) != value for member, value in wanted.items() if member != "apiId"):
                await self._call("appsync", "update_resolver", **wanted)

    async def _data_source(self, api_id: str) -> None:
        if await self._find("appsync", "get_data_source", apiId=api_id, name=DATA_SOURCE) is not None:
            return
        role = await self._role(API_ROLE, "appsync.amazonaws.com")
        await self._call(
            "iam", "put_role_policy", RoleName=API_ROLE, PolicyName="DynamoDBAccess", PolicyDocument=_table_policy()
        )
        await self._call(
            "appsync",
            "create_data_source",
            apiId=api_id,
            name=DATA_SOURCE,
            type="AMAZON_DYNAMODB",
            serviceRoleArn=role,
            dynamodbConfig={"tableName": TABLE, "awsRegion": self._region},
        )

    async def key(self, api_id: str) -> str:
        """An API key that still lasts, made anew when none does."""
        now = self._clock.now()
        listed = await self._call("appsync", "list_api_keys", apiId=api_id)
        lasting = [key for key in listed["apiKeys"] if key["expires"] > now + KEY_SECONDS_LEFT_MIN]
        if lasting:
            return str(lasting[0]["id"])
        expires = int(now) + KEY_DAYS * 24 * 3600
        made = await self._call("appsync", "create_api_key", apiId=api_id, description="Demo page", expires=expires)
        return str(made["apiKey"]["id"])

    async def _role(self, name: str, service: str) -> str:
        found = await self._find("iam", "get_role", RoleName=name)
        if found is None:
            trust = json.encode(_trust(service)).decode()
            found = await self._call("iam", "create_role", RoleName=name, AssumeRolePolicyDocument=trust)
        return str(found["Role"]["Arn"])

    async def _find(self, service: str, operation: str, **arguments: Any) -> Any:
        """What the operation answers, or None where there is no such thing yet."""
        from botocore.exceptions import ClientError

        try:
            return await self._call(service, operation, **arguments)
        except DeploymentFailed as failure:
            refusal = failure.__cause__
            if isinstance(refusal, ClientError) and refusal.response["Error"]["Code"] in NOT_THERE:
                return None
            raise

    async def _call(self, service: str, operation: str, **arguments: Any) -> Any:
        return await _in_thread(f"{service} {operation}", getattr(self._clients[service], operation), **arguments)

    async def _wait(self, service: str, waiter: str, **arguments: Any) -> None:
        wait = self._clients[service].get_waiter(waiter).wait
        await _in_thread(f"waiting for {waiter}", wait, **arguments, WaiterConfig={"Delay": 1, "MaxAttempts": 30})


async def _in_thread(what: str, call: Callable[..., Any], **arguments: Any) -> Any:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return await asyncio.to_thread(call, **arguments)
    except (BotoCoreError, ClientError) as refusal:
        raise DeploymentFailed(f"{what}: {refusal}") from refusal


def function_zip() -> bytes:
    """The recipe's function as the deployment package that its own `zip` makes."""
    package = io.BytesIO()
    with zipfile.ZipFile(package, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("lambda_function.py", (RECIPE / "lambda_function.py.txt").read_text())
    return package.getvalue()


async def _clients(url: str, region: str, access_key_id: str, secret_access_key: str) -> dict[str, Any]:
    return await asyncio.to_thread(_make_clients, url, region, access_key_id, secret_access_key)


def _make_clients(url: str, region: str, access_key_id: str, secret_access_key: str) -> dict[str, Any]:
    # boto3 takes a third of a second to import, which only the demo should pay, and after it is ready.
    import boto3
    from botocore.config import Config

    session: Any = boto3.Session(
        aws_access_key_id=access_key_id, aws_secret_access_key=secret_access_key, region_name=region
    )
    # No proxy stands between a server and itself, whatever the environment says.
    config = Config(retries={"total_max_attempts": 2, "mode": "standard"}, proxies={})
    services = ("appsync", "dynamodb", "iam", "lambda", "logs")
    return {service: session.client(service, endpoint_url=url, config=config) for service in services}


def _template(type_name: str, field_name: str, side: str) -> str:
    return (RECIPE / f"{type_name}.{field_name}.{side}.vtl").read_text()


def _trust(service: str) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    return {"Version": "2012-10-17", "Statement": [statement]}


def _table_policy() -> str:
    verbs = ("GetItem", "PutItem", "UpdateItem", "DeleteItem", "Query", "Scan")
    actions = [f"dynamodb:{verb}" for verb in verbs]
    statement = {"Effect": "Allow", "Action": actions, "Resource": f"arn:aws:dynamodb:*:*:table/{TABLE}"}
    return json.encode({"Version": "2012-10-17", "Statement": [statement]}).decode()
