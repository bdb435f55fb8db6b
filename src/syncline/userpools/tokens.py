"""Tokens: RS256 by a pool's own keys, one for ID and one for access tokens; JWKS and discovery for those who verify.

For: sign-in, and `auth`, which verifies. Owns: the opened private keys in memory. Never: keeps a token; imports
`cryptography` and `joserfc` before there is a key to be made or used, since that is an eighth of a start.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from syncline.core import Clock, Ids, Vault
from syncline.userpools import attributes
from syncline.userpools.errors import NotAuthorized
from syncline.userpools.model import Client, Group, Pool, SignIn, SigningKey, User

if TYPE_CHECKING:
    from joserfc.jwk import RSAKey

KEY_BITS = 2048
SEALED = "signing key"
KEPT_SECONDS = 86_400.0 + 300.0
"""A retired key stays published for the longest life of a token it may have signed, and some clock skew."""
UNITS = {"seconds": 1, "minutes": 60, "hours": 3600, "days": 86_400}
SCOPE = "aws.cognito.signin.user.admin"
Claims = dict[str, Any]


class Tokens:
    """Issues and checks the tokens of every pool."""

    def __init__(self, vault: Vault, clock: Clock, ids: Ids, *, issuer: str, region: str) -> None:
        self._vault, self._clock, self._ids = vault, clock, ids
        self._issuer = issuer.rstrip("/") or f"https://cognito-idp.{region}.amazonaws.com"
        self._private: dict[str, RSAKey] = {}

    def issuer(self, pool_id: str) -> str:
        """`iss` of a pool's tokens."""
        return f"{self._issuer}/{pool_id}"

    async def new_keys(self) -> tuple[SigningKey, ...]:
        """A key for ID tokens and one for access tokens."""
        return await self.new_key("id"), await self.new_key("access")

    async def new_key(self, use: str) -> SigningKey:
        """A fresh key. Made on a thread: it takes a tenth of a second."""
        from cryptography.hazmat.primitives.asymmetric import rsa
        from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
        from joserfc.jwk import RSAKey

        private = await asyncio.to_thread(rsa.generate_private_key, 65537, KEY_BITS)
        pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        kid = self._ids.bytes(32).hex()
        public = RSAKey.import_key(private.public_key()).as_dict(private=False)
        members = {"alg": "RS256", "use": "sig", "kid": kid, "kty": "RSA", "e": str(public["e"]), "n": str(public["n"])}
        return SigningKey(kid, use, self._clock.now(), members, self._vault.seal(SEALED, pem))

    def issue(self, pool: Pool, client: Client, user: User, sign_in: SignIn, *, more: TokenParts) -> dict[str, Any]:
        """An AuthenticationResult without a refresh token."""
        now = int(self._clock.now())
        common: Claims = {"sub": user.sub, **({"cognito:groups": list(more.groups)} if more.groups else {})}
        common |= {"iss": self.issuer(pool.id)}
        common |= {"event_id": sign_in.event, "auth_time": int(sign_in.began), "iat": now}
        if client.config.get("EnableTokenRevocation", True):
            common["origin_jti"] = sign_in.id
        access_life = seconds(client, "AccessToken", unit="hours", default=1)
        id_life = seconds(client, "IdToken", unit="hours", default=1)
        access: Claims = common | {"client_id": client.id, "token_use": "access", "scope": SCOPE}
        access |= {"exp": now + access_life, "jti": self._ids.uuid(), "username": user.name}
        identity: Claims = common | {"aud": client.id, "token_use": "id", "cognito:username": user.name}
        identity |= {"exp": now + id_life, **_attribute_claims(client, user), **_role_claims(more.all_groups)}
        if "origin_jti" in common:
            identity["jti"] = self._ids.uuid()
        return {
            "AccessToken": self._signed(pool, "access", more.change(access, "access")),
            "IdToken": self._signed(pool, "id", more.change(identity, "id")),
            "ExpiresIn": access_life,
            "TokenType": "Bearer",
        }

    def access_claims(self, pool: Pool, token: str) -> Claims:
        """The claims of an access token of this pool. Raises NotAuthorized."""
        from joserfc import jwt
        from joserfc.errors import JoseError
        from joserfc.jwk import KeySet

        keys: list[Any] = [key.public for key in self._published(pool) if key.use == "access"]
        try:
            claims = jwt.decode(token, KeySet.import_key_set({"keys": keys}), algorithms=["RS256"]).claims
        except (JoseError, ValueError):
            raise NotAuthorized("Invalid Access Token") from None
        if claims.get("token_use") != "access" or claims.get("iss") != self.issuer(pool.id):
            raise NotAuthorized("Invalid Access Token")
        if claims["exp"] <= self._clock.now():
            raise NotAuthorized("Access Token has expired")
        return claims

    def jwks(self, pool: Pool) -> dict[str, Any]:
        """The public keys, as they are published."""
        return {"keys": [key.public for key in self._published(pool)]}

    def discovery(self, pool: Pool, base: str) -> dict[str, Any]:
        """The pool's OpenID configuration; `base` is where this server is reached."""
        return {
            "issuer": self.issuer(pool.id),
            "jwks_uri": f"{base.rstrip('/')}/{pool.id}/.well-known/jwks.json",
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code", "token"],
            "scopes_supported": ["openid", "email", "phone", "profile"],
            "subject_types_supported": ["public"],
        }

    def rotated(self, pool: Pool, fresh: Iterable[SigningKey]) -> Pool:
        """The pool signing with `fresh` keys from now on; what no token can need any more is gone."""
        now = self._clock.now()
        old = [msgspec.structs.replace(key, retired=now) if key.retired is None else key for key in pool.keys]
        kept = [key for key in old if key.retired is not None and key.retired + KEPT_SECONDS > now]
        return msgspec.structs.replace(pool, keys=(*fresh, *kept))

    def _published(self, pool: Pool) -> list[SigningKey]:
        now = self._clock.now()
        return [key for key in pool.keys if key.retired is None or key.retired + KEPT_SECONDS > now]

    def _signed(self, pool: Pool, use: str, claims: Claims) -> str:
        from joserfc import jwt
        from joserfc.jwk import RSAKey

        key = next(key for key in pool.keys if key.use == use and key.retired is None)
        private = self._private.get(key.kid)
        if private is None:
            private = RSAKey.import_key(self._vault.open(SEALED, key.sealed))
            self._private[key.kid] = private
        return jwt.encode({"kid": key.kid, "alg": "RS256"}, claims, private, default_type=None)


