"""Signing in: flows, challenges, tokens, refresh, revocation, pauses."""

from __future__ import annotations

import base64
import hmac
import json
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet

from support.srp import SrpClient
from syncline.core import SynclineError

Tokens = dict[str, Any]


def claims(token: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
    return found


async def refused(work: Any) -> tuple[str, str]:
    with pytest.raises(SynclineError) as refusal:
        await work
    return refusal.value.code, refusal.value.message


async def srp(world: Any, pool: str, client: str, name: str, password: str) -> dict[str, Any]:
    side = SrpClient(pool, password)
    challenge = await world.api.initiate_auth(
        {
            "ClientId": client,
            "AuthFlow": "USER_SRP_AUTH",
            "AuthParameters": {"USERNAME": name, "SRP_A": f"{side.public:x}"},
        }
    )
    answer: dict[str, Any] = await world.api.respond_to_auth_challenge(
        {"ClientId": client, "ChallengeName": "PASSWORD_VERIFIER", "ChallengeResponses": side.answer(challenge)}
    )
    return answer


@pytest.mark.rule("UPL-1")
async def test_srp_with_the_right_password_signs_in(world: Any) -> None:
    pool = await world.pool()
    client = await world.client(pool)
    await world.user(pool)
    answer = await srp(world, pool, client, "ada", "Passw0rd!")
    assert answer["AuthenticationResult"]["TokenType"] == "Bearer"
    assert (await world.api.get_user({"AccessToken": answer["AuthenticationResult"]["AccessToken"]}))[
        "Username"
    ] == "ada"


@pytest.mark.rule("UPL-1")
async def test_an_srp_number_that_is_zero_in_the_group_is_refused(world: Any) -> None:
    pool = await world.pool()
    client = await world.client(pool)
    await world.user(pool)
    given = {"USERNAME": "ada", "SRP_A": "0"}
    work = world.api.initiate_auth({"ClientId": client, "AuthFlow": "USER_SRP_AUTH", "AuthParameters": given})
    assert (await refused(work))[0] == "InvalidParameterException"


@pytest.mark.rule("UPL-3")
async def test_nobody_and_a_wrong_password_read_alike_where_the_client_asks(world: Any) -> None:
    pool = await world.pool()
    client = await world.client(pool, PreventUserExistenceErrors="ENABLED")
    await world.user(pool)
    wrong = ("NotAuthorizedException", "Incorrect username or password.")
    assert await refused(srp(world, pool, client, "ada", "nope")) == wrong
    assert await refused(srp(world, pool, client, "nobody", "nope")) == wrong
    assert await refused(world.sign_in(client, "ada", "nope")) == wrong
    assert await refused(world.sign_in(client, "nobody", "nope")) == wrong


@pytest.mark.rule("UPL-3")
async def test_the_decoy_salt_of_a_name_stays(world: Any) -> None:
    pool = await world.pool()
    client = await world.client(pool, PreventUserExistenceErrors="ENABLED")
    given = {"USERNAME": "nobody", "SRP_A": "abcdef12"}
    ask = {"ClientId": client, "AuthFlow": "USER_SRP_AUTH", "AuthParameters": given}
    salts = {(await world.api.initiate_auth(ask))["ChallengeParameters"]["SALT"] for _ in range(3)}
    assert len(salts) == 1


@pytest.mark.rule("UPL-3")
async def test_a_users_state_shows_only_after_the_proof(world: Any) -> None:
    pool = await world.pool()
    client = await world.client(pool)
    await world.api.sign_up({"ClientId": client, "Username": "eve", "Password": "Passw0rd!"})
    assert (await refused(srp(world, pool, client, "eve", "nope")))[0] == "NotAuthorizedException"
    assert (await refused(srp(world, pool, client, "eve", "Passw0rd!")))[0] == "UserNotConfirmedException"


@pytest.mark.rule("UPL-4")
async def test_too_many_wrong_passwords_make_a_pause_that_doubles(world: Any) -> None:
    pool = await world.pool()
    client = await world.client(pool)
    await world.user(pool)
    for _ in range(5):
        assert (await refused(world.sign_in(client, "ada", "nope")))[1] == "Incorrect username or password."
    assert (await refused(world.sign_in(client)))[1] == "Password attempts exceeded"
    world.clock.move(1.1)
    await refused(world.sign_in(client, "ada", "nope"))
    world.clock.move(1.1)
    assert (await refused(world.sign_in(client)))[1] == "Password attempts exceeded"
    world.clock.move(1.1)
    assert await world.sign_in(client)


@pytest.mark.rule("UPL-5")
async def test_a_secret_block_is_good_once(world: Any) -> None:
    pool = await world.pool()
    client = await world.client(pool)
    await world.user(pool)
    side = SrpClient(pool, "Passw0rd!")
    given = {"USERNAME": "ada", "SRP_A": f"{side.public:x}"}
    challenge = await world.api.initiate_auth(
        {"ClientId": client, "AuthFlow": "USER_SRP_AUTH", "AuthParameters": given}
    )
    ask = {"ClientId": client, "ChallengeName": "PASSWORD_VERIFIER", "ChallengeResponses": side.answer(challenge)}
    assert await world.api.respond_to_auth_challenge(ask)
    assert await refused(world.api.respond_to_auth_challenge(ask)) == (
        "NotAuthorizedException",
        "Invalid session for the user.",
    )


@pytest.mark.rule("UPL-5")
async def test_a_session_of_another_client_or_too_old_is_refused(world: Any) -> None:
    pool = await world.pool()
    client, other = await world.client(pool), await world.client(pool)
    await world.user(pool)
    side = SrpClient(pool, "Passw0rd!")
    given = {"USERNAME": "ada", "SRP_A": f"{side.public:x}"}
    challenge = await world.api.initiate_auth(
        {"ClientId": client, "AuthFlow": "USER_SRP_AUTH", "AuthParameters": given}
    )
    ask = {"ClientId": other, "ChallengeName": "PASSWORD_VERIFIER", "ChallengeResponses": side.answer(challenge)}
    assert (await refused(world.api.respond_to_auth_challenge(ask)))[0] == "NotAuthorizedException"
    world.clock.move(181)
    assert (await refused(world.api.respond_to_auth_challenge({**ask, "ClientId": client})))[
        0
    ] == "NotAuthorizedException"


@pytest.mark.rule("UPL-6")
async def test_tokens_have_cognitos_claims_and_verify_by_the_published_keys(world: Any) -> None:
    pool = await world.pool()
    client = await world.client(pool)
    await world.user(pool, email="ada@example.com", email_verified="true")
    for name, precedence, role in (("staff", 5, None), ("admins", 1, "arn:aws:iam::000000000000:role/admin")):
        group = {"UserPoolId": pool, "GroupName": name, "Precedence": precedence}
        await world.api.create_group(group | ({"RoleArn": role} if role else {}))
        await world.api.admin_add_user_to_group({"UserPoolId": pool, "GroupName": name, "Username": "ada"})
    tokens = await world.sign_in(client)
    keys = KeySet.import_key_set(world.engine.jwks(pool))
    access = jwt.decode(tokens["AccessToken"], keys, algorithms=["RS256"])
    identity = jwt.decode(tokens["IdToken"], keys, algorithms=["RS256"])
    assert access.header["kid"] != identity.header["kid"]
    assert access.claims["iss"] == f"https://cognito-idp.us-east-1.amazonaws.com/{pool}"
    assert access.claims["client_id"] == client
    assert "aud" not in access.claims
    assert access.claims["username"] == "ada"
    assert access.claims["token_use"] == "access"
    assert access.claims["scope"] == "aws.cognito.signin.user.admin"
    assert access.claims["cognito:groups"] == ["admins", "staff"]
    assert access.claims["exp"] - access.claims["iat"] == 3600
    assert identity.claims["aud"] == client
    assert identity.claims["cognito:username"] == "ada"
    assert identity.claims["email_verified"] is True
    assert identity.claims["cognito:preferred_role"] == "arn:aws:iam::000000000000:role/admin"
    assert identity.claims["sub"] == access.claims["sub"]
    assert identity.claims["origin_jti"] == access.claims["origin_jti"]


@pytest.mark.rule("UPL-6")
async def test_old_keys_stay_published_after_a_rotation_and_go_when_no_token_needs_them(world: Any) -> None:
    pool = await world.pool()
    client = await world.client(pool)
    await world.user(pool)
    old = await world.sign_in(client)
    await world.engine.rotate_keys(pool)
    assert len(world.engine.jwks(pool)["keys"]) == 4
    assert await world.api.get_user({"AccessToken": old["AccessToken"]})
    new = await world.sign_in(client)
    header = lambda token: json.loads(base64.urlsafe_b64decode(token.split(".")[0] + "=="))  # noqa: E731
    assert header(new["AccessToken"])["kid"] != header(old["AccessToken"])["kid"]
    world.clock.move(86_400 + 301)
    assert len(world.engine.jwks(pool)["keys"]) == 2


@pytest.mark.rule("UPL-7")
async def test_a_refresh_token_gives_new_tokens_both_ways(world: Any) -> None:
    pool = await world.pool()
    client = await world.client(pool)
    await world.user(pool)
    first = await world.sign_in(client)
    world.clock.move(4000)
    ask = {"ClientId": client, "RefreshToken": first["RefreshToken"]}
    second = (await world.api.get_tokens_from_refresh_token(ask))["AuthenticationResult"]
    given = {
        "ClientId": client,
        "AuthFlow": "REFRESH_TOKEN_AUTH",
        "AuthParameters": {"REFRESH_TOKEN": first["RefreshToken"]},
    }
    third = (await world.api.initiate_auth(given))["AuthenticationResult"]
    for fresh in (second, third):
        assert "RefreshToken" not in fresh
        old, new = claims(first["AccessToken"]), claims(fresh["AccessToken"])
        assert (new["auth_time"], new["origin_jti"]) == (old["auth_time"], old["origin_jti"])
        assert new["jti"] != old["jti"]
        assert new["iat"] > old["iat"]


@pytest.mark.rule("UPL-7")
async def test_a_rotated_refresh_token_is_good_once(world: Any) -> None:
    pool = await world.pool()
    client = await world.client(pool, RefreshTokenRotation={"Feature": "ENABLED", "RetryGracePeriodSeconds": 10})
    await world.user(pool)
    first = await world.sign_in(client)
    ask = {"ClientId": client, "RefreshToken": first["RefreshToken"]}
    second = (await world.api.get_tokens_from_refresh_token(ask))["AuthenticationResult"]
    assert second["RefreshToken"] != first["RefreshToken"]
    assert await world.api.get_tokens_from_refresh_token(ask), "a client that lost the answer may ask again"
    world.clock.move(11)
    assert (await refused(world.api.get_tokens_from_refresh_token(ask)))[0] == "RefreshTokenReuseException"


@pytest.mark.rule("UPL-7")
async def test_a_refresh_token_is_over_after_its_time(world: Any) -> None:
    pool = await world.pool()
    client = await world.client(pool, RefreshTokenValidity=1)
    await world.user(pool)
    tokens = await world.sign_in(client)
    world.clock.move(86_401)
    ask = {"ClientId": client, "RefreshToken": tokens["RefreshToken"]}
    assert (await refused(world.api.get_tokens_from_refresh_token(ask)))[1] == "Refresh Token has expired"
    await world.engine.sign_ins.sweep()
    assert (await refused(world.api.get_tokens_from_refresh_token(ask)))[1] == "Invalid Refresh Token"


@pytest.mark.rule("UPL-8")
async def test_revoked_tokens_are_refused_also_after_a_restart(world: Any) -> None:
    pool = await world.pool()
    client = await world.client(pool)
    await world.user(pool)
    tokens = await world.sign_in(client)
    for _ in range(2):
        assert await world.api.revoke_token({"ClientId": client, "Token": tokens["RefreshToken"]}) == {}
    for _ in range(2):
        ask = {"ClientId": client, "RefreshToken": tokens["RefreshToken"]}
        assert (await refused(world.api.get_tokens_from_refresh_token(ask)))[1] == "Refresh Token has been revoked"
        assert (await refused(world.api.get_user({"AccessToken": tokens["AccessToken"]})))[1] == (
            "Access Token has been revoked"
        )
        await world.start()


@pytest.mark.rule("UPL-8")
async def test_global_sign_out_ends_every_sign_in(world: Any) -> None:
    pool = await world.pool()
    client = await world.client(pool)
    await world.user(pool)
    first, second = await world.sign_in(client), await world.sign_in(client)
    await world.api.global_sign_out({"AccessToken": first["AccessToken"]})
    for tokens in (first, second):
        assert (await refused(world.api.get_user({"AccessToken": tokens["AccessToken"]})))[
            0
        ] == "NotAuthorizedException"
    assert await world.sign_in(client)


@pytest.mark.rule("UPL-8")
@pytest.mark.parametrize("token", ["", "a.b.c", "x" * 30, "e30.e30.e30", "eyJhbGciOiJub25lIn0.e30."])
async def test_what_is_no_access_token_is_refused(world: Any, token: str) -> None:
    assert (await refused(world.api.get_user({"AccessToken": token})))[0] == "NotAuthorizedException"


@pytest.mark.rule("UPL-8")
async def test_an_id_token_is_no_access_token(world: Any) -> None:
    pool = await world.pool()
    client = await world.client(pool)
    await world.user(pool)
    tokens = await world.sign_in(client)
    assert (await refused(world.api.get_user({"AccessToken": tokens["IdToken"]})))[1] == "Invalid Access Token"


@pytest.mark.rule("UPL-14")
async def test_a_client_with_a_secret_wants_the_right_hash(world: Any) -> None:
    pool = await world.pool()
    client = await world.client(pool, GenerateSecret=True)
    await world.user(pool)
    shown = await world.api.describe_user_pool_client({"UserPoolId": pool, "ClientId": client})
    secret = shown["UserPoolClient"]["ClientSecret"]
    right = base64.b64encode(hmac.digest(secret.encode(), f"ada{client}".encode(), "sha256")).decode()
    ask = {"ClientId": client, "AuthFlow": "USER_PASSWORD_AUTH"}
    given = {"USERNAME": "ada", "PASSWORD": "Passw0rd!"}
    for hash_given in ({}, {"SECRET_HASH": "d3Jvbmc="}):
        work = world.api.initiate_auth({**ask, "AuthParameters": given | hash_given})
        assert (await refused(work))[0] == "NotAuthorizedException"
    assert await world.api.initiate_auth({**ask, "AuthParameters": {**given, "SECRET_HASH": right}})


@pytest.mark.rule("UPL-17")
async def test_flows_that_are_not_allowed_or_not_there_are_refused(world: Any) -> None:
    pool = await world.pool()
    client = await world.client(pool, ExplicitAuthFlows=["ALLOW_USER_SRP_AUTH"])
    given = {"USERNAME": "ada", "PASSWORD": "x"}
    ask = {"ClientId": client, "AuthParameters": given}
    assert await refused(world.api.initiate_auth({**ask, "AuthFlow": "USER_PASSWORD_AUTH"})) == (
        "InvalidParameterException",
        "USER_PASSWORD_AUTH flow not enabled for this client",
    )
    assert (await refused(world.api.initiate_auth({**ask, "AuthFlow": "USER_AUTH"})))[0] == "UnsupportedOperation"
    work = world.api.initiate_auth({**ask, "AuthFlow": "ADMIN_USER_PASSWORD_AUTH"})
    assert (await refused(work))[0] == "InvalidParameterException"
    assert (await refused(world.pool(MfaConfiguration="ON")))[0] == "UnsupportedOperation"


@pytest.mark.rule("UPL-9")
async def test_a_user_made_by_an_administrator_must_choose_a_password(world: Any) -> None:
    pool = await world.pool(Schema=[{"Name": "name", "Required": True}])
    client = await world.client(pool)
    await world.api.admin_create_user(
        {"UserPoolId": pool, "Username": "bob", "TemporaryPassword": "Temp0rary!", "MessageAction": "SUPPRESS"}
    )
    asked = await srp(world, pool, client, "bob", "Temp0rary!")
    assert asked["ChallengeName"] == "NEW_PASSWORD_REQUIRED"
    assert json.loads(asked["ChallengeParameters"]["requiredAttributes"]) == ["userAttributes.name"]
    given = {"USERNAME": "bob", "NEW_PASSWORD": "N3wpassword!", "userAttributes.name": "Bob"}
    answer = await world.api.respond_to_auth_challenge(
        {
            "ClientId": client,
            "ChallengeName": "NEW_PASSWORD_REQUIRED",
            "Session": asked["Session"],
            "ChallengeResponses": given,
        }
    )
    assert answer["AuthenticationResult"]["AccessToken"]
    assert await world.sign_in(client, "bob", "N3wpassword!")
    shown = await world.api.admin_get_user({"UserPoolId": pool, "Username": "bob"})
    assert shown["UserStatus"] == "CONFIRMED"


@pytest.mark.rule("UPL-9")
async def test_a_temporary_password_is_over_after_its_days(world: Any) -> None:
    pool = await world.pool()
    client = await world.client(pool)
    await world.api.admin_create_user(
        {"UserPoolId": pool, "Username": "bob", "TemporaryPassword": "Temp0rary!", "MessageAction": "SUPPRESS"}
    )
    world.clock.move(7 * 86_400 + 1)
    assert "has expired" in (await refused(world.sign_in(client, "bob", "Temp0rary!")))[1]


@pytest.mark.rule("UPL-13")
async def test_a_custom_flow_asks_until_its_functions_are_content(world: Any) -> None:
    def define(event: dict[str, Any]) -> dict[str, Any]:
        past = event["request"]["session"]
        done = bool(past) and past[-1]["challengeResult"]
        answer = (
            {"issueTokens": True}
            if done
            else {"challengeName": "CUSTOM_CHALLENGE", "failAuthentication": len(past) > 2}
        )
        return {**event, "response": answer}

    world.functions = {
        "define": define,
        "create": lambda event: {
            **event,
            "response": {"publicChallengeParameters": {"ask": "2+2"}, "privateChallengeParameters": {"right": "4"}},
        },
        "verify": lambda event: {
            **event,
            "response": {
                "answerCorrect": event["request"]["challengeAnswer"]
                == event["request"]["privateChallengeParameters"]["right"]
            },
        },
    }
    triggers = {
        "DefineAuthChallenge": "define",
        "CreateAuthChallenge": "create",
        "VerifyAuthChallengeResponse": "verify",
    }
    pool = await world.pool(LambdaConfig=triggers)
    client = await world.client(pool)
    await world.user(pool)
    asked = await world.api.initiate_auth(
        {"ClientId": client, "AuthFlow": "CUSTOM_AUTH", "AuthParameters": {"USERNAME": "ada"}}
    )
    assert asked["ChallengeParameters"]["ask"] == "2+2"

    def answer(session: str, text: str) -> Any:
        return world.api.respond_to_auth_challenge(
            {
                "ClientId": client,
                "ChallengeName": "CUSTOM_CHALLENGE",
                "Session": session,
                "ChallengeResponses": {"USERNAME": "ada", "ANSWER": text},
            }
        )

    again = await answer(asked["Session"], "5")
    assert again["ChallengeName"] == "CUSTOM_CHALLENGE"
    assert (await answer(again["Session"], "4"))["AuthenticationResult"]["AccessToken"]


@pytest.mark.rule("UPL-13")
async def test_a_function_shapes_the_tokens_but_not_whose_they_are(world: Any) -> None:
    details = {
        "claimsToAddOrOverride": {"tenant": "acme", "sub": "somebody else"},
        "claimsToSuppress": ["email", "iss"],
    }
    world.functions["shape"] = lambda event: {**event, "response": {"claimsOverrideDetails": details}}
    pool = await world.pool(LambdaConfig={"PreTokenGeneration": "shape"})
    client = await world.client(pool)
    await world.user(pool, email="ada@example.com")
    tokens = await world.sign_in(client)
    identity, access = claims(tokens["IdToken"]), claims(tokens["AccessToken"])
    assert identity["tenant"] == "acme"
    assert "email" not in identity
    assert identity["sub"] == access["sub"] != "somebody else"
    assert "iss" in identity
    assert "tenant" not in access
    assert world.events[-1]["triggerSource"] == "TokenGeneration_Authentication"


@pytest.mark.rule("UPL-13")
async def test_a_function_takes_a_user_in_from_elsewhere(world: Any) -> None:
    def migrate(event: dict[str, Any]) -> dict[str, Any]:
        if event["request"]["password"] != "Old-Passw0rd":
            raise ValueError("Bad password.")
        return {**event, "response": {"userAttributes": {"email": "old@example.com"}, "finalUserStatus": "CONFIRMED"}}

    world.functions["migrate"] = migrate
    pool = await world.pool(LambdaConfig={"UserMigration": "migrate"})
    client = await world.client(pool)
    assert (await refused(world.sign_in(client, "old", "wrong")))[0] == "UserLambdaValidationException"
    assert await world.sign_in(client, "old", "Old-Passw0rd")
    world.functions.clear()
    assert await world.sign_in(client, "old", "Old-Passw0rd")
