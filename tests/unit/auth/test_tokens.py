"""Tokens of pools, issuers and authorizer functions: who is let in, and every way to be refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import msgspec
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

from syncline.auth import (
    ApiAuth,
    Authenticator,
    Authorizer,
    Jwts,
    NoCredential,
    NotAuthorized,
    Provider,
    Signed,
    TokenExpired,
    TokenRevoked,
    TokenUnreadable,
)
from syncline.core import Instant, Meter, Unauthenticated, Unavailable

NOW = 1_800_000_000.0
RSA = RSAKey.generate_key(2048, {"kid": "rsa"}, private=True)
OTHER = RSAKey.generate_key(2048, {"kid": "other"}, private=True)
EC = ECKey.generate_key("P-256", {"kid": "ec"}, private=True)
ISSUER = "https://issuer.example.com"
POOL, APP = "us-east-1_abcdefghi", "app123"
POOL_ISSUER = f"https://cognito-idp.us-east-1.amazonaws.com/{POOL}"


class Clock:
    at = NOW

    def now(self) -> Instant:
        return Instant(self.at)

    def monotonic(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += seconds


class Answer(msgspec.Struct):
    payload: bytes
    function_error: str | None = None


class World:
    """An issuer, a pool and an authorizer function, and who may ask them."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.published: list[Any] = [RSA, EC]
        self.reachable = True
        self.fetched: list[str] = []
        self.gone: set[str] = set()
        self.own = {POOL}
        self.events: list[dict[str, Any]] = []
        self.says: Any = {"isAuthorized": True}
        meter = Meter(out=None)
        self.jwts = Jwts(self.clock, meter, self, self.fetch)
        authorizer = Authorizer(self.clock, meter, self.invoke, account="000000000000")
        self.authenticator = Authenticator(self.clock, None, self.jwts, authorizer)

    def jwks(self, pool_id: str) -> dict[str, Any] | None:
        return {"keys": [public(RSA)]} if pool_id in self.own else None

    def issuer(self, pool_id: str) -> str:
        return f"https://cognito-idp.us-east-1.amazonaws.com/{pool_id}"

    def revoked(self, claims: dict[str, Any]) -> bool:
        return claims.get("origin_jti") in self.gone

    async def fetch(self, url: str) -> bytes:
        self.fetched.append(url)
        if not self.reachable:
            raise Unavailable("away")
        if url.endswith("openid-configuration"):
            return json.dumps({"jwks_uri": ISSUER + "/keys"}).encode()
        return json.dumps({"keys": [public(key) for key in self.published]}).encode()

    async def invoke(self, name: str, payload: bytes) -> Answer:
        self.events.append(json.loads(payload))
        if isinstance(self.says, Exception):
            raise self.says
        return Answer(json.dumps(self.says).encode())

    async def ask(self, token: str, *providers: Provider, modes: tuple[str, ...] = (), body: bytes = b"") -> Any:
        chosen: Any = modes or tuple(each.mode for each in providers)
        api = ApiAuth("api", chosen, {"da2-x": NOW + 60}, providers, frozenset({"staff", "admins"}))
        signed = Signed("POST", ("/graphql",), body=body)
        return await self.authenticator.authenticate(api, {"authorization": token}, source_ip="1.2.3.4", signed=signed)


def public(key: Any) -> dict[str, Any]:
    return {**key.as_dict(private=False), "kid": key.kid, "use": "sig"}


def pool(**config: Any) -> Provider:
    return Provider("AMAZON_COGNITO_USER_POOLS", {"userPoolId": POOL, "awsRegion": "us-east-1", **config})


def oidc(**config: Any) -> Provider:
    return Provider("OPENID_CONNECT", {"issuer": ISSUER, **config})


def function(**config: Any) -> Provider:
    return Provider("AWS_LAMBDA", {"authorizerUri": "arn:aws:lambda:us-east-1:000000000000:function:door", **config})


def access(key: Any = RSA, header: dict[str, Any] | None = None, **claims: Any) -> str:
    """A pool's access token."""
    whole = {
        "sub": "s",
        "iss": POOL_ISSUER,
        "client_id": APP,
        "token_use": "access",
        "username": "ada",
        "exp": NOW + 60,
    }
    return jwt.encode({"alg": "RS256", "kid": key.kid, **(header or {})}, {**whole, **claims}, key)


