"""Least privilege: data sources act under their role, roles are passed by those who may, fields are told of in dev."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from botocore.credentials import Credentials as Keys
from botocore.exceptions import ClientError

from support.functions import zipped
from support.house import House, opened

ACCOUNT = "000000000000"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/reader"
NOTES = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/notes"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/reader/APPSYNC_ASSUME_ROLE"
SDL = b"type Query { get: String list: String echo: String } type Mutation { put: String }"
KEY = {"key": {"id": {"S": "1"}}}
BY_N = {"expression": "n = :n", "expressionValues": {":n": {"S": "1"}}}
RESOLVERS: dict[tuple[str, str], dict[str, Any]] = {
    ("Query", "get"): {"operation": "GetItem", **KEY},
    ("Query", "list"): {"operation": "Query", "index": "by_n", "query": BY_N},
    ("Mutation", "put"): {"operation": "PutItem", **KEY},
}


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **each} for each in statements]})


def trusting(service: str, **more: Any) -> str:
    return policy({"Principal": {"Service": service}, "Action": "sts:AssumeRole", **more})


class Notes:
    """An API whose data source acts as the role `reader`."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.api_id = self.key = ""

    async def make(self, trust: str, *, role: str | None = ROLE) -> None:
        aws = self.house.aws
        await aws("iam", "create_role", RoleName="reader", AssumeRolePolicyDocument=trust)
        await aws(
            "dynamodb",
            "create_table",
            TableName="notes",
            AttributeDefinitions=[{"AttributeName": name, "AttributeType": "S"} for name in ("id", "n")],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            GlobalSecondaryIndexes=[
                {
                    "IndexName": "by_n",
                    "KeySchema": [{"AttributeName": "n", "KeyType": "HASH"}],
                    "Projection": {"ProjectionType": "ALL"},
                }
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        made = await aws("appsync", "create_graphql_api", name="notes", authenticationType="API_KEY")
        self.api_id = made["graphqlApi"]["apiId"]
        self.key = (await aws("appsync", "create_api_key", apiId=self.api_id))["apiKey"]["id"]
        await aws("appsync", "start_schema_creation", apiId=self.api_id, definition=SDL)
        await aws(
            "appsync",
            "create_data_source",
            apiId=self.api_id,
            name="notes",
            type="AMAZON_DYNAMODB",
            dynamodbConfig={"tableName": "notes", "awsRegion": "us-east-1"},
            **({"serviceRoleArn": role} if role else {}),
        )
        for (type_name, field), template in RESOLVERS.items():
            await self.resolver(type_name, field, "notes", json.dumps({"version": "2018-05-29", **template}))

    async def resolver(self, type_name: str, field: str, source: str, template: str) -> None:
        await self.house.aws(
            "appsync",
            "create_resolver",
            apiId=self.api_id,
            typeName=type_name,
            fieldName=field,
            dataSourceName=source,
            requestMappingTemplate=template,
            responseMappingTemplate='#if($ctx.error)$util.error($ctx.error.message, $ctx.error.type)#end "fine"',
        )

    async def may(self, *actions: str, resource: str = NOTES, **more: Any) -> None:
        statement = {"Action": list(actions), "Resource": resource, **more}
        await self.house.aws(
            "iam", "put_role_policy", RoleName="reader", PolicyName="p", PolicyDocument=policy(statement)
        )

    async def ask(self, query: str) -> Any:
        return await self.house.graphql(self.api_id, query, {"x-api-key": self.key})

    async def allowed(self, query: str) -> bool:
        answer = await self.ask(query)
        if "errors" not in answer:
            return True
        assert answer["errors"][0]["errorType"].endswith("AccessDeniedException"), answer
        return False


@pytest.fixture
async def notes(tmp_path: Path) -> AsyncIterator[Notes]:
    async with opened(tmp_path / "data") as house:
        yield Notes(house)


@pytest.mark.rule("ACC-25")
async def test_a_data_source_may_do_what_its_role_may_and_no_more(notes: Notes) -> None:
    await notes.make(trusting("appsync.amazonaws.com"))
    assert not await notes.allowed("{ get }")
    await notes.may("dynamodb:GetItem")
    assert await notes.allowed("{ get }")
    answer = await notes.ask("mutation { put }")
    assert answer["errors"][0]["errorType"] == "DynamoDB:AccessDeniedException"
    assert answer["errors"][0]["message"].startswith(
        f"User: {SESSION} is not authorized to perform: dynamodb:PutItem on resource: {NOTES} "
        "because no identity-based policy allows the dynamodb:PutItem action"
    )
    assert "Item" not in await notes.house.aws("dynamodb", "get_item", TableName="notes", Key={"id": {"S": "1"}})


async def test_an_index_is_a_resource_of_its_own(notes: Notes) -> None:
    await notes.make(trusting("appsync.amazonaws.com"))
    await notes.may("dynamodb:Query")
    assert not await notes.allowed("{ list }")
    await notes.may("dynamodb:Query", resource=f"{NOTES}/index/*")
    assert await notes.allowed("{ list }")


async def test_a_policy_that_is_taken_away_is_gone_for_the_next_field(notes: Notes) -> None:
    await notes.make(trusting("appsync.amazonaws.com"))
    await notes.may("dynamodb:GetItem")
    assert await notes.allowed("{ get }")
    await notes.house.aws("iam", "delete_role_policy", RoleName="reader", PolicyName="p")
    assert not await notes.allowed("{ get }")


async def test_a_condition_is_looked_at_each_time(notes: Notes) -> None:
    await notes.make(trusting("appsync.amazonaws.com"))
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 2))
    await notes.may("dynamodb:GetItem", Condition={"DateLessThan": {"aws:CurrentTime": soon}})
    assert await notes.allowed("{ get }")
    past = {"DateLessThan": {"aws:CurrentTime": "2001-01-01T00:00:00Z"}}
    await notes.may("dynamodb:GetItem", Condition=past)
    assert not await notes.allowed("{ get }")


