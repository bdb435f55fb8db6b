"""Credentials of a client: which token is shown when, and signatures."""

from __future__ import annotations

import base64
import json

import pytest

from syncline.client import ApiKey, Auth, Iam, Signable, Token, TokenUnavailable, Unauthorized
from syncline.client.auth import SOCKET_HEADERS


def jwt(expires: float, name: str = "t") -> str:
    claims = base64.urlsafe_b64encode(json.dumps({"exp": expires}).encode()).decode().rstrip("=")
    return f"{name}.{claims}.s"


def at(seconds: float) -> Signable:
    return Signable("http://h/graphql", b"{}", {}, seconds)


class Tokens:
    """A token function, and how often it was called."""

    def __init__(self, *tokens: str) -> None:
        self.left = list(tokens)

    async def __call__(self) -> str:
        return self.left.pop(0)


@pytest.mark.rule("CLT-12")
async def test_a_key_and_a_token_are_shown_as_they_are() -> None:
    key: Auth = ApiKey("da2-k")
    assert await key.sign(at(0)) == {"x-api-key": "da2-k"}
    assert await Token("t").sign(at(0)) == {"Authorization": "t"}
    assert not Token("t").forget("t")


@pytest.mark.rule("CLT-11")
async def test_a_token_is_fetched_once_until_shortly_before_it_expires() -> None:
    tokens = Tokens(jwt(1000, "a"), jwt(2000, "b"))
    auth = Token(tokens)
    assert (await auth.sign(at(0)))["Authorization"].startswith("a")
    assert (await auth.sign(at(939)))["Authorization"].startswith("a")
    assert auth.renewal == 940
    assert (await auth.sign(at(940)))["Authorization"].startswith("b")


@pytest.mark.rule("CLT-11")
async def test_a_short_token_is_renewed_a_fifth_of_its_life_early() -> None:
    auth = Token(Tokens(jwt(110)))
    await auth.sign(at(100))
    assert auth.renewal == 108


@pytest.mark.rule("CLT-11")
@pytest.mark.parametrize("opaque", ["opaque", "a.b.c", "a.e30.c"])
async def test_a_token_that_does_not_say_when_is_kept_until_it_is_refused(opaque: str) -> None:
    auth = Token(Tokens(opaque, "next"))
    await auth.sign(at(0))
    assert (await auth.sign(at(10**9)))["Authorization"] == opaque
    assert auth.forget(opaque)
    assert (await auth.sign(at(10**9)))["Authorization"] == "next"


@pytest.mark.rule("CLT-11")
async def test_the_same_token_again_is_no_help() -> None:
    auth = Token(Tokens("same", "same"))
    await auth.sign(at(0))
    auth.forget("same")
    with pytest.raises(Unauthorized):
        await auth.sign(at(0))


async def test_a_failing_token_function_is_named() -> None:
    async def broken() -> str:
        raise ZeroDivisionError

    with pytest.raises(TokenUnavailable, match="ZeroDivisionError"):
        await Token(broken).sign(at(0))


@pytest.mark.rule("CLT-12")
async def test_a_signature_covers_what_appsync_wants_covered() -> None:
    auth = Iam.of("AKID", "secret", token="session", region="eu-west-1")
    shown = await auth.sign(Signable("http://localhost:4000/graphql/connect", b"{}", SOCKET_HEADERS))
    assert "/eu-west-1/appsync/aws4_request" in shown["Authorization"]
    covered = "SignedHeaders=accept;content-encoding;content-type;host;x-amz-date;x-amz-security-token"
    assert covered in shown["Authorization"]
    assert shown["X-Amz-Security-Token"] == "session"


async def test_without_aws_credentials_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, "/nowhere")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(Unauthorized, match="AWS_ACCESS_KEY_ID"):
        await Iam().sign(at(0))
