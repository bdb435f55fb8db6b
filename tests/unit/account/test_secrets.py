"""Secrets, their versions and stages, and random passwords."""

import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncline.account import SecretsManager
from syncline.account.passwords import draw
from syncline.core import Conflict, Invalid, NotFound, SeededIds, SynclineError

KINDS = {
    "ExcludeLowercase": string.ascii_lowercase,
    "ExcludeUppercase": string.ascii_uppercase,
    "ExcludeNumbers": string.digits,
    "ExcludePunctuation": string.punctuation,
}


@pytest.fixture
def secrets(account: Any) -> SecretsManager:
    found: SecretsManager = account.secrets
    return found


@pytest.mark.rule("ACC-13")
@given(
    length=st.integers(5, 200),
    excluded=st.sets(st.sampled_from(sorted(KINDS)), max_size=3),
    characters=st.text(string.ascii_letters + string.digits, max_size=8),
    space=st.booleans(),
    seed=st.integers(0, 2**32),
)
def test_a_password_keeps_to_every_option(
    length: int, excluded: set[str], characters: str, space: bool, seed: int
) -> None:
    request = {"PasswordLength": length, "ExcludeCharacters": characters, "IncludeSpace": space}
    password = draw(request | dict.fromkeys(excluded, True), SeededIds(seed))
    assert len(password) == length
    wanted = [kind for option, kind in KINDS.items() if option not in excluded] + ([" "] if space else [])
    for kind in wanted:
        left = set(kind) - set(characters)
        assert not left or left & set(password), f"one of {kind!r}"
    assert set(password) <= set("".join(wanted)) - set(characters)


@pytest.mark.rule("ACC-13")
async def test_without_the_requirement_a_short_password_may_lack_a_kind(secrets: SecretsManager) -> None:
    with pytest.raises(Invalid, match="too short") as refusal:
        await secrets.get_random_password({"PasswordLength": 3})
    assert refusal.value.code == "InvalidParameterException"
    drawn = await secrets.get_random_password({"PasswordLength": 3, "RequireEachIncludedType": False})
    assert len(drawn["RandomPassword"]) == 3
    assert len((await secrets.get_random_password({}))["RandomPassword"]) == 32


@pytest.mark.rule("ACC-13")
async def test_excluding_everything_leaves_no_password(secrets: SecretsManager) -> None:
    with pytest.raises(SynclineError):
        await secrets.get_random_password(dict.fromkeys(KINDS, True))


@pytest.mark.rule("ACC-14")
async def test_the_current_value_is_the_last_written(secrets: SecretsManager) -> None:
    made = await secrets.create_secret({"Name": "db/password", "SecretString": "one"})
    assert made["ARN"].startswith("arn:aws:secretsmanager:us-east-1:000000000000:secret:db/password-")
    await secrets.put_secret_value({"SecretId": "db/password", "SecretBinary": b"two"})
    for name in ("db/password", made["ARN"], made["ARN"][:-7]):
        assert (await secrets.get_secret_value({"SecretId": name}))["SecretBinary"] == b"two"


@pytest.mark.rule("ACC-14")
async def test_a_repeated_write_changes_nothing(secrets: SecretsManager) -> None:
    token = "t" * 32
    first = await secrets.create_secret({"Name": "s", "SecretString": "v", "ClientRequestToken": token})
    assert await secrets.create_secret({"Name": "s", "SecretString": "v", "ClientRequestToken": token}) == first
    with pytest.raises(Conflict) as refusal:
        await secrets.create_secret({"Name": "s", "SecretString": "other", "ClientRequestToken": token})
    assert refusal.value.message == (
        f"You can't use ClientRequestToken {token} because that value is already in use for a version of secret "
        f"{first['ARN']}."
    )
    with pytest.raises(Conflict, match="The operation failed because the secret s already exists"):
        await secrets.create_secret({"Name": "s", "SecretString": "v"})
    await secrets.update_secret({"SecretId": "s", "SecretString": "v", "ClientRequestToken": token})
    with pytest.raises(Conflict):
        await secrets.update_secret({"SecretId": "s", "SecretString": "w", "ClientRequestToken": token})
    await secrets.put_secret_value({"SecretId": "s", "SecretString": "v", "ClientRequestToken": token})
    with pytest.raises(Conflict):
        await secrets.put_secret_value({"SecretId": "s", "SecretString": "w", "ClientRequestToken": token})
    assert len((await secrets.list_secret_version_ids({"SecretId": "s"}))["Versions"]) == 1


