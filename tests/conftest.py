"""Fixtures every test may use: handed-in time, ids, a silent meter, a store without a disk."""

from collections.abc import AsyncIterator

import pytest
from hypothesis import HealthCheck, settings

from syncline.bus import LocalBus
from syncline.core import LoopClock, Meter, SeededIds, SystemClock, SystemIds
from syncline.core.settings import Streams as StreamSettings
from syncline.store import MemoryStore
from syncline.streams import Streams

# A busy machine is no fault of a strategy.
settings.register_profile("syncline", suppress_health_check=[HealthCheck.too_slow], deadline=None)
settings.load_profile("syncline")


@pytest.fixture
def clock() -> SystemClock:
    return SystemClock()


@pytest.fixture
def loop_clock() -> LoopClock:
    return LoopClock()


@pytest.fixture
def ids() -> SystemIds:
    return SystemIds()


@pytest.fixture
def seeded_ids() -> SeededIds:
    return SeededIds(1)


@pytest.fixture
def meter() -> Meter:
    return Meter(out=None)


@pytest.fixture
async def store() -> AsyncIterator[MemoryStore]:
    store = MemoryStore()
    yield store
    await store.close()


@pytest.fixture
def streams(store: MemoryStore, clock: SystemClock, meter: Meter) -> Streams:
    return Streams(store, LocalBus(), clock, StreamSettings(), meter)
