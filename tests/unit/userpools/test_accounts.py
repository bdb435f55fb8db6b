"""Users' lives: sign-up, codes, recovery, attributes, aliases; and what administrators see."""

from __future__ import annotations

import time
from typing import Any

import pytest

from support.aws import called, client
from syncline.core import Meter, SynclineError


async def refused(work: Any) -> tuple[str, str]:
    with pytest.raises(SynclineError) as refusal:
        await work
    return refusal.value.code, refusal.value.message


def email(address: str) -> list[dict[str, str]]:
    return [{"Name": "email", "Value": address}]


async def signed_up(world: Any, client_id: str, name: str = "ada", **members: Any) -> dict[str, Any]:
    ask = {"ClientId": client_id, "Username": name, "Password": "Passw0rd!", "UserAttributes": email("ada@example.com")}
    answer: dict[str, Any] = await world.api.sign_up({**ask, **members})
    return answer


@pytest.mark.rule("UPL-9")
async def test_sign_up_confirm_sign_in(world: Any) -> None:
    pool = await world.pool(AutoVerifiedAttributes=["email"])
    app = await world.client(pool)
    answer = await signed_up(world, app)
    assert answer["UserConfirmed"] is False
    assert answer["CodeDeliveryDetails"] == {
        "Destination": "a***@e***",
        "DeliveryMedium": "EMAIL",
        "AttributeName": "email",
    }
    wrong = {"ClientId": app, "Username": "ada", "ConfirmationCode": "000000" if world.code != "000000" else "1"}
    assert (await refused(world.api.confirm_sign_up(wrong)))[0] == "CodeMismatchException"
    await world.api.confirm_sign_up({**wrong, "ConfirmationCode": world.code})
    tokens = await world.sign_in(app)
    shown = await world.api.get_user({"AccessToken": tokens["AccessToken"]})
    assert {"Name": "email_verified", "Value": "true"} in shown["UserAttributes"]
    assert await refused(world.api.confirm_sign_up({**wrong, "ConfirmationCode": world.code})) == (
        "NotAuthorizedException",
        "User cannot be confirmed. Current status is CONFIRMED",
    )


@pytest.mark.rule("UPL-9")
async def test_a_code_is_over_after_a_day_and_another_can_be_had(world: Any) -> None:
    pool = await world.pool(AutoVerifiedAttributes=["email"])
    app = await world.client(pool)
    await signed_up(world, app)
    world.clock.move(86_401)
    ask = {"ClientId": app, "Username": "ada", "ConfirmationCode": world.code}
    assert (await refused(world.api.confirm_sign_up(ask)))[0] == "ExpiredCodeException"
    await world.api.resend_confirmation_code({"ClientId": app, "Username": "ada"})
    await world.api.confirm_sign_up({**ask, "ConfirmationCode": world.code})


@pytest.mark.rule("UPL-4")
async def test_guessing_codes_is_paused(world: Any) -> None:
    pool = await world.pool(AutoVerifiedAttributes=["email"])
    app = await world.client(pool)
    await signed_up(world, app)
    ask = {"ClientId": app, "Username": "ada", "ConfirmationCode": "wrong"}
    codes = [(await refused(world.api.confirm_sign_up(ask)))[0] for _ in range(6)]
    assert codes == ["CodeMismatchException"] * 5 + ["LimitExceededException"]


@pytest.mark.rule("UPL-9")
async def test_a_taken_name_is_refused_whatever_its_case(world: Any) -> None:
    app = await world.client(await world.pool())
    await signed_up(world, app)
    assert await refused(signed_up(world, app, "ADA")) == ("UsernameExistsException", "User already exists")


@pytest.mark.rule("UPL-11")
async def test_by_email_the_username_is_a_uuid_and_the_address_one_users(world: Any) -> None:
    pool = await world.pool(UsernameAttributes=["email"], AutoVerifiedAttributes=["email"])
    app = await world.client(pool)
    answer = await signed_up(world, app, "ada@example.com", UserAttributes=[])
    await world.api.confirm_sign_up({"ClientId": app, "Username": "ada@example.com", "ConfirmationCode": world.code})
    shown = await world.api.admin_get_user({"UserPoolId": pool, "Username": "ADA@example.com"})
    assert shown["Username"] == answer["UserSub"]
    assert await world.sign_in(app, "ada@example.com")
    assert (await refused(signed_up(world, app, "ada@example.com", UserAttributes=[])))[0] == "UsernameExistsException"


