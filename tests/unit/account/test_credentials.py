"""Keys and sessions: made once, durable, good until they are over."""

import stat
from pathlib import Path
from typing import Any

import pytest

from syncline.account import RootKey, RootKeyUnreadable, load_root_key, read_root_key
from syncline.core import Clock, Denied, Ids, Invalid, call
from syncline.core.call import Call

ROLE_ARN = "arn:aws:iam::000000000000:role/worker"


@pytest.mark.rule("ACC-9")
def test_the_root_key_is_made_once_and_only_its_owner_reads_it(tmp_path: Path, ids: Ids, clock: Clock) -> None:
    path = tmp_path / "new" / "credentials.json"
    assert read_root_key(path) is None
    made = load_root_key(path, ids=ids, clock=clock)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (made.access_key_id[:4], len(made.access_key_id), len(made.secret_access_key)) == ("AKIA", 20, 40)
    assert load_root_key(path, ids=ids, clock=clock) == made
    assert read_root_key(path) == made


@pytest.mark.rule("ACC-9")
def test_a_file_that_holds_no_key_is_named(tmp_path: Path, ids: Ids, clock: Clock) -> None:
    path = tmp_path / "credentials.json"
    path.write_text("{}")
    with pytest.raises(RootKeyUnreadable, match=str(path)):
        load_root_key(path, ids=ids, clock=clock)
    assert path.read_text() == "{}"


@pytest.mark.rule("ACC-10")
def test_the_root_key_is_good_and_others_are_unknown(account: Any, root_key: RootKey) -> None:
    found = account.credentials.secret_of(root_key.access_key_id, None)
    assert (found.secret, found.caller.kind) == (root_key.secret_access_key, "root")
    assert account.credentials.secret_of("AKIASOMEONEELSE00000", None) is None


@pytest.mark.rule("ACC-11")
async def test_an_assumed_role_is_good_until_it_expires(account: Any, role: str, start: Any, clock: Any) -> None:
    asked = {"RoleArn": ROLE_ARN, "RoleSessionName": "job", "DurationSeconds": 900}
    answer = await account.sts.assume_role(asked)
    assert answer["AssumedRoleUser"]["Arn"] == "arn:aws:sts::000000000000:assumed-role/worker/job"
    assert answer["AssumedRoleUser"]["AssumedRoleId"].startswith("AROA")
    held = answer["Credentials"]
    for credentials in (account.credentials, (await start()).credentials):
        found = credentials.secret_of(held["AccessKeyId"], held["SessionToken"])
        assert found.secret == held["SecretAccessKey"]
        assert found.caller.arn == answer["AssumedRoleUser"]["Arn"]
        assert credentials.secret_of(held["AccessKeyId"], "another") is None
        assert credentials.secret_of(held["AccessKeyId"], None) is None
    clock.move(901)
    with pytest.raises(Denied, match=r"^The security token included in the request is expired$") as refusal:
        account.credentials.secret_of(held["AccessKeyId"], held["SessionToken"])
    assert refusal.value.code == "ExpiredTokenException"


async def test_a_role_that_is_not_there_cannot_be_assumed(account: Any, role: str) -> None:
    with pytest.raises(Denied, match="is not authorized to perform: sts:AssumeRole on resource") as refusal:
        await account.sts.assume_role({"RoleArn": ROLE_ARN + "s", "RoleSessionName": "s"})
    assert refusal.value.code == "AccessDenied"
    with pytest.raises(Invalid, match="something/role is invalid"):
        await account.sts.assume_role({"RoleArn": "arn::b:::something/role", "RoleSessionName": "s"})
    with pytest.raises(Invalid, match="MaxSessionDuration set for this role"):
        await account.sts.assume_role({"RoleArn": ROLE_ARN, "RoleSessionName": "s", "DurationSeconds": 7200})


