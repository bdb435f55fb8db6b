"""The users of pools: found by name, alias or attribute, listed in pages, changed in one body with their index rows.

For: every verb over users. Owns: the index rows, and the order of a list (by name as it is looked up).
Never: decides what a user may do.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable
from typing import Any

import msgspec

from syncline.core import Clock, call
from syncline.store import Snapshot, Space, Store, Transaction, keys
from syncline.userpools.errors import NoSuchUser, ParameterInvalid
from syncline.userpools.model import USERS, Pool, User

SEARCHABLE = ("email", "phone_number", "name", "given_name", "family_name", "preferred_username")
FILTER = re.compile(r'\s*"?([\w:.-]+)"?\s*(\^?=)\s*"((?:[^"\\]|\\.)*)"\s*')
PAGE_MAX = 60
INDEX = "cognito.user-by"
_decode = msgspec.msgpack.Decoder(User).decode


class Directory:
    """Users, kept."""

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def find(self, pool: Pool, name: str) -> User | None:
        """The user of this name, or of this alias."""
        return await self._store.read(lambda snapshot: find(snapshot, pool, name))

    async def user(self, pool: Pool, name: str) -> User:
        """As `find`. Raises NoSuchUser."""
        found = await self.find(pool, name)
        if found is None:
            raise NoSuchUser
        return found

    async def by_sub(self, pool: Pool, sub: str) -> User | None:
        """The user of this `sub`."""
        return await self._store.read(lambda snapshot: _first(snapshot, pool, "sub", sub))

    async def add(self, pool: Pool, user: User, check: Callable[[Snapshot], None]) -> User:
        """Keep a new user, when `check` does not raise."""

        def body(txn: Transaction) -> None:
            check(txn)
            put(txn, None, user)

        call.committed((await self._store.write(body)).position)
        return user

    async def change(self, user: User, changes: Callable[[Snapshot, User], User]) -> User:
        """The user as `changes` makes it from what is kept now. Raises NoSuchUser, and what `changes` raises."""
        now = self._clock.now()

        def body(txn: Transaction) -> User:
            old = USERS.get(txn, user.pool, user.key)
            if old is None:
                raise NoSuchUser
            new = msgspec.structs.replace(changes(txn, old), modified=now)
            put(txn, old, new)
            return new

        committed = await self._store.write(body)
        call.committed(committed.position)
        return committed.result

    async def update(self, user: User, **members: Any) -> User:
        """The user with these members changed."""
        return await self.change(user, lambda _, old: msgspec.structs.replace(old, **members))

    async def remove(self, user: User) -> None:
        """Forget a user."""

        def body(txn: Transaction) -> None:
            old = USERS.get(txn, user.pool, user.key)
            if old is None:
                raise NoSuchUser
            USERS.delete(txn, user.pool, user.key)
            for row in rows(old):
                txn.delete(Space.CATALOG, row)

        call.committed((await self._store.write(body)).position)

    async def listing(self, pool: Pool, request: dict[str, Any]) -> tuple[list[User], str | None]:
        """A page of the pool's users that fit `Filter`, and the token of the next page."""
        limit = PAGE_MAX if request.get("Limit") is None else request["Limit"]
        after = _position(request["PaginationToken"]) if request.get("PaginationToken") else None
        low, high, by_index = _range(pool, request.get("Filter") or "")
        if after is not None:
            low = max(low, after + b"\x00")
        pairs = await self._store.read(lambda snapshot: _page(snapshot, low, high, limit + 1, by_index=by_index))
        more = len(pairs) > limit
        users = [user for _, user in pairs[:limit]]
        return users, base64.urlsafe_b64encode(pairs[limit - 1][0]).decode() if more and limit else None

    async def in_group(self, pool: Pool, group: str, *, limit: int, token: str | None) -> tuple[list[User], str | None]:
        """A page of a group's users."""
        low, high = keys.prefix_range((INDEX, pool.id, "group", group))
        low = max(low, _position(token) + b"\x00") if token else low
        pairs = await self._store.read(lambda snapshot: _page(snapshot, low, high, limit + 1, by_index=True))
        more = len(pairs) > limit
        return [u for _, u in pairs[:limit]], base64.urlsafe_b64encode(pairs[limit - 1][0]).decode() if more else None

    async def count(self, pool: Pool) -> int:
        """How many users there are."""
        low, high = keys.prefix_range((USERS.kind, pool.id))

        def body(snapshot: Snapshot) -> int:
            found, at = 0, low
            while page := snapshot.scan(Space.CATALOG, at, high, limit=1000):
                found, at = found + len(page), page[-1][0] + b"\x00"
            return found

        return await self._store.read(body, long=True)