@pytest.mark.rule("ACC-15")
async def test_the_version_that_was_current_becomes_the_previous(secrets: SecretsManager) -> None:
    await secrets.create_secret({"Name": "s", "SecretString": "1"})
    for value in ("2", "3"):
        await secrets.put_secret_value({"SecretId": "s", "SecretString": value})
    for stage, value in (("AWSCURRENT", "3"), ("AWSPREVIOUS", "2")):
        assert (await secrets.get_secret_value({"SecretId": "s", "VersionStage": stage}))["SecretString"] == value
    shown = await secrets.describe_secret({"SecretId": "s"})
    assert sorted(shown["VersionIdsToStages"].values()) == [["AWSCURRENT"], ["AWSPREVIOUS"]]
    with pytest.raises(NotFound, match="can't find the specified secret value for staging label: MINE"):
        await secrets.get_secret_value({"SecretId": "s", "VersionStage": "MINE"})


@pytest.mark.rule("ACC-16")
async def test_a_marked_secret_gives_nothing_and_can_be_restored(secrets: SecretsManager, clock: Any) -> None:
    await secrets.create_secret({"Name": "s", "SecretString": "v"})
    await secrets.delete_secret({"SecretId": "s", "RecoveryWindowInDays": 7})
    with pytest.raises(Invalid, match="marked for deletion"):
        await secrets.get_secret_value({"SecretId": "s"})
    with pytest.raises(Invalid, match="already scheduled for deletion"):
        await secrets.create_secret({"Name": "s", "SecretString": "v"})
    assert (await secrets.list_secrets({}))["SecretList"] == []
    await secrets.restore_secret({"SecretId": "s"})
    assert (await secrets.get_secret_value({"SecretId": "s"}))["SecretString"] == "v"
    await secrets.delete_secret({"SecretId": "s", "RecoveryWindowInDays": 7})
    clock.move(7 * 86_400 + 1)
    with pytest.raises(NotFound, match=r"^Secrets Manager can't find the specified secret\.$"):
        await secrets.describe_secret({"SecretId": "s"})
    await secrets.create_secret({"Name": "s", "SecretString": "new"})


@pytest.mark.rule("ACC-16")
async def test_a_forced_delete_is_at_once(secrets: SecretsManager) -> None:
    await secrets.create_secret({"Name": "s", "SecretString": "v"})
    await secrets.delete_secret({"SecretId": "s", "ForceDeleteWithoutRecovery": True})
    with pytest.raises(NotFound):
        await secrets.get_secret_value({"SecretId": "s"})


@pytest.mark.rule("ACC-16")
async def test_what_is_deleted_by_force_need_not_be_there(secrets: SecretsManager) -> None:
    gone = await secrets.delete_secret({"SecretId": "s", "ForceDeleteWithoutRecovery": True})
    assert gone["Name"] == "s"
    with pytest.raises(NotFound):
        await secrets.delete_secret({"SecretId": "s"})


async def test_a_name_that_no_secret_can_have_is_refused(secrets: SecretsManager) -> None:
    for call in (secrets.create_secret({"Name": "my secret"}), secrets.describe_secret({"SecretId": "a*"})):
        with pytest.raises(Invalid, match="Must be a valid name containing alphanumeric characters"):
            await call


async def test_what_a_secret_has_not_is_not_shown(secrets: SecretsManager) -> None:
    await secrets.create_secret({"Name": "s"})
    for value in "abc":
        await secrets.put_secret_value({"SecretId": "s", "SecretString": value})
    assert "Tags" not in await secrets.describe_secret({"SecretId": "s"})
    versions = await secrets.list_secret_version_ids({"SecretId": "s", "IncludeDeprecated": True})
    assert ["VersionStages" in version for version in versions["Versions"]] == [False, True, True]


@pytest.mark.rule("ACC-15")
async def test_the_first_version_is_the_current_one_whatever_it_is_called(secrets: SecretsManager) -> None:
    await secrets.create_secret({"Name": "s"})
    put = await secrets.put_secret_value({"SecretId": "s", "SecretString": "v", "VersionStages": ["AWSPENDING"]})
    assert put["VersionStages"] == ["AWSPENDING", "AWSCURRENT"]
    assert (await secrets.get_secret_value({"SecretId": "s"}))["SecretString"] == "v"


@pytest.mark.rule("ACC-7")
async def test_secrets_are_listed_in_pages(secrets: SecretsManager) -> None:
    for number in range(5):
        await secrets.create_secret({"Name": f"s{number}", "SecretString": "v", "Tags": [{"Key": "k", "Value": "v"}]})
    first = await secrets.list_secrets({"MaxResults": 3})
    second = await secrets.list_secrets({"MaxResults": 3, "NextToken": first["NextToken"]})
    names = [secret["Name"] for secret in first["SecretList"] + second["SecretList"]]
    assert names == ["s0", "s1", "s2", "s3", "s4"]
    assert "NextToken" not in second
