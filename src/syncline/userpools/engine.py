"""The engine of user pools: its parts, the way in for those who verify tokens, and what lives with the server.

For: `app`, `auth`, `service`. Owns: nothing but its parts.
"""

from __future__ import annotations

from typing import Any

from syncline.core import Clock, Ids, Meter, NotFound, Request, Response, Settings, Vault, json
from syncline.store import Store
from syncline.userpools.accounts import Accounts
from syncline.userpools.attempts import Attempts
from syncline.userpools.catalog import Catalog
from syncline.userpools.codes import Codes
from syncline.userpools.directory import Directory
from syncline.userpools.errors import NoSuchThing
from syncline.userpools.messages import Outbox
from syncline.userpools.model import USERS, Pool
from syncline.userpools.sign_ins import SignIns
from syncline.userpools.signin import SignInFlows
from syncline.userpools.tokens import Tokens
from syncline.userpools.triggers import Invoke, Triggers

HOUR, DAY = 3600.0, 86_400.0
WELL_KNOWN = "/.well-known/"


class NoSuchDocument(NotFound):
    """Nothing is published at {path}."""

    code = "NotFoundException"


class UserPoolEngine:
    """User pools: kept, signed in to, verified by. `load` before use, `run` while the server serves."""

    def __init__(
        self,
        store: Store,
        vault: Vault,
        clock: Clock,
        ids: Ids,
        settings: Settings,
        meter: Meter,
        invoke: Invoke,
    ) -> None:
        self._store, self._clock, self._meter = store, clock, meter
        self._key_days = settings.userpools.key_days
        region = settings.region
        self.tokens = Tokens(vault, clock, ids, issuer=settings.userpools.issuer, region=region)
        self.catalog = Catalog(store, vault, self.tokens, clock, ids, region=region, account=settings.account)
        self.users = Directory(store, clock)
        self.outbox = Outbox(settings.userpools, clock, meter, development=settings.mode == "dev")
        triggers = Triggers(invoke, region=region)
        self.sign_ins = SignIns(store, vault, clock, ids)
        codes = Codes(vault, self.outbox, triggers, clock, ids)
        self.accounts = Accounts(self.catalog, self.users, codes, self.sign_ins, triggers, vault, clock, ids)
        self.flows = SignInFlows(
            self.catalog,
            self.users,
            self.accounts,
            self.sign_ins,
            self.tokens,
            triggers,
            Attempts(clock),
            vault,
            clock,
            ids,
        )

    async def load(self) -> None:
        """Take in what the store holds: once, at start."""
        await self.catalog.load()
        await self.sign_ins.load()

    async def run(self) -> None:
        """Forget what is over, and give pools new signing keys when theirs are old, until cancelled."""
        while True:
            await self.sign_ins.sweep()
            for pool in list(self.catalog.pools.values()):
                youngest = max(key.created for key in pool.keys)
                if youngest + self._key_days * DAY <= self._clock.now():
                    await self.rotate_keys(pool.id)
            await self._clock.sleep(HOUR)

    async def rotate_keys(self, pool_id: str) -> Pool:
        """Sign with new keys from now on; the old ones stay published as long as their tokens are good."""
        fresh = await self.tokens.new_keys()
        pool = self.catalog.pool(pool_id)
        self._meter.event("signing keys rotated", room="userpools", pool=pool_id)
        return await self.catalog.keep_pool(self.tokens.rotated(pool, fresh))

    async def delete_pool(self, pool_id: str) -> None:
        """Forget a pool with all its users, and end their sign-ins."""
        await self.catalog.delete_pool(pool_id)
        while users := await self._store.read(lambda snapshot: USERS.list(snapshot, pool_id)[:500], long=True):
            for user in users:
                await self.sign_ins.revoke_all(user)
                await self.users.remove(user)

    # --- for those who verify

    def jwks(self, pool_id: str) -> dict[str, Any] | None:
        """A pool's public keys; None when there is no such pool."""
        pool = self.catalog.pools.get(pool_id)
        return None if pool is None else self.tokens.jwks(pool)

    def issuer(self, pool_id: str) -> str:
        """`iss` of a pool's tokens."""
        return self.tokens.issuer(pool_id)

    def revoked(self, claims: dict[str, Any]) -> bool:
        """Whether the sign-in that a token came from was revoked."""
        return claims.get("origin_jti") in self.sign_ins.revoked

    def publishes(self, path: str) -> bool:
        """Whether this is where a pool's keys or configuration would be."""
        pool_id, found, _ = path[1:].partition(WELL_KNOWN)
        return bool(found) and pool_id in self.catalog.pools

    def published(self, request: Request, base: str) -> Response:
        """`/<pool>/.well-known/jwks.json` and `openid-configuration`. Raises NoSuchDocument."""
        pool_id, _, name = request.path[1:].partition(WELL_KNOWN)
        try:
            pool = self.catalog.pool(pool_id)
        except NoSuchThing:
            raise NoSuchDocument(path=request.path) from None
        if name == "jwks.json":
            return Response(body=json.encode(self.tokens.jwks(pool)))
        if name == "openid-configuration":
            return Response(body=json.encode(self.tokens.discovery(pool, base)))
        raise NoSuchDocument(path=request.path)
