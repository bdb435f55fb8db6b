"""Users and their access keys: bodies. The account's root is a user that nobody made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from syncline.account.ask import Ask, key_characters, secret_characters, tag_list
from syncline.account.errors import DeleteConflict, EntityAlreadyExists, LimitExceeded, NoSuchEntity
from syncline.account.model import ACCESS_KEYS, USERS, AccessKey, User
from syncline.account.paging import page
from syncline.core import call
from syncline.store import Snapshot, Transaction

KEYS_PER_USER_MAX = 2
"""IAM's quota: enough to change a key without a gap."""


def user_of(snapshot: Snapshot, ask: Ask) -> User:
    """The user that the request names, else the caller. Raises NoSuchEntity."""
    name = ask.get("UserName") or caller_name()
    user = USERS.get(snapshot, ask.account, name)
    if user is None:
        raise NoSuchEntity(f"The user with name {name} cannot be found.")
    return user


def keep(txn: Transaction, ask: Ask, user: User, **changes: Any) -> User:
    """Write `user` with `changes`."""
    changed = msgspec.structs.replace(user, **changes)
    USERS.put(txn, changed, ask.account, changed.name)
    return changed


def create(txn: Transaction, ask: Ask) -> dict[str, Any]:
    """Make a user."""
    name = ask["UserName"]
    if USERS.get(txn, ask.account, name) is not None:
        raise EntityAlreadyExists(f"User with name {name} already exists.")
    user = User(name, ask.id("AIDA"), ask.path, ask.arn("user", name), ask.now, ask.tags)
    keep(txn, ask, user)
    return {"User": view(user)}


def get(snapshot: Snapshot, ask: Ask) -> dict[str, Any]:
    """One user."""
    return {"User": view(user_of(snapshot, ask))}


def listing(snapshot: Snapshot, ask: Ask) -> dict[str, Any]:
    """The users under a path."""
    prefix = ask.get("PathPrefix", "/")
    users = [user for user in USERS.list(snapshot, ask.account) if user.path.startswith(prefix)]
    return page(ask.request, "Users", users, lambda user: user.name, view)


def delete(txn: Transaction, ask: Ask) -> dict[str, Any]:
    """Delete a user without policies and keys. Raises DeleteConflict."""
    user = user_of(txn, ask)
    if user.attached:
        raise DeleteConflict("Cannot delete entity, must detach all policies first.")
    if user.inline:
        raise DeleteConflict("Cannot delete entity, must delete policies first.")
    if _keys_of(txn, ask, user):
        raise DeleteConflict("Cannot delete entity, must delete access keys first.")
    USERS.delete(txn, ask.account, user.name)
    return {}


def create_key(txn: Transaction, ask: Ask, sealed: Callable[[AccessKey], AccessKey]) -> AccessKey:
    """A new key of the user. The service answers with it, and takes it into the credentials."""
    user = user_of(txn, ask)
    if len(_keys_of(txn, ask, user)) >= KEYS_PER_USER_MAX:
        raise LimitExceeded(f"Cannot exceed quota for AccessKeysPerUser: {KEYS_PER_USER_MAX}")
    key = AccessKey(
        id="AKIA" + key_characters(ask.entropy, 16),
        secret=secret_characters(ask.entropy[16:46]),
        user=user.name,
        created=ask.now,
    )
    ACCESS_KEYS.put(txn, sealed(key), ask.account, key.id)
    return key


def update_key(txn: Transaction, ask: Ask) -> AccessKey:
    """The key with its new status."""
    key = msgspec.structs.replace(_key_of(txn, ask), active=ask["Status"] == "Active")
    ACCESS_KEYS.put(txn, key, ask.account, key.id)
    return key


def delete_key(txn: Transaction, ask: Ask) -> AccessKey:
    """The key that is gone."""
    key = _key_of(txn, ask)
    ACCESS_KEYS.delete(txn, ask.account, key.id)
    return key


def list_keys(snapshot: Snapshot, ask: Ask) -> dict[str, Any]:
    """A user's keys, without secrets."""
    keys = _keys_of(snapshot, ask, user_of(snapshot, ask))
    return page(ask.request, "AccessKeyMetadata", keys, lambda key: key.id, key_view)


def view(user: User) -> dict[str, Any]:
    """The user as IAM shows it."""
    shown: dict[str, Any] = {"Path": user.path, "UserName": user.name, "UserId": user.id, "Arn": user.arn}
    shown["CreateDate"] = user.created
    return shown | ({"Tags": tag_list(user.tags)} if user.tags else {})


def key_view(key: AccessKey) -> dict[str, Any]:
    """The key as IAM lists it: without its secret."""
    status = "Active" if key.active else "Inactive"
    return {"UserName": key.user, "AccessKeyId": key.id, "Status": status, "CreateDate": key.created}


def _keys_of(snapshot: Snapshot, ask: Ask, user: User) -> list[AccessKey]:
    return [key for key in ACCESS_KEYS.list(snapshot, ask.account) if key.user == user.name]


def _key_of(snapshot: Snapshot, ask: Ask) -> AccessKey:
    user = user_of(snapshot, ask)
    key = ACCESS_KEYS.get(snapshot, ask.account, ask["AccessKeyId"])
    if key is None or key.user != user.name:
        raise NoSuchEntity(f"The Access Key with id {ask['AccessKeyId']} cannot be found.")
    return key


def caller_name() -> str:
    """The calling user's name; empty for root, roles and nobody."""
    try:
        caller = call.current().caller
    except LookupError:
        return ""
    return caller.arn.rpartition("/")[2] if caller is not None and caller.kind == "user" else ""