def foreign(key: Any = RSA, header: dict[str, Any] | None = None, **claims: Any) -> str:
    """An issuer's token."""
    whole = {"sub": "s", "iss": ISSUER, "aud": APP, "iat": NOW - 1, "exp": NOW + 60}
    algorithm = "ES256" if isinstance(key, ECKey) else "RS256"
    return jwt.encode(
        {"alg": algorithm, "kid": key.kid, **(header or {})}, {**whole, **claims}, key, ["RS256", "ES256"]
    )


@pytest.fixture
def world() -> World:
    return World()


@pytest.mark.rule("AUTH-7")
async def test_a_pools_token_is_its_user(world: World) -> None:
    token = access(**{"cognito:groups": ["staff", "others"], "origin_jti": "j"})
    identity = await world.ask(token, pool(defaultAction="ALLOW"))
    assert identity.grants == ("AMAZON_COGNITO_USER_POOLS", "staff")
    assert identity.claims["username"] == "ada"
    assert identity.claims["groups"] == ["staff", "others"]
    assert identity.claims["issuer"] == POOL_ISSUER
    assert identity.claims["sourceIp"] == ["1.2.3.4"]
    assert identity.claims["defaultAuthStrategy"] == "ALLOW"
    assert (identity.expires, identity.credential) == (NOW + 60, "j")
    assert (await world.ask("Bearer " + token, pool())).mode == "AMAZON_COGNITO_USER_POOLS"


@pytest.mark.rule("AUTH-7")
@pytest.mark.parametrize(
    ("token", "refusal"),
    [
        (access(exp=NOW), TokenExpired),
        (access(key=OTHER), NotAuthorized),
        (access(key=OTHER, header={"kid": "rsa"}), NotAuthorized),
        (access(iss=POOL_ISSUER.replace("us-east-1.", "eu-west-1.")), NotAuthorized),
        (access(iss=ISSUER), NoCredential),
        (access(token_use="refresh"), NotAuthorized),
        (access(nbf=NOW + 60), NotAuthorized),
        (access(exp="soon"), NotAuthorized),
        (access()[:-4] + "AAAA", NotAuthorized),
        ("hello", TokenUnreadable),
        ("", TokenUnreadable),
    ],
)
async def test_a_pools_token_that_does_not_fit(world: World, token: str, refusal: type[Exception]) -> None:
    with pytest.raises(refusal):
        await world.ask(token, pool())


@pytest.mark.rule("AUTH-7")
async def test_the_client_is_checked_in_both_kinds_of_token(world: World) -> None:
    only = pool(appIdClientRegex="app1.*")
    identity = jwt.encode(
        {"alg": "RS256", "kid": "rsa"},
        {"sub": "s", "iss": POOL_ISSUER, "aud": APP, "token_use": "id", "cognito:username": "ada", "exp": NOW + 60},
        RSA,
    )
    assert (await world.ask(identity, only)).claims["username"] == "ada"
    assert await world.ask(access(), only)
    with pytest.raises(NotAuthorized):
        await world.ask(access(client_id="my-app1"), only)


@pytest.mark.rule("AUTH-7")
async def test_a_revoked_sign_in_is_refused_though_its_token_is_known(world: World) -> None:
    token = access(origin_jti="j")
    assert await world.ask(token, pool())
    world.gone.add("j")
    with pytest.raises(TokenRevoked):
        await world.ask(token, pool())


@pytest.mark.rule("AUTH-8")
async def test_an_issuers_token_by_discovery(world: World) -> None:
    identity = await world.ask(foreign(), oidc())
    assert identity.claims["claims"]["aud"] == APP
    assert set(identity.claims) == {"sub", "issuer", "claims"}
    assert world.fetched == [ISSUER + "/.well-known/openid-configuration", ISSUER + "/keys"]
    assert await world.ask(foreign(key=EC), oidc())


