"""What is done to a data directory while no server runs on it.

For: the command line. Owns: the store it opens, for as long as it takes.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from syncline.app.keys import rotate, rotate_data_key
from syncline.core import Meter, Settings, SystemIds
from syncline.store import SqliteStore


def rotate_keys(settings: Settings, *, data_key: bool = False) -> str:
    """Put a new master key, or a new data key, in place of the old. Raises StoreLocked while a server runs."""
    return asyncio.run(_rotated(settings, data_key=data_key))


async def _rotated(settings: Settings, *, data_key: bool) -> str:
    store = SqliteStore(Path(settings.data), settings.store, Meter(out=None))
    try:
        return await (rotate_data_key if data_key else rotate)(store, Path(settings.data), SystemIds())
    finally:
        await store.close()
