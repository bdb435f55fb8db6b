"""An execution environment: one process that runs one function, one event at a time.

For: `pool`. Owns: the process and its group, its Runtime API, its output, its time and memory.
Never: outlives a time-out, a crash or the server; shares a process between deployments.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from syncline.core import Clock, json
from syncline.functions.model import Call, Function
from syncline.functions.output import Line, Output
from syncline.functions.runtime_api import RESPONSE_BYTES_MAX, Event, RuntimeApi

INIT_SECONDS_MAX = 10.0
"""AWS's time for loading the code; a slower start goes on in the first invocation's own time."""
MEMORY_WATCH_SECONDS = 0.1
MEGABYTE = 1024 * 1024
DATA_BYTES_SPARE = 2048 * MEGABYTE
"""Above the function's memory, what it may map before allocation itself fails: the watch looks ten times a second."""
FILES_MAX = 1024


class Outcome(msgspec.Struct, frozen=True):
    """What came of one event in a process."""

    payload: bytes
    failed: bool
    seconds: float
    lines: list[Line]
    memory_mb: int | None
    init_seconds: float | None = None
    status: str = ""  # "timeout" or "error", as REPORT says
    error_type: str = ""
    note: str = ""  # the line that explains a death


class Environment:
    """One process. `invoke` one event at a time; once `dead`, never again."""

    def __init__(self, function: Function, clock: Clock, *, log_bytes_max: int, log_stream: str) -> None:
        self.function = function
        self.log_stream = log_stream
        self.dead = False
        self.idle_since = 0.0
        self.cold = True
        self._clock = clock
        self._output = Output(clock, log_bytes_max)
        self._api = RuntimeApi(self)
        self._transport: asyncio.SubprocessTransport | None = None
        self._loop = asyncio.get_running_loop()
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._answer: asyncio.Future[tuple[bytes, bool]] = self._loop.create_future()
        self._request_id = ""
        self._init_error = b""
        self._started = clock.monotonic()
        self._ready_at: float | None = None
        self._starved = False
        self._peak: int | None = None
        self._watch: asyncio.TimerHandle

    @property
    def pid(self) -> int:
        """The process id, which is also its group's."""
        assert self._transport is not None, "the process was started"
        return self._transport.get_pid()

    async def start(self, command: Sequence[str], code: Path, environ: Mapping[str, str], token: str) -> None:
        """Start the process over its unpacked code. It is ready when it asks for its first event."""
        address = await self._api.start(token)
        given = {**environ, "AWS_LAMBDA_RUNTIME_API": address}
        self._transport, _ = await self._loop.subprocess_exec(
            lambda: _Watcher(self),
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=self._output.writer,
            stderr=asyncio.subprocess.STDOUT,
            cwd=code,
            env=given,
            start_new_session=True,
        )
        self._output.start()
        _limit(self.pid, self.function.memory)

    async def invoke(self, call: Call) -> Outcome:
        """Give the process one event and return what came of it: an answer, an error, a time-out or its death."""
        self._answer, self._request_id = self._loop.create_future(), call.request_id
        self._watch_memory()
        began = self._clock.monotonic()
        try:
            if self.cold:
                await asyncio.wait([self._ready], timeout=INIT_SECONDS_MAX)
                began = self._clock.monotonic()
                self._peak = (_memory_mb(self.pid) or (0, self._peak))[1]
            if not self.dead:
                self._api.offer(self._event(call))
                await asyncio.wait([self._answer], timeout=self.function.timeout)
            return self._outcome(self._clock.monotonic() - began)
        finally:
            self._watch.cancel()
            self._request_id = ""
            if not self._answer.done():
                self.kill()

    def kill(self) -> None:
        """End the process and everything it started."""
        self.dead = True
        if self._transport is not None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self.pid, signal.SIGKILL)
        self._api.close()
        self._output.close()

    # What the Runtime API tells.

    def ready(self) -> None:
        if self._ready_at is None:
            self._ready_at = self._clock.monotonic()
        _settle(self._ready, None)

    def answered(self, request_id: str, body: bytes, *, failed: bool) -> bool:
        if request_id != self._request_id or self._answer.done():
            return False
        self._answer.set_result((body, failed))
        return True

    def too_large(self, request_id: str) -> None:
        message = f"Response payload size exceeded maximum allowed payload size ({RESPONSE_BYTES_MAX} bytes)."
        body = json.encode({"errorType": "Function.ResponseSizeTooLarge", "errorMessage": message})
        self.answered(request_id, body, failed=True)

    def init_failed(self, body: bytes) -> None:
        self._init_error = body

    def exited(self) -> None:
        """The process is gone."""
        self.kill()
        _settle(self._ready, None)
        if not self._answer.done():
            self._answer.set_result((b"", True))

    # What came of it.

    def _outcome(self, seconds: float) -> Outcome:
        init, self.cold = (self._init_seconds() if self.cold else None), False
        memory = self._peak = (_memory_mb(self.pid) or (0, self._peak))[1]
        lines = self._output.take()
        if not self._answer.done() and not self.dead:
            return self._timed_out(seconds, lines, memory, init)
        payload, failed = self._answer.result() if self._answer.done() else (b"", True)
        if self.dead and not payload:
            return self._died(seconds, lines, memory, init)
        kind = _error_type(payload) if failed else ""
        return Outcome(payload, failed, seconds, lines, memory, init, "error" if failed else "", kind)

    def _timed_out(self, seconds: float, lines: list[Line], memory: int | None, init: float | None) -> Outcome:
        text = f"Task timed out after {self.function.timeout:.2f} seconds"
        body = {"errorType": "Sandbox.Timedout", "errorMessage": f"RequestId: {self._request_id} Error: {text}"}
        note = f"{self._request_id} {text}"
        seconds = max(seconds, float(self.function.timeout))
        return Outcome(json.encode(body), True, seconds, lines, memory, init, "timeout", "", note)

    def _died(self, seconds: float, lines: list[Line], memory: int | None, init: float | None) -> Outcome:
        if self._init_error:
            kind = _error_type(self._init_error)
            return Outcome(self._init_error, True, seconds, lines, memory, init, "error", kind)
        kind = "Runtime.OutOfMemory" if self._starved else "Runtime.ExitError"
        text = f"RequestId: {self._request_id} Error: Runtime exited {self._cause()}"
        body = json.encode({"errorType": kind, "errorMessage": text})
        memory = self.function.memory if self._starved else memory
        return Outcome(body, True, seconds, lines, memory, init, "error", kind, f"{text}\n{kind}")

    def _cause(self) -> str:
        code = self._transport.get_returncode() if self._transport is not None else None
        if not code:
            return "without providing a reason"
        if code > 0:
            return f"with error: exit status {code}"
        return f"with error: signal: {_SIGNALS.get(-code, signal.strsignal(-code) or str(-code)).lower()}"

    def _init_seconds(self) -> float:
        return (self._ready_at or self._clock.monotonic()) - self._started

    def _event(self, call: Call) -> Event:
        deadline = int((self._clock.now() + self.function.timeout) * 1000)
        headers = [
            ("Lambda-Runtime-Aws-Request-Id", call.request_id),
            ("Lambda-Runtime-Deadline-Ms", str(deadline)),
            ("Lambda-Runtime-Invoked-Function-Arn", call.arn),
            ("Lambda-Runtime-Trace-Id", call.trace_id),
        ]
        if call.client_context:
            headers.append(("Lambda-Runtime-Client-Context", call.client_context))
        return Event(headers, call.payload)

    def _watch_memory(self) -> None:
        self._watch = self._loop.call_later(MEMORY_WATCH_SECONDS, self._watch_memory)
        used, self._peak = _memory_mb(self.pid) or (0, self._peak)
        if used > self.function.memory and not self.dead:
            self._starved = True
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.pid, signal.SIGKILL)


