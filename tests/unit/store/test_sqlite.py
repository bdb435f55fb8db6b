"""What only the SQLite driver promises."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from syncline.store import Space, SqliteStore, StoreLocked, Transaction, copy_database, keys, verify_database


async def test_a_second_server_on_the_same_folder_is_refused_with_the_path_and_what_to_do(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path)
    with pytest.raises(StoreLocked, match=r"Another Syncline server is using .*--data"):
        SqliteStore(tmp_path)
    await store.close()
    await SqliteStore(tmp_path).close()


@pytest.mark.rule("STO-2")
async def test_a_killed_process_leaves_what_it_was_told_and_lets_go_of_the_folder(tmp_path: Path) -> None:
    program = """
import asyncio, os, sys, pathlib
from syncline.store import SqliteStore, Space, keys
async def main():
    store = SqliteStore(pathlib.Path(sys.argv[1]))
    for n in range(200):
        await store.write(lambda txn: txn.put(Space.ITEM, keys.encode((n,)), b"v"))
    os.kill(os.getpid(), 9)
asyncio.run(main())
"""
    assert subprocess.run([sys.executable, "-c", program, str(tmp_path)], check=False).returncode == -9
    store = SqliteStore(tmp_path)
    assert len(await store.read(lambda view: view.scan(Space.ITEM, b"", b"\xff", limit=1000))) == 200
    await store.close()


async def test_deletions_and_writes_of_one_group_are_one_transaction(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path)
    for n in range(600):
        key = keys.encode((n,))
        await store.write(lambda txn, key=key: txn.put(Space.ITEM, key, b"v"))

    def swap(txn: object) -> None:
        for n in range(600):
            txn.delete(Space.ITEM, keys.encode((n,)))  # type: ignore[attr-defined]
            txn.put(Space.ITEM, keys.encode((1000 + n,)), b"w")  # type: ignore[attr-defined]

    await store.write(swap)
    assert {value for _, value in await store.read(lambda view: view.scan(Space.ITEM, b"", b"\xff", limit=2000))} == {
        b"w"
    }
    await store.close()


@pytest.mark.skipif(os.name == "nt", reason="POSIX file modes")
async def test_the_database_is_not_readable_by_others(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "data")
    assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    await store.close()


async def test_reads_between_commits_do_not_keep_the_log_from_being_written_back(tmp_path: Path) -> None:
    """They share one moment that stays open until the next commit: a log that is read from cannot start over."""
    store = SqliteStore(tmp_path)
    for n in range(120):
        key = keys.encode((n % 10,))
        await store.write(lambda txn, key=key: txn.put(Space.ITEM, key, bytes(400_000)))  # type: ignore[misc]
        assert await store.get(Space.ITEM, key) == bytes(400_000)
    assert (tmp_path / "syncline.db-wal").stat().st_size < 32_000_000
    await store.close()


@pytest.mark.rule("STO-17")
async def test_the_file_stops_growing_and_a_copy_of_it_has_no_empty_pages(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "data")
    rows = {b"%06d" % number: b"x" * 1000 for number in range(2000)}

    def put(txn: Transaction) -> None:
        for key, value in rows.items():
            txn.put(Space.ITEM, key, value)

    def delete(txn: Transaction) -> None:
        for key in rows:
            if not key.endswith(b"00"):
                txn.delete(Space.ITEM, key)

    sizes = []
    for _ in range(5):
        await store.write(put)
        await store.write(delete)
        sizes.append((tmp_path / "data" / "syncline.db").stat().st_size)
    assert sizes[-1] <= sizes[1]
    copy = tmp_path / "copy" / "syncline.db"
    copy.parent.mkdir()
    copy_database(tmp_path / "data", copy)
    await store.close()
    whole = (tmp_path / "data" / "syncline.db").stat().st_size
    assert copy.stat().st_size < whole / 10
    verify_database(copy)
    again = SqliteStore(copy.parent)
    assert len(await again.read(lambda view: view.scan(Space.ITEM, b"", b"\xff", limit=100))) == 20
    await again.close()
