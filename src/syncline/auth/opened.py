"""What credentials have opened, and the end of it once they are good no more.

For: `graphql` and `events`, whose connections hold subscriptions. Owns: when a credential is looked at again.
Never: ends a subscription itself; its connection does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Generic, Protocol, TypeVar

from syncline.auth.model import NEVER, Identity
from syncline.core import Clock, SynclineError

RECHECK_SECONDS = 1.0


class Held(Protocol):
    """Something that an identity has opened."""

    @property
    def identity(self) -> Identity: ...


H = TypeVar("H", bound=Held)


class Leases(Generic[H]):
    """What one connection holds, by id, each under the credential that opened it.

    `check` raises for what is good no more; `end` then ends it, and takes it out of `held`.
    """

    def __init__(
        self, held: Mapping[str, H], check: Callable[[H], None], end: Callable[[H, SynclineError], None]
    ) -> None:
        self.ending = False
        """Whether what ends now ends because of its credential."""
        self._held, self._check, self._end = held, check, end
        self._soonest = NEVER

    def added(self, identity: Identity) -> None:
        """Something is held under this identity from now on."""
        self._soonest = min(self._soonest, identity.expires)

    def recheck(self, now: float | None = None) -> None:
        """Look at all of it. With `now` only when the first of them expires by then: most times none does."""
        if now is not None and now < self._soonest:
            return
        for id, each in list(self._held.items()):
            if self._held.get(id) is not each:
                continue  # the end of another has closed the connection
            try:
                self._check(each)
            except SynclineError as refusal:
                self.ending = True
                self._end(each, refusal)
        self.ending = False
        self._soonest = min((each.identity.expires for each in self._held.values()), default=NEVER)


class Opened:
    """The leases of all connections, by API."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._leases: dict[str, dict[Leases[Any], None]] = {}

    def add(self, api: str, leases: Leases[Any]) -> None:
        """A connection is open."""
        self._leases.setdefault(api, {})[leases] = None

    def remove(self, api: str, leases: Leases[Any]) -> None:
        """A connection is closed."""
        mine = self._leases[api]
        del mine[leases]
        if not mine:
            del self._leases[api]

    def recheck(self, api: str | None = None, now: float | None = None) -> None:
        """End what is good no more, of one API or of all: what expires by `now`, or whatever the reason."""
        found = list(self._leases.values()) if api is None else [self._leases.get(api, {})]
        for leases in [each for mine in found for each in mine]:
            leases.recheck(now)

    async def run(self) -> None:
        """End, every second, what expired credentials had opened, until cancelled."""
        while True:
            await self._clock.sleep(RECHECK_SECONDS)
            self.recheck(now=self._clock.now())
