"""One socket to an API: opened when something needs it, opened again when it is lost.

For: the clients. Owns: the socket, which subscription is started on it under which id, and the time-outs.
Never: knows what a message is about (that is the dialect); holds what arrived (that is the flow).
"""

from __future__ import annotations

import asyncio
import base64
from collections import deque
from collections.abc import Callable
from ssl import SSLContext
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus, WebSocketException
from websockets.typing import Subprotocol

from syncline.client import dialects
from syncline.client.auth import Auth, credential_in
from syncline.client.dialects import (
    Acknowledged,
    Answered,
    Arrived,
    Dialect,
    Ended,
    Failed,
    Missed,
    Rejected,
    Said,
    Started,
    reason_of,
)
from syncline.client.errors import (
    ClientError,
    ConnectionLost,
    GraphQLError,
    GraphQLFailed,
    RequestRefused,
    TokenUnavailable,
    Unauthorized,
    refusal_of,
)
from syncline.client.messages import Gap, State, Timing
from syncline.client.subscription import Flow, Stage
from syncline.core import Clock, Ids, json

MESSAGE_BYTES_MAX = 8 * 1024 * 1024
"""One message: an answer of AppSync has at most 5 MB."""
CLOSE_SECONDS = 1.0
BEAT_SECONDS = 0.5
"""How often time-outs and renewals are looked at."""
TRANSIENT = (408, 425, 429)
"""Statuses below 500 of a refused upgrade that are worth another attempt."""
ASKED = (Stage.STARTING, Stage.RENEWING)
BUSY = (
    "LimitExceededError",
    "ThrottlingException",
    "InternalFailure",
    "InternalFailureException",
    "ServiceUnavailableException",
    "PositionPassed",  # it fell behind while it caught up; the next start says what that cost
)
"""Refusals that are worth another attempt."""
LOST = (OSError, WebSocketException, TimeoutError, ConnectionLost, TokenUnavailable)