@pytest.mark.rule("ACC-11")
async def test_sessions_that_are_over_are_forgotten(account: Any, role: str, start: Any, clock: Any) -> None:
    asked = {"RoleArn": ROLE_ARN, "RoleSessionName": "s", "DurationSeconds": 900}
    first = (await account.sts.assume_role(asked))["Credentials"]
    clock.move(1000)
    for _ in range(255):
        await account.sts.assume_role(asked)
    for credentials in (account.credentials, (await start()).credentials):
        assert credentials.secret_of(first["AccessKeyId"], first["SessionToken"]) is None


@pytest.mark.rule("ACC-17")
async def test_a_process_of_the_server_is_lent_its_roles_credentials(account: Any, start: Any, clock: Any) -> None:
    lent = account.credentials.lend(ROLE_ARN, "my-function")
    assert account.credentials.lend(ROLE_ARN, "my-function") == lent
    assert account.credentials.lend(ROLE_ARN, "another") != lent
    clock.move(10 * 86_400)
    found = account.credentials.secret_of(lent.id, lent.token)
    assert found.caller.arn == "arn:aws:sts::000000000000:assumed-role/worker/my-function"
    assert (await start()).credentials.secret_of(lent.id, lent.token) is None


@pytest.mark.rule("ACC-12")
async def test_the_caller_is_who_signed(account: Any, role: str) -> None:
    root = await account.sts.get_caller_identity({})
    assert root == {"UserId": "000000000000", "Account": "000000000000", "Arn": "arn:aws:iam::000000000000:root"}
    held = (await account.sts.assume_role({"RoleArn": ROLE_ARN, "RoleSessionName": "me"}))["Credentials"]
    caller = account.credentials.secret_of(held["AccessKeyId"], held["SessionToken"]).caller
    call.enter(Call("r", "us-east-1", "000000000000", caller))
    shown = await account.sts.get_caller_identity({})
    assert shown["Arn"] == "arn:aws:sts::000000000000:assumed-role/worker/me"
    assert shown["UserId"].endswith(":me")


@pytest.mark.rule("ACC-1")
async def test_everything_is_there_after_a_restart(account: Any, role: str, start: Any, permissions: str) -> None:
    await account.iam.create_user({"UserName": "ann"})
    key = (await account.iam.create_access_key({"UserName": "ann"}))["AccessKey"]
    arn = (await account.iam.create_policy({"PolicyName": "p", "PolicyDocument": permissions}))["Policy"]["Arn"]
    await account.iam.attach_role_policy({"RoleName": role, "PolicyArn": arn})
    await account.secrets.create_secret({"Name": "s", "SecretString": "v"})
    again = await start()
    assert (await again.iam.get_role({"RoleName": role})) == (await account.iam.get_role({"RoleName": role}))
    assert (await again.iam.list_attached_role_policies({"RoleName": role}))["AttachedPolicies"][0]["PolicyArn"] == arn
    assert again.credentials.secret_of(key["AccessKeyId"], None).secret == key["SecretAccessKey"]
    assert (await again.secrets.get_secret_value({"SecretId": "s"}))["SecretString"] == "v"


@pytest.mark.rule("ACC-24")
async def test_the_store_holds_no_secret_of_a_key_or_a_session(account: Any, store: Any) -> None:
    iam, sts = account.iam, account.sts
    await iam.create_user({"UserName": "ada"})
    key = (await iam.create_access_key({"UserName": "ada"}))["AccessKey"]
    trust = '{"Statement": {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}}'
    role = (await iam.create_role({"RoleName": "r", "AssumeRolePolicyDocument": trust}))["Role"]
    session = (await sts.assume_role({"RoleArn": role["Arn"], "RoleSessionName": "s"}))["Credentials"]
    every = b"".join(name + value for (_, name), value in store.disk.values.items())
    assert key["AccessKeyId"].encode() in every, "what is looked through is the store"
    secrets = (key["SecretAccessKey"], session["SecretAccessKey"], session["SessionToken"])
    assert [secret for secret in secrets if secret.encode() in every] == []