@pytest.mark.parametrize(
    "trust",
    [
        trusting("lambda.amazonaws.com"),
        trusting("appsync.amazonaws.com", Condition={"StringEquals": {"aws:SourceAccount": "111111111111"}}),
        policy({"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}),
    ],
    ids=["another service", "another account's", "the account"],
)
async def test_a_role_that_does_not_trust_appsync_opens_nothing(notes: Notes, trust: str) -> None:
    await notes.make(trust)
    await notes.may("dynamodb:*")
    answer = await notes.ask("{ get }")
    assert "perform: sts:AssumeRole on resource: " + ROLE in answer["errors"][0]["message"]


async def test_a_role_may_ask_that_appsync_comes_for_this_account_and_api(notes: Notes) -> None:
    source = {
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
        "ArnLike": {"aws:SourceArn": f"arn:aws:appsync:us-east-1:{ACCOUNT}:apis/*"},
    }
    await notes.make(trusting("appsync.amazonaws.com", Condition=source))
    await notes.may("dynamodb:GetItem")
    assert await notes.allowed("{ get }")


async def test_a_data_source_without_a_role_reaches_nothing(notes: Notes) -> None:
    await notes.make(trusting("appsync.amazonaws.com"), role=None)
    assert not await notes.allowed("{ get }")


async def test_a_function_is_invoked_only_by_a_role_that_may(notes: Notes) -> None:
    await notes.make(trusting("appsync.amazonaws.com"))
    code = zipped(index__py="def handler(event, context):\n    return 'hello'\n")
    made = await notes.house.aws(
        "lambda",
        "create_function",
        FunctionName="echo",
        Runtime="python3.12",
        Role=ROLE,
        Handler="index.handler",
        Code={"ZipFile": code},
    )
    config = {"lambdaFunctionArn": made["FunctionArn"]}
    await notes.house.aws(
        "appsync",
        "create_data_source",
        apiId=notes.api_id,
        name="echo",
        type="AWS_LAMBDA",
        serviceRoleArn=ROLE,
        lambdaConfig=config,
    )
    await notes.resolver("Query", "echo", "echo", '{"version":"2018-05-29","operation":"Invoke","payload":{}}')
    assert not await notes.allowed("{ echo }")
    await notes.may("lambda:InvokeFunction", resource=made["FunctionArn"])
    assert await notes.allowed("{ echo }")


async def test_in_warn_mode_everything_goes_on_and_the_missing_statement_is_told_once(tmp_path: Path) -> None:
    async with opened(tmp_path / "data", aws_mode="warn") as house:
        notes = Notes(house)
        await notes.make(trusting("appsync.amazonaws.com"))
        for _ in range(3):
            assert await notes.allowed("{ get }")
        told = [each["statement"] for each in house.events if each["event"] == "permission missing"]
        assert told == [{"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": NOTES}]


async def user(house: House, name: str, *statements: dict[str, Any]) -> Keys:
    await house.aws("iam", "create_user", UserName=name)
    if statements:
        await house.aws("iam", "put_user_policy", UserName=name, PolicyName="p", PolicyDocument=policy(*statements))
    made = (await house.aws("iam", "create_access_key", UserName=name))["AccessKey"]
    return Keys(made["AccessKeyId"], made["SecretAccessKey"])


@pytest.mark.rule("ACC-26")
async def test_who_may_not_pass_a_role_cannot_hand_it_to_a_service(notes: Notes) -> None:
    house = notes.house
    await notes.make(trusting("appsync.amazonaws.com"))
    may = {"Action": ["appsync:*", "lambda:*"], "Resource": "*"}
    passing = {"Action": "iam:PassRole", "Resource": ROLE}
    only_lambda = {**passing, "Condition": {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}}}
    source = {"apiId": notes.api_id, "type": "NONE", "serviceRoleArn": ROLE}
    code = {"Runtime": "python3.12", "Handler": "i.h", "Code": {"ZipFile": zipped(i__py="def h(e, c): pass\n")}}
    expected = {"none": (False, False), "lambda": (False, True), "any": (True, True)}
    for name, statements in (("none", [may]), ("lambda", [may, only_lambda]), ("any", [may, passing])):
        key = await user(house, name, *statements)
        seen = []
        for call in (
            house.aws("appsync", "create_data_source", key=key, name=name, **source),
            house.aws("lambda", "create_function", key=key, FunctionName=name, Role=ROLE, **code),
        ):
            try:
                await call
            except ClientError as refusal:
                seen.append("perform: iam:PassRole on resource: " + ROLE not in str(refusal))
            else:
                seen.append(True)
        assert tuple(seen) == expected[name], name


async def test_in_warn_mode_a_field_that_no_policy_allows_is_told_once_and_answered(tmp_path: Path) -> None:
    async with opened(tmp_path / "data", aws_mode="warn") as house:
        made = (await house.aws("appsync", "create_graphql_api", name="n", authenticationType="AWS_IAM"))["graphqlApi"]
        await house.aws("appsync", "start_schema_creation", apiId=made["apiId"], definition=SDL)
        ada = await user(house, "ada")
        path, body = f"/graphql/{made['apiId']}", json.dumps({"query": "{ get }"}).encode()
        for _ in range(2):
            answer = await house.ask(path, body, house.signed(path, body, ada))
            assert json.loads(answer.body) == {"data": {"get": None}}
        told = [each["statement"] for each in house.events if each["event"] == "permission missing"]
        resource = f"{made['arn']}/types/Query/fields/get"
        assert told == [{"Effect": "Allow", "Action": "appsync:GraphQL", "Resource": resource}]
