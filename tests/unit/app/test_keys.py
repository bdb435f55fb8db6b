"""The master key: made once, kept apart, given a successor; without it nothing that was sealed opens."""

from __future__ import annotations

from pathlib import Path

import pytest

from syncline.app.keys import MasterKeyInvalid, MasterKeyMissing, NextKeyMissing, open_vault, rotate
from syncline.core import SealBroken, SystemIds, Vault
from syncline.store import MemoryStore

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
