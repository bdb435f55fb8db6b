"""JWTs: whose they are, whether their signature and times hold, and which keys they are checked with.

For: `authenticate`. Owns: issuers' keys (fetched, kept, fetched again when a new one is named) and verified tokens
by hash until they expire. Never: takes an algorithm, a key or an address from a token: a token only names a key that
its issuer published, and the key says what it is for.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Protocol

import msgspec

from syncline.auth.refusals import NotAuthorized, TokenExpired, TokenRevoked, TokenUnreadable
from syncline.core import Clock, Meter, SynclineError, json

Claims = dict[str, Any]
Fetch = Callable[[str], Awaitable[bytes]]
"""The body of a GET; the sender guards which addresses may be reached. Raises SynclineError."""

KEYS_FRESH_S = 3600.0
KEYS_RETRY_S = 20.0
"""Between two fetches for the same issuer: tokens that name unknown keys must not make us hammer it."""
KEYS_STALE_S = 86_400.0
"""How long keys of an issuer that cannot be reached stay in use."""
KEYS_MAX = 100
VERIFIED_MAX = 20_000
TOKEN_BYTES_MAX = 32 * 1024
SKEW_S = 5.0
BY_KIND = {
    "RSA": ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    "EC": ("ES256", "ES384", "ES512"),
    "oct": ("HS256", "HS384", "HS512"),
}
BY_CURVE = {"P-256": "ES256", "P-384": "ES384", "P-521": "ES512"}


class Pools(Protocol):
    """This server's own user pools."""

    def jwks(self, pool_id: str) -> dict[str, Any] | None:
        """A pool's public keys; None when it is not ours."""
        ...

    def issuer(self, pool_id: str) -> str:
        """`iss` of its tokens."""
        ...

    def revoked(self, claims: Claims) -> bool:
        """Whether the sign-in behind a token was revoked."""
        ...


class Verified(msgspec.Struct, frozen=True):
    """A token whose signature was right."""

    claims: Claims
    expires: float


class KeyRing(msgspec.Struct):
    """What an issuer published."""

    keys: dict[str, Mapping[str, Any]] = {}
    fetched: float = float("-inf")
    tried: float = float("-inf")


class Jwts:
    """Verifies tokens."""

    def __init__(self, clock: Clock, meter: Meter, pools: Pools, fetch: Fetch) -> None:
        self._clock, self._meter, self._pools, self._fetch = clock, meter, pools, fetch
        self._rings: dict[str, KeyRing] = {}
        self._verified: OrderedDict[bytes, Verified] = OrderedDict()
        self._hits = meter.counter("syncline_auth_tokens_known_total")
        self._checks = meter.counter("syncline_auth_tokens_verified_total")

    async def of_pool(self, token: str, pool_id: str, region: str) -> Verified:
        """A token of a user pool. Raises Unauthenticated."""
        own = self._pools.jwks(pool_id)
        issuer = self._pools.issuer(pool_id) if own else f"https://cognito-idp.{region}.amazonaws.com/{pool_id}"
        # A pool of ours that was deleted is nobody's: what was known by its keys must not be taken for AWS's word.
        voucher = f"own {issuer}" if own else issuer
        found = self._known(token, voucher)
        if found is None:
            keys = _by_kid(own) if own else None
            found = await self._check(token, voucher, f"{issuer}/.well-known/jwks.json", keys)
        if found.claims.get("iss") != issuer:
            raise NotAuthorized
        self._check_times(found)
        if own and self._pools.revoked(found.claims):
            raise TokenRevoked
        return found

    async def of_issuer(self, token: str, issuer: str, *, compare: bool) -> Verified:
        """A token of an OpenID Connect issuer; `compare`: its `iss` must be the issuer's. Raises Unauthenticated."""
        found = self._known(token, issuer) or await self._check(token, issuer, "", None)
        if compare and str(found.claims.get("iss", "")).rstrip("/") != issuer.rstrip("/"):
            raise NotAuthorized
        self._check_times(found)
        return found

    def revoked(self, sign_in: str) -> bool:
        """Whether the sign-in behind a token was revoked."""
        return self._pools.revoked({"origin_jti": sign_in})

    def _known(self, token: str, issuer: str) -> Verified | None:
        found = self._verified.get(_fingerprint(token, issuer))
        if found is not None:
            self._hits.add()
        return found

    async def _check(
        self, token: str, issuer: str, keys_url: str, keys: Mapping[str, Mapping[str, Any]] | None
    ) -> Verified:
        header, _ = parts_of(token)
        kid = header.get("kid")
        if not isinstance(kid, str) or not isinstance(header.get("alg"), str):
            raise NotAuthorized
        key = keys.get(kid) if keys is not None else await self._key(issuer, keys_url, kid)
        if key is None:
            raise NotAuthorized
        claims = _opened(token, key)
        self._checks.add()
        expires = claims.get("exp")
        if not isinstance(expires, (int, float)) or isinstance(expires, bool):
            raise NotAuthorized
        found = Verified(claims, float(expires))
        self._verified[_fingerprint(token, issuer)] = found
        while len(self._verified) > VERIFIED_MAX:
            self._verified.popitem(last=False)
        return found

    def _check_times(self, found: Verified) -> None:
        now = self._clock.now()
        if found.expires <= now:
            raise TokenExpired
        early = found.claims.get("nbf")
        if isinstance(early, (int, float)) and early > now + SKEW_S:
            raise NotAuthorized

    # --- issuers' keys

    async def _key(self, issuer: str, url: str, kid: str) -> Mapping[str, Any] | None:
        ring = self._rings.setdefault(issuer, KeyRing())
        now = self._clock.now()
        stale = now - ring.fetched > KEYS_FRESH_S
        if (stale or kid not in ring.keys) and now - ring.tried > KEYS_RETRY_S:
            ring.tried = now
            await self._refresh(ring, issuer, url)
        if self._clock.now() - ring.fetched > KEYS_STALE_S:
            return None
        return ring.keys.get(kid)

    async def _refresh(self, ring: KeyRing, issuer: str, url: str) -> None:
        try:
            if not url:
                found = _object(await self._fetch(f"{issuer.rstrip('/')}/.well-known/openid-configuration"))
                url = str(found.get("jwks_uri", ""))
            ring.keys = _by_kid(_object(await self._fetch(url)))
            ring.fetched = self._clock.now()
        except SynclineError as refusal:
            # Old keys stay in use: an issuer that is away for a moment must not lock everybody out.
            self._meter.event("issuer unreachable", room="auth", issuer=issuer, reason=refusal.message[:300])