def find(snapshot: Snapshot, pool: Pool, name: str) -> User | None:
    """The user of this name or alias in `snapshot`."""
    found = USERS.get(snapshot, pool.id, pool.fold(name))
    if found is not None:
        return found
    for attribute in pool.config.get("UsernameAttributes") or ():
        found = _first(snapshot, pool, attribute, name)
        if found is not None:
            return found
    for attribute in pool.config.get("AliasAttributes") or ():
        for user in _all(snapshot, pool, attribute, name):
            if attribute == "preferred_username" or user.attributes.get(f"{attribute}_verified") == "true":
                return user
    return None


def holder(snapshot: Snapshot, pool: Pool, attribute: str, value: str) -> User | None:
    """Who has this value verified."""
    for user in _all(snapshot, pool, attribute, value):
        if user.attributes.get(f"{attribute}_verified") == "true":
            return user
    return None


def put(txn: Transaction, old: User | None, new: User) -> None:
    """Write a user and its index rows."""
    USERS.put(txn, new, new.pool, new.key)
    before, after = set(rows(old) if old else ()), set(rows(new))
    for row in before - after:
        txn.delete(Space.CATALOG, row)
    for row in after - before:
        txn.put(Space.CATALOG, row, new.key.encode())


def rows(user: User) -> list[bytes]:
    """The keys of the user's index rows."""
    values = {name: user.attributes[name] for name in SEARCHABLE if user.attributes.get(name)}
    values |= {"sub": user.sub, "cognito:user_status": user.status, "status": "Enabled" if user.enabled else "Disabled"}
    found = [(name, value.lower()) for name, value in values.items()]
    found += [("group", group) for group in user.groups]
    return [keys.encode((INDEX, user.pool, name, value, user.key)) for name, value in found]


def _all(snapshot: Snapshot, pool: Pool, attribute: str, value: str) -> list[User]:
    low, high = keys.prefix_range((INDEX, pool.id, attribute, value.lower()))
    return [user for _, user in _page(snapshot, low, high, 10, by_index=True)]


def _first(snapshot: Snapshot, pool: Pool, attribute: str, value: str) -> User | None:
    return next(iter(_all(snapshot, pool, attribute, value)), None)


def _page(snapshot: Snapshot, low: bytes, high: bytes, limit: int, *, by_index: bool) -> list[tuple[bytes, User]]:
    found: list[tuple[bytes, User]] = []
    for key, value in snapshot.scan(Space.CATALOG, low, high, limit=limit):
        if not by_index:
            found.append((key, _decode(value)))
            continue
        pool = keys.decode(key)[1]
        user = USERS.get(snapshot, pool, value.decode())
        assert user is not None, "an index row is of a user that is there"
        found.append((key, user))
    return found


def _range(pool: Pool, text: str) -> tuple[bytes, bytes, bool]:
    """Where in the keyspace the users of a filter are, and whether those are index rows."""
    if not text:
        return *keys.prefix_range((USERS.kind, pool.id)), False
    match = FILTER.fullmatch(text)
    if match is None:
        raise ParameterInvalid("Error while parsing filter.")
    name, sign, value = match[1], match[2], re.sub(r"\\(.)", r"\1", match[3])
    if name == "username":
        prefix: keys.Key = (USERS.kind, pool.id)
        value = pool.fold(value)
    elif name in (*SEARCHABLE, "sub", "cognito:user_status", "status"):
        prefix, value = (INDEX, pool.id, name), value.lower()
    else:
        raise ParameterInvalid("Invalid search attribute: " + name)
    exact = keys.encode((*prefix, value))
    low = exact if sign == "=" else exact[:-1]  # without the byte that ends the text: every longer one fits, too
    return low, low + b"\xff", name != "username"


def _position(token: str) -> bytes:
    try:
        return base64.urlsafe_b64decode(token)
    except (binascii.Error, ValueError):
        raise ParameterInvalid("Invalid pagination token.") from None
