"""Policies: documents checked, versions kept, attached and detached."""

import json
from urllib.parse import unquote

import pytest

from syncline.account import Iam
from syncline.core import Conflict, Invalid, NotFound

BASIC = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"


def statement(**members: object) -> str:
    """A policy of one statement."""
    return json.dumps({"Version": "2012-10-17", "Statement": [members]})


@pytest.mark.rule("ACC-4")
@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("{", "This policy contains invalid Json"),
        ("[]", "Syntax errors in policy."),
        ('{"Version":"2012-10-17"}', "Missing required field Statement"),
        ('{"Version":"2020-01-01","Statement":[]}', "The policy must contain a valid version string."),
        (statement(Principal="*", Action="sts:AssumeRole"), "Missing required field Effect"),
        (statement(Effect="Maybe", Principal="*", Action="sts:AssumeRole"), "Invalid effect: Maybe"),
        (statement(Effect="Allow", Action="sts:AssumeRole"), "Missing required field Principal"),
        (statement(Effect="Allow", Principal="*"), "Policy statement must contain actions."),
        (
            statement(Effect="Allow", Principal="*", Action="s3:GetObject"),
            "AssumeRole policy may only specify STS AssumeRole actions.",
        ),
        (
            statement(Effect="Allow", Principal="*", Action="sts:AssumeRole", Resource="*"),
            "Has prohibited field Resource",
        ),
    ],
)
async def test_a_document_that_cannot_be_a_trust_policy_is_refused(iam: Iam, document: str, message: str) -> None:
    with pytest.raises(Invalid) as refusal:
        await iam.create_role({"RoleName": "r", "AssumeRolePolicyDocument": document})
    assert (refusal.value.code, refusal.value.message) == ("MalformedPolicyDocument", message)
    assert (await iam.list_roles({}))["Roles"] == []


@pytest.mark.rule("ACC-4")
@pytest.mark.parametrize(
    ("document", "message"),
    [
        ("nonsense", "Syntax errors in policy."),
        ("{}", "Missing required field Statement"),
        (statement(Effect="Allow", Action="s3:*"), "Policy statement must contain resources."),
        (statement(Effect="Allow", Action="s3:*", Resource="bucket"), 'Resource bucket must be in ARN format or "*".'),
        (
            statement(Effect="Allow", Action="GetObject", Resource="*"),
            "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.",
        ),
        (
            statement(Effect="Allow", Action="s3:*", Resource="*", Principal="*"),
            "Policy document should not specify a principal.",
        ),
        (statement(Effect="Allow", Action="s3:*", Resource="*", Colour="red"), "Syntax errors in policy."),
        (statement(Effect="Allow", Action=[7], Resource="*"), "Syntax errors in policy."),
        (
            json.dumps({"Statement": [{"Sid": "a", "Effect": "Deny", "Action": "*", "Resource": "*"}] * 2}),
            "Statement IDs (SID) in a single policy must be unique.",
        ),
    ],
)
async def test_a_document_that_cannot_grant_is_refused(iam: Iam, role: str, document: str, message: str) -> None:
    with pytest.raises(Invalid) as refusal:
        await iam.put_role_policy({"RoleName": role, "PolicyName": "p", "PolicyDocument": document})
    assert (refusal.value.code, refusal.value.message) == ("MalformedPolicyDocument", message)
    assert (await iam.list_role_policies({"RoleName": role}))["PolicyNames"] == []


@pytest.mark.rule("ACC-4")
async def test_white_space_does_not_count_towards_a_policys_size(iam: Iam, role: str, permissions: str) -> None:
    wide = permissions.replace(" ", " " * 4000)
    await iam.put_role_policy({"RoleName": role, "PolicyName": "wide", "PolicyDocument": wide})
    long = statement(Effect="Allow", Action="s3:*", Resource="arn:" + "x" * 11_000)
    with pytest.raises(Conflict) as refusal:
        await iam.put_role_policy({"RoleName": role, "PolicyName": "long", "PolicyDocument": long})
    assert refusal.value.code == "LimitExceeded"


@pytest.mark.rule("ACC-5")
async def test_an_inline_policy_comes_back_as_written(iam: Iam, role: str, permissions: str) -> None:
    await iam.put_role_policy({"RoleName": role, "PolicyName": "p", "PolicyDocument": permissions})
    shown = await iam.get_role_policy({"RoleName": role, "PolicyName": "p"})
    assert (shown["RoleName"], shown["PolicyName"]) == (role, "p")
    assert unquote(shown["PolicyDocument"]) == permissions
    with pytest.raises(NotFound, match=r"^The role policy with name q cannot be found\.$"):
        await iam.get_role_policy({"RoleName": role, "PolicyName": "q"})