def parts_of(token: str) -> tuple[Claims, Claims]:
    """Header and claims, before anything is verified. Raises TokenUnreadable."""
    pieces = token.split(".")
    if len(pieces) != 3 or len(token) > TOKEN_BYTES_MAX:
        raise TokenUnreadable
    return _decoded(pieces[0]), _decoded(pieces[1])


def looks_like_jwt(token: str) -> bool:
    """Whether this could be one."""
    try:
        parts_of(token)
    except TokenUnreadable:
        return False
    return True


def _decoded(piece: str) -> Claims:
    try:
        found = json.decode(base64.urlsafe_b64decode(piece.encode() + b"=="))
    except (ValueError, binascii.Error, json.NotJson, RecursionError):
        raise TokenUnreadable from None
    if not isinstance(found, dict):
        raise TokenUnreadable
    return found


def _opened(token: str, key: Mapping[str, Any]) -> Claims:
    """The claims, when the signature is the key's. The key decides which algorithms there are. Raises NotAuthorized."""
    # Imported with the first token: it costs an eighth of a start.
    from joserfc import jws
    from joserfc.errors import JoseError
    from joserfc.jwk import JWKRegistry

    kind = str(key.get("kty", ""))
    allowed = BY_KIND.get(kind, ())
    if kind == "EC":
        allowed = tuple(name for name in allowed if name == BY_CURVE.get(str(key.get("crv"))))
    if key.get("alg"):
        allowed = tuple(name for name in allowed if name == key["alg"])
    if not allowed or key.get("use", "sig") != "sig":
        raise NotAuthorized
    try:
        found = jws.deserialize_compact(token, JWKRegistry.import_key(dict(key)), algorithms=list(allowed))
        claims = json.decode(found.payload)
    except (JoseError, ValueError, json.NotJson):
        raise NotAuthorized from None
    if not isinstance(claims, dict):
        raise NotAuthorized
    return claims


def _by_kid(found: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    listed = found.get("keys")
    rows = listed[:KEYS_MAX] if isinstance(listed, list) else []
    return {row["kid"]: row for row in rows if isinstance(row, dict) and isinstance(row.get("kid"), str)}


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = json.decode(body)
    except json.NotJson:
        raise NotAuthorized("The issuer's answer is not JSON.") from None
    if not isinstance(found, dict):
        raise NotAuthorized("The issuer's answer is no JSON object.")
    return found


def _fingerprint(token: str, issuer: str) -> bytes:
    return hashlib.sha256(f"{issuer}\0{token}".encode("utf-8", "surrogatepass")).digest()