_SIGNALS: dict[int, str] = {signal.SIGKILL: "killed", signal.SIGSEGV: "segmentation fault", signal.SIGABRT: "aborted"}


class _Watcher(asyncio.SubprocessProtocol):
    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    def process_exited(self) -> None:
        self._environment.exited()


def function_environ(
    function: Function, code: Path, paths: Mapping[str, str], *, region: str, endpoint: str, log_stream: str
) -> dict[str, str]:
    """The variables that Lambda gives a process, and the user's; nothing of the server's own."""
    return {
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "AWS_ENDPOINT_URL": endpoint,
        **paths,
        "PWD": str(code),
        **(function.environment or {}),
        "_HANDLER": function.handler,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.runtime}",
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
        "AWS_LAMBDA_FUNCTION_VERSION": function.version,
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": function.logs_to,
        "AWS_LAMBDA_LOG_STREAM_NAME": log_stream,
        "LAMBDA_TASK_ROOT": str(code),
        "LAMBDA_RUNTIME_DIR": str(code),
    }


def _settle(future: asyncio.Future[None], value: None) -> None:
    if not future.done():
        future.set_result(value)


def _error_type(body: bytes) -> str:
    try:
        document = json.decode(body)
    except json.NotJson:
        return ""
    return str(document.get("errorType", "")) if isinstance(document, dict) else ""


def _limit(pid: int, memory_mb: int) -> None:
    """Bound what the process may take; on systems without prlimit the memory watch is missing too."""
    if sys.platform != "linux":
        return
    import resource

    limits = {
        resource.RLIMIT_DATA: memory_mb * MEGABYTE + DATA_BYTES_SPARE,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_NOFILE: FILES_MAX,
    }
    with contextlib.suppress(ProcessLookupError):
        for name, limit in limits.items():
            resource.prlimit(pid, name, (limit, limit))


def _memory_mb(pid: int) -> tuple[int, int] | None:
    """The memory the process has, and the most it ever had; None where the system does not tell, or it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_bytes()
    except OSError:
        return None
    figures = {name: value for name, _, value in (line.partition(b":") for line in status.splitlines())}
    if b"VmRSS" not in figures:
        return None
    used, peak = (int(figures[name].split()[0]) // 1024 + 1 for name in (b"VmRSS", b"VmHWM"))
    return used, peak
