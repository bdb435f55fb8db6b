"""The functions that stand around a sign-in: before it, after it, in it, and for those who come from elsewhere."""

from __future__ import annotations

from typing import Any

import pytest

from support.srp import SrpClient
from syncline.core import SynclineError

POST, PRE = "PostAuthentication", "PreAuthentication"


def noting(event: dict[str, Any]) -> dict[str, Any]:
    return event


def refusing(event: dict[str, Any]) -> dict[str, Any]:
    raise ValueError("Not today.")


def sources(world: Any) -> list[str]:
    return [event["triggerSource"] for event in world.events]


async def by_password(world: Any, client: str, password: str = "Passw0rd!", **metadata: str) -> Any:
    given = {"USERNAME": "ada", "PASSWORD": password}
    asked = {"ClientId": client, "AuthFlow": "USER_PASSWORD_AUTH", "AuthParameters": given, "ClientMetadata": metadata}
    return await world.api.initiate_auth(asked)


async def by_srp(world: Any, pool: str, client: str, password: str = "Passw0rd!", **begin: str) -> Any:
    side = SrpClient(pool, password)
    flow = "CUSTOM_AUTH" if begin else "USER_SRP_AUTH"
    given = {"USERNAME": "ada", "SRP_A": f"{side.public:x}", **begin}
    asked = {"ClientId": client, "AuthFlow": flow, "AuthParameters": given, "ClientMetadata": {"at": "start"}}
    challenge = await world.api.initiate_auth(asked)
    answer = {"ClientId": client, "ChallengeName": "PASSWORD_VERIFIER", "ClientMetadata": {"at": "proof"}}
    return await world.api.respond_to_auth_challenge({**answer, "ChallengeResponses": side.answer(challenge)})


@pytest.mark.rule("UPL-18")
async def test_functions_are_asked_before_and_told_after_a_sign_in(world: Any) -> None:
    world.functions["note"] = noting
    pool = await world.pool(LambdaConfig={PRE: "note", POST: "note"})
    client = await world.client(pool)
    await world.user(pool, email="ada@example.com")
    assert "AuthenticationResult" in await by_password(world, client, at="home")
    assert sources(world) == ["PreAuthentication_Authentication", "PostAuthentication_Authentication"]
    before, after = (event["request"] for event in world.events)
    assert before["validationData"] == {"at": "home"}
    assert before["userAttributes"]["email"] == "ada@example.com"
    assert (after["newDeviceUsed"], after["clientMetadata"]) == (False, {"at": "home"})


@pytest.mark.rule("UPL-18")
async def test_in_srp_the_first_function_is_asked_with_the_first_message(world: Any) -> None:
    world.functions["note"] = noting
    pool = await world.pool(LambdaConfig={PRE: "note", POST: "note"})
    client = await world.client(pool)
    await world.user(pool)
    await by_srp(world, pool, client)
    assert [event["request"].get("validationData") for event in world.events] == [{"at": "start"}, None]
    assert world.events[1]["request"]["clientMetadata"] == {"at": "proof"}


@pytest.mark.rule("UPL-18")
@pytest.mark.parametrize("trigger", [PRE, POST])
async def test_a_function_that_refuses_keeps_a_right_password_out(world: Any, trigger: str) -> None:
    world.functions["no"] = refusing
    pool = await world.pool(LambdaConfig={trigger: "no"})
    client = await world.client(pool)
    await world.user(pool)
    for attempt in (by_password(world, client), by_srp(world, pool, client)):
        with pytest.raises(SynclineError) as refusal:
            await attempt
        assert refusal.value.code == "UserLambdaValidationException"
        assert refusal.value.message == f"{trigger} failed with error Not today."


@pytest.mark.rule("UPL-18")
async def test_a_wrong_password_and_a_refresh_tell_nobody_of_a_sign_in(world: Any) -> None:
    world.functions["note"] = noting
    pool = await world.pool(LambdaConfig={PRE: "note", POST: "note"})
    client = await world.client(pool)
    await world.user(pool)
    with pytest.raises(SynclineError):
        await by_password(world, client, "Wrong-passw0rd!")
    assert sources(world) == ["PreAuthentication_Authentication"]
    token = (await by_password(world, client))["AuthenticationResult"]["RefreshToken"]
    world.events.clear()
    await world.api.get_tokens_from_refresh_token({"ClientId": client, "RefreshToken": token})
    assert world.events == []


@pytest.mark.rule("UPL-18")
async def test_of_nobody_a_discreet_client_s_function_hears_that_there_is_nobody(world: Any) -> None:
    world.functions["note"] = noting
    pool = await world.pool(LambdaConfig={PRE: "note"})
    client = await world.client(pool, PreventUserExistenceErrors="ENABLED")
    with pytest.raises(SynclineError, match=r"Incorrect username or password\."):
        await by_password(world, client)
    [event] = world.events
    assert (event["userName"], event["request"]["userNotFound"], event["request"]["userAttributes"]) == (
        "ada",
        True,
        {},
    )


def asking_for_both(event: dict[str, Any]) -> dict[str, Any]:
    """DefineAuthChallenge: the password by SRP, then a question."""
    wanted = ["SRP_A", "PASSWORD_VERIFIER", "CUSTOM_CHALLENGE"]
    past = event["request"]["session"]
    assert [each["challengeName"] for each in past] == wanted[: len(past)]
    if not all(each["challengeResult"] for each in past):
        return {**event, "response": {"failAuthentication": True, "issueTokens": False}}
    if len(past) == len(wanted):
        return {**event, "response": {"issueTokens": True, "failAuthentication": False}}
    return {**event, "response": {"challengeName": wanted[len(past)], "issueTokens": False}}


