"""The AWS CLI's `iam` commands on a server that verifies: a user with a key, a role, and what their policies allow."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable
from typing import Any

import pytest

Aws = Callable[..., Any]


def policy(action: str, effect: str = "Allow") -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": effect, "Action": action, "Resource": "*"}]})


def test_a_user_gets_a_key_and_may_do_what_is_allowed(guarded_aws: Aws) -> None:
    aws, name = guarded_aws, ("--user-name", "cli-user")
    arn = aws("iam", "create-user", *name)["User"]["Arn"]
    assert arn == "arn:aws:iam::000000000000:user/cli-user"
    made = aws("iam", "create-access-key", *name)["AccessKey"]
    mine = {"AWS_ACCESS_KEY_ID": made["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": made["SecretAccessKey"]}
    with pytest.raises(subprocess.CalledProcessError) as refusal:
        aws("dynamodb", "list-tables", **mine)
    assert "is not authorized to perform: dynamodb:ListTables" in refusal.value.stderr
    aws("iam", "put-user-policy", *name, "--policy-name", "p", "--policy-document", policy("dynamodb:List*"))
    assert "TableNames" in aws("dynamodb", "list-tables", **mine)
    asked = ("iam", "simulate-principal-policy", "--policy-source-arn", arn)
    decided = aws(*asked, "--action-names", "dynamodb:ListTables", "dynamodb:PutItem")["EvaluationResults"]
    assert [each["EvalDecision"] for each in decided] == ["allowed", "implicitDeny"]
    with pytest.raises(subprocess.CalledProcessError) as refusal:
        aws("iam", "delete-user", *name)
    assert "DeleteConflict" in refusal.value.stderr


def test_a_role_is_assumed_with_its_policies(guarded_aws: Aws) -> None:
    aws, name = guarded_aws, ("--role-name", "cli-role")
    trust = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    arn = aws("iam", "create-role", *name, "--assume-role-policy-document", document)["Role"]["Arn"]
    made = aws(
        "iam", "create-policy", "--policy-name", "cli-policy", "--policy-document", policy("dynamodb:ListTables")
    )
    aws("iam", "attach-role-policy", *name, "--policy-arn", made["Policy"]["Arn"])
    given = aws("sts", "assume-role", "--role-arn", arn, "--role-session-name", "cli")["Credentials"]
    session = {
        "AWS_ACCESS_KEY_ID": given["AccessKeyId"],
        "AWS_SECRET_ACCESS_KEY": given["SecretAccessKey"],
        "AWS_SESSION_TOKEN": given["SessionToken"],
    }
    assert "TableNames" in aws("dynamodb", "list-tables", **session)
