"""Credentials: what a client shows with each request and each message.

For: the clients. Owns: the token in use and when it needs renewal. Never: keeps a secret anywhere but in memory;
opens a connection.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from syncline.client.errors import GraphQLError, TokenUnavailable, Unauthorized
from syncline.core import json

if TYPE_CHECKING:
    from botocore.credentials import Credentials

NEVER = float("inf")
EARLY_SECONDS_MAX = 60.0
"""A token is renewed a fifth of its life before it ends, and at most this long."""

SOCKET_HEADERS = {
    "accept": "application/json, text/javascript",
    "content-encoding": "amz-1.0",
    "content-type": "application/json; charset=UTF-8",
}
"""What AppSync wants signed with a message, which has no headers."""


class Signable(msgspec.Struct, frozen=True):
    """What a credential is shown with: a POST, or a message that is signed as if it were one."""

    url: str
    body: bytes
    headers: dict[str, str] = {}
    at: float = 0.0
    """The wall clock's seconds."""


class Auth(Protocol):
    """A way to be known."""

    async def sign(self, request: Signable) -> dict[str, str]:
        """The headers that show the credential. Raises Unauthorized or TokenUnavailable."""
        ...

    def forget(self, refused: str | None) -> bool:
        """The server has refused these; returns whether `sign` may do better next time."""
        ...

    @property
    def renewal(self) -> float:
        """The wall clock's second from which `sign` shows a fresh credential; infinite when it has but one."""
        ...


class ApiKey:
    """An API key."""

    renewal = NEVER

    def __init__(self, key: str) -> None:
        self._key = key

    async def sign(self, request: Signable) -> dict[str, str]:
        return {"x-api-key": self._key}

    def forget(self, refused: str | None) -> bool:
        return False


class Token:
    """A token of a user pool, an OpenID Connect issuer or a Lambda authorizer.

    `source` is the token, or an async function that gives one. The function is called when there is none yet, when
    the one in use is about to expire (as far as it says when), and when the server has refused it.
    """

    def __init__(self, source: str | Callable[[], Awaitable[str]]) -> None:
        self._source = source
        self._token = source if isinstance(source, str) else ""
        self._refused: str | None = None
        self._one_at_a_time = asyncio.Lock()
        self.renewal = NEVER

    async def sign(self, request: Signable) -> dict[str, str]:
        async with self._one_at_a_time:
            if not isinstance(self._source, str) and (not self._token or request.at >= self.renewal):
                self._token = await self._fetched(self._source)
                self.renewal = renewal_of(self._token, request.at)
        if self._token == self._refused:
            raise Unauthorized([GraphQLError("The server has refused this token, and there is no other.")])
        return {"Authorization": self._token}

    def forget(self, refused: str | None) -> bool:
        if isinstance(self._source, str):
            return False
        self._refused = refused
        if refused == self._token:
            self._token = ""
        return True

    async def _fetched(self, source: Callable[[], Awaitable[str]]) -> str:
        try:
            return await source()
        except Exception as failure:
            raise TokenUnavailable(reason=repr(failure)) from failure


class Iam:
    """AWS credentials: Signature Version 4 for the service `appsync`.

    Without `credentials` they are found as boto3 finds them: environment, profile, role. `region` likewise.
    """

    renewal = NEVER

    def __init__(self, credentials: Credentials | None = None, *, region: str | None = None) -> None:
        self._credentials = credentials
        self._region = region

    @classmethod
    def of(cls, access_key_id: str, secret_access_key: str, *, token: str | None = None, region: str) -> Iam:
        """Credentials written out."""
        from botocore.credentials import Credentials

        return cls(Credentials(access_key_id, secret_access_key, token), region=region)

    async def sign(self, request: Signable) -> dict[str, str]:
        # Finding or refreshing credentials may ask the network, and botocore waits for that.
        return await asyncio.to_thread(self._signed, request)

    def forget(self, refused: str | None) -> bool:
        return False

    def _signed(self, request: Signable) -> dict[str, str]:
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest
        from botocore.session import Session

        if self._credentials is None or self._region is None:
            session = Session()
            self._credentials = self._credentials or session.get_credentials()
            self._region = self._region or session.get_config_variable("region") or "us-east-1"
        if self._credentials is None:
            missing = "There are no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
            raise Unauthorized([GraphQLError(missing)])
        signed = AWSRequest("POST", request.url, dict(request.headers), request.body)
        SigV4Auth(self._credentials.get_frozen_credentials(), "appsync", self._region).add_auth(signed)
        return {name: str(value) for name, value in signed.headers.items()}


def renewal_of(token: str, now: float) -> float:
    """When a token should be renewed, as far as it says when it expires."""
    try:
        claims: Any = json.decode(base64.urlsafe_b64decode(token.split(".")[1] + "=="))
        expires = float(claims["exp"])
    except (IndexError, KeyError, TypeError, ValueError, json.NotJson):
        return NEVER
    return expires - min(EARLY_SECONDS_MAX, max(expires - now, 0.0) / 5)


def credential_in(headers: dict[str, str]) -> str | None:
    """What `forget` is told of."""
    return headers.get("Authorization")
