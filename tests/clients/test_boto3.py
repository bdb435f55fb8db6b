"""boto3 against a real server: round trips with waiters in `dev`, signatures in `serve`."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.notes import Notes, make_function, make_table, stream_records
from support.server import Server, eventually


def test_a_table_keeps_items_and_its_stream_tells_of_each_change(server: Server) -> None:
    tables = server.client("dynamodb")
    arn = make_table(tables, "Boto3Table")
    key = {"id": {"S": "a"}}
    tables.put_item(TableName="Boto3Table", Item=key | {"n": {"N": "1"}})
    tables.update_item(
        TableName="Boto3Table",
        Key=key,
        UpdateExpression="SET n = n + :one",
        ExpressionAttributeValues={":one": {"N": "1"}},
    )
    assert tables.get_item(TableName="Boto3Table", Key=key)["Item"]["n"] == {"N": "2"}
    tables.delete_item(TableName="Boto3Table", Key=key)
    assert "Item" not in tables.get_item(TableName="Boto3Table", Key=key)
    records = stream_records(server, arn)
    assert [record["eventName"] for record in records] == ["INSERT", "MODIFY", "REMOVE"]
    changes = [record["dynamodb"] for record in records]
    assert [(one.get("OldImage", {}).get("n"), one.get("NewImage", {}).get("n")) for one in changes] == [
        (None, {"N": "1"}),
        ({"N": "1"}, {"N": "2"}),
        ({"N": "2"}, None),
    ]
    tables.delete_table(TableName="Boto3Table")
    tables.get_waiter("table_not_exists").wait(TableName="Boto3Table")


def test_a_condition_that_fails_has_its_exception(server: Server, notes: Notes) -> None:
    tables = server.client("dynamodb")
    item = {"id": {"S": "conditional"}, "text": {"S": "x"}}
    tables.put_item(TableName=notes.table, Item=item)
    with pytest.raises(tables.exceptions.ConditionalCheckFailedException) as refusal:
        tables.put_item(TableName=notes.table, Item=item, ConditionExpression="attribute_not_exists(id)")
    assert refusal.value.response["Error"]["Message"] == "The conditional request failed"


def test_a_function_answers_and_tells_of_its_failure(server: Server) -> None:
    source = (
        "def handle(event, context):\n    if event.get('fail'):\n        raise ValueError('no')\n    return event\n"
    )
    make_function(server, "boto3-echo", source)
    functions = server.client("lambda")
    answer = functions.invoke(FunctionName="boto3-echo", Payload=b'{"a": 1}', LogType="Tail")
    assert (answer["StatusCode"], json.loads(answer["Payload"].read())) == (200, {"a": 1})
    assert answer["LogResult"]
    failure = functions.invoke(FunctionName="boto3-echo", Payload=b'{"fail": true}')
    assert failure["FunctionError"] == "Unhandled"
    assert json.loads(failure["Payload"].read())["errorType"] == "ValueError"
    functions.delete_function(FunctionName="boto3-echo")
    with pytest.raises(functions.exceptions.ResourceNotFoundException):
        functions.get_function(FunctionName="boto3-echo")


def test_a_stream_invokes_a_function_with_each_change(server: Server) -> None:
    tables, functions = server.client("dynamodb"), server.client("lambda")
    arn = make_table(tables, "Boto3Source")
    source = (
        "def handle(event, context):\n    print('saw', [r['dynamodb']['Keys']['id']['S'] for r in event['Records']])\n"
    )
    make_function(server, "boto3-stream", source)
    mapping = functions.create_event_source_mapping(
        FunctionName="boto3-stream", EventSourceArn=arn, StartingPosition="TRIM_HORIZON"
    )
    wait_enabled(functions, mapping["UUID"])
    for number in range(3):
        tables.put_item(TableName="Boto3Source", Item={"id": {"S": f"n{number}"}})
    seen = eventually(lambda: (text := log_text(server, "boto3-stream")) and "n2" in text and text)
    assert [f"n{number}" in seen for number in range(3)] == [True] * 3
    functions.delete_event_source_mapping(UUID=mapping["UUID"])


def test_an_api_answers_queries_and_mutations(notes: Notes) -> None:
    made = notes.ask('mutation M($t: String!) { putNote(id: "q", text: $t) { id text } }', t="hello")
    assert made == {"data": {"putNote": {"id": "q", "text": "hello"}}}
    assert notes.ask('{ getNote(id: "q") { text } }') == {"data": {"getNote": {"text": "hello"}}}


def test_the_pages_of_a_list_are_whole(server: Server) -> None:
    iam = server.client("iam")
    trust = json.dumps(
        {
            "Statement": [
                {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
            ]
        }
    )
    names = [f"paged-{number}" for number in range(5)]
    for name in names:
        iam.create_role(RoleName=name, Path="/paged/", AssumeRolePolicyDocument=trust)
    pages = iam.get_paginator("list_roles").paginate(PathPrefix="/paged/", PaginationConfig={"PageSize": 2})
    assert [role["RoleName"] for page in pages for role in page["Roles"]] == names
    with pytest.raises(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(RoleName="paged-0", AssumeRolePolicyDocument=trust)
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.get_role(RoleName="nobody")
    with pytest.raises(iam.exceptions.MalformedPolicyDocumentException):
        iam.create_role(RoleName="r", AssumeRolePolicyDocument="{}")


def test_dev_takes_any_credentials_for_the_root(server: Server) -> None:
    assert (
        server.client("sts", key="whoever", secret="x").get_caller_identity()["Arn"] == "arn:aws:iam::000000000000:root"
    )


def test_serve_accepts_the_root_key(guarded: Server) -> None:
    assert guarded.root("sts").get_caller_identity()["Arn"] == "arn:aws:iam::000000000000:root"
    guarded.root("dynamodb").list_tables()


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        ("sts", "get_caller_identity", "SignatureDoesNotMatch"),
        ("iam", "list_roles", "SignatureDoesNotMatch"),
        ("dynamodb", "list_tables", "InvalidSignatureException"),
        ("lambda", "list_functions", "InvalidSignatureException"),
        ("appsync", "list_graphql_apis", "InvalidSignatureException"),
    ],
)
def test_serve_refuses_a_wrong_secret(guarded: Server, service: str, operation: str, code: str) -> None:
    key = guarded.environment()["AWS_ACCESS_KEY_ID"]
    refusal = refused(guarded.client(service, key=key, secret="wrong"), operation)
    assert refusal["Error"]["Code"] == code
    assert refusal["Error"]["Message"].startswith("The request signature we calculated does not match")
    assert refusal["ResponseMetadata"]["HTTPStatusCode"] in (400, 403)


@pytest.mark.parametrize(
    ("service", "operation", "code"),
    [
        ("sts", "get_caller_identity", "InvalidClientTokenId"),
        ("dynamodb", "list_tables", "UnrecognizedClientException"),
        ("appsync", "list_graphql_apis", "UnrecognizedClientException"),
    ],
)
def test_serve_refuses_a_key_it_does_not_know(guarded: Server, service: str, operation: str, code: str) -> None:
    refusal = refused(guarded.client(service, key="AKIANOBODYSKEY000000"), operation)
    assert refusal["Error"]["Code"] == code
    assert refusal["Error"]["Message"] == "The security token included in the request is invalid."


def test_serve_accepts_an_assumed_role_after_a_restart_too(guarded: Server) -> None:
    trust = json.dumps({"Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}]})
    arn = guarded.root("iam").create_role(RoleName="assumed", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    held = guarded.root("sts").assume_role(RoleArn=arn, RoleSessionName="me")["Credentials"]
    assert held["Expiration"].timestamp() == pytest.approx(time.time() + 3600, abs=30)

    def identity() -> Any:
        names = ("AccessKeyId", "SecretAccessKey", "SessionToken")
        key, secret, token = (held[name] for name in names)
        return guarded.client("sts", key=key, secret=secret, token=token).get_caller_identity()["Arn"]

    assert identity() == "arn:aws:sts::000000000000:assumed-role/assumed/me"
    before = guarded.environment()["AWS_ACCESS_KEY_ID"]
    assert guarded.stop() == 0
    guarded.start()
    assert identity() == "arn:aws:sts::000000000000:assumed-role/assumed/me"
    assert guarded.environment()["AWS_ACCESS_KEY_ID"] == before


def test_a_function_calls_back_with_its_roles_credentials(guarded: Server) -> None:
    source = "import boto3\ndef handle(event, context):\n    return boto3.client('sts').get_caller_identity()['Arn']\n"
    make_function(guarded, "calls-back", source)
    answer = guarded.root("lambda").invoke(FunctionName="calls-back", Payload=b"{}")
    arn = json.loads(answer["Payload"].read())
    assert arn == "arn:aws:sts::000000000000:assumed-role/notes/calls-back"


def refused(client: Any, operation: str) -> dict[str, Any]:
    """The answer of a call that is refused."""
    with pytest.raises(ClientError) as refusal:
        getattr(client, operation)()
    answer: dict[str, Any] = refusal.value.response
    return answer


def wait_enabled(functions: Any, mapping: str) -> None:
    """Return when the mapping polls."""
    eventually(lambda: functions.get_event_source_mapping(UUID=mapping)["State"] == "Enabled")


def log_text(server: Server, function: str) -> str:
    """All that the function has logged."""
    logs = server.client("logs")
    try:
        found = logs.filter_log_events(logGroupName=f"/aws/lambda/{function}")["events"]
    except logs.exceptions.ResourceNotFoundException:
        return ""
    return "".join(event["message"] for event in found)
