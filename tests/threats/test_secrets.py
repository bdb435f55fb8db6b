"""Secrets stay where they belong: nothing that opens a door is in the log, or readable in the store."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.credentials import Credentials as Keys
from botocore.exceptions import ClientError

from support.house import House, opened
from support.srp import SrpClient

PASSWORD, TEMPORARY = "Corr3ct-horse-battery!", "Temp0rary-donkey-staple!"
VALUE, BINARY = "the-value-of-a-secret-0123456789", b"the-bytes-of-a-secret-0123456789"
AUTHORIZER_TOKEN = "a-token-for-an-authorizer-0123456789"
TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Principal": {"AWS": "000000000000"}, "Action": "sts:AssumeRole"}],
    }
)


async def refused(call: Any) -> None:
    with pytest.raises(ClientError):
        await call


async def people(house: House) -> list[str]:
    """Sign in every way, rightly and wrongly; what must not be seen of it."""
    aws = house.aws
    pool = (await aws("cognito-idp", "create_user_pool", PoolName="people"))["UserPool"]["Id"]
    flows = [f"ALLOW_{flow}" for flow in ("USER_PASSWORD_AUTH", "USER_SRP_AUTH", "REFRESH_TOKEN_AUTH")]
    made = {"UserPoolId": pool, "ClientName": "app", "ExplicitAuthFlows": flows}
    client = (await aws("cognito-idp", "create_user_pool_client", **made))["UserPoolClient"]["ClientId"]
    guarded = await aws("cognito-idp", "create_user_pool_client", **{**made, "GenerateSecret": True})
    named = {"UserPoolId": pool, "Username": "ada"}
    mail = [{"Name": "email", "Value": "ada@example.com"}, {"Name": "email_verified", "Value": "true"}]
    await aws("cognito-idp", "admin_create_user", **named, TemporaryPassword=TEMPORARY, UserAttributes=mail)
    await aws("cognito-idp", "admin_set_user_password", **named, Password=PASSWORD, Permanent=True)
    asking = {"ClientId": client, "AuthFlow": "USER_PASSWORD_AUTH"}
    given = {"USERNAME": "ada", "PASSWORD": PASSWORD}
    result = (await aws("cognito-idp", "initiate_auth", **asking, AuthParameters=given))["AuthenticationResult"]
    await refused(aws("cognito-idp", "initiate_auth", **asking, AuthParameters={**given, "PASSWORD": PASSWORD + "x"}))
    side = SrpClient(pool, PASSWORD)
    begun = {"USERNAME": "ada", "SRP_A": f"{side.public:x}"}
    challenge = await aws(
        "cognito-idp", "initiate_auth", ClientId=client, AuthFlow="USER_SRP_AUTH", AuthParameters=begun
    )
    answer = {"ClientId": client, "ChallengeName": "PASSWORD_VERIFIER", "ChallengeResponses": side.answer(challenge)}
    srp = (await aws("cognito-idp", "respond_to_auth_challenge", **answer))["AuthenticationResult"]
    await aws("cognito-idp", "get_tokens_from_refresh_token", ClientId=client, RefreshToken=srp["RefreshToken"])
    await aws("cognito-idp", "forgot_password", ClientId=client, Username="ada")
    await aws("cognito-idp", "revoke_token", ClientId=client, Token=srp["RefreshToken"])
    await refused(aws("cognito-idp", "get_user", AccessToken=srp["AccessToken"]))
    tokens = [each[name] for each in (result, srp) for name in ("AccessToken", "IdToken", "RefreshToken")]
    return [PASSWORD, TEMPORARY, guarded["UserPoolClient"]["ClientSecret"], *tokens]


async def account(house: House) -> list[str]:
    """Make keys, sessions and secrets; use them; what must not be seen of it."""
    aws = house.aws
    await aws("iam", "create_user", UserName="ada")
    key = (await aws("iam", "create_access_key", UserName="ada"))["AccessKey"]
    ada = Keys(key["AccessKeyId"], key["SecretAccessKey"])
    await aws("sts", "get_caller_identity", key=ada)
    await refused(aws("dynamodb", "list_tables", key=ada))
    await refused(aws("sts", "get_caller_identity", key=Keys(ada.access_key, "another-secret-0123456789")))
    role = (await aws("iam", "create_role", RoleName="r", AssumeRolePolicyDocument=TRUST))["Role"]["Arn"]
    session = (await aws("sts", "assume_role", RoleArn=role, RoleSessionName="session"))["Credentials"]
    await aws("secretsmanager", "create_secret", Name="text", SecretString=VALUE)
    await aws("secretsmanager", "create_secret", Name="bytes", SecretBinary=BINARY)
    await refused(aws("secretsmanager", "create_secret", Name="text", SecretString=VALUE + "!"))
    found = await aws("secretsmanager", "get_secret_value", SecretId="text")
    assert found["SecretString"] == VALUE
    assert (await aws("secretsmanager", "get_secret_value", SecretId="bytes"))["SecretBinary"] == BINARY
    return [ada.secret_key, session["SecretAccessKey"], session["SessionToken"], VALUE, BINARY.decode()]


async def apis(house: House) -> list[str]:
    """Ask an API with keys and tokens, too often and wrongly; what must not be seen of it."""
    aws = house.aws
    authorizer = {"authorizerUri": "arn:aws:lambda:us-east-1:000000000000:function:none"}
    made = await aws(
        "appsync",
        "create_graphql_api",
        name="a",
        authenticationType="API_KEY",
        additionalAuthenticationProviders=[
            {"authenticationType": "AWS_LAMBDA", "lambdaAuthorizerConfig": authorizer},
            {"authenticationType": "AWS_IAM"},
        ],
    )
    api = made["graphqlApi"]["apiId"]
    key = (await aws("appsync", "create_api_key", apiId=api))["apiKey"]["id"]
    await aws("appsync", "start_schema_creation", apiId=api, definition=b"type Query { a: String }")
    for headers in ({"x-api-key": key}, {"x-api-key": key[:-1] + "0"}, {"authorization": AUTHORIZER_TOKEN}):
        for query in ("{ a }", "{ b }", "{"):
            await house.graphql(api, query, headers)
    return [key, AUTHORIZER_TOKEN]


async def test_nothing_secret_is_in_the_log_or_readable_in_the_store(tmp_path: Path) -> None:
    async with opened(tmp_path / "data", rates={"calls_per_key": 1.0}) as house:
        own = [house.root.secret_key]
        secret, keys = [*await people(house), *await account(house), *own], await apis(house)
        log = house.log.getvalue()
    assert "call throttled" in log
    assert [each for each in (*secret, *keys) if each in log] == []
    store = b"".join(path.read_bytes() for path in (tmp_path / "data").glob("*.db*"))
    assert keys[0].encode() in store, "this is where the store is: an API key is an id"
    assert [each for each in secret if each.encode() in store] == []
