"""The hub: what is published reaches every subscription that was there before it, in order, once.

For: those who publish (`graphql`, `events`) and those who subscribe. Owns: the channel of each API, the turns in which
they are flushed, and the way of a durable publication through the store. Never: knows what a value means, or touches
a socket.

What is published within one tick leaves together. A channel with much to deliver does some of it in each tick, so
that the others, and whoever asks for something, have theirs between.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from syncline.core import Clock, Meter, SynclineError, json, settings
from syncline.hub.channel import Channel, Turns, labels_of
from syncline.hub.history import Draft, History, Keep, Log
from syncline.hub.port import ErrorObject, Subscription
from syncline.hub.returning import CATCH_UP_SECONDS
from syncline.hub.topics import Publication, Topic
from syncline.hub.window import PositionPassed

FLUSH_BYTES = 4 * 1024 * 1024
"""What one API delivers in one tick before the others have their turn: a publication more than that, at most."""

RETURN_SECONDS = 60
"""What a client needs to come back once it has noticed that its connection is dead."""


class Hub:
    """Channels by API. `measure` gives a value's size in bytes; by default, as JSON. See RULES.md."""

    def __init__(
        self,
        clock: Clock,
        limits: settings.Hub,
        meter: Meter,
        measure: Callable[[Any], int] | None = None,
        *,
        epoch: str = "0",
        history: History | None = None,
    ) -> None:
        self.limits = limits
        self._epoch = epoch
        self._clock = clock
        self._meter = meter
        self._measure = measure
        self._channels: dict[str, Channel] = {}
        self._turns = Turns()
        self._busy: dict[Channel, None] = {}
        self._scheduled = False
        self._history = history
        self._drafts: list[tuple[Draft, asyncio.Future[int]]] = []
        self._gathering = False
        self._commits: set[asyncio.Task[None]] = set()
        self._tasks: asyncio.TaskGroup | None = None
        self._changing = asyncio.Lock()

    # --- publishing

    def publish(
        self, topic: Topic, value: Any, *, commit: int, wider: tuple[Topic, ...] = (), size: int | None = None
    ) -> int:
        """Give `value` its place in line and have it delivered on the next tick. Returns its position.

        `wider` topics hear of it, too. A value over `payload_bytes_max` keeps its position but is not delivered:
        counted and logged; unless the publisher, who has limits of its own, names its `size`.
        """
        channel = self._channel(topic.api)
        assert channel.log is None, "what a durable API publishes is kept first"
        measured = self._size(value) if size is None else size
        position = channel.position + 1
        publication = Publication(topic, value, position, commit, measured, wider, size is not None)
        if size is None and measured > self.limits.payload_bytes_max:
            channel.position = position
            channel.drop(publication, measured)
        elif channel.enter(publication):
            self._wake(channel)
        return position

    def publish_durably(
        self,
        topic: Topic,
        value: Any,
        *,
        commit: int,
        wider: tuple[Topic, ...] = (),
        size: int | None = None,
        content: bytes | None = None,
    ) -> asyncio.Future[int]:
        """`publish` for a durable API: done once it is kept, and has its place in line.

        `content` stands for `value` in the store, and is the value when it comes from there; without it `value` is
        what JSON has. Fails as the store does; then nobody hears of it. One that is too large has no position of
        its own.
        """
        channel = self._channel(topic.api)
        plain = content is not None
        stored = json.encode(value) if content is None else content
        draft = Draft(topic, value, stored, plain, commit, size or len(stored), wider, size is not None)
        done: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        if not draft.judged and draft.size > self.limits.payload_bytes_max:
            channel.drop(draft.placed(channel.position), draft.size)
            done.set_result(channel.position)
            return done
        self._drafts.append((draft, done))
        self._gather()
        return done

    def _size(self, value: Any) -> int:
        return len(json.encode(value)) if self._measure is None else self._measure(value)

    # --- subscribing

    def subscribe(self, subscription: Subscription, *, after: int | None = None) -> None:
        """Register: every publication from now on is for it, none from before.

        With `after`, first what was published after that position, then what comes. Raises PositionPassed.
        """
        channel = self._channel(subscription.topics[0].api)
        if channel.begin(subscription, after):
            self._wake(channel)

    def unsubscribe(self, subscription: Subscription) -> None:
        """Forget a subscription: nothing is written to it from now on. Unknown ones are nothing to do."""
        self._channel(subscription.topics[0].api).end(subscription)

    def replace(self, before: Subscription, renewed: Subscription) -> bool:
        """Go on with `renewed` where `before` is, also when that still waits for what was published or missed.

        False: what it waits for is gone by now, or in another line; then neither is registered.
        """
        channel = self._channel(before.topics[0].api)
        position = channel.end(before)
        if renewed.topics[0].api != channel.api:
            if position is not None and position < channel.position:
                return False
            position = None
        try:
            self.subscribe(renewed, after=position)
        except PositionPassed:
            return False
        renewed.outbox.ledger.replaced(before, renewed)
        return True

    def end(self, subscription: Subscription, errors: Sequence[ErrorObject]) -> None:
        """Unsubscribe, and have the client told that it is over and why."""
        self.unsubscribe(subscription)
        if subscription.ended is not None:
            subscription.ended(errors)

    def reached(self, subscription: Subscription, *, final: bool = False) -> int | None:
        """The position up to which the peer of a subscription, live or ended, has all that was for it.

        None when nobody can tell: its outbox does not know what arrived, or the window has lost too much. `final`: its
        connection is over, and nothing more will arrive.
        """
        if final:
            outbox = subscription.outbox
            if (arrived := outbox.reached_bytes) is not None:
                outbox.ledger.close(arrived)
        return self._channel(subscription.topics[0].api).reached(subscription)

    def returning(self, subscription: Subscription) -> bool:
        """Whether it is still being given what it missed."""
        return subscription in self._channel(subscription.topics[0].api).returning

    # --- positions

    def epoch(self, api: str) -> str:
        """Whose positions the API's are: this run's, or a durable API's own."""
        channel = self._channels.get(api)
        return channel.epoch if channel else self._epoch

    def position(self, api: str) -> int:
        """The position of the API's newest publication; 0 before the first."""
        channel = self._channels.get(api)
        return channel.position if channel else 0

    def facts(self, api: str) -> dict[str, Any]:
        """What is still there of the API's publications, for a log line."""
        return self._channel(api).facts()

    def passed_by(self, api: str) -> str:
        """Which bound the last publication that is gone was over: `seconds`, `bytes` or `history`; "": none is gone."""
        channel = self._channel(api)
        return "history" if channel.log is not None and channel.log.passed else channel.window.passed_by

    def recent(self, api: str, *, after: int) -> list[Publication]:
        """The API's publications after a position, oldest first. Raises PositionPassed when the window lost some."""
        return self._channel(api).recent(after)

    # --- durable APIs

    async def load(self) -> None:
        """Take up the durable APIs where they were: once, at start."""
        assert self._history is not None, "a hub without a store has nothing to load"
        self._judge_window()
        for api, log in (await self._history.load()).items():
            channel = self._channel(api)
            channel.epoch, channel.log = log.epoch, log
            channel.position = channel.settled = channel.window.passed = log.last

    def _judge_window(self) -> None:
        """A client notices that its connection is dead when nothing came for so long as it was told to wait."""
        needed = self.limits.connection_timeout_ms / 1000 + RETURN_SECONDS
        if self.limits.window_seconds < needed:
            self._meter.event(
                "window too short", room="hub", window_seconds=self.limits.window_seconds, needed_seconds=needed
            )

    def durable(self, api: str) -> bool:
        """Whether the API's publications are kept in the store."""
        channel = self._channels.get(api)
        return channel is not None and channel.log is not None

    async def make_durable(
        self, api: str, *, durable: bool = True, keep: Keep | None = None, epoch: str | None = None
    ) -> None:
        """Have what the API publishes from now on kept in the store, or kept no longer and what was kept forgotten.

        `keep` instead of what the settings say; `epoch` for positions that were never another's.
        """
        async with self._changing:
            if durable == self.durable(api):
                if durable:
                    log = self._channel(api).log
                    assert log is not None, "it is durable"
                    log.keep = keep
                return
            assert self._history is not None, "a hub without a store keeps nothing"
            channel = self._channel(api)
            if durable:
                channel.epoch = epoch or channel.epoch
                channel.log = Log(channel.epoch, channel.position, channel.position, keep)
                await self._history.begin(api, channel.epoch, channel.position)
                return
            # What is being committed commits before this body; what comes after it finds that nothing is kept now.
            await self._history.end(api)
            channel.log = None
            if self._commits:
                await asyncio.wait(set(self._commits))

    async def last(self, topics: tuple[Topic, ...], count: int) -> tuple[int, bool]:
        """The position after which a durable API has the last `count` publications on these topics.

        False: there are fewer, and more there were.
        """
        log = self._channel(topics[0].api).log
        assert log is not None, "only a durable API can be asked for what was"
        assert self._history is not None, "only a store makes an API durable"
        return await self._history.last(topics[0].api, topics, count, log)

    async def forget(self, api: str) -> None:
        """The API is gone: let go of all that is known of it. Its subscriptions end with their connections."""
        await self.make_durable(api, durable=False)
        if self._channels.pop(api, None) is not None:
            self._meter.forget(**labels_of(api))

    async def run(self) -> None:
        """Keep what durable APIs publish, and trim it, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            try:
                self._gathering = False
                self._gather()
                while True:
                    await self._clock.sleep(self.limits.history_trim_seconds)
                    await self._trim()
            finally:
                self._tasks = None

    async def _trim(self) -> None:
        for api, channel in list(self._channels.items()):
            async with self._changing:  # not while what is kept is being deleted
                if channel.log is not None and self._history is not None:
                    await self._history.trim(api, channel.log)

    def _gather(self) -> None:
        """Commit what is drafted in the next turn of the loop: all of it together."""
        if self._drafts and self._tasks is not None and not self._gathering:
            self._gathering = True
            commit = self._tasks.create_task(self._commit())
            self._commits.add(commit)
            commit.add_done_callback(self._commits.discard)

    async def _commit(self) -> None:
        """Keep what was drafted, then put it in line. Commits end in the order in which they began."""
        taken, self._drafts, self._gathering = self._drafts, [], False
        assert self._history is not None, "only a store makes an API durable"
        try:
            positions = await self._history.append([draft for draft, _ in taken])
        except SynclineError as failure:
            for _, done in taken:
                if not done.done():
                    done.set_exception(failure)
            return
        for (draft, done), position in zip(taken, positions, strict=True):
            channel = self._channel(draft.topic.api)
            if position is not None and channel.log is not None:
                assert position == channel.position + 1, "publications are put in line in the order of their commits"
                channel.log.last = position
            publication = draft.placed(channel.position + 1)
            if channel.enter(publication):
                self._wake(channel)
            if not done.done():
                done.set_result(publication.position)

    async def _read_back(self, channel: Channel, subscription: Subscription) -> None:
        """Give a returning subscription what only the store has, until the window has the rest."""
        assert self._history is not None, "only a store has what the window lost"
        try:
            while (cursor := channel.returning.get(subscription)) is not None:
                until = channel.window.passed
                if cursor >= until:
                    return
                missed = await self._history.after(channel.api, cursor, until=until)
                if not missed:
                    self._lost(subscription, cursor)
                elif subscription in channel.returning:
                    reached = channel.give(subscription, cursor, missed)
                    await self._clock.sleep(0 if reached == missed[-1].position else CATCH_UP_SECONDS)
        finally:
            channel.reading.discard(subscription)
            self._wake(channel)

    def _lost(self, subscription: Subscription, cursor: int) -> None:
        passed = PositionPassed(position=cursor, oldest=self._channel(subscription.topics[0].api).window.passed)
        self.end(subscription, [{"errorType": "PositionPassed", "message": passed.message}])

    # --- the flush

    async def drained(self) -> None:
        """Return when everything published so far was written to its outboxes."""
        while self._scheduled:  # noqa: ASYNC110 (the flush is a tick away, no event is needed)
            await asyncio.sleep(0)

    def _wake(self, channel: Channel) -> None:
        self._busy[channel] = None
        if not self._scheduled:
            self._scheduled = True
            # One more turn of the loop: requests that have arrived by now publish in it, and their messages leave in
            # the same write. It costs a lone publication a few microseconds, and halves eight at once.
            loop = asyncio.get_running_loop()
            loop.call_soon(loop.call_soon, self._flush)

    def _flush(self) -> None:
        """Give every channel that has something to deliver its turn.

        What a `matches` or `project` raises goes to the loop's exception handler with its trace; the others, and the
        rest of that channel, have their turn in the next tick.
        """
        self._scheduled = False
        turns = list(self._busy)
        try:
            for channel in turns:
                # To the end of the queue: it may fail, and has its next turn after the others in any case.
                del self._busy[channel]
                self._busy[channel] = None
                if not channel.flush(FLUSH_BYTES):
                    del self._busy[channel]
                    self._catch_up(channel)
        finally:
            if self._busy:
                self._wake(next(iter(self._busy)))

    def _catch_up(self, channel: Channel) -> None:
        far, lost, again = channel.catch_up()
        for subscription in far:
            if self._tasks is not None:
                channel.reading.add(subscription)
                self._tasks.create_task(self._read_back(channel, subscription))
        for subscription in lost:
            self._lost(subscription, channel.returning[subscription])
        if again:
            asyncio.get_running_loop().call_later(CATCH_UP_SECONDS, self._wake, channel)

    def _channel(self, api: str) -> Channel:
        channel = self._channels.get(api)
        if channel is None:
            channel = Channel(api, self._epoch, self.limits, self._clock, self._meter, self._turns)
            self._channels[api] = channel
        return channel
