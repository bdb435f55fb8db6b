"""What a sign-in leaves behind: refresh tokens, their rotation and revocation, and sealed challenge sessions.

For: `signin`. Owns: the records of sign-ins, what was revoked, which sessions were used.
Never: keeps a refresh token: it is sealed facts, good while the record behind it is.
"""

from __future__ import annotations

import base64
import binascii
from collections import deque
from collections.abc import Callable
from typing import Any

import msgspec

from syncline.core import Clock, Ids, SealBroken, Vault, call, json
from syncline.store import Snapshot, Space, Store, Transaction, keys
from syncline.userpools.errors import NotAuthorized, TokenReused
from syncline.userpools.model import REVOKED, SIGN_INS, Client, SignIn, User
from syncline.userpools.tokens import KEPT_SECONDS, seconds

REFRESH, SESSION = "refresh token", "sign-in session"
USED_MAX = 100_000
SWEEP_MAX = 1000


class Refresh(msgspec.Struct, frozen=True, array_like=True):
    """The facts in a refresh token."""

    pool: str
    user: str
    id: str
    turn: int


_decode_refresh = msgspec.msgpack.Decoder(Refresh).decode


class SignIns:
    """Sign-ins, kept as long as their refresh tokens are good."""

    def __init__(self, store: Store, vault: Vault, clock: Clock, ids: Ids) -> None:
        self._store, self._vault, self._clock, self._ids = store, vault, clock, ids
        self.revoked: dict[str, float] = {}
        self.listeners: list[Callable[[frozenset[str]], None]] = []
        self._used: set[str] = set()
        self._used_order: deque[tuple[float, str]] = deque()

    async def load(self) -> None:
        """Take in what was revoked: once, at start."""
        low, high = keys.prefix_range((REVOKED.kind,))

        def body(snapshot: Snapshot) -> None:
            for key, value in snapshot.scan(Space.CATALOG, low, high, limit=USED_MAX):
                self.revoked[str(keys.decode(key)[1])] = msgspec.msgpack.decode(value, type=float)

        await self._store.read(body)

    # --- refresh tokens

    async def begin(self, user: User, client: Client) -> tuple[SignIn, str]:
        """A new sign-in, durable, and its refresh token."""
        now = self._clock.now()
        life = seconds(client, "RefreshToken", unit="days", default=30)
        sign_in = SignIn(self._ids.uuid(), user.pool, user.key, client.id, now, now + life, self._ids.uuid())
        await self._put(sign_in)
        return sign_in, self._token(sign_in)

    async def of_refresh(self, client: Client, token: str) -> SignIn:
        """The sign-in of a refresh token. Raises NotAuthorized."""
        facts = self.read(token)
        if facts is None or facts.pool != client.pool:
            raise NotAuthorized("Invalid Refresh Token")
        sign_in = await self._get(facts)
        if sign_in is None or sign_in.client != client.id:
            raise NotAuthorized("Invalid Refresh Token")
        if sign_in.revoked:
            raise NotAuthorized("Refresh Token has been revoked")
        if sign_in.expires <= self._clock.now():
            raise NotAuthorized("Refresh Token has expired")
        self._check_turn(client, sign_in, facts)
        return sign_in

    def _check_turn(self, client: Client, sign_in: SignIn, facts: Refresh) -> None:
        if facts.turn == sign_in.turn:
            return
        grace = float((client.rotation or {}).get("RetryGracePeriodSeconds", 0))
        if facts.turn == sign_in.turn - 1 and self._clock.now() < sign_in.turned + grace:
            return
        raise TokenReused("Refresh token reuse detected.")

    async def turned(self, sign_in: SignIn) -> str:
        """A new refresh token instead of the one just used."""
        changed = msgspec.structs.replace(sign_in, turn=sign_in.turn + 1, turned=self._clock.now())
        await self._put(changed)
        return self._token(changed)

    def read(self, token: str) -> Refresh | None:
        """The facts in a token that this server sealed."""
        try:
            return _decode_refresh(self._vault.open(REFRESH, base64.urlsafe_b64decode(token)))
        except (SealBroken, binascii.Error, ValueError, msgspec.DecodeError):
            return None

    def _token(self, sign_in: SignIn) -> str:
        facts = Refresh(sign_in.pool, sign_in.user, sign_in.id, sign_in.turn)
        return base64.urlsafe_b64encode(self._vault.seal(REFRESH, msgspec.msgpack.encode(facts))).decode()

    # --- revocation

    async def revoke(self, facts: Refresh) -> None:
        """End one sign-in; one that is over already is nothing to do."""
        sign_in = await self._get(facts)
        if sign_in is not None and not sign_in.revoked:
            await self._revoke([sign_in])

    async def revoke_all(self, user: User) -> None:
        """End every sign-in of a user."""
        found = await self._store.read(lambda snapshot: SIGN_INS.list(snapshot, user.pool, user.key))
        await self._revoke([sign_in for sign_in in found if not sign_in.revoked])

    async def _revoke(self, sign_ins: list[SignIn]) -> None:
        until = self._clock.now() + KEPT_SECONDS

        def body(txn: Transaction) -> None:
            for sign_in in sign_ins:
                over = msgspec.structs.replace(sign_in, revoked=True)
                SIGN_INS.put(txn, over, sign_in.pool, sign_in.user, sign_in.id)
                REVOKED.put(txn, until, sign_in.id)

        if not sign_ins:
            return
        call.committed((await self._store.write(body)).position)
        gone = frozenset(sign_in.id for sign_in in sign_ins)
        self.revoked.update(dict.fromkeys(gone, until))
        for listener in list(self.listeners):
            listener(gone)

    async def sweep(self) -> None:
        """Forget sign-ins that are over, a stretch at a time."""
        now = self._clock.now()
        gone = [id for id, until in self.revoked.items() if until <= now]
        found = await self._store.read(lambda snapshot: SIGN_INS.list(snapshot), long=True)
        over = [sign_in for sign_in in found if sign_in.expires <= now][:SWEEP_MAX]

        def body(txn: Transaction) -> None:
            for sign_in in over:
                SIGN_INS.delete(txn, sign_in.pool, sign_in.user, sign_in.id)
            for id in gone:
                REVOKED.delete(txn, id)

        if over or gone:
            await self._store.write(body)
        for id in gone:
            del self.revoked[id]

    async def _get(self, facts: Refresh) -> SignIn | None:
        return await self._store.read(lambda snapshot: SIGN_INS.get(snapshot, facts.pool, facts.user, facts.id))

    async def _put(self, sign_in: SignIn) -> None:
        body = lambda txn: SIGN_INS.put(txn, sign_in, sign_in.pool, sign_in.user, sign_in.id)  # noqa: E731
        call.committed((await self._store.write(body)).position)

    # --- sessions

    def session(self, client: Client, facts: dict[str, Any]) -> str:
        """A sealed challenge session that is good once, for the client's time."""
        life = 60.0 * int(client.config.get("AuthSessionValidity") or 3)
        whole = {**facts, "client": client.id, "until": self._clock.now() + life, "id": self._ids.uuid()}
        return base64.b64encode(self._vault.seal(SESSION, json.encode(whole))).decode()

    def take(self, client: Client, session: str, *, kind: str) -> dict[str, Any]:
        """The facts of a session, which is used up by this. Raises NotAuthorized."""
        try:
            facts: dict[str, Any] = json.decode(self._vault.open(SESSION, base64.b64decode(session, validate=True)))
        except (SealBroken, binascii.Error, ValueError):
            raise NotAuthorized("Invalid session for the user.") from None
        if facts["client"] != client.id or facts["kind"] != kind or facts["id"] in self._used:
            raise NotAuthorized("Invalid session for the user.")
        if facts["until"] <= self._clock.now():
            raise NotAuthorized("Invalid session for the user, session is expired.")
        self._use(facts["id"], facts["until"])
        return facts

    def _use(self, id: str, until: float) -> None:
        now = self._clock.now()
        while self._used_order and (self._used_order[0][0] <= now or len(self._used_order) >= USED_MAX):
            self._used.discard(self._used_order.popleft()[1])
        self._used.add(id)
        self._used_order.append((until, id))
