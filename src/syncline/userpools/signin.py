"""Signing in: the flows and their challenges, refresh, and who an access token is.

For: `service`. Owns: the order of checks (what reveals nothing before proof comes first). Never: keeps a password.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Awaitable, Callable
from typing import Any

from syncline.core import Clock, Ids, Vault, json
from syncline.userpools import attributes, passwords, srp
from syncline.userpools.accounts import CONFIRMED, FORCE_CHANGE, RESET_REQUIRED, UNCONFIRMED, Accounts
from syncline.userpools.asking import Asking
from syncline.userpools.attempts import Attempts
from syncline.userpools.catalog import Catalog
from syncline.userpools.custom import CustomChallenges, passed
from syncline.userpools.directory import Directory
from syncline.userpools.errors import (
    NoSuchUser,
    NotAuthorized,
    NotBuilt,
    NotConfirmed,
    ParameterInvalid,
    ResetRequired,
)
from syncline.userpools.grants import Grants
from syncline.userpools.model import Client, Pool, User
from syncline.userpools.sign_ins import SignIns
from syncline.userpools.srp import Verifier
from syncline.userpools.tokens import Tokens
from syncline.userpools.triggers import Triggers, attributes_event

Members = dict[str, Any]
HEX = re.compile(r"[0-9a-fA-F]{1,1024}")
ALIASES = {"REFRESH_TOKEN": "REFRESH_TOKEN_AUTH", "ADMIN_NO_SRP_AUTH": "ADMIN_USER_PASSWORD_AUTH"}
ADMIN_ONLY = frozenset({"ADMIN_USER_PASSWORD_AUTH"})


class SignInFlows:
    """InitiateAuth, its challenges, and refresh."""

    def __init__(
        self,
        catalog: Catalog,
        users: Directory,
        accounts: Accounts,
        sign_ins: SignIns,
        tokens: Tokens,
        triggers: Triggers,
        attempts: Attempts,
        vault: Vault,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._catalog, self._users, self._accounts, self._sign_ins = catalog, users, accounts, sign_ins
        self._tokens, self._triggers, self._attempts = tokens, triggers, attempts
        self._vault, self._clock, self._ids = vault, clock, ids
        self._grants = Grants(catalog, sign_ins, tokens, triggers)
        self._challenger = CustomChallenges(sign_ins, triggers, self._signed_in)
        self._flows: dict[str, Callable[[Asking], Awaitable[Members]]] = {
            "USER_SRP_AUTH": self._srp,
            "USER_PASSWORD_AUTH": self._password,
            "ADMIN_USER_PASSWORD_AUTH": self._password,
            "REFRESH_TOKEN_AUTH": self._refresh,
            "CUSTOM_AUTH": self._custom,
        }
        self._challenges: dict[str, Callable[[Asking], Awaitable[Members]]] = {
            "PASSWORD_VERIFIER": self._prove,
            "NEW_PASSWORD_REQUIRED": self._new_password,
            "CUSTOM_CHALLENGE": self._answer,
        }

    async def initiate(self, request: Members, *, admin: bool) -> Members:
        """InitiateAuth and AdminInitiateAuth."""
        client = self._client(request, admin=admin)
        pool = self._catalog.pool(client.pool)
        named = str(request["AuthFlow"])
        flow = ALIASES.get(named, named)
        run = self._flows.get(flow)
        if run is None:
            raise NotBuilt(what=f"The flow {flow}")
        if flow in ADMIN_ONLY and not admin:
            raise ParameterInvalid("Initiate Auth method not supported.")
        if flow not in client.flows:
            raise ParameterInvalid(f"{flow} flow not enabled for this client")
        asking = Asking(pool, client, request.get("AuthParameters") or {}, request.get("ClientMetadata") or {})
        if flow != "REFRESH_TOKEN_AUTH":
            self._catalog.check_secret_hash(client, asking.required("USERNAME"), asking.given.get("SECRET_HASH"))
        return await run(asking)

    async def respond(self, request: Members, *, admin: bool) -> Members:
        """RespondToAuthChallenge and AdminRespondToAuthChallenge."""
        client = self._client(request, admin=admin)
        pool = self._catalog.pool(client.pool)
        run = self._challenges.get(request["ChallengeName"])
        if run is None:
            raise NotBuilt(what=f"The challenge {request['ChallengeName']}")
        given, metadata = request.get("ChallengeResponses") or {}, request.get("ClientMetadata") or {}
        asking = Asking(pool, client, given, metadata, request.get("Session") or "")
        self._catalog.check_secret_hash(client, asking.required("USERNAME"), given.get("SECRET_HASH"))
        return await run(asking)

    async def refresh(self, request: Members) -> Members:
        """GetTokensFromRefreshToken."""
        client = self._catalog.client(request["ClientId"])
        if not self._catalog.is_secret(client, request.get("ClientSecret") or ""):
            raise NotAuthorized(f"Client {client.id} is configured with secret but a right one was not received")
        asking = Asking(self._catalog.pool(client.pool), client, {}, request.get("ClientMetadata") or {})
        return await self._refreshed(asking, request["RefreshToken"])

    async def bearer(self, token: str) -> tuple[Pool, Client, User]:
        """Who an access token is. Raises NotAuthorized."""
        pool_id = str(unverified(token).get("iss", "")).rpartition("/")[2]
        pool = self._catalog.pools.get(pool_id)
        if pool is None:
            raise NotAuthorized("Invalid Access Token")
        claims = self._tokens.access_claims(pool, token)
        client = self._catalog.clients.get(claims["client_id"])
        user = await self._users.find(pool, claims["username"])
        if claims.get("origin_jti") in self._sign_ins.revoked:
            raise NotAuthorized("Access Token has been revoked")
        if client is None or user is None or user.sub != claims["sub"]:
            raise NotAuthorized("Invalid Access Token")
        if not user.enabled:
            raise NotAuthorized("User is disabled.")
        return pool, client, user

    # --- flows

    async def _srp(self, asking: Asking) -> Members:
        return await self._srp_challenge(asking, await self._begun(asking, asking.required("USERNAME")))

    async def _srp_challenge(self, asking: Asking, user: User | None, **more: Any) -> Members:
        """The challenge to prove a password without showing it; `more` goes with it to the answer."""
        pool, client, name, public = asking.pool, asking.client, asking.required("USERNAME"), asking.required("SRP_A")
        if not HEX.fullmatch(public) or int(public, 16) % srp.N == 0:
            raise ParameterInvalid("SRP_A is not a number of the group.")
        known = user is not None and bool(user.verifier)
        verifier = passwords.verifier_of(user, self._vault) if user is not None and known else self._decoy(pool, name)
        secret = int.from_bytes(self._ids.bytes(srp.SECRET_BYTES), "big") | 1
        shown = user.name if user else name
        public_b = f"{srp.server_public(verifier, secret):x}"
        facts = {
            "kind": "srp",
            "user": user.key if user and known else "",
            "a": public,
            "b": f"{secret:x}",
            "B": public_b,
            "name": shown,
            **more,
        }
        return {
            "ChallengeName": "PASSWORD_VERIFIER",
            "ChallengeParameters": {
                "SALT": f"{verifier.salt:x}",
                "SRP_B": public_b,
                "SECRET_BLOCK": self._sign_ins.session(client, facts),
                "USERNAME": shown,
                "USER_ID_FOR_SRP": shown,
            },
        }

    async def _prove(self, asking: Asking) -> Members:
        pool = asking.pool
        block, stamp = asking.required("PASSWORD_CLAIM_SECRET_BLOCK"), asking.required("TIMESTAMP")
        claimed = asking.required("PASSWORD_CLAIM_SIGNATURE")
        facts = self._sign_ins.take(asking.client, block, kind="srp")
        self._check_pause(pool, facts["name"])
        user = await self._users.find(pool, facts["name"]) if facts["user"] else None
        # For nobody the sums are done, too: how long this takes does not tell who is there.
        known = user is not None and user.verifier
        verifier = passwords.verifier_of(user, self._vault) if user and known else self._decoy(pool, facts["name"])
        proved = _proved(pool, facts, verifier, block, stamp, claimed)
        if user is None or not proved:
            self._attempts.failed(pool.id, pool.fold(facts["name"]))
            raise NotAuthorized
        if "custom" in facts:
            self._check_state(user)
            return await self._challenger.next(asking, user, [*facts["custom"], passed("PASSWORD_VERIFIER")])
        return await self._signed_in(asking, user)

    async def _password(self, asking: Asking) -> Members:
        pool, client = asking.pool, asking.client
        name, password = asking.required("USERNAME"), asking.required("PASSWORD")
        self._check_pause(pool, name)
        user = await self._users.find(pool, name)
        if user is None:
            user = await self._accounts.migrate(pool, client, name, password, asking.metadata)
        await self._triggered(asking, user)
        if user is None:
            passwords.matches(pool, self._nobody(pool, name), password, self._vault)  # takes as long as for a user
            self._attempts.failed(pool.id, pool.fold(name))
            raise NotAuthorized if client.discreet else NoSuchUser()
        if not passwords.matches(pool, user, password, self._vault):
            self._attempts.failed(pool.id, user.key)
            raise NotAuthorized
        return await self._signed_in(asking, user)

    async def _custom(self, asking: Asking) -> Members:
        user = await self._begun(asking, asking.required("USERNAME"))
        if asking.given.get("CHALLENGE_NAME") == "SRP_A":
            past = [passed("SRP_A")]
            # For nobody the functions are not asked: what they answer would tell.
            if user is None or await self._challenger.wanted(asking, user, past) == "PASSWORD_VERIFIER":
                return await self._srp_challenge(asking, user, custom=past)
            raise NotBuilt(what="A custom flow that goes on from SRP_A without PASSWORD_VERIFIER")
        if user is None:
            raise NotAuthorized
        self._check_state(user)
        return await self._challenger.next(asking, user, [])

    async def _answer(self, asking: Asking) -> Members:
        facts = self._sign_ins.take(asking.client, asking.session, kind="custom")
        user = await self._users.user(asking.pool, facts["user"])
        self._check_pause(asking.pool, user.key)
        if not await self._is(asking.pool, user, asking.given["USERNAME"]):
            raise NotAuthorized("Invalid session for the user.")
        right = await self._challenger.verified(asking, user, facts)
        if not right:
            self._attempts.failed(asking.pool.id, user.key)
        return await self._challenger.next(asking, user, [*facts["past"], passed("CUSTOM_CHALLENGE", right, facts)])

    async def _begun(self, asking: Asking, name: str) -> User | None:
        """Who wants to sign in, when PreAuthentication has nothing against it; None for nobody, if that is not told."""
        user = await self._users.find(asking.pool, name)
        if user is None and not asking.client.discreet:
            raise NoSuchUser
        await self._triggered(asking, user)
        return user

    async def _triggered(self, asking: Asking, user: User | None) -> None:
        if user is None and not asking.client.discreet:
            return
        told: Members = {"userNotFound": user is None} if asking.client.discreet else {}
        await self._triggers.fire(
            asking.pool,
            "PreAuthentication",
            "Authentication",
            user=user,
            client=asking.client,
            userName=None if user else asking.required("USERNAME"),
            userAttributes={} if user is None else attributes_event(user),
            validationData=dict(asking.metadata),
            **told,
        )

    async def _refresh(self, asking: Asking) -> Members:
        if asking.client.rotation is not None:
            raise NotAuthorized("Refresh token rotation is enabled: use GetTokensFromRefreshToken.")
        token = asking.required("REFRESH_TOKEN")
        if self._catalog.secret_of(asking.client) is not None:
            await self._check_refresh_hash(asking.pool, asking.client, token, asking.given.get("SECRET_HASH"))
        return await self._refreshed(asking, token)

    async def _check_refresh_hash(self, pool: Pool, client: Client, token: str, given: str | None) -> None:
        facts = self._sign_ins.read(token)
        user = await self._users.find(pool, facts.user) if facts else None
        if user is None:
            raise NotAuthorized("Invalid Refresh Token")
        try:
            self._catalog.check_secret_hash(client, user.name, given)
        except NotAuthorized:
            self._catalog.check_secret_hash(client, user.sub, given)

    async def _refreshed(self, asking: Asking, token: str) -> Members:
        sign_in = await self._sign_ins.of_refresh(asking.client, token)
        user = await self._users.find(asking.pool, sign_in.user)
        if user is None:
            raise NotAuthorized("Invalid Refresh Token")
        self._check_state(user)
        return await self._grants.refresh(asking, user, sign_in)

    # --- after the proof

    async def _signed_in(self, asking: Asking, user: User) -> Members:
        """The password was right: what its owner may do now."""
        self._attempts.succeeded(asking.pool.id, user.key)
        self._check_state(user)
        if user.status == FORCE_CHANGE:
            return self._new_password_asked(asking.pool, asking.client, user)
        return await self._grants.grant(asking, user)

    def _check_state(self, user: User) -> None:
        if not user.enabled:
            raise NotAuthorized("User is disabled.")
        if user.status == UNCONFIRMED:
            raise NotConfirmed
        if user.status == RESET_REQUIRED:
            raise ResetRequired
        if user.temporary_until is not None and user.temporary_until <= self._clock.now():
            raise NotAuthorized("Temporary password has expired and must be reset by an administrator.")

    def _new_password_asked(self, pool: Pool, client: Client, user: User) -> Members:
        missing = [f"userAttributes.{name}" for name in attributes.missing_of(pool, user.attributes)]
        shown = json.encode(user.attributes).decode()
        return {
            "ChallengeName": "NEW_PASSWORD_REQUIRED",
            "Session": self._sign_ins.session(client, {"kind": "new password", "user": user.key}),
            "ChallengeParameters": {
                "USER_ID_FOR_SRP": user.name,
                "requiredAttributes": json.encode(missing).decode(),
                "userAttributes": shown,
            },
        }

    async def _new_password(self, asking: Asking) -> Members:
        pool, client, given = asking.pool, asking.client, asking.given
        password = asking.required("NEW_PASSWORD")
        passwords.check(pool, password)
        facts = self._sign_ins.take(client, asking.session, kind="new password")
        user = await self._users.user(pool, facts["user"])
        if user.status != FORCE_CHANGE or not await self._is(pool, user, given["USERNAME"]):
            raise NotAuthorized("Invalid session for the user.")
        more = {name.partition(".")[2]: value for name, value in given.items() if name.startswith("userAttributes.")}
        attributes.check(pool, more, old=user.attributes)
        attributes.check_writable(client, more)
        attributes.check_required(pool, user.attributes | more)
        if more:
            user = await self._users.update(user, attributes=user.attributes | more)
        user = await self._accounts.set_password(pool, user, password, permanent=True)
        return await self._grants.grant(asking, user, source="NewPasswordChallenge")

    async def _is(self, pool: Pool, user: User, name: str) -> bool:
        found = await self._users.find(pool, name)
        return found is not None and found.key == user.key

    # --- parts

    def _client(self, request: Members, *, admin: bool) -> Client:
        return self._catalog.client(request["ClientId"], request["UserPoolId"] if admin else None)

    def _check_pause(self, pool: Pool, name: str) -> None:
        if self._attempts.blocked(pool.id, pool.fold(name)):
            raise NotAuthorized("Password attempts exceeded")

    def _decoy(self, pool: Pool, name: str) -> Verifier:
        """For nobody: always the same salt for a name, and a verifier that no password fits."""
        salt = self._vault.digest("decoy salt", f"{pool.id}/{pool.fold(name)}")[:16]
        value = self._vault.digest("decoy verifier", f"{pool.id}/{pool.fold(name)}")
        return Verifier(int.from_bytes(salt, "big"), srp.power(srp.G, int.from_bytes(value, "big")))

    def _nobody(self, pool: Pool, name: str) -> User:
        decoy = self._decoy(pool, name)
        sealed = self._vault.seal(passwords.SEALED, decoy.value.to_bytes(384, "big"))
        return User(pool.id, "", name, "", {}, CONFIRMED, 0.0, 0.0, salt=f"{decoy.salt:x}", verifier=sealed)


def unverified(token: str) -> Members:
    """The claims of a token before anybody has verified it: to know whom to ask. Raises NotAuthorized."""
    parts = token.split(".")
    try:
        if len(parts) != 3:
            raise ValueError(token)
        claims = json.decode(base64.urlsafe_b64decode(parts[1].encode() + b"=="))
    except (ValueError, binascii.Error, json.NotJson):
        raise NotAuthorized("Invalid Access Token") from None
    if not isinstance(claims, dict):
        raise NotAuthorized("Invalid Access Token")
    return claims


def _proved(pool: Pool, facts: Members, verifier: Verifier, block: str, stamp: str, claimed: str) -> bool:
    key = srp.session_key(verifier, int(facts["a"], 16), int(facts["b"], 16), int(facts["B"], 16))
    if key is None or not claimed.isascii():
        return False
    wanted = srp.signature(key, pool.short_name, facts["name"], base64.b64decode(block), stamp)
    return hmac.compare_digest(wanted, claimed)
