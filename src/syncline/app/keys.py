"""The master key, and the vault it opens: what is secret in the store is sealed by a key that the store does not hold.

For: `app.server` at start, `syncline keys`. Owns: the key's file and the wrapped data key in the store.
The data key seals; the master key only wraps it, so that a new master key is one record, not every secret. A new data
key is every secret, and the end of all sign-ins.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from pathlib import Path

import msgspec

from syncline.app.resealing import reseal
from syncline.core import Ids, Invalid, SealBroken, Vault
from syncline.core.vault import KEY_BYTES
from syncline.store import Collection, Store, Transaction

VARIABLE, NEXT_VARIABLE = "SYNCLINE_MASTER_KEY", "SYNCLINE_MASTER_KEY_NEXT"
FILE = "master.key"
PURPOSE = "data key"


class MasterKeyInvalid(Invalid):
    """The master key from {source} is none: it is 32 bytes as 64 hexadecimal digits or as base64."""


class MasterKeyMissing(Invalid):
    """The secrets in this store are sealed, and {source} is not the key that opens them. Put the right one back."""


class NextKeyMissing(Invalid):
    """The master key comes from SYNCLINE_MASTER_KEY: give its successor in SYNCLINE_MASTER_KEY_NEXT."""


class Wrapped(msgspec.Struct, frozen=True):
    """The data key, sealed by a master key; by two while one takes over from the other. `older` is the data key before,
    while not all is sealed anew, sealed by the one in force."""

    wraps: tuple[bytes, ...]
    older: bytes | None = None


DATA_KEY = Collection("vault.data-key", Wrapped)


async def open_vault(store: Store, folder: Path, ids: Ids, environ: Mapping[str, str] | None = None) -> Vault:
    """The vault of a data folder; its keys are made at the first start. Raises MasterKeyMissing, MasterKeyInvalid."""
    environ = os.environ if environ is None else environ
    found = await store.read(lambda snapshot: DATA_KEY.get(snapshot, "1"))
    master, source = _master(folder, ids, environ, make=found is None)
    if found is not None:
        return _vault(_unwrapped(found, master, source, ids), found, ids)
    fresh = ids.bytes(KEY_BYTES)
    record = Wrapped((Vault(master, ids).seal(PURPOSE, fresh),))
    await store.write(lambda txn: DATA_KEY.put(txn, record, "1"))
    return Vault(fresh, ids)


async def rotate(store: Store, folder: Path, ids: Ids, environ: Mapping[str, str] | None = None) -> str:
    """Put a new master key in place of the old; returns what to tell. A crash leaves one that opens."""
    environ = os.environ if environ is None else environ
    found = await store.read(lambda snapshot: DATA_KEY.get(snapshot, "1"))
    if found is None:
        await open_vault(store, folder, ids, environ)
        return "The first master key was made."
    master, source = _master(folder, ids, environ, make=False)
    data_key = _unwrapped(found, master, source, ids)
    in_file = VARIABLE not in environ
    if not in_file and NEXT_VARIABLE not in environ:
        raise NextKeyMissing
    successor = ids.bytes(KEY_BYTES) if in_file else _parsed(environ[NEXT_VARIABLE], NEXT_VARIABLE)
    old, new = (Vault(key, ids).seal(PURPOSE, data_key) for key in (master, successor))
    await store.write(lambda txn: _keep(txn, (old, new), found.older))
    if in_file:
        _write(folder / FILE, successor)
    await store.write(lambda txn: _keep(txn, (new,), found.older))
    return f"A new master key is in {folder / FILE}." if in_file else f"Start the server with the new {VARIABLE} now."


async def rotate_data_key(store: Store, folder: Path, ids: Ids, environ: Mapping[str, str] | None = None) -> str:
    """Put a new data key in place of the old and seal everything anew; returns what to tell.

    After a crash both keys open, and the next rotation ends what this one began.
    """
    environ = os.environ if environ is None else environ
    await open_vault(store, folder, ids, environ)
    found = await store.read(lambda snapshot: DATA_KEY.get(snapshot, "1"))
    assert found is not None, "an opened vault has a key"
    master, source = _master(folder, ids, environ, make=False)
    current = _unwrapped(found, master, source, ids)
    if found.older is not None:
        await reseal(store, _vault(current, found, ids), Vault(current, ids))
    fresh = ids.bytes(KEY_BYTES)
    wraps, older = (Vault(master, ids).seal(PURPOSE, fresh),), Vault(fresh, ids).seal(PURPOSE, current)
    await store.write(lambda txn: _keep(txn, wraps, older))
    count = await reseal(store, Vault(current, ids), Vault(fresh, ids))
    await store.write(lambda txn: _keep(txn, wraps, None))
    return f"{count} secrets are sealed by a new data key. Users sign in again."


def _vault(key: bytes, record: Wrapped, ids: Ids) -> Vault:
    older = () if record.older is None else (Vault(key, ids).open(PURPOSE, record.older),)
    return Vault(key, ids, older)


def _keep(txn: Transaction, wraps: tuple[bytes, ...], older: bytes | None) -> None:
    DATA_KEY.put(txn, Wrapped(wraps, older), "1")


def _unwrapped(found: Wrapped, master: bytes, source: str, ids: Ids) -> bytes:
    for wrap in found.wraps:
        try:
            return Vault(master, ids).open(PURPOSE, wrap)
        except SealBroken:
            continue
    raise MasterKeyMissing(source=source)


def _master(folder: Path, ids: Ids, environ: Mapping[str, str], *, make: bool) -> tuple[bytes, str]:
    if VARIABLE in environ:
        return _parsed(environ[VARIABLE], VARIABLE), VARIABLE
    path = folder / FILE
    if path.exists():
        return _parsed(path.read_text(), str(path)), str(path)
    if not make:
        raise MasterKeyMissing(source=f"{path} (which is not there)")
    key = ids.bytes(KEY_BYTES)
    _write(path, key)
    return key, str(path)


def _parsed(text: str, source: str) -> bytes:
    text = text.strip()
    try:
        key = bytes.fromhex(text) if len(text) == KEY_BYTES * 2 else base64.b64decode(text, validate=True)
    except (ValueError, binascii.Error):
        raise MasterKeyInvalid(source=source) from None
    if len(key) != KEY_BYTES:
        raise MasterKeyInvalid(source=source)
    return key


def _write(path: Path, key: bytes) -> None:
    # Written aside and renamed: a crash in between leaves the old one whole.
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_suffix(".new")
    aside.unlink(missing_ok=True)
    with open(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(key.hex() + "\n")
        file.flush()
        os.fsync(file.fileno())
    aside.rename(path)