@pytest.mark.rule("UPL-11")
async def test_an_alias_signs_in_once_it_is_verified_and_is_one_users(world: Any) -> None:
    pool = await world.pool(AliasAttributes=["email"], AutoVerifiedAttributes=["email"])
    app = await world.client(pool)
    await signed_up(world, app, "ada")
    assert (await refused(world.sign_in(app, "ada@example.com")))[0] == "UserNotFoundException"
    await world.api.confirm_sign_up({"ClientId": app, "Username": "ada", "ConfirmationCode": world.code})
    assert await world.sign_in(app, "ada@example.com")
    await signed_up(world, app, "eve")
    ask = {"ClientId": app, "Username": "eve", "ConfirmationCode": world.code}
    assert await refused(world.api.confirm_sign_up(ask)) == (
        "AliasExistsException",
        "An account with the given email already exists.",
    )


@pytest.mark.rule("UPL-11")
async def test_an_address_that_the_user_changes_is_verified_again(world: Any) -> None:
    pool = await world.pool(AutoVerifiedAttributes=["email"])
    app = await world.client(pool)
    await world.user(pool, email="ada@example.com", email_verified="true")
    token = (await world.sign_in(app))["AccessToken"]
    ask = {"AccessToken": token, "UserAttributes": email("new@example.com")}
    answer = await world.api.update_user_attributes(ask)
    assert answer["CodeDeliveryDetailsList"][0]["Destination"] == "n***@e***"
    shown = await world.api.get_user({"AccessToken": token})
    assert {"Name": "email_verified", "Value": "false"} in shown["UserAttributes"]
    await world.api.verify_user_attribute({"AccessToken": token, "AttributeName": "email", "Code": world.code})
    shown = await world.api.get_user({"AccessToken": token})
    assert {"Name": "email_verified", "Value": "true"} in shown["UserAttributes"]
    assert (
        await refused(
            world.api.update_user_attributes(
                {"AccessToken": token, "UserAttributes": [{"Name": "email_verified", "Value": "true"}]}
            )
        )
    )[0] == "NotAuthorizedException"


@pytest.mark.rule("UPL-10")
@pytest.mark.parametrize(
    ("password", "reason"),
    [
        ("Sh0rt!", "Password not long enough"),
        ("passw0rd!", "Password must have uppercase characters"),
        ("PASSW0RD!", "Password must have lowercase characters"),
        ("Password!", "Password must have numeric characters"),
        ("Passw0rdd", "Password must have symbol characters"),
    ],
)
async def test_a_password_conforms_wherever_it_is_set(world: Any, password: str, reason: str) -> None:
    pool = await world.pool()
    app = await world.client(pool)
    await world.user(pool)
    token = (await world.sign_in(app))["AccessToken"]
    wanted = ("InvalidPasswordException", f"Password did not conform with policy: {reason}")
    named = {"UserPoolId": pool, "Username": "ada"}
    assert await refused(signed_up(world, app, "eve", Password=password)) == wanted
    assert await refused(world.api.admin_set_user_password({**named, "Password": password})) == wanted
    assert (
        await refused(
            world.api.change_password(
                {"AccessToken": token, "PreviousPassword": "Passw0rd!", "ProposedPassword": password}
            )
        )
        == wanted
    )
    code = {"ClientId": app, "Username": "ada", "ConfirmationCode": "1", "Password": password}
    assert await refused(world.api.confirm_forgot_password(code)) == wanted


@pytest.mark.rule("UPL-9")
async def test_a_forgotten_password_is_replaced_by_code_and_ends_what_was_open(world: Any) -> None:
    pool = await world.pool()
    app = await world.client(pool)
    await world.user(pool, email="ada@example.com", email_verified="true")
    tokens = await world.sign_in(app)
    await world.api.forgot_password({"ClientId": app, "Username": "ada"})
    assert await world.sign_in(app), "the old password works until the new one is set"
    ask = {"ClientId": app, "Username": "ada", "ConfirmationCode": world.code, "Password": "N3wpassword!"}
    await world.api.confirm_forgot_password(ask)
    assert await world.sign_in(app, "ada", "N3wpassword!")
    assert (await refused(world.sign_in(app)))[0] == "NotAuthorizedException"
    assert (await refused(world.api.get_user({"AccessToken": tokens["AccessToken"]})))[0] == "NotAuthorizedException"
    assert (await refused(world.api.confirm_forgot_password(ask)))[0] == "ExpiredCodeException", "good once"


