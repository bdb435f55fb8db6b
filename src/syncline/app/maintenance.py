"""What is done to a data directory while no server runs on it.

For: the command line. Owns: the store it opens, for as long as it takes.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from syncline.app.keys import rotate
from syncline.core import Meter, Settings, SystemIds
from syncline.store import SqliteStore


def rotate_keys(settings: Settings) -> str:
    """Put a new master key in place of the old. Raises StoreLocked while a server runs."""
    return asyncio.run(_rotated(settings))


async def _rotated(settings: Settings) -> str:
    store = SqliteStore(Path(settings.data), settings.store, Meter(out=None))
    try:
        return await rotate(store, Path(settings.data), SystemIds())
    finally:
        await store.close()
