"""Headers to an identity: which mode a credential is of, whether the API has that mode, whether it is right.

For: the data planes (`graphql`, `events`). Owns: no state; an API's keys come in with each call.
Never: reads a clock or a signature by itself; decides about single fields (that is the schema's directives).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

import msgspec

from syncline.auth.authorizer import Authorizer
from syncline.auth.jwts import Jwts, Verified, looks_like_jwt, parts_of
from syncline.auth.model import ApiAuth, Identity, Provider, SignedFields
from syncline.auth.opened import Opened
from syncline.auth.patterns import fits
from syncline.auth.refusals import NoCredential, NotAuthorized, TokenExpired, TokenRevoked, TokenUnreadable
from syncline.auth.throttle import Door, Throttle
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


class FieldAllowance(Protocol):
    """Patterns of resources. Hashable, by value."""

    def admits(self, resource: str) -> bool:
        """Whether the action is allowed on this resource."""
        ...


class Rules(Protocol):
    """Knows what a signer's policies say of one action."""

    async def rule(self, caller: Caller, action: str, *, source_ip: str) -> FieldAllowance | None:
        """What admits resources; None for a caller who may do everything."""
        ...


class Authenticator:
    """Tells an API's callers apart. Without `jwts` or `authorizer`, an API cannot have those modes.

    `opened` is what they hold open: who takes a credential back has it looked at again.
    """

    def __init__(
        self,
        clock: Clock,
        signatures: Signatures | None = None,
        jwts: Jwts | None = None,
        authorizer: Authorizer | None = None,
        rules: Rules | None = None,
        throttle: Throttle | None = None,
    ) -> None:
        self.opened = Opened(clock)
        self._clock, self._throttle = clock, throttle
        self._signatures, self._jwts, self._authorizer, self._rules = signatures, jwts, authorizer, rules

    async def authenticate(
        self,
        api: ApiAuth,
        headers: Mapping[str, str],
        *,
        source_ip: str = "",
        signed: Signed | None = None,
        asked: Mapping[str, Any] | None = None,
        door: Door = "request",
    ) -> Identity:
        """The identity behind `headers` (lower-case names). Raises Unauthenticated; Throttled when it asks too often.

        `asked` is what an authorizer function is told of the operation, where that is not in the body.
        """
        identity = await self._identified(api, headers, source_ip, signed, asked)
        if self._throttle is not None:
            self._throttle.admit(api, identity, door, source_ip=source_ip)
        return identity

    async def _identified(
        self,
        api: ApiAuth,
        headers: Mapping[str, str],
        source_ip: str,
        signed: Signed | None,
        asked: Mapping[str, Any] | None,
    ) -> Identity:
        authorization = headers.get("authorization")
        if authorization is None:
            key = headers.get("x-api-key")
            if key is None or "API_KEY" not in api.modes:
                raise NoCredential
            return self._by_key(api, key)
        if authorization.startswith(SIGV4):
            return await self._by_signature(api, headers, source_ip, signed)
        if "x-api-key" in headers and "API_KEY" in api.modes:
            return self._by_key(api, headers["x-api-key"])
        return await self._by_token(api, authorization, headers, source_ip, signed, asked)

    def check(self, api: ApiAuth, identity: Identity) -> None:
        """Raise Unauthenticated when what `identity` was let in with is good no more."""
        if identity.mode not in api.modes:
            raise NotAuthorized
        if identity.mode == "API_KEY":
            self._by_key(api, identity.credential)
        elif identity.expires <= self._clock.now():
            raise TokenExpired
        elif identity.credential and self._jwts is not None and self._jwts.revoked(identity.credential):
            raise TokenRevoked

    def _by_key(self, api: ApiAuth, key: str) -> Identity:
        # A look-up by hash: how long it takes says nothing of how much of a wrong key was right.
        expires = api.keys.get(key)
        if expires is None or expires <= self._clock.now() or "API_KEY" not in api.modes:
            raise NotAuthorized
        return Identity("API_KEY", None, ("API_KEY",), expires=expires, credential=key)

    async def _by_signature(
        self, api: ApiAuth, headers: Mapping[str, str], source_ip: str, signed: Signed | None
    ) -> Identity:
        if "AWS_IAM" not in api.modes or self._signatures is None or signed is None:
            raise NoCredential
        caller = self._signatures.caller_of(headers, signed)
        addresses = _addresses(headers, source_ip)
        rule = None if self._rules is None else await self._rules.rule(caller, api.action, source_ip=source_ip)
        if rule is not None and api.resource and not rule.admits(api.resource):
            raise NotAuthorized
        grants = ("AWS_IAM",) if rule is None or api.resource else ("AWS_IAM", SignedFields(api.arn, rule))
        return Identity("AWS_IAM", _iam_claims(caller, addresses), grants, tuple(addresses))

    async def _by_token(
        self,
        api: ApiAuth,
        authorization: str,
        headers: Mapping[str, str],
        source_ip: str,
        signed: Signed | None,
        asked: Mapping[str, Any] | None,
    ) -> Identity:
        bearers = [each for each in api.providers if each.mode in ("AMAZON_COGNITO_USER_POOLS", "OPENID_CONNECT")]
        authorizer = next((each for each in api.providers if each.mode == "AWS_LAMBDA"), None)
        token = authorization.removeprefix("Bearer ")
        if bearers and self._jwts is not None and (authorizer is None or looks_like_jwt(token)):
            return await self._by_jwt(api, bearers, token, _addresses(headers, source_ip))
        if authorizer is not None and self._authorizer is not None:
            body = signed.body if signed is not None else b""
            return await self._authorizer.decide(api, authorizer, authorization, headers, body, asked)
        if not looks_like_jwt(token):
            raise TokenUnreadable
        raise NoCredential

    async def _by_jwt(self, api: ApiAuth, bearers: list[Provider], token: str, addresses: list[str]) -> Identity:
        assert self._jwts is not None, "an API has these modes only where tokens can be verified"
        issuer = str(parts_of(token)[1].get("iss", ""))
        alone = len(api.modes) == 1 and len(bearers) == 1
        for provider in bearers:
            config = provider.config
            if provider.mode == "OPENID_CONNECT":
                if alone or issuer.rstrip("/") == config["issuer"].rstrip("/"):
                    found = await self._jwts.of_issuer(token, config["issuer"], compare=not alone)
                    return self._oidc(provider, found)
            elif issuer.rpartition("/")[2] == config["userPoolId"]:
                found = await self._jwts.of_pool(token, config["userPoolId"], config["awsRegion"])
                return _cognito(api, provider, found, addresses)
        raise NoCredential

    def _oidc(self, provider: Provider, found: Verified) -> Identity:
        claims, config, now = found.claims, provider.config, self._clock.now()
        _check_client(config.get("clientId"), _audience(claims, "aud", "azp"))
        for member, claim in (("iatTTL", "iat"), ("authTTL", "auth_time")):
            then = claims.get(claim)
            if claim == "iat" and not isinstance(then, (int, float)):
                raise NotAuthorized
            life = float(config.get(member) or 0) / 1000
            if life and (not isinstance(then, (int, float)) or now - then > life):
                raise TokenExpired
        shown = {"sub": claims.get("sub"), "issuer": claims.get("iss"), "claims": claims}
        return Identity("OPENID_CONNECT", shown, ("OPENID_CONNECT",), expires=found.expires)