class Connection:
    """Subscriptions share it. `run` is its life."""

    def __init__(
        self,
        dialect: Dialect,
        auth: Auth,
        *,
        timing: Timing,
        tls: SSLContext | None,
        clock: Clock,
        ids: Ids,
        on_state: Callable[[State], None] | None,
    ) -> None:
        self.state = State.IDLE
        self._dialect, self._auth, self._timing, self._tls = dialect, auth, timing, tls
        self._clock, self._ids, self._on_state = clock, ids, on_state
        self._flows: dict[Flow, None] = {}
        self._by_id: dict[str, Flow] = {}
        self._asked: dict[str, asyncio.Future[dict[str, Any]]] = {}
        self._outgoing: deque[bytes] = deque()
        self._work = asyncio.Event()
        self._heard = 0.0
        self._attempts = 0
        self._lost_at: float | None = None
        self._retried = False
        self._left = False
        self._signed: dict[str, str] = {}

    # --- for the clients

    def flow(self, payload: bytes, *, after: str | None, last: int | None, waiting_max: int) -> Flow:
        """A new subscription, to be started."""
        flow = Flow(payload, after=after, last=last, waiting_max=waiting_max, wake=self._work.set)
        self._flows[flow] = None
        self._work.set()
        return flow

    def drop(self, flow: Flow) -> None:
        """A subscription is no longer wanted."""
        self._stop(flow)
        self._end(flow)

    async def ask(self, id: str, message: bytes) -> dict[str, Any]:
        """Send a message and return its answer. Raises RequestRefused, ConnectionLost."""
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._asked[id] = answer
        self._say(message)
        try:
            async with asyncio.timeout(self._timing.request_seconds):
                return await answer
        except TimeoutError:
            raise ConnectionLost(reason=f"none came within {self._timing.request_seconds:g} s") from None
        finally:
            del self._asked[id]
            self._work.set()

    def leave(self) -> None:
        """Open no socket any more. A cancellation alone may go unnoticed: when the socket is lost in that very moment,
        the task group below raises the loss instead (Python 3.11 and 3.12)."""
        self._left = True

    async def run(self) -> None:
        """Keep a socket open while anything needs one, until it is left and cancelled."""
        try:
            while not self._left:
                await self._needed()
                reason = await self._session()
                self._interrupted(reason)
                if reason and not self._left:
                    self._give_up(reason)
                    await self._clock.sleep(self._jitter(self._attempts))
                    self._attempts += 1
        finally:
            self._fail_all(None)

    # --- one socket's life

    async def _needed(self) -> None:
        while not self._flows and not self._asked:
            self._turn(State.IDLE)
            self._work.clear()
            await self._work.wait()
        self._turn(State.CONNECTING)

    async def _session(self) -> str:
        """Open a socket and use it until it is lost, and return why; until nothing needs it, and return nothing."""
        reason = ""
        try:
            await self._use(await self._dial())
        except* LOST as failures:
            reason = said_by(failures)
        except* RequestRefused as failures:
            reason = self._rejected(failures)
        return reason

    async def _dial(self) -> ClientConnection:
        self._signed = await self._auth.sign(self._dialect.opening(self._clock.now()))
        shown = base64.urlsafe_b64encode(json.encode({"host": dialects.host_of(self._dialect.http), **self._signed}))
        offers = [self._dialect.subprotocol, "header-" + shown.decode().rstrip("=")]
        try:
            return await connect(
                self._dialect.socket,
                subprotocols=[Subprotocol(offer) for offer in offers],
                compression=None,
                open_timeout=self._timing.ack_seconds,
                ping_interval=self._timing.ping_seconds,
                ping_timeout=self._timing.ping_seconds,
                close_timeout=CLOSE_SECONDS,
                max_size=MESSAGE_BYTES_MAX,
                proxy=None,
                ssl=self._tls,
            )
        except InvalidStatus as failure:
            status = failure.response.status_code
            if status >= 500 or status in TRANSIENT:
                raise
            raise dialects.refusal_in(status, bytes(failure.response.body or b"")) from failure

    async def _use(self, socket: ClientConnection) -> None:
        """Serve until the socket is lost, which raises, or nothing needs it."""
        async with socket:
            silence = await self._acknowledged(socket)
            self._attempts, self._retried, self._lost_at = 0, False, None
            self._turn(State.CONNECTED)
            async with asyncio.TaskGroup() as group:
                others = [group.create_task(self._read(socket)), group.create_task(self._watch(silence))]
                await self._write(socket)
                for other in others:
                    other.cancel()

    async def _acknowledged(self, socket: ClientConnection) -> float:
        """The silence after which the connection counts as lost."""
        await socket.send('{"type":"connection_init"}')
        async with asyncio.timeout(self._timing.ack_seconds):
            while True:
                said = self._dialect.read(await socket.recv())
                if isinstance(said, Acknowledged):
                    return said.silence_seconds
                if isinstance(said, Rejected):
                    if said.final:
                        raise refusal_of(said.errors)
                    raise ConnectionLost(reason=reason_of(said.errors))

    async def _read(self, socket: ClientConnection) -> None:
        self._heard = self._clock.monotonic()
        while True:
            text = await socket.recv()
            self._heard = self._clock.monotonic()
            said = self._dialect.read(text)
            if said is not None:
                self._take(said)

    async def _write(self, socket: ClientConnection) -> None:
        """Say what is to be said; return when nothing has needed the socket for a while."""
        while True:
            self._work.clear()
            for flow in list(self._flows):
                if flow.stage is Stage.WAITING and flow.due <= self._clock.monotonic():
                    await self._start(flow, Stage.STARTING)
                elif flow.stage is Stage.RENEWING and not flow.due:
                    await self._start(flow, Stage.RENEWING)
            while self._outgoing:
                await socket.send(self._outgoing.popleft(), text=True)
            needed = bool(self._flows or self._asked)
            try:
                async with asyncio.timeout(None if needed else self._timing.linger_seconds):
                    await self._work.wait()
            except TimeoutError:
                return

    async def _start(self, flow: Flow, stage: Stage) -> None:
        """Start a subscription; one that is live is started once more, under a fresh credential."""
        before = flow.stage
        authorization = await self._auth.sign(self._dialect.signable(flow.payload, self._clock.now()))
        if flow.stage is not before:
            return  # it ended meanwhile
        if stage is Stage.STARTING:
            # The same id on another socket, by which presence knows who is back; a new one where the last was stopped.
            flow.id = flow.id or self._ids.uuid()
            self._by_id[flow.id] = flow
        flow.stage, flow.authorization = stage, authorization
        flow.due = self._clock.monotonic() + self._timing.ack_seconds
        shown = {"host": dialects.host_of(self._dialect.http), **authorization}
        self._outgoing.append(self._dialect.start(flow.id, flow.payload, shown, flow.wish))

    async def _watch(self, silence_seconds: float) -> None:
        """Notice silence and missing answers; renew before a credential ends."""
        while True:
            await self._clock.sleep(BEAT_SECONDS)
            now = self._clock.monotonic()
            if now - self._heard > silence_seconds:
                raise ConnectionLost(reason=f"the server was silent for {silence_seconds:g} s")
            if any(flow.stage in ASKED and 0 < flow.due < now for flow in self._flows):
                raise ConnectionLost(reason="the server did not answer a subscription")
            if any(flow.stage is Stage.WAITING for flow in self._flows):
                self._work.set()
            if self._dialect.resumes and self._clock.now() >= self._auth.renewal:
                await self._renew()

    async def _renew(self) -> None:
        fresh = await self._auth.sign(self._dialect.signable(b"{}", self._clock.now()))
        for flow in self._flows:
            if flow.stage is Stage.LIVE and flow.position and flow.authorization != fresh:
                flow.stage, flow.due = Stage.RENEWING, 0.0
        self._work.set()

    # --- what the server says

    def _take(self, said: Said) -> None:
        match said:
            case Started(id) if id in self._by_id:
                self._by_id[id].started(said)
            case Arrived(id, messages) if id in self._by_id:
                flow = self._by_id[id]
                for message in messages:
                    flow.put(message)
                if flow.full:
                    self._stop(flow)
                    flow.stage = Stage.PAUSED
            case Missed(id, reason) if id in self._by_id:
                self._by_id[id].put(Gap(reason))
            case Failed(id, errors) if id in self._by_id:
                self._failed(self._by_id[id], errors)
            case Ended(id) if id in self._by_id:
                self._end(self._by_id[id])
            case Failed(id, errors):
                self._answered(id, refusal_of(errors))
            case Answered(id, answer, errors):
                self._answered(id, refusal_of(errors) if answer is None else answer)

    def _answered(self, id: str, answer: dict[str, Any] | RequestRefused) -> None:
        asked = self._asked.get(id)
        if asked is None or asked.done():
            return
        if isinstance(answer, RequestRefused):
            asked.set_exception(answer)
        else:
            asked.set_result(answer)

    def _failed(self, flow: Flow, errors: list[GraphQLError]) -> None:
        """A subscription was refused or ended: start it again where that may help."""
        begun = flow.live
        if flow.stage is Stage.RENEWING:
            self._stop(flow)  # What it was started with goes on. It is started anew, from where it is.
        self._forget(flow)
        refusal = refusal_of(errors)
        wait = 0.0
        if isinstance(refusal, Unauthorized):
            again = self._auth.forget(credential_in(flow.authorization)) and not flow.retried
            flow.retried = True
        else:
            again, wait = refusal.error_type in BUSY, self._jitter(flow.attempts)
            flow.attempts += 1
        if again:
            flow.stage, flow.due = Stage.WAITING, self._clock.monotonic() + wait
            self._work.set()
        else:
            self._end(flow, GraphQLFailed(errors) if begun and not isinstance(refusal, Unauthorized) else refusal)

    def _stop(self, flow: Flow) -> None:
        if flow.id in self._by_id:
            self._say(self._dialect.stop(flow.id))
        self._forget(flow)

    def _forget(self, flow: Flow) -> None:
        """What still comes under this id is not taken for what comes after the next start."""
        self._by_id.pop(flow.id, None)
        flow.id = ""

    def _end(self, flow: Flow, failure: ClientError | None = None) -> None:
        flow.end(failure)
        self._flows.pop(flow, None)
        self._forget(flow)
        self._work.set()

    def _say(self, message: bytes) -> None:
        self._outgoing.append(message)
        self._work.set()

    # --- after a socket's life

    def _rejected(self, failures: BaseExceptionGroup[RequestRefused]) -> str:
        """The server does not admit us: try once more with a fresher credential, else tell everybody."""
        refusal = leaf(failures)
        assert isinstance(refusal, RequestRefused), "that is what was caught"
        helps = isinstance(refusal, Unauthorized) and self._auth.forget(credential_in(self._signed))
        if not helps or self._retried:
            self._fail_all(refusal)
            self._retried = False
            return ""
        self._retried = True
        return str(refusal)

    def _interrupted(self, reason: str) -> None:
        self._by_id.clear()
        self._outgoing.clear()
        for flow in self._flows:
            flow.interrupted()
        for asked in self._asked.values():
            if not asked.done():
                asked.set_exception(ConnectionLost(reason=reason or "the connection was closed"))

    def _fail_all(self, failure: ClientError | None) -> None:
        for flow in list(self._flows):
            self._end(flow, failure)
        for asked in self._asked.values():
            if not asked.done():
                asked.set_exception(failure or ConnectionLost(reason="the client was closed"))

    def _give_up(self, reason: str) -> None:
        now, limit = self._clock.monotonic(), self._timing.give_up_seconds
        self._lost_at = self._lost_at or now
        if limit is not None and now - self._lost_at > limit:
            self._fail_all(ConnectionLost(reason=reason))

    def _jitter(self, attempts: int) -> float:
        """Full jitter: clients that were cut together do not come back together."""
        most = self._timing.backoff_seconds * 2.0 ** min(attempts, 32)
        return self._ids.fraction() * min(most, self._timing.backoff_seconds_max)

    def _turn(self, state: State) -> None:
        if state is not self.state:
            self.state = state
            if self._on_state is not None:
                self._on_state(state)


def leaf(failure: BaseException) -> BaseException:
    """The first exception in a group."""
    while isinstance(failure, BaseExceptionGroup):
        failure = failure.exceptions[0]
    return failure


def said_by(failures: BaseExceptionGroup[BaseException]) -> str:
    """What a lost connection's exception says."""
    found = leaf(failures)
    return str(found) or type(found).__name__
