"""A clock that the test moves, and the engines over a store without a disk."""

import pytest

from syncline.core import Instant, Meter
from syncline.monitoring import Alarms, CloudWatchService, Logs, LogsService, Metrics
from syncline.store import MemoryStore


class HandClock:
    """Time stands still until the test moves it."""

    def __init__(self) -> None:
        self.at = 1_700_000_040.0  # a whole minute

    def now(self) -> Instant:
        return Instant(self.at)

    def monotonic(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += seconds


@pytest.fixture
def hand() -> HandClock:
    return HandClock()


@pytest.fixture
def logs(store: MemoryStore, hand: HandClock) -> Logs:
    return Logs(store, hand)


@pytest.fixture
def logs_service(logs: Logs) -> LogsService:
    return LogsService(logs, region="us-east-1", account="000000000000")


@pytest.fixture
def metrics(store: MemoryStore, hand: HandClock) -> Metrics:
    return Metrics(store, hand)


@pytest.fixture
def alarms(store: MemoryStore, metrics: Metrics, hand: HandClock, meter: Meter) -> Alarms:
    return Alarms(store, metrics, hand, meter)


@pytest.fixture
def cloudwatch(metrics: Metrics, alarms: Alarms, hand: HandClock) -> CloudWatchService:
    return CloudWatchService(metrics, alarms, hand, region="us-east-1", account="000000000000")
