"""Access keys: the root key in its file, users' keys and sessions from the store.

For: wire and auth, which ask `secret_of` for every signature; sts and iam, which add and withdraw keys.
Owns: what is in memory of them. Never: decides what a caller may do.
"""

from __future__ import annotations

import base64
import hmac
import os
from pathlib import Path

import msgspec

from syncline.account.ask import key_characters, secret_characters
from syncline.account.errors import TokenExpired
from syncline.account.model import ACCESS_KEYS, SESSIONS, USERS, AccessKey, Role, Session
from syncline.core import Clock, Ids, Invalid, Vault, arns, json
from syncline.core.call import Caller, root_of
from syncline.store import Store, Transaction
from syncline.wire import Credential

SEALED = "access key secret"
SWEEP_EVERY = 256
"""Sessions issued between two sweeps of the expired ones."""


class RootKeyUnreadable(Invalid):
    """{path} is no root access key of Syncline ({reason}). Put the file back, or delete it to have a new key made."""


class RootKey(msgspec.Struct, frozen=True):
    """The account's root access key. `created` is in epoch seconds."""

    access_key_id: str
    secret_access_key: str
    created: float


def read_root_key(path: Path) -> RootKey | None:
    """The key in the file at `path`; None when there is no file. Raises RootKeyUnreadable."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=RootKey)
    except FileNotFoundError:
        return None
    except (msgspec.DecodeError, OSError) as failure:
        raise RootKeyUnreadable(path=path, reason=failure) from None


def load_root_key(path: Path, *, ids: Ids, clock: Clock) -> RootKey:
    """The key in the file at `path`, made (mode 0600) when there is none. Raises RootKeyUnreadable."""
    found = read_root_key(path)
    if found is not None:
        return found
    key = RootKey("AKIA" + key_characters(ids.bytes(16), 16), secret_characters(ids.bytes(30)), clock.now())
    path.parent.mkdir(parents=True, exist_ok=True)
    # Written aside and renamed: a crash in between leaves no half a key.
    aside = path.with_suffix(".new")
    aside.unlink(missing_ok=True)
    with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(msgspec.json.format(json.encode(key)) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    aside.rename(path)
    return key


class Credentials:
    """Every access key that is good now. `load` reads the store once; after that what changes is told here."""

    def __init__(
        self, root: RootKey, store: Store, clock: Clock, ids: Ids, *, account: str, vault: Vault | None = None
    ) -> None:
        self.root = root
        self._store = store
        # Without one (tests, mostly) secrets would be kept as they are: a vault of this life only is no worse.
        self._vault = vault or Vault(ids.bytes(32), ids)
        self._clock = clock
        self._ids = ids
        self._account = account
        self._keys: dict[str, tuple[AccessKey, Caller]] = {}
        self._sessions: dict[str, Session] = {}
        self._lent: dict[tuple[str, str], Session] = {}
        self._issued = 0

    async def load(self) -> None:
        """Take in the users' keys and the sessions that the store holds."""
        account = self._account
        users = {user.name: user for user in await self._store.read(lambda snapshot: USERS.list(snapshot, account))}
        for key in await self._store.read(lambda snapshot: ACCESS_KEYS.list(snapshot, account)):
            self.admit(self._opened(key), arn=users[key.user].arn, user_id=users[key.user].id)
        for session in await self._store.read(lambda snapshot: SESSIONS.list(snapshot, account)):
            token = self._open(session.token)
            self._sessions[session.id] = msgspec.structs.replace(
                session, secret=self._open(session.secret), token=token
            )

    def sealed(self, key: AccessKey) -> AccessKey:
        """A key as it is kept."""
        return msgspec.structs.replace(key, secret=self._seal(key.secret))

    def _opened(self, key: AccessKey) -> AccessKey:
        return msgspec.structs.replace(key, secret=self._open(key.secret))

    def _seal(self, secret: str) -> str:
        return base64.b64encode(self._vault.seal_text(SEALED, secret)).decode()

    def _open(self, sealed: str) -> str:
        return self._vault.open_text(SEALED, base64.b64decode(sealed))

    def secret_of(self, access_key_id: str, session_token: str | None) -> Credential | None:
        """The secret and the caller of a key; None when it is unknown, inactive, or the token is another's.

        Raises TokenExpired for a session that is over.
        """
        if access_key_id == self.root.access_key_id:
            return None if session_token else Credential(self.root.secret_access_key, self.root_caller)
        if access_key_id in self._keys:
            key, caller = self._keys[access_key_id]
            return Credential(key.secret, caller) if key.active and not session_token else None
        session = self._sessions.get(access_key_id)
        if session is None or not hmac.compare_digest(session.token.encode(), (session_token or "").encode()):
            return None
        if session.expires <= self._clock.now():
            raise TokenExpired
        caller = Caller("role", self._account, session.arn, session.id, session.user_id)
        return Credential(session.secret, caller)

    @property
    def root_caller(self) -> Caller:
        """The account's root, as callers are shown."""
        return root_of(self._account, self.root.access_key_id)

    def admit(self, key: AccessKey, *, arn: str, user_id: str) -> None:
        """Take in a user's key, or its new status."""
        self._keys[key.id] = key, Caller("user", self._account, arn, key.id, user_id)

    def change(self, key: AccessKey) -> None:
        """Note the new status of a key that was admitted."""
        known, caller = self._keys[key.id]
        self._keys[key.id] = msgspec.structs.replace(known, active=key.active), caller

    def withdraw(self, access_key_id: str) -> None:
        """A user's key is gone."""
        self._keys.pop(access_key_id, None)

    async def issue(self, role: Role, session_name: str, *, seconds: float) -> Session:
        """Temporary credentials of `role`, durable before they are returned."""
        account = self._account
        session = self._session(role.name, role.id, session_name, expires=self._clock.now() + seconds)
        kept = msgspec.structs.replace(session, secret=self._seal(session.secret), token=self._seal(session.token))
        committed = await self._store.write(lambda txn: SESSIONS.put(txn, kept, account, session.id))
        assert committed.position > 0, "a session is written before it is good"
        self._sessions[session.id] = session
        self._issued += 1
        if self._issued % SWEEP_EVERY == 0:
            await self._sweep()
        return session

    def lend(self, role_arn: str, session_name: str) -> Session:
        """Credentials of a role for a process that this server runs: the same ones each time, good while it lives.

        They are not kept: a process does not outlive its server. Whether there is such a role is not asked.
        """
        key = role_arn, session_name
        if key not in self._lent:
            role_name = role_arn.rpartition("/")[2]
            session = self._session(role_name, role_name, session_name, expires=float("inf"))
            self._lent[key] = self._sessions[session.id] = session
        return self._lent[key]

    def _session(self, role_name: str, role_id: str, session_name: str, *, expires: float) -> Session:
        entropy = self._ids.bytes(16 + 30 + 120)
        return Session(
            id="ASIA" + key_characters(entropy, 16),
            secret=secret_characters(entropy[16:46]),
            token="".join(secret_characters(entropy[at : at + 30]) for at in range(46, 166, 30)),
            arn=arns.arn("sts", "", self._account, f"assumed-role/{role_name}/{session_name}"),
            user_id=f"{role_id}:{session_name}",
            expires=expires,
        )

    async def _sweep(self) -> None:
        """Forget the sessions that are over."""
        now, account = self._clock.now(), self._account
        over = [session.id for session in self._sessions.values() if session.expires <= now]

        def forget(txn: Transaction) -> None:
            for session_id in over:
                SESSIONS.delete(txn, account, session_id)

        await self._store.write(forget)
        for session_id in over:
            del self._sessions[session_id]
