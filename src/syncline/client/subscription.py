"""One subscription, from both its ends: the application takes, the connection gives.

For: applications, which hold a `Subscription`; `connection`, which drives the `Flow` behind it. Owns: what waits to be
taken (bounded), and from where to go on. Never: touches a socket.
"""

from __future__ import annotations

import asyncio
import enum
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Any, Generic, TypeVar

from syncline.client.dialects import Started
from syncline.client.errors import ClientError
from syncline.client.messages import Event, Gap, Message

T = TypeVar("T", Message, Event)


class Stage(enum.Enum):
    """Where a subscription is in its life."""

    WAITING = "waiting"  # to be started
    STARTING = "starting"
    LIVE = "live"
    RENEWING = "renewing"  # live, and started once more under a fresh credential
    PAUSED = "paused"  # stopped, since what waits is as much as may wait
    OVER = "over"


STARTED = (Stage.STARTING, Stage.LIVE, Stage.RENEWING)


class Flow:
    """What the connection knows of a subscription. `wake` is called when it is to be started."""

    def __init__(
        self, payload: bytes, *, after: str | None, last: int | None, waiting_max: int, wake: Callable[[], None]
    ) -> None:
        self.payload = payload
        self.position = after
        """Of the last that was queued."""
        self.taken = after
        """Of the last that the application took."""
        self.stage = Stage.WAITING
        self.id = ""
        self.due = 0.0
        """When the answer to a start must be there; of one that waits: not before then is it started."""
        self.attempts = 0
        self.authorization: dict[str, str] = {}
        self.retried = False
        self.failure: ClientError | None = None
        self.begun = asyncio.Event()
        """Set at the first start, and at the end."""
        self.presence: Any = None
        """What others see of this member, as a start names it; None where nothing is said of it."""
        self._whole = after is None and last is None
        self._last = last
        self._queue: deque[tuple[Message | Event | Gap, str | None]] = deque()
        self._waiting_max = waiting_max
        self._arrived = asyncio.Event()
        self._wake = wake

    # --- the connection's end

    @property
    def wish(self) -> dict[str, Any]:
        """What Syncline alone is asked: from where to start, and as whom."""
        more = {} if self.presence is None else {"presence": self.presence}
        if self.position is None and self._last is not None:
            return {"history": {"last": self._last}, **more}
        return {"resume": {} if self.position is None else {"position": self.position}, **more}

    def started(self, said: Started) -> None:
        """The server has it. Notes a gap when it does not go on where it was."""
        told = said.told or {}
        if self.stage is Stage.STARTING:
            self.position = told.get("position")
            self.taken = self.taken or self.position
            if not told.get("recovered") and not self._whole:
                self.put(Gap("what was published meanwhile is no longer there" if told else "the server keeps nothing"))
        self._whole = False
        self.stage = Stage.LIVE
        self.retried, self.attempts = False, 0
        self.begun.set()

    def put(self, item: Message | Event | Gap) -> None:
        """Queue what arrived."""
        if not isinstance(item, Gap):
            self.position = item.position
        self._queue.append((item, self.position))
        self._arrived.set()

    @property
    def live(self) -> bool:
        """Whether the server has it."""
        return self.stage in (Stage.LIVE, Stage.RENEWING)

    @property
    def full(self) -> bool:
        """Whether no more may wait."""
        return len(self._queue) >= self._waiting_max

    def interrupted(self) -> None:
        """What it was started on is gone."""
        if self.stage in STARTED:
            self.stage, self.due = Stage.WAITING, 0.0

    def end(self, failure: ClientError | None = None) -> None:
        """No more will come; what has come can still be taken."""
        if self.stage is not Stage.OVER:
            self.stage = Stage.OVER
            self.failure = failure
            self.begun.set()
            self._arrived.set()

    # --- the application's end

    async def next(self) -> Message | Event | Gap:
        """The next that arrived. Raises StopAsyncIteration, or what ended the subscription."""
        while not self._queue:
            if self.stage is Stage.OVER:
                raise self.failure or StopAsyncIteration
            self._arrived.clear()
            await self._arrived.wait()
        item, self.taken = self._queue.popleft()
        if self.stage is Stage.PAUSED and not self._queue:
            self.stage, self.due = Stage.WAITING, 0.0
            self._wake()
        return item


class Subscription(Generic[T]):
    """Messages, in order, each once: `async for message in subscription`.

    A `Gap` among them says that something may be missing before the next one. As a context, `async with` enters once
    the subscription is in force: what is published from then on arrives. It ends with `close`, with the context, and
    when nobody holds it any more.
    """

    def __init__(self, flow: Flow, drop: Callable[[Flow], None]) -> None:
        self.flow = flow
        self._drop = drop
        self._loop = asyncio.get_running_loop()

    @property
    def position(self) -> str | None:
        """Where the application is: to be handed to `subscribe(after=…)`, also in another process."""
        return self.flow.taken

    async def started(self) -> None:
        """Return once it is in force. Raises what refused it."""
        await self.flow.begun.wait()
        if self.flow.failure is not None:
            raise self.flow.failure

    def close(self) -> None:
        """Nothing more is wanted."""
        self._drop(self.flow)

    def __aiter__(self) -> Subscription[T]:
        return self

    async def __anext__(self) -> T | Gap:
        return await self.flow.next()  # type: ignore[return-value]  # a flow is of one kind

    async def __aenter__(self) -> Subscription[T]:
        try:
            await self.started()
        except asyncio.CancelledError:
            self.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __del__(self) -> None:
        # A loop that was left. It may be collected in another thread.
        if self.flow.stage is not Stage.OVER and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._drop, self.flow)