@pytest.mark.rule("AUTH-8")
@pytest.mark.parametrize(
    ("config", "claims", "refusal"),
    [
        ({"clientId": "app.*"}, {}, None),
        ({"clientId": "app"}, {}, NotAuthorized),
        ({"clientId": "web"}, {"azp": "web"}, None),
        ({"clientId": "b"}, {"aud": ["a", "b"]}, None),
        ({"iatTTL": 5000}, {"iat": NOW - 4}, None),
        ({"iatTTL": 5000}, {"iat": NOW - 6}, TokenExpired),
        ({"authTTL": 5000}, {"auth_time": NOW - 6}, TokenExpired),
        ({"authTTL": 5000}, {}, TokenExpired),
        ({}, {"iat": None}, NotAuthorized),
        ({}, {"exp": NOW - 1}, TokenExpired),
    ],
)
async def test_an_issuers_times_and_audience(
    world: World, config: dict[str, Any], claims: dict[str, Any], refusal: type[Exception] | None
) -> None:
    work = world.ask(foreign(**claims), oidc(**config))
    if refusal is None:
        assert await work
    else:
        with pytest.raises(refusal):
            await work


@pytest.mark.rule("AUTH-8")
async def test_the_issuer_is_compared_unless_it_is_the_only_way_in(world: World) -> None:
    stranger = foreign(iss="https://elsewhere.example.com")
    assert await world.ask(stranger, oidc())
    with pytest.raises(NoCredential):
        await world.ask(stranger, oidc(), modes=("OPENID_CONNECT", "API_KEY"))


@pytest.mark.rule("AUTH-9")
async def test_threat_algorithm_confusion(world: World) -> None:
    """The public RSA key used as an HMAC secret."""
    pem = RSA.as_pem(private=False)
    head, body = (
        base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=")
        for part in ({"alg": "HS256", "kid": "rsa"}, {"iss": ISSUER, "iat": NOW, "exp": NOW + 60, "aud": APP})
    )
    mac = base64.urlsafe_b64encode(hmac.digest(pem, head + b"." + body, hashlib.sha256)).rstrip(b"=")
    with pytest.raises(NotAuthorized):
        await world.ask(b".".join((head, body, mac)).decode(), oidc())


@pytest.mark.rule("AUTH-9")
@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", ""])
async def test_threat_no_algorithm(world: World, algorithm: str) -> None:
    parts = ({"alg": algorithm, "kid": "rsa"}, {"iss": ISSUER, "iat": NOW, "exp": NOW + 60})
    head, body = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    for signature in ("", "AAAA"):
        with pytest.raises(NotAuthorized):
            await world.ask(f"{head}.{body}.{signature}", oidc())


@pytest.mark.rule("AUTH-9")
@pytest.mark.parametrize("kid", ["../../etc/passwd", "' OR 1=1", "http://evil.example.com/keys", "x" * 5000, None, 7])
async def test_threat_key_id_injection(world: World, kid: Any) -> None:
    parts = ({"alg": "RS256", "kid": kid}, {"iss": ISSUER, "iat": NOW, "exp": NOW + 60})
    head, body = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    with pytest.raises(NotAuthorized):
        await world.ask(f"{head}.{body}.AAAA", oidc())
    assert all(url.startswith(ISSUER) for url in world.fetched)


@pytest.mark.rule("AUTH-9")
async def test_threat_a_key_in_the_tokens_own_header(world: World) -> None:
    header = {"jwk": public(OTHER), "jku": "https://evil.example.com/keys", "kid": "rsa"}
    parts = ({"alg": "RS256", **header}, {"iss": ISSUER, "iat": NOW, "exp": NOW + 60})
    head, body = (base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts)
    with pytest.raises(NotAuthorized):
        await world.ask(f"{head}.{body}.AAAA", oidc())
    assert not any("evil" in url for url in world.fetched)


@pytest.mark.rule("AUTH-9")
async def test_new_keys_are_asked_for_and_unknown_ones_not_too_often(world: World) -> None:
    assert await world.ask(foreign(), oidc())
    world.published.append(OTHER)
    world.clock.at += 21
    assert await world.ask(foreign(key=OTHER, iat=NOW + 20), oidc())
    before = len(world.fetched)
    stranger = RSAKey.generate_key(2048, {"kid": "stranger"}, private=True)
    for _ in range(5):
        with pytest.raises(NotAuthorized):
            await world.ask(foreign(key=stranger), oidc())
    assert len(world.fetched) == before


@pytest.mark.rule("AUTH-10")
async def test_an_issuer_that_is_away(world: World) -> None:
    assert await world.ask(foreign(), oidc())
    world.reachable = False
    world.clock.at += 7200
    assert await world.ask(foreign(iat=world.clock.at, exp=world.clock.at + 60), oidc())
    world.clock.at += 86_400
    with pytest.raises(NotAuthorized):
        await world.ask(foreign(iat=world.clock.at, exp=world.clock.at + 60), oidc())


