"""Damaged files and full disks: noticed, named, and never a wrong answer."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from syncline.store import Space, SqliteStore, StoreDamaged, keys

ROWS = 400
WRITER = """
import asyncio, os, sys, pathlib
from syncline.store import SqliteStore, Space, keys
async def main():
    store = SqliteStore(pathlib.Path(sys.argv[1]))
    for n in range(int(sys.argv[2])):
        await store.write(lambda txn: txn.put(Space.ITEM, keys.encode((n,)), b"%04d" % n * (700 if n % 5 else 5000)))
    os.kill(os.getpid(), 9)
asyncio.run(main())
"""


def value(n: int) -> bytes:
    return b"%04d" % n * (700 if n % 5 else 5000)


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a process that was killed with a full log behind it."""
    folder = tmp_path_factory.mktemp("killed") / "data"
    done = subprocess.run([sys.executable, "-c", WRITER, str(folder), str(ROWS)], check=False)
    assert done.returncode == -9
    assert (folder / "syncline.db-wal").stat().st_size > 1_000_000
    return folder


@pytest.fixture(scope="module")
def stopped(killed: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same folder after a clean stop."""
    import asyncio

    folder = tmp_path_factory.mktemp("stopped") / "data"
    shutil.copytree(killed, folder)

    async def open_and_close() -> None:
        await SqliteStore(folder).close()

    asyncio.run(open_and_close())
    assert not (folder / "syncline.db-wal").exists()
    return folder


@contextlib.contextmanager
def copied(folder: Path, to: Path) -> Iterator[Path]:
    target = to / "copy"
    shutil.copytree(folder, target)
    yield target
    shutil.rmtree(target)


async def wrong_answers(folder: Path) -> str:
    """Read every row in both ways: 'right', 'refused at open' or 'refused at read'; fails on a wrong answer."""
    try:
        store = SqliteStore(folder)
    except StoreDamaged:
        return "refused at open"
    said = "right"
    try:
        for n in range(ROWS):
            try:
                assert await store.get(Space.ITEM, keys.encode((n,))) == value(n), f"a wrong answer for {n}"
            except StoreDamaged:
                said = "refused at read"
        try:
            pairs = await store.read(lambda view: view.scan(Space.ITEM, b"", b"\xff", limit=10_000), long=True)
            assert pairs == [(keys.encode((n,)), value(n)) for n in range(ROWS)]
        except StoreDamaged:
            said = "refused at read"
    finally:
        await store.close()
    return said


@pytest.mark.rule("STO-12")
async def test_undamaged_folders_are_right(killed: Path, stopped: Path, tmp_path: Path) -> None:
    for folder in (killed, stopped):
        with copied(folder, tmp_path) as copy:
            assert await wrong_answers(copy) == "right"


@pytest.mark.rule("STO-12")
@pytest.mark.parametrize("name", ["syncline.db", "syncline.db-wal", "syncline.db-shm", "position"])
async def test_a_flipped_bit_is_never_a_wrong_answer(killed: Path, stopped: Path, tmp_path: Path, name: str) -> None:
    chance = random.Random(name)
    source = stopped if name == "syncline.db" else killed
    size = (source / name).stat().st_size
    told = []
    # The header byte by byte, and anywhere.
    places = [*range(0, min(size, 100), 7), *(chance.randrange(size) for _ in range(25))]
    for place in places:
        with copied(source, tmp_path) as copy:
            with (copy / name).open("r+b") as file:
                file.seek(place)
                byte = file.read(1)[0]
                file.seek(place)
                file.write(bytes((byte ^ (1 << chance.randrange(8)),)))
            told.append(await wrong_answers(copy))
    if name == "syncline.db":
        assert told.count("right") < len(told) / 4, "most pages hold something"
    if name == "syncline.db-wal":
        assert "refused at open" in told
    if name in ("syncline.db-shm", "position"):
        assert set(told) == {"right"}, "these two are not needed for an answer"


@pytest.mark.rule("STO-12")
@pytest.mark.parametrize("name", ["syncline.db", "syncline.db-wal"])
async def test_a_cut_file_is_noticed_at_open(killed: Path, stopped: Path, tmp_path: Path, name: str) -> None:
    source = stopped if name == "syncline.db" else killed
    size = (source / name).stat().st_size
    for left in (0, 20, 4096, size // 3, size // 2 // 4096 * 4096, size - 4096):
        with copied(source, tmp_path) as copy:
            os.truncate(copy / name, left)
            assert await wrong_answers(copy) == "refused at open", left
    with copied(source, tmp_path) as copy:
        (copy / name).unlink()
        assert await wrong_answers(copy) == "refused at open"


@pytest.mark.rule("STO-12")
async def test_the_refusal_says_what_to_do(killed: Path, tmp_path: Path) -> None:
    with copied(killed, tmp_path) as copy:
        os.truncate(copy / "syncline.db-wal", 200_000)
        with pytest.raises(StoreDamaged, match=r"the last \d+ commits are missing.*restore the last backup"):
            SqliteStore(copy)


@pytest.mark.rule("STO-12")
async def test_a_file_without_checksums_gets_them(tmp_path: Path) -> None:
    old = apsw.Connection(str(tmp_path / "syncline.db"), vfs="unix" if os.name == "posix" else None)
    old.execute(
        "CREATE TABLE kv(space INTEGER NOT NULL, key BLOB NOT NULL, value BLOB NOT NULL, PRIMARY KEY(space, key))"
        " WITHOUT ROWID"
    )
    for n in range(ROWS):
        old.execute("INSERT INTO kv VALUES(?,?,?)", (int(Space.ITEM), keys.encode((n,)), value(n)))
    old.close()
    assert await wrong_answers(tmp_path) == "right"
    assert (tmp_path / "syncline.db").read_bytes()[20] == 8, "eight bytes of each page are its checksum"


FULL = """
import asyncio, os, resource, sys, pathlib
from syncline.store import SqliteStore, Space, keys
from syncline.store.port import DiskRefused

async def main():
    store = SqliteStore(pathlib.Path(sys.argv[1]))
    put = lambda n: store.write(lambda txn: txn.put(Space.ITEM, keys.encode((n,)), bytes(3000)))
    for n in range(10):
        await put(n)
    _, most = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (os.path.getsize(sys.argv[1] + "/syncline.db-wal") + 20_000, most))
    refused = kept = 0
    for n in range(10, 60):
        try:
            await put(n)
            kept += 1
        except DiskRefused as refusal:
            assert "once there is room" in str(refusal), refusal
            refused += 1
            assert len(await store.read(lambda view: view.scan(Space.ITEM, b"", b"\\xff", limit=999))) == 10 + kept
    assert refused > 40, (refused, kept)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
    for n in range(100, 110):
        await put(n)
    assert len(await store.read(lambda view: view.scan(Space.ITEM, b"", b"\\xff", limit=999))) == 20 + kept
    await store.close()

asyncio.run(main())
print("done")
"""


@pytest.mark.rule("STO-13")
@pytest.mark.skipif(os.name == "nt", reason="the limit that stands for a full disk is POSIX's")
def test_a_full_disk_refuses_writes_by_name_reads_go_on_and_room_is_enough_to_recover(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=False)
    assert done.stdout == "done\n", done.stderr
