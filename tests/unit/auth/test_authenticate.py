"""Credentials: told apart, accepted, refused in AppSync's words."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as Keys

from syncline.auth import ApiAuth, Authenticator, NoCredential, NotAuthorized, Signed, SigV4, TokenUnreadable
from syncline.core import Instant, SynclineError
from syncline.core.call import Caller
from syncline.wire import Credential

NOW = 1_800_000_000.0
KEY = "da2-" + "k" * 26
USER = Caller("user", "000000000000", "arn:aws:iam::000000000000:user/ada", "AKIATEST", "AIDAADA")
BODY = b'{"query":"{a}"}'


class Clock:
    """A clock that says what it was told."""

    at = NOW

    def now(self) -> Instant:
        return Instant(self.at)

    def monotonic(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += seconds


class OneKey:
    def secret_of(self, access_key_id: str, session_token: str | None) -> Credential | None:
        return Credential("secret", USER) if access_key_id == "AKIATEST" else None


def signed_headers(path: str, body: bytes, monkeypatch: Any, access_key: str = "AKIATEST") -> dict[str, str]:
    """What a client that signs as botocore does would send at NOW."""
    import datetime

    import botocore.auth

    moment = datetime.datetime.fromtimestamp(NOW, datetime.UTC)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda *_, **__: moment.replace(tzinfo=None))
    request = AWSRequest("POST", f"http://localhost:4000{path}", data=body, headers={"host": "localhost:4000"})
    SigV4Auth(Keys(access_key, "secret"), "appsync", "us-east-1").add_auth(request)
    return {name.lower(): value for name, value in request.headers.items()}


def authenticator() -> Authenticator:
    clock = Clock()
    return Authenticator(clock, SigV4(OneKey(), clock, account="000000000000"))


def api(*modes: str, expires: float = NOW + 60) -> ApiAuth:
    return ApiAuth("api", modes or ("API_KEY",), {KEY: expires})  # type: ignore[arg-type]


@pytest.mark.rule("AUTH-1")
async def test_a_key_opens_until_it_expires() -> None:
    identity = await authenticator().authenticate(api(), {"x-api-key": KEY})
    assert (identity.mode, identity.claims) == ("API_KEY", None)
    for refused in (api(expires=NOW), api(expires=NOW - 1)):
        with pytest.raises(NotAuthorized, match=r"You are not authorized to make this call\."):
            await authenticator().authenticate(refused, {"x-api-key": KEY})


@pytest.mark.rule("AUTH-1")
async def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(NotAuthorized):
        await authenticator().authenticate(api(), {"x-api-key": KEY[:-1]})


@pytest.mark.rule("AUTH-2")
@pytest.mark.parametrize(
    ("modes", "headers"),
    [
        (("API_KEY",), {}),
        (("AWS_IAM",), {"x-api-key": KEY}),
        (("API_KEY",), {"authorization": "AWS4-HMAC-SHA256 Credential=AKIATEST/…"}),
        (("API_KEY",), {"authorization": "e30.e30.c"}),
    ],
)
async def test_no_credential_of_a_mode_that_the_api_has(modes: tuple[str, ...], headers: dict[str, str]) -> None:
    with pytest.raises(NoCredential, match=r"Valid authorization header not provided\."):
        await authenticator().authenticate(api(*modes), headers, signed=Signed("POST", ("/graphql",)))


@pytest.mark.rule("AUTH-3")
async def test_what_is_no_token_is_said_to_be_none() -> None:
    with pytest.raises(TokenUnreadable, match=r"Unable to parse JWT token\."):
        await authenticator().authenticate(api(), {"authorization": "hello"})


@pytest.mark.rule("AUTH-4")
async def test_a_signature_wins_over_a_key_and_a_key_over_a_token(monkeypatch: Any) -> None:
    both = api("API_KEY", "AWS_IAM")
    headers = {**signed_headers("/graphql", BODY, monkeypatch), "x-api-key": KEY}
    signed = Signed("POST", ("/graphql",), body=BODY)
    assert (await authenticator().authenticate(both, headers, signed=signed)).mode == "AWS_IAM"
    token = {"authorization": "a.b.c", "x-api-key": KEY}
    assert (await authenticator().authenticate(both, token)).mode == "API_KEY"


@pytest.mark.rule("AUTH-5")
async def test_a_signed_caller_is_described(monkeypatch: Any) -> None:
    headers = {**signed_headers("/graphql", BODY, monkeypatch), "x-forwarded-for": "1.1.1.1, 2.2.2.2"}
    signed = Signed("POST", ("/graphql",), body=BODY)
    identity = await authenticator().authenticate(api("AWS_IAM"), headers, source_ip="3.3.3.3", signed=signed)
    assert identity.claims == {
        "accountId": "000000000000",
        "cognitoIdentityPoolId": None,
        "cognitoIdentityId": None,
        "sourceIp": ["1.1.1.1", "2.2.2.2", "3.3.3.3"],
        "username": "AIDAADA",
        "userArn": USER.arn,
        "cognitoIdentityAuthType": None,
        "cognitoIdentityAuthProvider": None,
    }


async def test_without_verification_a_stranger_is_the_root_as_the_root_key_shows_it(monkeypatch: Any) -> None:
    clock = Clock()
    trusting = Authenticator(clock, SigV4(OneKey(), clock, account="000000000000", verify=False))
    headers = signed_headers("/graphql", BODY, monkeypatch, access_key="AKIAANY")
    identity = await trusting.authenticate(api("AWS_IAM"), headers, signed=Signed("POST", ("/graphql",), body=BODY))
    assert (identity.claims["username"], identity.claims["userArn"]) == (
        "000000000000",
        "arn:aws:iam::000000000000:root",
    )


@pytest.mark.rule("AUTH-6")
@pytest.mark.parametrize("path", ["/graphql/abc", "/graphql"])
async def test_either_path_may_be_signed_and_nothing_else(path: str, monkeypatch: Any) -> None:
    headers = signed_headers(path, BODY, monkeypatch)
    candidates = ("/graphql/abc", "/graphql")
    await authenticator().authenticate(api("AWS_IAM"), headers, signed=Signed("POST", candidates, body=BODY))
    with pytest.raises(SynclineError) as refusal:
        await authenticator().authenticate(api("AWS_IAM"), headers, signed=Signed("POST", candidates, body=b"{}"))
    assert refusal.value.code == "InvalidSignatureException"


@pytest.mark.rule("AUTH-6")
async def test_an_unknown_access_key(monkeypatch: Any) -> None:
    headers = signed_headers("/graphql", BODY, monkeypatch, "AKIAOTHER")
    with pytest.raises(SynclineError, match=r"The security token included in the request is invalid\.") as refusal:
        await authenticator().authenticate(api("AWS_IAM"), headers, signed=Signed("POST", ("/graphql",), body=BODY))
    assert refusal.value.code == "UnrecognizedClientException"
    assert hashlib.sha256(BODY).hexdigest() not in refusal.value.message
