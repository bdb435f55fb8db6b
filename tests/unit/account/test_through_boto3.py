"""The room as boto3 sees it: what wire makes of its answers and refusals."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.aws import called, client, door
from syncline.wire import AwsDoor, Operations


@pytest.fixture
def services(account: Any) -> dict[str, object]:
    return {"iam": account.iam, "sts": account.sts, "secretsmanager": account.secrets}


@pytest.mark.rule("ACC-3")
async def test_a_roles_life(services: dict[str, object], trust: str, permissions: str) -> None:
    iam = client(services, "iam")
    made = await called(
        iam.create_role, RoleName="r", AssumeRolePolicyDocument=trust, Tags=[{"Key": "a", "Value": "b"}]
    )
    assert made["Role"]["AssumeRolePolicyDocument"] == json.loads(trust)
    await called(iam.put_role_policy, RoleName="r", PolicyName="p", PolicyDocument=permissions)
    policy = await called(iam.get_role_policy, RoleName="r", PolicyName="p")
    assert policy["PolicyDocument"] == json.loads(permissions)
    with pytest.raises(iam.exceptions.DeleteConflictException) as refusal:
        await called(iam.delete_role, RoleName="r")
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 409
    await called(iam.delete_role_policy, RoleName="r", PolicyName="p")
    await called(iam.delete_role, RoleName="r")
    with pytest.raises(iam.exceptions.NoSuchEntityException) as gone:
        await called(iam.get_role, RoleName="r")
    assert gone.value.response["Error"]["Message"] == "The role with name r cannot be found."


@pytest.mark.rule("ACC-4")
async def test_a_malformed_policy_has_its_exception(services: dict[str, object]) -> None:
    iam = client(services, "iam")
    with pytest.raises(iam.exceptions.MalformedPolicyDocumentException):
        await called(iam.create_role, RoleName="r", AssumeRolePolicyDocument="{")


@pytest.mark.rule("ACC-6")
async def test_a_policy_of_aws_is_read(services: dict[str, object]) -> None:
    iam = client(services, "iam")
    arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaDynamoDBExecutionRole"
    policy = (await called(iam.get_policy, PolicyArn=arn))["Policy"]
    version = await called(iam.get_policy_version, PolicyArn=arn, VersionId=policy["DefaultVersionId"])
    assert "dynamodb:GetRecords" in version["PolicyVersion"]["Document"]["Statement"][0]["Action"]


@pytest.mark.rule("ACC-10")
@pytest.mark.rule("ACC-12")
async def test_signatures_are_verified_with_the_rooms_credentials(services: dict[str, object], account: Any) -> None:
    guarded = door(services, credentials=account.credentials)
    assert isinstance(guarded, AwsDoor)
    root = account.credentials.root
    keys = {"aws_access_key_id": root.access_key_id, "aws_secret_access_key": root.secret_access_key}
    sts = client(guarded, "sts", **keys)
    assert (await called(sts.get_caller_identity))["Arn"] == "arn:aws:iam::000000000000:root"
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        await called(client(guarded, "sts", **keys | {"aws_secret_access_key": "x"}).get_caller_identity)
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        await called(client(guarded, "sts", aws_access_key_id="AKIANOBODYSKEY000000").get_caller_identity)


@pytest.mark.rule("ACC-11")
async def test_an_assumed_role_signs_until_it_expires(
    services: dict[str, object], account: Any, role: str, clock: Any
) -> None:
    sts = client(services, "sts")
    arn = f"arn:aws:iam::000000000000:role/{role}"
    held = (await called(sts.assume_role, RoleArn=arn, RoleSessionName="me", DurationSeconds=900))["Credentials"]
    guarded = door(services, credentials=account.credentials)
    names = {"aws_access_key_id": "AccessKeyId", "aws_secret_access_key": "SecretAccessKey"}
    keys = {option: held[name] for option, name in names.items()} | {"aws_session_token": held["SessionToken"]}
    identity = await called(client(guarded, "sts", **keys).get_caller_identity)
    assert identity["Arn"] == "arn:aws:sts::000000000000:assumed-role/worker/me"
    clock.move(901)
    with pytest.raises(ClientError, match="ExpiredToken"):
        await called(client(guarded, "sts", **keys).get_caller_identity)


async def test_what_is_not_here_is_refused_for_good(services: dict[str, object]) -> None:
    with pytest.raises(ClientError, match="GetSessionToken") as refusal:
        await called(client(services, "sts").get_session_token)
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400


@pytest.mark.rule("ACC-13")
@pytest.mark.rule("ACC-14")
async def test_secrets_and_passwords(services: dict[str, object]) -> None:
    secrets = client(services, "secretsmanager")
    drawn = await called(
        secrets.get_random_password,
        PasswordLength=6,
        ExcludePunctuation=True,
        ExcludeUppercase=True,
        RequireEachIncludedType=True,
    )
    assert len(drawn["RandomPassword"]) == 6
    assert drawn["RandomPassword"].isalnum()
    await called(secrets.create_secret, Name="s", SecretBinary=b"\x00\xff")
    assert (await called(secrets.get_secret_value, SecretId="s"))["SecretBinary"] == b"\x00\xff"
    assert [one["Name"] for one in (await called(secrets.list_secrets))["SecretList"]] == ["s"]
    with pytest.raises(secrets.exceptions.ResourceNotFoundException, match="can't find the specified secret"):
        await called(secrets.get_secret_value, SecretId="t")


def test_every_operation_has_its_botocore_name(services: dict[str, object]) -> None:
    """Operations refuses a method that no operation has."""
    assert Operations(services, strict=True) is not None
