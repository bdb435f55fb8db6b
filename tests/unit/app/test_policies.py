"""The gate before AWS operations: refusals, warnings, root, audit lines; on which resources a call is."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from syncline.account import Credentials, Enforcement, Iam, NotPermitted, Permissions, RootKey, targets
from syncline.app.policies import Gate
from syncline.core import Meter, Settings, SystemClock, SystemIds
from syncline.core.call import Call, Caller
from syncline.store import MemoryStore

ACCOUNT = "000000000000"
ADA = Caller("user", ACCOUNT, f"arn:aws:iam::{ACCOUNT}:user/ada", "AKIAADA")
ROOT = Caller("root", ACCOUNT, f"arn:aws:iam::{ACCOUNT}:root", "AKIAROOT")
NOTES = f"arn:aws:dynamodb:us-east-1:{ACCOUNT}:table/notes"


async def gate(store: MemoryStore, mode: str, log: io.StringIO) -> Gate:
    clock, ids = SystemClock(), SystemIds()
    permissions = Permissions(store, clock, account=ACCOUNT)
    credentials = Credentials(RootKey("AKIAROOT", "s" * 40, 0.0), store, clock, ids, account=ACCOUNT)
    iam = Iam(store, credentials, clock, ids, account=ACCOUNT, permissions=permissions)
    await iam.create_user({"UserName": "ada"})
    statement = {"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": NOTES}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    await iam.put_user_policy({"UserName": "ada", "PolicyName": "p", "PolicyDocument": document})
    meter = Meter(out=log)
    return Gate(permissions, Enforcement(mode, meter), Settings(), meter)


def entered(caller: Caller | None) -> Call:
    return Call("id", "us-east-1", ACCOUNT, caller, "1.2.3.4")


async def ask(door: Gate, service: str, operation: str, request: dict[str, Any], entered: Call) -> None:
    checking = door.check(service, operation, request, entered)
    if checking is not None:
        await checking


@pytest.mark.rule("ACC-22")
async def test_what_no_policy_allows_is_refused_in_awss_words(store: MemoryStore) -> None:
    door = await gate(store, "enforce", io.StringIO())
    await ask(door, "dynamodb", "GetItem", {"TableName": "notes"}, entered(ADA))
    await ask(door, "dynamodb", "PutItem", {"TableName": "notes"}, entered(ROOT))
    with pytest.raises(NotPermitted) as refusal:
        await ask(door, "dynamodb", "PutItem", {"TableName": "notes"}, entered(ADA))
    assert refusal.value.message == (
        f"User: {ADA.arn} is not authorized to perform: dynamodb:PutItem on resource: {NOTES} "
        "because no identity-based policy allows the dynamodb:PutItem action"
    )


@pytest.mark.rule("ACC-22")
async def test_a_warning_is_given_once_with_the_statement_that_would_allow_it(store: MemoryStore) -> None:
    log = io.StringIO()
    door = await gate(store, "warn", log)
    for _ in range(3):
        await ask(door, "dynamodb", "PutItem", {"TableName": "notes"}, entered(ADA))
    (line,) = [json.loads(line) for line in log.getvalue().splitlines()]
    assert line["event"] == "permission missing"
    assert line["statement"] == {"Effect": "Allow", "Action": "dynamodb:PutItem", "Resource": NOTES}


@pytest.mark.rule("ACC-22")
async def test_off_asks_nothing(store: MemoryStore) -> None:
    log = io.StringIO()
    off = await gate(store, "off", log)
    assert off.check("dynamodb", "PutItem", {"TableName": "x"}, entered(ADA)) is None
    assert log.getvalue() == ""


@pytest.mark.rule("ACC-23")
async def test_every_control_plane_call_leaves_an_audit_line_refused_ones_too(store: MemoryStore) -> None:
    log = io.StringIO()
    door = await gate(store, "enforce", log)
    await ask(door, "dynamodb", "GetItem", {"TableName": "notes"}, entered(ADA))
    with pytest.raises(NotPermitted):
        await ask(door, "iam", "CreateUser", {"UserName": "eve"}, entered(ADA))
    (line,) = [json.loads(line) for line in log.getvalue().splitlines()]
    assert {name: line[name] for name in ("event", "service", "operation", "caller", "key", "source_ip")} == {
        "event": "audit",
        "service": "iam",
        "operation": "CreateUser",
        "caller": ADA.arn,
        "key": "AKIAADA",
        "source_ip": "1.2.3.4",
    }


@pytest.mark.rule("ACC-22")
@pytest.mark.parametrize(
    ("service", "operation", "request_", "wanted"),
    [
        ("dynamodb", "Query", {"TableName": "notes", "IndexName": "by"}, [("dynamodb:Query", NOTES + "/index/by")]),
        ("dynamodb", "BatchGetItem", {"RequestItems": {"notes": {}}}, [("dynamodb:BatchGetItem", NOTES)]),
        (
            "dynamodb",
            "TransactWriteItems",
            {"TransactItems": [{"Put": {"TableName": "notes"}}, {"Delete": {"TableName": "notes"}}]},
            [("dynamodb:PutItem", NOTES), ("dynamodb:DeleteItem", NOTES)],
        ),
        ("dynamodb", "ListTables", {}, [("dynamodb:ListTables", "*")]),
        (
            "lambda",
            "Invoke",
            {"FunctionName": "f:live"},
            [("lambda:InvokeFunction", f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:f")],
        ),
        ("iam", "GetUser", {"UserName": "ada"}, [("iam:GetUser", f"arn:aws:iam::{ACCOUNT}:user/ada")]),
    ],
)
def test_actions_and_resources(service: str, operation: str, request_: dict[str, Any], wanted: Any) -> None:
    assert targets(service, operation, request_, region="us-east-1", account=ACCOUNT) == wanted
