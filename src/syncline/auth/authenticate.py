"""Headers to an identity: which mode a credential is of, whether the API has that mode, whether it is right.

For: the data planes (`graphql`, later `events`). Owns: no state; an API's keys come in with each call.
Never: reads a clock or a signature by itself; decides about single fields (that is the schema's directives).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

import msgspec

from syncline.auth.model import ApiAuth, Identity
from syncline.auth.refusals import NoCredential, NotAuthorized, TokenUnreadable
from syncline.core import Clock
from syncline.core.call import Caller

SIGV4 = "AWS4-HMAC-SHA256"


class Signed(msgspec.Struct, frozen=True):
    """What a SigV4 signature may cover: a method, any of several paths (clients differ), a query and a body."""

    method: str
    paths: tuple[str, ...]
    query: str = ""
    body: bytes = b""


class Signatures(Protocol):
    """Checks a SigV4 signature and knows whose key made it."""

    def caller_of(self, headers: Mapping[str, str], signed: Signed) -> Caller:
        """Who signed. Raises Unauthenticated with AWS's code and text when nobody we know did."""
        ...


class Authenticator:
    """Tells an API's callers apart."""

    def __init__(self, clock: Clock, signatures: Signatures | None = None) -> None:
        self._clock = clock
        self._signatures = signatures
        self._key_identity = Identity("API_KEY", None, ("API_KEY",))

    async def authenticate(
        self, api: ApiAuth, headers: Mapping[str, str], *, source_ip: str = "", signed: Signed | None = None
    ) -> Identity:
        """The identity behind `headers` (lower-case names). Raises Unauthenticated."""
        authorization = headers.get("authorization")
        if authorization is None:
            key = headers.get("x-api-key")
            if key is None or "API_KEY" not in api.modes:
                raise NoCredential
            return self._by_key(api, key)
        if authorization.startswith(SIGV4):
            return self._by_signature(api, headers, source_ip, signed)
        if "x-api-key" in headers and "API_KEY" in api.modes:
            return self._by_key(api, headers["x-api-key"])
        if authorization.removeprefix("Bearer ").count(".") != 2 and "AWS_LAMBDA" not in api.modes:
            raise TokenUnreadable
        raise NoCredential

    def _by_key(self, api: ApiAuth, key: str) -> Identity:
        # A look-up by hash: how long it takes says nothing of how much of a wrong key was right.
        expires = api.keys.get(key)
        if expires is None or expires <= self._clock.now():
            raise NotAuthorized
        return self._key_identity

    def _by_signature(
        self, api: ApiAuth, headers: Mapping[str, str], source_ip: str, signed: Signed | None
    ) -> Identity:
        if "AWS_IAM" not in api.modes or self._signatures is None or signed is None:
            raise NoCredential
        caller = self._signatures.caller_of(headers, signed)
        forwarded = [part.strip() for part in headers.get("x-forwarded-for", "").split(",") if part.strip()]
        addresses = [*forwarded, source_ip]
        return Identity("AWS_IAM", _iam_claims(caller, addresses), ("AWS_IAM",), tuple(addresses))


def _iam_claims(caller: Caller, addresses: list[str]) -> dict[str, object]:
    """`ctx.identity` of a signed request (graphql-api reference, 5.3)."""
    return {
        "accountId": caller.account,
        "cognitoIdentityPoolId": None,
        "cognitoIdentityId": None,
        "sourceIp": addresses,
        "username": caller.user_id or caller.arn.rpartition("/")[2],
        "userArn": caller.arn,
        "cognitoIdentityAuthType": None,
        "cognitoIdentityAuthProvider": None,
    }