@pytest.mark.rule("UPL-9")
async def test_a_reset_by_an_administrator_asks_for_a_new_password(world: Any) -> None:
    pool = await world.pool()
    app = await world.client(pool)
    await world.user(pool, email="ada@example.com", email_verified="true")
    await world.api.admin_reset_user_password({"UserPoolId": pool, "Username": "ada"})
    assert (await refused(world.sign_in(app)))[0] == "PasswordResetRequiredException"


@pytest.mark.rule("UPL-13")
async def test_a_function_lets_people_in_or_not(world: Any) -> None:
    def screen(event: dict[str, Any]) -> dict[str, Any]:
        if not event["request"]["userAttributes"]["email"].endswith("@example.com"):
            raise ValueError("Strangers stay out")
        return {**event, "response": {"autoConfirmUser": True, "autoVerifyEmail": True}}

    world.functions = {"screen": screen, "hello": lambda event: event}
    pool = await world.pool(LambdaConfig={"PreSignUp": "screen", "PostConfirmation": "hello"})
    app = await world.client(pool)
    assert (await signed_up(world, app))["UserConfirmed"] is True
    assert await world.sign_in(app)
    assert [event["triggerSource"] for event in world.events] == ["PreSignUp_SignUp", "PostConfirmation_ConfirmSignUp"]
    assert await refused(signed_up(world, app, "eve", UserAttributes=email("eve@elsewhere.org"))) == (
        "UserLambdaValidationException",
        "PreSignUp failed with error Strangers stay out.",
    )
    assert (await refused(world.sign_in(app, "eve")))[0] == "UserNotFoundException"


@pytest.mark.rule("UPL-2")
async def test_the_store_holds_no_password_code_or_secret(world: Any) -> None:
    pool = await world.pool(AutoVerifiedAttributes=["email"])
    app = await world.client(pool, GenerateSecret=False)
    armed = await world.client(pool, GenerateSecret=True)
    await signed_up(world, app)
    code = world.code
    shown = await world.api.describe_user_pool_client({"UserPoolId": pool, "ClientId": armed})
    await world.api.confirm_sign_up({"ClientId": app, "Username": "ada", "ConfirmationCode": code})
    await signed_up(world, app, "eve")
    tokens = await world.sign_in(app)
    secrets = ["Passw0rd!", world.code, shown["UserPoolClient"]["ClientSecret"], tokens["RefreshToken"], "PRIVATE KEY"]
    every = b"".join(key + value for (_, key), value in world.store.disk.values.items())
    assert b"ada@example.com" in every, "what is looked through is the store"
    assert [secret for secret in secrets if secret.encode() in every] == []


@pytest.mark.rule("UPL-12")
async def test_lists_give_every_user_once_and_find_by_any_searchable_attribute(world: Any) -> None:
    pool = await world.pool()
    for n in range(23):
        await world.user(pool, f"user{n:02}", email=f"u{n:02}@example.com", given_name="Even" if n % 2 == 0 else "Odd")
    found: list[str] = []
    ask: dict[str, Any] = {"UserPoolId": pool, "Limit": 5}
    while True:
        answer = await world.api.list_users(ask)
        found += [user["Username"] for user in answer["Users"]]
        if "PaginationToken" not in answer:
            break
        ask["PaginationToken"] = answer["PaginationToken"]
    assert found == [f"user{n:02}" for n in range(23)]

    async def names(text: str) -> list[str]:
        answer = await world.api.list_users({"UserPoolId": pool, "Filter": text})
        return [user["Username"] for user in answer["Users"]]

    assert await names('email = "u07@example.com"') == ["user07"]
    assert await names('email ^= "u1"') == [f"user{n}" for n in range(10, 20)]
    assert len(await names('given_name = "even"')) == 12
    assert await names('username ^= "user2"') == ["user20", "user21", "user22"]
    assert len(await names('cognito:user_status = "CONFIRMED"')) == 23
    assert await names('email = "u0"') == []
    await world.api.admin_disable_user({"UserPoolId": pool, "Username": "user03"})
    assert await names('status = "Disabled"') == ["user03"]
    assert (await refused(names('custom:x = "1"')))[0] == "InvalidParameterException"
    assert (await refused(names("nonsense")))[0] == "InvalidParameterException"


