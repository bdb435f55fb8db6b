"""Timing of comparisons: wherever something secret is compared, it is by `hmac.compare_digest`. Shown by the path that
each wrong credential takes, and by what the code compares with `==`; a stopwatch would show only today's noise.
"""

from __future__ import annotations

import ast
import base64
import hmac
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.credentials import Credentials as Keys
from botocore.exceptions import ClientError

from support.house import House, opened
from support.srp import SrpClient

SOURCE = Path(__file__).parents[2] / "src" / "syncline"
SECRET = re.compile(r"secret|token|signature|digest|password|proof|verifier|credential|mac$", re.IGNORECASE)
NO_SECRETS = {
    "client/auth.py: self._token",  # a client's own
    "tables/tokens.py: digest",  # of a repeated request, by whoever made the first
    "tables/tokens.py: used.digest",
    "wire/signatures.py: found.signature",  # a mark that no header holds
}


@pytest.fixture
def compared(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What was compared in constant time, both sides."""
    seen: list[bytes] = []
    real = hmac.compare_digest

    def noted(one: Any, other: Any) -> bool:
        seen.extend(each.encode() if isinstance(each, str) else bytes(each) for each in (one, other))
        return real(one, other)

    monkeypatch.setattr(hmac, "compare_digest", noted)
    return seen


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(tmp_path / "data") as made:
        yield made


async def refused(call: Any) -> None:
    with pytest.raises(ClientError):
        await call


async def test_threat_a_wrong_signature_is_compared_in_constant_time(house: House, compared: list[bytes]) -> None:
    await refused(house.aws("sts", "get_caller_identity", key=Keys(house.root.access_key, "wrong")))
    assert len(compared) == 2
    assert all(len(each) == 64 for each in compared)


async def test_threat_a_wrong_session_token_is_compared_in_constant_time(house: House, compared: list[bytes]) -> None:
    trust = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}]}'
    role = (await house.aws("iam", "create_role", RoleName="r", AssumeRolePolicyDocument=trust))["Role"]["Arn"]
    held = (await house.aws("sts", "assume_role", RoleArn=role, RoleSessionName="session"))["Credentials"]
    wrong = Keys(held["AccessKeyId"], held["SecretAccessKey"], "wrong-token")
    await refused(house.aws("sts", "get_caller_identity", key=wrong))
    assert b"wrong-token" in compared


async def test_threat_what_users_send_is_compared_in_constant_time(house: House, compared: list[bytes]) -> None:
    aws = house.aws
    pool = (await aws("cognito-idp", "create_user_pool", PoolName="p", AutoVerifiedAttributes=["email"]))["UserPool"]
    flows = ["ALLOW_USER_PASSWORD_AUTH", "ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
    made = {"UserPoolId": pool["Id"], "ClientName": "c", "ExplicitAuthFlows": flows}
    client = (await aws("cognito-idp", "create_user_pool_client", **made))["UserPoolClient"]["ClientId"]
    guarded = await aws("cognito-idp", "create_user_pool_client", **made, GenerateSecret=True)
    ada = {"UserPoolId": pool["Id"], "Username": "ada"}
    mail = [{"Name": "email", "Value": "ada@example.com"}]
    await aws("cognito-idp", "admin_create_user", **ada, MessageAction="SUPPRESS", UserAttributes=mail)
    await aws("cognito-idp", "admin_set_user_password", **ada, Password="Passw0rd!", Permanent=True)

    def login(password: str) -> Any:
        given = {"USERNAME": "ada", "PASSWORD": password}
        return aws("cognito-idp", "initiate_auth", ClientId=client, AuthFlow="USER_PASSWORD_AUTH", AuthParameters=given)

    await refused(login("Wrong-passw0rd!"))
    assert [len(each) for each in compared[-2:]] == [384, 384]

    side = SrpClient(pool["Id"], "Wrong-passw0rd!")
    begun = {"AuthFlow": "USER_SRP_AUTH", "AuthParameters": {"USERNAME": "ada", "SRP_A": f"{side.public:x}"}}
    proof = side.answer(await aws("cognito-idp", "initiate_auth", ClientId=client, **begun))
    answer = {"ChallengeName": "PASSWORD_VERIFIER", "ChallengeResponses": proof}
    await refused(aws("cognito-idp", "respond_to_auth_challenge", ClientId=client, **answer))
    assert proof["PASSWORD_CLAIM_SIGNATURE"].encode() in compared[-2:]

    token = (await login("Passw0rd!"))["AuthenticationResult"]["AccessToken"]
    await aws("cognito-idp", "get_user_attribute_verification_code", AccessToken=token, AttributeName="email")
    compared.clear()
    code = {"AccessToken": token, "AttributeName": "email", "Code": "000000"}
    await refused(aws("cognito-idp", "verify_user_attribute", **code))
    assert [len(each) for each in compared] == [32, 32]

    secret = guarded["UserPoolClient"]["ClientId"]
    wrong = base64.b64encode(b"w" * 32).decode()
    sign_up = {"ClientId": secret, "Username": "bob", "Password": "Passw0rd!", "SecretHash": wrong}
    await refused(aws("cognito-idp", "sign_up", **sign_up))
    assert wrong.encode() in compared[-2:]
    refresh = {"ClientId": secret, "RefreshToken": "x", "ClientSecret": "wrongsecretofaclient000000"}
    await refused(aws("cognito-idp", "get_tokens_from_refresh_token", **refresh))
    assert b"wrongsecretofaclient000000" in compared[-2:]


def compares(path: Path) -> Iterator[str]:
    """What a module compares with `==` that is called like a secret."""
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.Compare) or not any(isinstance(each, (ast.Eq, ast.NotEq)) for each in node.ops):
            continue
        sides = [node.left, *node.comparators]
        if any(isinstance(side, ast.Constant) for side in sides):
            continue
        for side in sides:
            name = ast.unparse(side)
            if SECRET.search(name.rpartition(".")[2]) and not name.startswith("len("):
                yield f"{path.relative_to(SOURCE)}: {name}"


def test_threat_no_module_compares_a_secret_in_variable_time() -> None:
    found = {each for path in sorted(SOURCE.rglob("*.py")) for each in compares(path)}
    assert found - NO_SECRETS == set()
