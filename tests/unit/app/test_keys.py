"""The master key: made once, kept apart, given a successor; without it nothing that was sealed opens."""

from __future__ import annotations

import base64
import re
from pathlib import Path

import msgspec
import pytest

from syncline.app.keys import DATA_KEY, MasterKeyInvalid, MasterKeyMissing, NextKeyMissing, open_vault, rotate
from syncline.app.keys import rotate_data_key as new_data_key
from syncline.app.resealing import PURPOSES
from syncline.core import SealBroken, SystemIds, Vault
from syncline.store import Collection, MemoryStore

IDS = SystemIds()


async def test_the_key_is_made_once_in_a_file_of_the_owners_only(store: MemoryStore, tmp_path: Path) -> None:
    sealed = (await open_vault(store, tmp_path, IDS, {})).seal_text("p", "secret")
    assert (tmp_path / "master.key").stat().st_mode & 0o777 == 0o600
    assert (await open_vault(store, tmp_path, IDS, {})).open_text("p", sealed) == "secret"


async def test_after_a_rotation_the_old_key_opens_nothing(store: MemoryStore, tmp_path: Path) -> None:
    sealed = (await open_vault(store, tmp_path, IDS, {})).seal_text("p", "secret")
    old = (tmp_path / "master.key").read_text()
    await rotate(store, tmp_path, IDS, {})
    assert (tmp_path / "master.key").read_text() != old
    assert (await open_vault(store, tmp_path, IDS, {})).open_text("p", sealed) == "secret"
    (tmp_path / "master.key").write_text(old)
    with pytest.raises(MasterKeyMissing):
        await open_vault(store, tmp_path, IDS, {})


async def test_a_store_whose_key_is_gone_does_not_open(store: MemoryStore, tmp_path: Path) -> None:
    await open_vault(store, tmp_path, IDS, {})
    (tmp_path / "master.key").unlink()
    with pytest.raises(MasterKeyMissing):
        await open_vault(store, tmp_path, IDS, {})
    assert not (tmp_path / "master.key").exists()


async def test_the_key_may_come_from_the_environment(store: MemoryStore, tmp_path: Path) -> None:
    first, second = {"SYNCLINE_MASTER_KEY": "ab" * 32}, {"SYNCLINE_MASTER_KEY": "cd" * 32}
    sealed = (await open_vault(store, tmp_path, IDS, first)).seal_text("p", "secret")
    assert not (tmp_path / "master.key").exists()
    with pytest.raises(NextKeyMissing):
        await rotate(store, tmp_path, IDS, first)
    await rotate(store, tmp_path, IDS, {**first, "SYNCLINE_MASTER_KEY_NEXT": "cd" * 32})
    assert (await open_vault(store, tmp_path, IDS, second)).open_text("p", sealed) == "secret"
    for wrong in ({"SYNCLINE_MASTER_KEY": "short"}, {"SYNCLINE_MASTER_KEY": "!" * 64}):
        with pytest.raises(MasterKeyInvalid):
            await open_vault(store, tmp_path, IDS, wrong)
    with pytest.raises(MasterKeyMissing):
        await open_vault(store, tmp_path, IDS, first)


def test_what_was_sealed_for_one_purpose_or_changed_does_not_open() -> None:
    vault = Vault(b"k" * 32, IDS)
    sealed = vault.seal_text("password", "secret")
    assert b"secret" not in sealed
    broken = [sealed[:-1] + bytes([sealed[-1] ^ 1]), sealed[:5], b"", b"\x02" + sealed[1:]]
    for wrong in broken:
        with pytest.raises(SealBroken):
            vault.open("password", wrong)
    with pytest.raises(SealBroken):
        vault.open("code", sealed)


class Kept(msgspec.Struct, frozen=True):
    """A record with secrets wherever records have them."""

    sealed: bytes
    listed: tuple[bytes, ...]
    text: str
    plain: str
    other: bytes


KEPT = Collection("test.kept", Kept)


async def keep(store: MemoryStore, vault: Vault, count: int) -> None:
    for n in range(count):
        sealed = [vault.seal_text(purpose, f"{purpose} {n}") for purpose in PURPOSES]
        record = Kept(sealed[0], tuple(sealed[1:]), base64.b64encode(sealed[3]).decode(), "AQEBAQ==", b"\x01" * 40)
        await store.write(lambda txn, n=n, record=record: KEPT.put(txn, record, str(n)))


async def kept(store: MemoryStore, vault: Vault) -> list[list[str]]:
    found = await store.read(lambda snapshot: KEPT.list(snapshot))
    assert {(each.plain, each.other) for each in found} == {("AQEBAQ==", b"\x01" * 40)}
    return [
        [
            vault.open_text(purpose, sealed)
            for purpose, sealed in zip(PURPOSES, (each.sealed, *each.listed), strict=True)
        ]
        + [vault.open_text(PURPOSES[3], base64.b64decode(each.text))]
        for each in found
    ]


@pytest.mark.rule("ACC-27")
async def test_a_new_data_key_seals_everything_anew(store: MemoryStore, tmp_path: Path) -> None:
    old = await open_vault(store, tmp_path, IDS, {})
    await keep(store, old, 700)
    before = await kept(store, old)
    token = old.seal_text("refresh token", "facts")
    assert (
        await new_data_key(store, tmp_path, IDS, {})
        == "4200 secrets are sealed by a new data key. Users sign in again."
    )
    new = await open_vault(store, tmp_path, IDS, {})
    assert await kept(store, new) == before
    with pytest.raises(SealBroken):
        await kept(store, old)
    with pytest.raises(SealBroken):
        new.open_text("refresh token", token)


class Crash(Exception):
    """The process is gone."""


async def test_a_rotation_that_was_cut_off_loses_nothing_and_can_be_ended(
    store: MemoryStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = await open_vault(store, tmp_path, IDS, {})
    await keep(store, old, 700)
    before = await kept(store, old)
    write = store.write
    for survived in range(1, 4):
        left = survived

        async def cut(body: object) -> object:
            nonlocal left
            if not left:
                raise Crash
            left -= 1
            return await write(body)  # type: ignore[arg-type]

        monkeypatch.setattr(store, "write", cut)
        with pytest.raises(Crash):
            await new_data_key(store, tmp_path, IDS, {})
        monkeypatch.setattr(store, "write", write)
        assert await kept(store, await open_vault(store, tmp_path, IDS, {})) == before
        await rotate(store, tmp_path, IDS, {})
    await new_data_key(store, tmp_path, IDS, {})
    assert await kept(store, await open_vault(store, tmp_path, IDS, {})) == before
    record = await store.read(lambda snapshot: DATA_KEY.get(snapshot, "1"))
    assert record is not None
    assert record.older is None
    with pytest.raises(SealBroken):
        await kept(store, old)


def test_every_purpose_that_is_kept_is_sealed_anew() -> None:
    source = Path(__file__).parents[3] / "src" / "syncline"
    named = {name for path in source.rglob("*.py") for name in re.findall(r'^SEALED = "(.*)"$', path.read_text(), re.M)}
    assert named == set(PURPOSES)
