"""Authorization and sign-in, in process: what one request pays, sign-ins a second, pages of many users."""

from __future__ import annotations

import asyncio
import statistics
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as Keys
from rows import Row

from support.srp import SrpClient
from syncline.auth import ApiAuth, Authenticator, Jwts, Provider, Signed, SigV4, Throttle
from syncline.core import Meter, Settings, SystemClock, SystemIds, Vault, settings
from syncline.core.call import Caller
from syncline.store import MemoryStore
from syncline.userpools import UserPoolEngine, UserPools
from syncline.wire import Credential

USERS = 10_000
BODY = b'{"query":"{ me }"}'
ROOT = Caller("root", "000000000000", "arn:aws:iam::000000000000:root")


class Figures(NamedTuple):
    """What was measured: µs per request by mode, sign-ins a second and the part that is arithmetic, ms per page."""

    key_us: float
    jwt_us: float
    sigv4_us: float
    sign_ins_per_s: float
    list_ms: float
    search_ms: float


class OneKey:
    """Credentials that know one access key."""

    def secret_of(self, access_key_id: str, session_token: str | None) -> Credential | None:
        return Credential("secret", ROOT)


async def _nobody(*_: Any) -> Any:
    raise AssertionError("nothing is invoked or fetched")


def measure(quick: bool) -> Figures:
    """Every figure."""
    return asyncio.run(_measured(quick))


async def _measured(quick: bool) -> Figures:
    clock, ids, meter = SystemClock(), SystemIds(), Meter(out=None)
    store = MemoryStore()
    engine = UserPoolEngine(store, Vault(b"k" * 32, ids), clock, ids, Settings(), meter, _nobody)
    api = UserPools(engine)
    pool = (await api.create_user_pool({"PoolName": "bench"}))["UserPool"]["Id"]
    flows = ["ALLOW_USER_SRP_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"]
    made = await api.create_user_pool_client({"UserPoolId": pool, "ClientName": "b", "ExplicitAuthFlows": flows})
    client = made["UserPoolClient"]["ClientId"]
    named = {"UserPoolId": pool, "Username": "ada"}
    await api.admin_create_user({**named, "MessageAction": "SUPPRESS"})
    await api.admin_set_user_password({**named, "Password": "Passw0rd!", "Permanent": True})
    per_s, token = await _sign_ins(api, pool, client, rounds=10 if quick else 60)
    # Limits that are asked and never reached.
    unlimited = Throttle(clock, meter, settings.Rates(requests_per_api=1e9, calls_per_key=1e9, calls_per_identity=1e9))
    requests = await _requests(
        Authenticator(
            clock, SigV4(OneKey(), clock, account="0"), Jwts(clock, meter, engine, _nobody), throttle=unlimited
        ),
        pool,
        token,
        quick,
    )
    pages = await _pages(engine, api, pool, quick)
    await store.close()
    return Figures(*requests, per_s, *pages)


async def _sign_ins(api: UserPools, pool: str, client: str, *, rounds: int) -> tuple[float, str]:
    """The server's part only: the client's numbers are made before the clock runs."""
    spent, token = 0.0, ""
    for _ in range(rounds):
        side = SrpClient(pool, "Passw0rd!")
        ask = {
            "ClientId": client,
            "AuthFlow": "USER_SRP_AUTH",
            "AuthParameters": {"USERNAME": "ada", "SRP_A": f"{side.public:x}"},
        }
        began = time.perf_counter()
        challenge = await api.initiate_auth(ask)
        spent += time.perf_counter() - began
        answer = {
            "ClientId": client,
            "ChallengeName": "PASSWORD_VERIFIER",
            "ChallengeResponses": side.answer(challenge),
        }
        began = time.perf_counter()
        token = (await api.respond_to_auth_challenge(answer))["AuthenticationResult"]["AccessToken"]
        spent += time.perf_counter() - began
    return rounds / spent, token


async def _requests(authenticator: Authenticator, pool: str, token: str, quick: bool) -> tuple[float, float, float]:
    provider = Provider("AMAZON_COGNITO_USER_POOLS", {"userPoolId": pool, "awsRegion": "us-east-1"})
    modes: Any = ("AMAZON_COGNITO_USER_POOLS", "API_KEY", "AWS_IAM")
    api = ApiAuth("api", modes, {"da2-k": float("inf")}, (provider,))
    request = AWSRequest("POST", "http://localhost:4000/graphql", data=BODY, headers={"host": "localhost:4000"})
    SigV4Auth(Keys("AKIATEST", "secret"), "appsync", "us-east-1").add_auth(request)
    signed_headers = {name.lower(): value for name, value in request.headers.items()}
    signed = Signed("POST", ("/graphql",), body=BODY)

    async def us(headers: dict[str, str]) -> float:
        return await _us(lambda: authenticator.authenticate(api, headers, signed=signed), quick)

    return await us({"x-api-key": "da2-k"}), await us({"authorization": token}), await us(signed_headers)


async def _us(work: Callable[[], Awaitable[Any]], quick: bool) -> float:
    count, runs = 500 if quick else 2000, []
    for _ in range(5):
        began = time.perf_counter()
        for _ in range(count):
            await work()
        runs.append((time.perf_counter() - began) / count * 1e6)
    return statistics.median(runs)


async def _pages(engine: UserPoolEngine, api: UserPools, pool: str, quick: bool) -> tuple[float, float]:
    known = engine.catalog.pool(pool)
    for n in range(USERS // (10 if quick else 1)):
        user = engine.accounts._new(known, f"user{n:05}", {"email": f"u{n:05}@example.com"})
        await engine.users.add(known, user, lambda snapshot: None)

    async def ms(ask: dict[str, Any]) -> float:
        began = time.perf_counter()
        assert len((await api.list_users({"UserPoolId": pool, **ask}))["Users"]) == 60
        return (time.perf_counter() - began) * 1000

    return await ms({}), await ms({"Filter": 'email ^= "u005"'})


def rows(quick: bool) -> list[Row]:
    """What authorization adds to a request, by mode; sign-ins by SRP; pages of 10,000 users."""
    found = measure(quick)
    key, jwt, sigv4, listed = found.key_us, found.jwt_us, found.sigv4_us, max(found.list_ms, found.search_ms)
    return [
        Row("authorization: API key", f"{key:.1f} µs", "≤ 8 µs", key <= 8),
        Row("authorization: JWT, known", f"{jwt:.1f} µs", "≤ 40 µs", jwt <= 40),
        Row("authorization: SigV4", f"{sigv4:.1f} µs", "≤ 60 µs", sigv4 <= 60),
        # Three 3072-bit powers and two RSA signatures are most of a sign-in, in the fastest library there is.
        Row("sign-in by SRP", f"{found.sign_ins_per_s:.0f} /s", "≥ 500 /s a core", found.sign_ins_per_s >= 500),
        Row("10,000 users: a page listed, searched", f"{listed:.1f} ms", "≤ 50 ms", listed <= 50),
    ]
