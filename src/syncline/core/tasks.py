"""The supervisor: long-lived parts run under one parent, restarted with backoff, or the server stops loudly."""

from __future__ import annotations

import asyncio
from typing import Protocol

from syncline.core.clock import Clock
from syncline.core.meter import Meter

RESTARTS_MAX = 5
"""Restarts of one part within RESTART_WINDOW_S; one more stops the server: a dead part must not look alive."""
RESTART_WINDOW_S = 60.0
BACKOFF_FIRST_S = 0.1


class Part(Protocol):
    """Something that lives as long as the server does. Nothing starts before `run`."""

    async def run(self) -> None: ...


class PartCannotLive(RuntimeError):
    """A part kept failing; its last failure is the cause."""


class Supervisor:
    """Runs parts until cancelled."""

    def __init__(self, clock: Clock, meter: Meter) -> None:
        self._clock = clock
        self._meter = meter

    async def run(self, parts: dict[str, Part]) -> None:
        """Run every part by name. Raises PartCannotLive (in an ExceptionGroup) when restarting does not help."""
        async with asyncio.TaskGroup() as group:
            for name, part in parts.items():
                group.create_task(self._keep(name, part), name=name)

    async def _keep(self, name: str, part: Part) -> None:
        failures: list[float] = []
        while True:
            try:
                await part.run()
                return
            except Exception as failure:
                now = self._clock.monotonic()
                failures = [at for at in failures if now - at < RESTART_WINDOW_S] + [now]
                self._meter.failure("part failed", failure, part=name, failures=len(failures))
                if len(failures) > RESTARTS_MAX:
                    raise PartCannotLive(name) from failure
            await self._clock.sleep(BACKOFF_FIRST_S * 2 ** (len(failures) - 1))