@pytest.mark.rule("AUTH-11")
async def test_an_authorizer_is_asked_with_appsyncs_event_and_remembered(world: World) -> None:
    world.says = {"isAuthorized": True, "resolverContext": {"tenant": "acme"}, "deniedFields": ["Query.secret"]}
    door, body = function(authorizerResultTtlInSeconds=60), b'{"query":"{ a }","variables":{"n":1},"operationName":"q"}'
    identity = await world.ask("open sesame", door, body=body)
    assert identity.claims == {"resolverContext": {"tenant": "acme"}}
    assert identity.grants[1].admits_field("Query", "open")
    assert not identity.grants[1].admits_field("Query", "secret")
    assert world.events[0]["authorizationToken"] == "open sesame"
    asked = world.events[0]["requestContext"]
    assert (asked["apiId"], asked["queryString"], asked["variables"]) == ("api", "{ a }", {"n": 1})
    await world.ask("open sesame", door)
    assert len(world.events) == 1
    world.clock.at += 61
    await world.ask("open sesame", door)
    await world.ask("another", door)
    assert len(world.events) == 3


@pytest.mark.rule("AUTH-11")
@pytest.mark.parametrize("says", [{}, {"isAuthorized": False}, {"isAuthorized": "true"}, [], None, Unavailable("away")])
async def test_anything_but_yes_is_no(world: World, says: Any) -> None:
    world.says = says
    with pytest.raises(NotAuthorized, match="You are not authorized to make this call"):
        await world.ask("token", function())


@pytest.mark.rule("AUTH-11")
async def test_a_function_may_shorten_its_answers_life_and_an_expression_spares_the_call(world: World) -> None:
    world.says = {"isAuthorized": True, "ttlOverride": 0}
    door = function(authorizerResultTtlInSeconds=300, identityValidationExpression="t[0-9]+")
    await world.ask("t1", door)
    await world.ask("t1", door)
    assert len(world.events) == 2
    with pytest.raises(NotAuthorized):
        await world.ask("x1", door)
    assert len(world.events) == 2


@pytest.mark.rule("AUTH-11")
async def test_with_issuers_beside_it_a_jwt_is_not_the_functions(world: World) -> None:
    assert (await world.ask(foreign(), oidc(), function())).mode == "OPENID_CONNECT"
    assert (await world.ask("opaque", oidc(), function())).mode == "AWS_LAMBDA"
    with pytest.raises(NoCredential):
        await world.ask(foreign(iss="https://elsewhere.example.com"), oidc(), function())


@pytest.mark.rule("AUTH-7")
async def test_a_token_that_was_known_opens_nothing_once_its_pool_is_deleted(world: World) -> None:
    token = access()
    await world.ask(token, pool())
    world.own.clear()
    world.reachable = False
    with pytest.raises(NotAuthorized):
        await world.ask(token, pool())


@pytest.mark.rule("AUTH-13")
async def test_what_was_let_in_can_be_asked_again(world: World) -> None:
    identity = await world.ask(access(origin_jti="j"), pool())
    api = ApiAuth("api", ("AMAZON_COGNITO_USER_POOLS",), {}, (pool(),))
    world.authenticator.check(api, identity)
    world.gone.add("j")
    with pytest.raises(TokenRevoked):
        world.authenticator.check(api, identity)
    world.clock.at = NOW + 61
    with pytest.raises(TokenExpired):
        world.authenticator.check(api, identity)
    keys = {"da2-x": NOW + 100}
    keyed = ApiAuth("api", ("API_KEY",), keys)
    by_key = await world.authenticator.authenticate(keyed, {"x-api-key": "da2-x"})
    keys.clear()
    with pytest.raises(NotAuthorized):
        world.authenticator.check(keyed, by_key)


@pytest.mark.rule("AUTH-9")
async def test_threat_a_hostile_expression_or_token_holds_nobody_up(world: World) -> None:
    with pytest.raises(Unauthenticated):
        await world.ask("a" * 30_000 + "!", function(identityValidationExpression="(a+)+b"))
    deep = base64.urlsafe_b64encode(b'{"a":' * 5000).decode()
    with pytest.raises(Unauthenticated):
        await world.ask(f"{deep}.{deep}.x", oidc())