@pytest.mark.rule("UPL-15")
async def test_what_was_acknowledged_is_there_after_a_restart(world: Any) -> None:
    pool = await world.pool()
    app = await world.client(pool)
    await world.user(pool)
    await world.api.create_group({"UserPoolId": pool, "GroupName": "staff"})
    await world.api.admin_add_user_to_group({"UserPoolId": pool, "GroupName": "staff", "Username": "ada"})
    tokens = await world.sign_in(app)
    await world.start()
    assert await world.sign_in(app)
    assert await world.api.get_user({"AccessToken": tokens["AccessToken"]})
    members = await world.api.list_users_in_group({"UserPoolId": pool, "GroupName": "staff"})
    assert [user["Username"] for user in members["Users"]] == ["ada"]
    await world.api.delete_group({"UserPoolId": pool, "GroupName": "staff"})
    listed = await world.api.admin_list_groups_for_user({"UserPoolId": pool, "Username": "ada"})
    assert listed["Groups"] == []


@pytest.mark.rule("UPL-16")
async def test_codes_are_in_the_log_of_a_development_server_only(world: Any, tmp_path: Any) -> None:
    seen = {}
    for mode in ("dev", "serve"):
        path = tmp_path / mode
        with path.open("w") as log:
            world.meter = Meter(out=log)
            await world.start()
            world.engine.outbox._development = mode == "dev"
            pool = await world.pool(AutoVerifiedAttributes=["email"])
            app = await world.client(pool)
            await signed_up(world, app)
        seen[mode] = path.read_text()
    assert '"code":"' in seen["dev"]
    assert "user message lost" in seen["serve"]
    assert '"code"' not in seen["serve"]


async def test_boto3_speaks_to_it(world: Any) -> None:
    cognito = client({"cognito-idp": world.api}, "cognito-idp")
    pool = (await called(cognito.create_user_pool, PoolName="people", UserPoolTags={"a": "b"}))["UserPool"]
    made = await called(cognito.create_user_pool_client, UserPoolId=pool["Id"], ClientName="app")
    app = made["UserPoolClient"]["ClientId"]
    await called(cognito.sign_up, ClientId=app, Username="ada", Password="Passw0rd!")
    await called(cognito.admin_confirm_sign_up, UserPoolId=pool["Id"], Username="ada")
    shown = await called(cognito.admin_get_user, UserPoolId=pool["Id"], Username="ada")
    assert shown["UserStatus"] == "CONFIRMED"
    assert (await called(cognito.list_users, UserPoolId=pool["Id"]))["Users"][0]["Username"] == "ada"
    assert (await called(cognito.describe_user_pool, UserPoolId=pool["Id"]))["UserPool"]["EstimatedNumberOfUsers"] == 1
    assert (await called(cognito.list_tags_for_resource, ResourceArn=pool["Arn"]))["Tags"] == {"a": "b"}
    with pytest.raises(
        cognito.exceptions.ResourceNotFoundException, match="User pool us-east-1_nothing does not exist"
    ):
        await called(cognito.describe_user_pool, UserPoolId="us-east-1_nothing")
    await called(cognito.delete_user_pool, UserPoolId=pool["Id"])


@pytest.mark.rule("UPL-12")
async def test_a_page_of_many_users_costs_what_it_holds(world: Any) -> None:
    pool = await world.pool()
    known = world.engine.catalog.pool(pool)
    for n in range(600):
        user = world.engine.accounts._new(known, f"user{n:04}", {"email": f"u{n:04}@example.com"})
        await world.engine.users.add(known, user, lambda snapshot: None)
    began = time.perf_counter()
    answer = await world.api.list_users({"UserPoolId": pool, "Filter": 'email ^= "u05"', "Limit": 60})
    assert len(answer["Users"]) == 60
    assert time.perf_counter() - began < 0.05


async def test_standard_attributes_are_shown_as_cognito_shows_them(world: Any) -> None:
    shown = await world.api.describe_user_pool({"UserPoolId": await world.pool()})
    lengths = {each["Name"]: each.get("StringAttributeConstraints") for each in shown["UserPool"]["SchemaAttributes"]}
    assert lengths["birthdate"] == {"MinLength": "10", "MaxLength": "10"}
    assert (lengths["identities"], lengths["email_verified"]) == ({}, None)
    assert lengths["sub"] == {"MinLength": "1", "MaxLength": "2048"}
