"""A house with functions, and another over the same store, as after a restart."""

from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.functions import SETTINGS, House
from syncline.core import Meter, Settings
from syncline.store import MemoryStore
from syncline.streams import Streams


@pytest.fixture
async def house(store: MemoryStore, streams: Streams, meter: Meter, tmp_path: Path) -> AsyncIterator[House]:
    house = await House(store, streams, meter, tmp_path / "blobs", SETTINGS).load()
    yield house
    house.engine.close()


@pytest.fixture
def reopen(store: MemoryStore, streams: Streams, meter: Meter, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Another house over the same store and folder, as after a restart."""
    made: list[House] = []

    async def open_again(settings: Settings = SETTINGS) -> House:
        made.append(await House(store, streams, meter, tmp_path / "blobs", settings).load())
        return made[-1]

    yield open_again
    for one in made:
        one.engine.close()
