"""Every driver of a port, one after the other."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from syncline.store import MemoryStore, SqliteStore, Store
from syncline.store.memory import MemoryDisk

Opener = Callable[[], Store]


@pytest.fixture(params=["memory", "sqlite"])
async def opener(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Opener]:
    """Opens the same keyspace again and again; whatever was opened is closed at the end."""
    disk = MemoryDisk()
    opened: list[Store] = []

    def open_store() -> Store:
        store: Store = MemoryStore(disk) if request.param == "memory" else SqliteStore(tmp_path)
        opened.append(store)
        return store

    yield open_store
    for store in opened:
        await store.close()


@pytest.fixture
def any_store(opener: Opener) -> Store:
    return opener()
