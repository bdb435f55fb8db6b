"""Users, their keys, and the root."""

from typing import Any

import pytest

from syncline.account import Iam, RootKey
from syncline.core import Conflict, NotFound


@pytest.fixture
async def user(iam: Iam) -> str:
    await iam.create_user({"UserName": "ann"})
    return "ann"


async def test_get_user_without_a_name_is_the_root(iam: Iam, root_key: RootKey) -> None:
    assert (await iam.get_user({}))["User"] == {
        "UserId": "000000000000",
        "Arn": "arn:aws:iam::000000000000:root",
        "CreateDate": root_key.created,
    }


@pytest.mark.rule("ACC-2")
async def test_a_user_is_made_once(iam: Iam, user: str) -> None:
    shown = (await iam.get_user({"UserName": user}))["User"]
    assert shown["Arn"] == "arn:aws:iam::000000000000:user/ann"
    assert shown["UserId"].startswith("AIDA")
    with pytest.raises(Conflict, match=r"^User with name ann already exists\.$"):
        await iam.create_user({"UserName": user})
    with pytest.raises(NotFound, match=r"^The user with name bob cannot be found\.$"):
        await iam.get_user({"UserName": "bob"})


@pytest.mark.rule("ACC-10")
async def test_a_key_is_good_while_it_is_active(account: Any, user: str) -> None:
    key = (await account.iam.create_access_key({"UserName": user}))["AccessKey"]
    name = key["AccessKeyId"]
    found = account.credentials.secret_of(name, None)
    assert (found.secret, found.caller.arn) == (key["SecretAccessKey"], "arn:aws:iam::000000000000:user/ann")
    await account.iam.update_access_key({"UserName": user, "AccessKeyId": name, "Status": "Inactive"})
    assert account.credentials.secret_of(name, None) is None
    await account.iam.update_access_key({"UserName": user, "AccessKeyId": name, "Status": "Active"})
    assert account.credentials.secret_of(name, None) is not None
    await account.iam.delete_access_key({"UserName": user, "AccessKeyId": name})
    assert account.credentials.secret_of(name, None) is None


@pytest.mark.rule("ACC-3")
async def test_a_user_has_two_keys_at_most_and_is_deleted_after_them(iam: Iam, user: str) -> None:
    keys = [(await iam.create_access_key({"UserName": user}))["AccessKey"]["AccessKeyId"] for _ in range(2)]
    with pytest.raises(Conflict) as refusal:
        await iam.create_access_key({"UserName": user})
    assert refusal.value.code == "LimitExceeded"
    listed = (await iam.list_access_keys({"UserName": user}))["AccessKeyMetadata"]
    assert sorted(key["AccessKeyId"] for key in listed) == sorted(keys)
    assert all("SecretAccessKey" not in key for key in listed)
    with pytest.raises(Conflict, match="must delete access keys first"):
        await iam.delete_user({"UserName": user})
    for key in keys:
        await iam.delete_access_key({"UserName": user, "AccessKeyId": key})
    await iam.delete_user({"UserName": user})
    assert (await iam.list_users({}))["Users"] == []
