"""Roles: made, read, changed, deleted."""

from urllib.parse import unquote

import pytest

from syncline.account import Iam
from syncline.core import Conflict, NotFound


@pytest.mark.rule("ACC-8")
async def test_a_role_has_an_arn_with_its_path_and_an_id_of_its_kind(iam: Iam, trust: str) -> None:
    made = await iam.create_role({"RoleName": "r", "Path": "/team/", "AssumeRolePolicyDocument": trust})
    assert made["Role"]["Arn"] == "arn:aws:iam::000000000000:role/team/r"
    assert made["Role"]["RoleId"].startswith("AROA")
    assert len(made["Role"]["RoleId"]) == 21
    other = await iam.create_role({"RoleName": "r2", "AssumeRolePolicyDocument": trust})
    assert other["Role"]["Arn"] == "arn:aws:iam::000000000000:role/r2"
    assert other["Role"]["RoleId"] != made["Role"]["RoleId"]


@pytest.mark.rule("ACC-5")
async def test_the_trust_policy_comes_back_percent_encoded(iam: Iam, role: str, trust: str) -> None:
    shown = (await iam.get_role({"RoleName": role}))["Role"]["AssumeRolePolicyDocument"]
    assert shown.startswith("%7B%22Version%22%3A")
    assert unquote(shown) == trust


@pytest.mark.rule("ACC-2")
async def test_a_name_that_is_taken_is_refused(iam: Iam, role: str, trust: str) -> None:
    with pytest.raises(Conflict, match=r"^Role with name worker already exists\.$") as refusal:
        await iam.create_role({"RoleName": role, "AssumeRolePolicyDocument": trust})
    assert refusal.value.code == "EntityAlreadyExists"


@pytest.mark.rule("ACC-2")
@pytest.mark.parametrize("verb", ["get_role", "delete_role", "list_role_policies", "list_attached_role_policies"])
async def test_a_role_that_nobody_made_is_not_found(iam: Iam, verb: str) -> None:
    with pytest.raises(NotFound, match=r"^The role with name ghost cannot be found\.$") as refusal:
        await getattr(iam, verb)({"RoleName": "ghost"})
    assert refusal.value.code == "NoSuchEntity"


@pytest.mark.rule("ACC-3")
async def test_a_role_with_policies_is_not_deleted(iam: Iam, role: str, permissions: str) -> None:
    arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
    await iam.attach_role_policy({"RoleName": role, "PolicyArn": arn})
    with pytest.raises(Conflict, match=r"^Cannot delete entity, must detach all policies first\.$") as refusal:
        await iam.delete_role({"RoleName": role})
    assert refusal.value.code == "DeleteConflict"
    await iam.detach_role_policy({"RoleName": role, "PolicyArn": arn})
    await iam.put_role_policy({"RoleName": role, "PolicyName": "p", "PolicyDocument": permissions})
    with pytest.raises(Conflict, match=r"^Cannot delete entity, must delete policies first\.$"):
        await iam.delete_role({"RoleName": role})
    await iam.delete_role_policy({"RoleName": role, "PolicyName": "p"})
    await iam.delete_role({"RoleName": role})
    with pytest.raises(NotFound):
        await iam.get_role({"RoleName": role})


async def test_updates_change_only_what_they_name(iam: Iam, role: str) -> None:
    await iam.update_role({"RoleName": role, "Description": "does the work"})
    await iam.update_role({"RoleName": role, "MaxSessionDuration": 7200})
    shown = (await iam.get_role({"RoleName": role}))["Role"]
    assert (shown["Description"], shown["MaxSessionDuration"]) == ("does the work", 7200)


async def test_tags_are_added_replaced_and_taken_away(iam: Iam, role: str) -> None:
    await iam.tag_role({"RoleName": role, "Tags": [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]})
    await iam.tag_role({"RoleName": role, "Tags": [{"Key": "a", "Value": "3"}]})
    await iam.untag_role({"RoleName": role, "TagKeys": ["b"]})
    assert (await iam.list_role_tags({"RoleName": role}))["Tags"] == [{"Key": "a", "Value": "3"}]


@pytest.mark.rule("ACC-7")
@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 100])
async def test_pages_of_any_size_make_the_whole_list(iam: Iam, trust: str, size: int) -> None:
    names = [f"r{number}" for number in range(7)]
    for name in reversed(names):
        await iam.create_role({"RoleName": name, "AssumeRolePolicyDocument": trust})
    seen: list[str] = []
    page = await iam.list_roles({"MaxItems": size})
    while True:
        assert len(page["Roles"]) <= size
        seen += [role["RoleName"] for role in page["Roles"]]
        if not page["IsTruncated"]:
            break
        page = await iam.list_roles({"MaxItems": size, "Marker": page["Marker"]})
    assert seen == names


async def test_a_role_has_no_instance_profiles(iam: Iam, role: str) -> None:
    assert (await iam.list_instance_profiles_for_role({"RoleName": role}))["InstanceProfiles"] == []
