"""The pool of execution environments: warm ones are used again, the rest is bounded, evicted and reaped.

Owns: which processes there are, and how many run at once. Never: runs an event itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable

from syncline.core import Clock
from syncline.functions.environment import Environment
from syncline.functions.errors import TooManyRequests
from syncline.functions.model import Function

Starter = Callable[[Function], Awaitable[Environment]]


class Pool:
    """Environments by function. Idle and busy together are never more than `limit` processes."""

    def __init__(self, start: Starter, clock: Clock, *, limit: int, idle_seconds: float) -> None:
        self._start = start
        self._clock = clock
        self._limit = limit
        self._idle_seconds = idle_seconds
        self._idle: dict[tuple[str, str], list[Environment]] = {}
        self._busy: set[Environment] = set()
        self._running: Counter[str] = Counter()

    def running(self, name: str) -> int:
        """How many events of the function are in a process now."""
        return self._running[name]

    async def acquire(self, function: Function) -> Environment:
        """An environment of this deployment, warm if there is one. Raises TooManyRequests. Release it after use."""
        self._admit(function)
        self._running[function.name] += 1
        environment: Environment | None = None
        try:
            environment = self._warm(function) or await self._cold(function)
        finally:
            if environment is None:
                self._running[function.name] -= 1
        return environment

    def release(self, environment: Environment, *, current: bool) -> None:
        """Give an environment back. It is kept unless it is dead or no longer the function's deployment."""
        self._running[environment.function.name] -= 1
        self._busy.discard(environment)
        if environment.dead or not current:
            environment.kill()
            return
        environment.idle_since = self._clock.monotonic()
        self._idle.setdefault(environment.function.key, []).append(environment)

    def retire(self, name: str, version: str | None = None) -> None:
        """End idle processes of the function, or of one version; busy ones finish, and end when they are released."""
        for key in [key for key in self._idle if key[0] == name and version in (None, key[1])]:
            for environment in self._idle.pop(key):
                environment.kill()

    def reap(self) -> None:
        """End what has been idle too long, and forget what died."""
        oldest = self._clock.monotonic() - self._idle_seconds
        for key, environments in list(self._idle.items()):
            kept = [one for one in environments if not one.dead and one.idle_since > oldest]
            for one in set(environments) - set(kept):
                one.kill()
            self._idle[key] = kept
            if not kept:
                del self._idle[key]

    def close(self) -> None:
        """End every process."""
        for environment in [*self._busy, *(one for idle in self._idle.values() for one in idle)]:
            environment.kill()
        self._idle.clear()

    def _admit(self, function: Function) -> None:
        if function.reserved is not None and self._running[function.name] >= function.reserved:
            raise TooManyRequests(data={"Reason": "ReservedFunctionConcurrentInvocationLimitExceeded", "Type": "User"})
        if self._running.total() >= self._limit:
            raise TooManyRequests(data={"Reason": "ConcurrentInvocationLimitExceeded", "Type": "User"})

    def _warm(self, function: Function) -> Environment | None:
        idle = self._idle.get(function.key, [])
        while idle:
            environment = idle.pop()  # the warmest
            if not environment.dead and environment.function.deployment == function.deployment:
                self._busy.add(environment)
                return environment
            environment.kill()
        return None

    async def _cold(self, function: Function) -> Environment:
        idle = [one for environments in self._idle.values() for one in environments]
        if len(idle) + self._running.total() > self._limit:
            coldest = min(idle, key=lambda one: one.idle_since)
            self._idle[coldest.function.key].remove(coldest)
            coldest.kill()
        environment = await self._start(function)
        self._busy.add(environment)
        return environment
