"""Whose policies count: users, roles, boundaries, trust; and what the simulator says of them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from syncline.account import ALLOWED, Iam, Sts
from syncline.account.errors import AccessDenied
from syncline.core import call
from syncline.core.call import Caller

ACCOUNT = "000000000000"
ADA = Caller("user", ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/ada", "AKIA", "AIDA")
WORKER = Caller("role", ACCOUNT, f"arn:aws:sts::{ACCOUNT}:assumed-role/worker/session")
ROOT = Caller("root", ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root")
NOTES = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/notes"


def policy(effect: str = "Allow", action: str = "dynamodb:*", resource: str = "*") -> str:
    return json.dumps(
        {"Version": "2012-10-17", "Statement": [{"Effect": effect, "Action": action, "Resource": resource}]}
    )


def trusting(principal: Any) -> str:
    statement = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@pytest.mark.rule("ACC-19")
async def test_inline_attached_and_managed_policies_count_and_changes_are_in_force_at_once(iam: Iam) -> None:
    async def may(caller: Caller = ADA, action: str = "dynamodb:GetItem") -> bool:
        return await iam.permissions.decide(caller, action, NOTES) == ALLOWED

    await iam.create_user({"UserName": "ada"})
    assert not await may()
    assert await may(ROOT)
    await iam.put_user_policy({"UserName": "ada", "PolicyName": "p", "PolicyDocument": policy(resource=NOTES)})
    assert await may()
    assert not await may(action="lambda:InvokeFunction")
    await iam.attach_user_policy({"UserName": "ada", "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess"})
    assert await may(action="lambda:InvokeFunction")
    made = await iam.create_policy({"PolicyName": "no", "PolicyDocument": policy("Deny", "dynamodb:Get*")})
    await iam.attach_user_policy({"UserName": "ada", "PolicyArn": made["Policy"]["Arn"]})
    assert not await may()
    assert await may(action="dynamodb:PutItem")


@pytest.mark.rule("ACC-19")
async def test_a_session_has_its_roles_policies_within_its_boundary(iam: Iam, trust: str) -> None:
    boundary = (await iam.create_policy({"PolicyName": "b", "PolicyDocument": policy(action="dynamodb:Get*")}))[
        "Policy"
    ]
    role = {"RoleName": "worker", "AssumeRolePolicyDocument": trust, "PermissionsBoundary": boundary["Arn"]}
    await iam.create_role(role)
    await iam.put_role_policy({"RoleName": "worker", "PolicyName": "p", "PolicyDocument": policy()})
    assert await iam.permissions.decide(WORKER, "dynamodb:GetItem", NOTES) == ALLOWED
    assert await iam.permissions.decide(WORKER, "dynamodb:PutItem", NOTES) == "implicitDeny"


@pytest.mark.rule("ACC-20")
@pytest.mark.parametrize(
    ("principal", "caller", "allowed"),
    [
        ({"AWS": ADA.arn}, ADA, True),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:user/bob"}, ADA, False),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, ADA, False),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, ROOT, True),
        ({"AWS": ACCOUNT}, ROOT, True),
        ({"Service": "lambda.amazonaws.com"}, ADA, False),
        ({"Service": "lambda.amazonaws.com"}, ROOT, False),
        ({"AWS": "*"}, ADA, True),
    ],
)
async def test_a_roles_trust_policy_says_who_may_assume_it(
    iam: Iam, account: Any, store: Any, principal: Any, caller: Caller, allowed: bool
) -> None:
    await iam.create_user({"UserName": "ada"})
    role = (await iam.create_role({"RoleName": "r", "AssumeRolePolicyDocument": trusting(principal)}))["Role"]
    sts = Sts(store, account.credentials, account=ACCOUNT, permissions=iam.permissions)
    call.enter(call.Call("id", "us-east-1", ACCOUNT, caller))
    work = sts.assume_role({"RoleArn": role["Arn"], "RoleSessionName": "s"})
    if allowed:
        assert (await work)["Credentials"]["SessionToken"]
    else:
        with pytest.raises(AccessDenied):
            await work


@pytest.mark.rule("ACC-20")
async def test_a_role_that_asks_for_an_external_id_is_assumed_with_it_alone(iam: Iam, account: Any, store: Any) -> None:
    await iam.create_user({"UserName": "ada"})
    trust = json.loads(trusting({"AWS": ADA.arn}))
    trust["Statement"][0]["Condition"] = {"StringEquals": {"sts:ExternalId": "e-1"}}
    document = json.dumps(trust)
    role = (await iam.create_role({"RoleName": "r", "AssumeRolePolicyDocument": document}))["Role"]
    sts = Sts(store, account.credentials, account=ACCOUNT, permissions=iam.permissions)
    call.enter(call.Call("id", "us-east-1", ACCOUNT, ADA))
    asked = {"RoleArn": role["Arn"], "RoleSessionName": "s"}
    for wrong in ({}, {"ExternalId": "e-2"}):
        with pytest.raises(AccessDenied):
            await sts.assume_role(asked | wrong)
    assert (await sts.assume_role(asked | {"ExternalId": "e-1"}))["Credentials"]["SessionToken"]


@pytest.mark.rule("ACC-20")
async def test_a_role_that_trusts_the_account_leaves_it_to_the_callers_policies(iam: Iam) -> None:
    await iam.create_user({"UserName": "ada"})
    trust = trusting({"AWS": f"arn:aws:iam::{ACCOUNT}:root"})
    await iam.create_role({"RoleName": "r", "AssumeRolePolicyDocument": trust})
    role = await iam.get_role({"RoleName": "r"})
    allow = policy(action="sts:AssumeRole", resource=role["Role"]["Arn"])
    await iam.put_user_policy({"UserName": "ada", "PolicyName": "p", "PolicyDocument": allow})
    from syncline.account.model import ROLES

    found = await iam._store.read(lambda snapshot: ROLES.get(snapshot, ACCOUNT, "r"))
    assert found is not None
    assert await iam.permissions.trusts(found, ADA)
    assert not await iam.permissions.trusts(found, WORKER)


@pytest.mark.rule("ACC-21")
async def test_the_simulator_decides_as_the_doors_do(iam: Iam) -> None:
    await iam.create_user({"UserName": "ada"})
    await iam.put_user_policy({"UserName": "ada", "PolicyName": "p", "PolicyDocument": policy(resource=NOTES)})
    answer = await iam.simulate_principal_policy(
        {"PolicySourceArn": ADA.arn, "ActionNames": ["dynamodb:GetItem", "iam:GetUser"], "ResourceArns": [NOTES]}
    )
    found = {each["EvalActionName"]: each["EvalDecision"] for each in answer["EvaluationResults"]}
    assert found == {"dynamodb:GetItem": "allowed", "iam:GetUser": "implicitDeny"}