class TokenParts(msgspec.Struct):
    """What of a user's tokens may be changed by a PreTokenGeneration function.

    `groups` are names, by precedence. The changes are per token: `id` and `access`.
    """

    groups: tuple[str, ...] = ()
    all_groups: tuple[Group, ...] = ()
    add: dict[str, dict[str, Any]] = {}
    suppress: dict[str, frozenset[str]] = {}

    def change(self, claims: Claims, use: str) -> Claims:
        """The claims as the function wants them. What identifies user, pool and token is not for it to change."""
        dropped = self.suppress.get(use, frozenset()) - PROTECTED
        added = {name: value for name, value in self.add.get(use, {}).items() if name not in PROTECTED}
        return {name: value for name, value in claims.items() if name not in dropped} | added


PROTECTED = frozenset(
    {
        *("sub", "iss", "aud", "exp", "iat", "jti", "origin_jti", "auth_time", "token_use", "client_id", "event_id"),
        *("cognito:username", "username", "identities", "nonce", "at_hash", "acr", "amr", "azp", "nbf"),
    }
)


def seconds(client: Client, what: str, *, unit: str, default: int) -> int:
    """How long a kind of token of this client is good."""
    amount = client.config.get(f"{what}Validity") or default
    named = (client.config.get("TokenValidityUnits") or {}).get(what, unit)
    return int(amount) * UNITS[named]


def _attribute_claims(client: Client, user: User) -> Claims:
    shown: Claims = dict(attributes.readable(client, user))
    shown.pop("sub", None)
    for name in attributes.BOOLEANS:
        if name in shown:
            shown[name] = shown[name] == "true"
    return shown


def _role_claims(groups: Iterable[Group]) -> Claims:
    armed = [group for group in groups if group.role_arn]
    if not armed:
        return {}
    claims: Claims = {"cognito:roles": [group.role_arn for group in armed]}
    ranked = sorted((g for g in armed if g.precedence is not None), key=lambda g: g.precedence or 0)
    if ranked and (len(ranked) == 1 or ranked[0].precedence != ranked[1].precedence):
        claims["cognito:preferred_role"] = ranked[0].role_arn
    return claims
