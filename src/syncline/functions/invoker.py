"""Running one event: an environment from the pool, its log lines, its figures.

For: the engine, whatever asked for the invocation. Never: retries, queues, or looks at who asks.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from syncline.core import Clock, Ids, Meter, SynclineError
from syncline.core.settings import Functions as FunctionSettings
from syncline.functions.code import CodeStore
from syncline.functions.environment import Environment, Outcome, function_environ
from syncline.functions.errors import EnvironmentUnavailable, TooManyRequests
from syncline.functions.figures import Figures
from syncline.functions.folders import signature
from syncline.functions.model import Call, Function, Invocation
from syncline.functions.output import Line
from syncline.functions.pool import Pool
from syncline.functions.runtimes import actual_version, launch
from syncline.monitoring import Logs

TAIL_BYTES = 4096
TOLD_MAX = 10_000
"""Deployments whose log was told once that another version runs them; forgotten ones are told again."""
REASON_BYTES_MAX = 512
"""Of a failed function's answer in the server's own log; the whole is in the function's."""

CredentialsFor = Callable[[Function], Mapping[str, str]]


class Invoker:
    """Runs events of functions in processes."""

    def __init__(
        self,
        code: CodeStore,
        logs: Logs,
        clock: Clock,
        ids: Ids,
        settings: FunctionSettings,
        meter: Meter,
        *,
        region: str,
        endpoint_url: Callable[[], str],
        credentials_for: CredentialsFor,
        is_current: Callable[[Function], bool],
        runs_folders: bool,
    ) -> None:
        self._code, self._logs, self._clock, self._ids = code, logs, clock, ids
        self._settings, self._meter = settings, meter
        self._region = region
        self._endpoint_url = endpoint_url
        self._credentials_for = credentials_for
        self._is_current = is_current
        self._runs_folders = runs_folders
        self._told: dict[str, None] = {}
        limits = {"limit": settings.concurrency_max, "idle_seconds": settings.idle_seconds_max}
        self.pool = Pool(self._start, clock, **limits)  # type: ignore[arg-type]
        self.figures = Figures(meter, self.pool.running)

    async def run(self, function: Function, call: Call) -> Invocation:
        """Run one event now. Raises TooManyRequests; a failing handler is an Invocation that says so."""
        figures = self.figures.of(function.name)
        if function.folder:
            # What the folder holds now is part of the deployment: processes of what it held before are not used again.
            now = await asyncio.to_thread(signature, function.folder)
            function = msgspec.structs.replace(function, deployment=f"{function.deployment}@{now}")
        try:
            environment = await self.pool.acquire(function)
        except TooManyRequests:
            figures.throttles.add()
            raise
        cold = environment.cold
        began = self._now_ms()
        try:
            outcome = await environment.invoke(call)
        finally:
            self.pool.release(environment, current=self._is_current(environment.function))
        figures.ran(outcome.seconds, failed=outcome.failed)
        head = [(began, line) for line in await self._first_lines(function)] if cold else []
        if outcome.failed:
            self._note_failure(function, call, outcome)
        lines = self._lines(function, call, outcome, began)
        await self._write(environment, head + lines)
        error = "Unhandled" if outcome.failed else None
        return Invocation(
            outcome.payload, error, _tail(lines), executed_version=function.version, request_id=call.request_id
        )

    def _note_failure(self, function: Function, call: Call, outcome: Outcome) -> None:
        reason = outcome.payload[:REASON_BYTES_MAX].decode(errors="replace")
        facts = {"function": function.name, "reason": reason, "request_id": call.request_id}
        self._meter.event("function failed", room="functions", **facts)

    async def _first_lines(self, function: Function) -> list[str]:
        """What a new process' log begins with."""
        lines = [f"INIT_START Runtime Version: {_colon(function.runtime)}.syncline\n"]
        told = function.deployment.partition("@")[0]
        if told not in self._told:
            self._told[told] = None
            actual = await asyncio.to_thread(actual_version, function)
            if actual not in ("", function.runtime):
                lines.append(f"[syncline] {function.runtime} was asked for; this machine runs it with {actual}.\n")
        while len(self._told) > TOLD_MAX:
            del self._told[next(iter(self._told))]
        return lines

    async def _start(self, function: Function) -> Environment:
        day = f"{datetime.fromtimestamp(self._clock.now(), UTC):%Y/%m/%d}"
        log_stream = f"{day}/[{function.version}]{self._ids.bytes(16).hex()}"
        code = await self._code_of(function)
        endpoint = self._endpoint_url()
        layers = [await self._code.unpacked(layer.code_sha256) for layer in function.layers]
        start = launch(function, code, [layer.resolve() for layer in layers])
        environ = function_environ(
            function, code, start.environ, region=self._region, endpoint=endpoint, log_stream=log_stream
        ) | dict(self._credentials_for(function))
        limit = self._settings.log_bytes_per_invocation_max
        environment = Environment(function, self._clock, log_bytes_max=limit, log_stream=log_stream)
        started = False
        try:
            await environment.start(start.command, code, environ, self._ids.bytes(16).hex())
            started = True
        except (OSError, ValueError) as refusal:  # no more processes, or a handler that is no argument of one
            raise EnvironmentUnavailable(name=function.name, reason=str(refusal)) from refusal
        finally:
            if not started:
                environment.kill()
        return environment

    async def _code_of(self, function: Function) -> Path:
        if not function.folder:
            return (await self._code.unpacked(function.code_sha256)).resolve()
        if not self._runs_folders:
            reason = f"it runs from the folder {function.folder}, which only `syncline dev` does"
            raise EnvironmentUnavailable(name=function.name, reason=reason)
        return Path(function.folder)

    def _lines(self, function: Function, call: Call, outcome: Outcome, began: int) -> list[Line]:
        end, request_id = self._now_ms(), call.request_id
        lines: list[Line] = [(began, f"START RequestId: {request_id} Version: {function.version}\n"), *outcome.lines]
        if outcome.note:
            at = f"{_iso(end)} " if outcome.status == "timeout" else ""
            lines.append((end, f"{at}{outcome.note}\n"))
        lines.append((end, f"END RequestId: {request_id}\n"))
        lines.append((end, _report(function, request_id, outcome)))
        return lines

    async def _write(self, environment: Environment, lines: list[Line]) -> None:
        try:
            await self._logs.append(environment.function.logs_to, environment.log_stream, lines)
        except SynclineError:
            # The store refuses writes or is closing: the answer of the function is worth more than its log.
            self.figures.of(environment.function.name).lost_lines.add(len(lines))

    def _now_ms(self) -> int:
        return int(self._clock.now() * 1000)


def _colon(runtime: str) -> str:
    """AWS does this: `python:3.11`."""
    return re.sub(r"(?<=[a-z])(?=\d)", ":", runtime, count=1)


def _report(function: Function, request_id: str, outcome: Outcome) -> str:
    ms = outcome.seconds * 1000
    parts = [
        f"REPORT RequestId: {request_id}",
        f"Duration: {ms:.2f} ms",
        f"Billed Duration: {int(-(-ms // 1))} ms",
        f"Memory Size: {function.memory} MB",
    ]
    if outcome.memory_mb is not None:
        parts.append(f"Max Memory Used: {outcome.memory_mb} MB")
    if outcome.init_seconds is not None:
        parts.append(f"Init Duration: {outcome.init_seconds * 1000:.2f} ms")
    if outcome.status:
        parts.append(f"Status: {outcome.status}")
    if outcome.status == "error" and outcome.error_type:
        parts.append(f"Error Type: {outcome.error_type}")
    return "\t".join(parts) + "\t\n"


def _tail(lines: list[Line]) -> bytes:
    return "".join(text for _, text in lines).encode("utf-8", "replace")[-TAIL_BYTES:]


def _iso(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