async def both(world: Any) -> tuple[str, str]:
    def made(event: dict[str, Any]) -> dict[str, Any]:
        return {**event, "response": {"privateChallengeParameters": {"right": "4"}}}

    def verified(event: dict[str, Any]) -> dict[str, Any]:
        given, wanted = event["request"]["challengeAnswer"], event["request"]["privateChallengeParameters"]["right"]
        return {**event, "response": {"answerCorrect": given == wanted}}

    world.functions |= {"define": asking_for_both, "create": made, "verify": verified}
    triggers = ("DefineAuthChallenge", "CreateAuthChallenge", "VerifyAuthChallengeResponse")
    pool = await world.pool(LambdaConfig=dict(zip(triggers, ("define", "create", "verify"), strict=True)))
    await world.user(pool)
    return pool, await world.client(pool)


@pytest.mark.rule("UPL-19")
async def test_a_custom_flow_can_begin_with_the_password(world: Any) -> None:
    pool, client = await both(world)
    asked = await by_srp(world, pool, client, CHALLENGE_NAME="SRP_A")
    assert asked["ChallengeName"] == "CUSTOM_CHALLENGE"
    answer = {"ClientId": client, "ChallengeName": "CUSTOM_CHALLENGE", "Session": asked["Session"]}
    given = {"ChallengeResponses": {"USERNAME": "ada", "ANSWER": "4"}}
    assert (await world.api.respond_to_auth_challenge({**answer, **given}))["AuthenticationResult"]["AccessToken"]


@pytest.mark.rule("UPL-19")
async def test_a_wrong_password_ends_a_custom_flow_before_its_question(world: Any) -> None:
    pool, client = await both(world)
    with pytest.raises(SynclineError, match=r"Incorrect username or password\."):
        await by_srp(world, pool, client, "Wrong-passw0rd!", CHALLENGE_NAME="SRP_A")
    assert "CreateAuthChallenge_Authentication" not in sources(world)


@pytest.mark.rule("UPL-19")
async def test_the_proof_of_a_custom_flow_gives_no_tokens_without_its_question(world: Any) -> None:
    pool, client = await both(world)
    side = SrpClient(pool, "Passw0rd!")
    begin = {"USERNAME": "ada", "SRP_A": f"{side.public:x}", "CHALLENGE_NAME": "SRP_A"}
    asked = {"ClientId": client, "AuthFlow": "CUSTOM_AUTH", "AuthParameters": begin}
    responses = side.answer(await world.api.initiate_auth(asked))
    answer = {"ClientId": client, "ChallengeName": "PASSWORD_VERIFIER", "ChallengeResponses": responses}
    found = await world.api.respond_to_auth_challenge(answer)
    assert "AuthenticationResult" not in found
    with pytest.raises(SynclineError, match="Invalid session"):
        await world.api.respond_to_auth_challenge(answer)


@pytest.mark.rule("UPL-20")
async def test_who_forgot_the_password_elsewhere_is_taken_in_and_chooses_one_here(world: Any) -> None:
    def migrate(event: dict[str, Any]) -> dict[str, Any]:
        assert "password" not in event["request"]
        found = {"email": "ada@example.com", "email_verified": "true"}
        return {**event, "response": {"userAttributes": found, "messageAction": "SUPPRESS"}}

    world.functions["migrate"] = migrate
    pool = await world.pool(LambdaConfig={"UserMigration": "migrate"})
    client = await world.client(pool)
    told = await world.api.forgot_password({"ClientId": client, "Username": "ada"})
    assert told["CodeDeliveryDetails"]["Destination"] == "a***@e***"
    assert sources(world) == ["UserMigration_ForgotPassword"]
    chosen = {"ClientId": client, "Username": "ada", "ConfirmationCode": world.code, "Password": "Chosen-passw0rd!"}
    await world.api.confirm_forgot_password(chosen)
    assert "AuthenticationResult" in await by_password(world, client, "Chosen-passw0rd!")


@pytest.mark.rule("UPL-20")
async def test_nobody_is_taken_in_whom_the_function_does_not_know(world: Any) -> None:
    world.functions["migrate"] = refusing
    pool = await world.pool(LambdaConfig={"UserMigration": "migrate"})
    client = await world.client(pool)
    with pytest.raises(SynclineError, match=r"Not today\."):
        await world.api.forgot_password({"ClientId": client, "Username": "ada"})
    assert (await world.api.list_users({"UserPoolId": pool}))["Users"] == []


@pytest.mark.parametrize(("version", "shown"), [("V1_0", "1"), ("V2_0", "2")])
async def test_a_function_that_shapes_tokens_hears_in_which_version(world: Any, version: str, shown: str) -> None:
    world.functions["shape"] = noting
    setting = {"LambdaArn": "shape", "LambdaVersion": version}
    pool = await world.pool(LambdaConfig={"PreTokenGeneration": "shape", "PreTokenGenerationConfig": setting})
    await world.user(pool)
    await by_password(world, await world.client(pool))
    [event] = world.events
    assert (event["triggerSource"], event["version"]) == ("TokenGeneration_Authentication", shown)
    assert ("scopes" in event["request"]) is (version == "V2_0")