def _cognito(api: ApiAuth, provider: Provider, found: Verified, addresses: list[str]) -> Identity:
    claims, config = found.claims, provider.config
    if claims.get("token_use") not in ("id", "access"):
        raise NotAuthorized
    _check_client(config.get("appIdClientRegex"), _audience(claims, "aud", "client_id"))
    named = claims.get("cognito:groups")
    groups = [str(each) for each in named] if isinstance(named, list) else None
    shown = {
        "sub": claims.get("sub"),
        "issuer": claims.get("iss"),
        "username": claims.get("cognito:username") or claims.get("username"),
        "claims": claims,
        "sourceIp": addresses,
        "groups": groups,
        "defaultAuthStrategy": config.get("defaultAction", "ALLOW"),
    }
    held = sorted(api.groups.intersection(groups or ()))
    return Identity(
        "AMAZON_COGNITO_USER_POOLS",
        shown,
        ("AMAZON_COGNITO_USER_POOLS", *held),
        tuple(addresses),
        expires=found.expires,
        credential=str(claims.get("origin_jti") or ""),
    )


def _audience(claims: Mapping[str, Any], *names: str) -> list[str]:
    found: list[str] = []
    for name in names:
        value = claims.get(name)
        found += [str(each) for each in value] if isinstance(value, list) else [value] if isinstance(value, str) else []
    return found


def _check_client(expression: str | None, names: list[str]) -> None:
    """Raise unless the API's expression, if it has one, fits one of the names."""
    if expression and not any(fits(expression, name) for name in names):
        raise NotAuthorized


def _addresses(headers: Mapping[str, str], source_ip: str) -> list[str]:
    forwarded = [part.strip() for part in headers.get("x-forwarded-for", "").split(",") if part.strip()]
    return [*forwarded, source_ip]


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