@pytest.mark.rule("ACC-6")
async def test_aws_policies_are_known_by_arn(iam: Iam, role: str) -> None:
    await iam.attach_role_policy({"RoleName": role, "PolicyArn": BASIC})
    await iam.attach_role_policy({"RoleName": role, "PolicyArn": BASIC})
    attached = (await iam.list_attached_role_policies({"RoleName": role}))["AttachedPolicies"]
    assert attached == [{"PolicyName": "AWSLambdaBasicExecutionRole", "PolicyArn": BASIC}]
    policy = (await iam.get_policy({"PolicyArn": BASIC}))["Policy"]
    assert (policy["Path"], policy["AttachmentCount"]) == ("/service-role/", 1)
    version = await iam.get_policy_version({"PolicyArn": BASIC, "VersionId": policy["DefaultVersionId"]})
    assert "logs:PutLogEvents" in unquote(version["PolicyVersion"]["Document"])
    entities = await iam.list_entities_for_policy({"PolicyArn": BASIC})
    assert [one["RoleName"] for one in entities["PolicyRoles"]] == [role]


@pytest.mark.rule("ACC-6")
async def test_a_policy_that_nobody_made_cannot_be_attached_or_detached(iam: Iam, role: str) -> None:
    arn = "arn:aws:iam::aws:policy/NoSuchThing"
    with pytest.raises(NotFound, match=f"^Policy {arn} does not exist or is not attachable\\.$"):
        await iam.attach_role_policy({"RoleName": role, "PolicyArn": arn})
    with pytest.raises(NotFound, match=r"was not found\.$"):
        await iam.detach_role_policy({"RoleName": role, "PolicyArn": BASIC})
    with pytest.raises(Invalid) as refusal:
        await iam.attach_role_policy({"RoleName": role, "PolicyArn": "arn:aws:s3:::a-bucket-of-mine"})
    assert refusal.value.code == "InvalidInput"


@pytest.mark.rule("ACC-3")
async def test_a_policys_life(iam: Iam, role: str, permissions: str) -> None:
    made = (await iam.create_policy({"PolicyName": "p", "Path": "/t/", "PolicyDocument": permissions}))["Policy"]
    arn = made["Arn"]
    assert arn == "arn:aws:iam::000000000000:policy/t/p"
    await iam.attach_role_policy({"RoleName": role, "PolicyArn": arn})
    second = await iam.create_policy_version({"PolicyArn": arn, "PolicyDocument": permissions, "SetAsDefault": True})
    assert second["PolicyVersion"]["VersionId"] == "v2"
    versions = (await iam.list_policy_versions({"PolicyArn": arn}))["Versions"]
    assert [(version["VersionId"], version["IsDefaultVersion"]) for version in versions] == [
        ("v2", True),
        ("v1", False),
    ]
    with pytest.raises(Conflict, match="Cannot delete a policy attached to entities"):
        await iam.delete_policy({"PolicyArn": arn})
    await iam.detach_role_policy({"RoleName": role, "PolicyArn": arn})
    with pytest.raises(Conflict, match="more than one version"):
        await iam.delete_policy({"PolicyArn": arn})
    with pytest.raises(Conflict, match="Cannot delete the default version"):
        await iam.delete_policy_version({"PolicyArn": arn, "VersionId": "v2"})
    await iam.delete_policy_version({"PolicyArn": arn, "VersionId": "v1"})
    await iam.delete_policy({"PolicyArn": arn})
    with pytest.raises(NotFound, match=r"was not found\.$"):
        await iam.get_policy({"PolicyArn": arn})


async def test_a_version_number_never_comes_twice(iam: Iam, permissions: str) -> None:
    arn = (await iam.create_policy({"PolicyName": "p", "PolicyDocument": permissions}))["Policy"]["Arn"]
    for _ in range(4):
        await iam.create_policy_version({"PolicyArn": arn, "PolicyDocument": permissions})
    with pytest.raises(Conflict) as refusal:
        await iam.create_policy_version({"PolicyArn": arn, "PolicyDocument": permissions})
    assert refusal.value.code == "LimitExceeded"
    await iam.delete_policy_version({"PolicyArn": arn, "VersionId": "v5"})
    again = await iam.create_policy_version({"PolicyArn": arn, "PolicyDocument": permissions})
    assert again["PolicyVersion"]["VersionId"] == "v6"


async def test_policies_of_aws_do_not_change(iam: Iam, permissions: str) -> None:
    with pytest.raises(Invalid):
        await iam.create_policy_version({"PolicyArn": BASIC, "PolicyDocument": permissions})


async def test_listing_tells_scopes_apart(iam: Iam, permissions: str) -> None:
    await iam.create_policy({"PolicyName": "mine", "PolicyDocument": permissions})
    local = (await iam.list_policies({"Scope": "Local"}))["Policies"]
    assert [policy["PolicyName"] for policy in local] == ["mine"]
    theirs = (await iam.list_policies({"Scope": "AWS"}))["Policies"]
    assert "AWSLambdaDynamoDBExecutionRole" in {policy["PolicyName"] for policy in theirs}
    assert not (await iam.list_policies({"OnlyAttached": True}))["Policies"]
