"""One server's life: open, serve, say that it is ready, shut down in order.

For: the command line and tests that start a whole server. Owns: the event loop, the signals, the order of the end.
Never: knows what a room does.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import gc
import os
import shlex
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from syncline.app.doors import Doors
from syncline.app.environment import Running, note_running
from syncline.app.rooms import open_rooms
from syncline.core import Clock, Conflict, Ids, Invalid, Meter, Part, Settings, Supervisor, SystemClock, SystemIds, json
from syncline.edge import DevelopmentAuthority, Listener, OwnCertificate

LOOPBACK = {"127.0.0.1", "::1", "localhost"}
SWITCH_SECONDS = 0.0005
"""How long the loop may keep the interpreter from the flushing thread: the default, 5 ms, would be most of a commit."""
GC_ALLOCATIONS = 50_000
"""Allocations between two young collections: a request makes hundreds of short-lived objects and no cycles."""


class PortInUse(Conflict):
    """Port {port} of {host} is in use: end what listens there, or choose another one with --port (0: any free one)."""


class NotLoopback(Invalid):
    """`syncline dev` accepts any credentials, so it listens on loopback only, not on {host}. Use `syncline serve`."""


def serve(settings: Settings, *, demo: bool = False) -> None:
    """Run a server until SIGTERM or SIGINT. Raises SynclineError when it cannot start."""
    if settings.mode == "dev" and settings.host not in LOOPBACK:
        raise NotLoopback(host=settings.host)
    sys.setswitchinterval(SWITCH_SECONDS)
    gc.set_threshold(GC_ALLOCATIONS, 20, 100)
    with asyncio.Runner(loop_factory=_loop_factory()) as runner:
        runner.run(_until_signalled(settings, demo=demo))


async def _until_signalled(settings: Settings, *, demo: bool) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):  # Windows has no handlers on the loop; Ctrl-C still works.
            loop.add_signal_handler(number, stop.set)
    await run_server(settings, stop, on_ready=lambda running: announce(running, settings, demo=demo), demo=demo)


async def run_server(
    settings: Settings, stop: asyncio.Event, *, on_ready: Callable[[Running], None], demo: bool = False
) -> None:
    """Serve until `stop`. Raises an ExceptionGroup when a part of the server cannot live."""
    clock, ids = SystemClock(), SystemIds()
    meter = Meter(clock)
    asyncio.get_running_loop().set_exception_handler(lambda loop, told: _note_failure(meter, told))
    rooms = await open_rooms(settings, clock=clock, ids=ids, meter=meter)
    doors = Doors(rooms, settings, meter, clock)
    listener = Listener(
        settings.edge,
        doors,
        clock=clock,
        ids=ids,
        meter=meter,
        realtime=settings.hub,
        rates=settings.rates,
        certificates=_certificates(settings, clock, ids),
        host=settings.host,
        port=settings.port,
    )
    try:
        await _open(listener, settings)
        url = f"http://{_name(settings.host)}:{listener.port}"
        rooms.url = settings.public_url or url
        parts = rooms.parts()
        if demo:
            parts["demo"] = doors.demo(url, clock)
        running = Running(url=url, port=listener.port, pid=os.getpid(), mode=settings.mode)
        note_running(Path(settings.data), running)
        on_ready(running)
        gc.collect()
        gc.freeze()
        gc.enable()
        await _live(Supervisor(clock, meter), parts, listener, doors, stop)
    finally:
        await rooms.close()


async def _open(listener: Listener, settings: Settings) -> None:
    try:
        await listener.open()
    except OSError as refusal:
        if refusal.errno == errno.EADDRINUSE:
            raise PortInUse(port=settings.port, host=settings.host) from None
        raise


async def _live(
    supervisor: Supervisor, parts: dict[str, Part], listener: Listener, doors: Doors, stop: asyncio.Event
) -> None:
    """Serve until `stop`; then accept nothing, finish requests, close sockets, and end the parts."""
    async with asyncio.TaskGroup() as group:
        living = group.create_task(supervisor.run(parts))
        serving = group.create_task(listener.run())
        await stop.wait()
        doors.closing = True
        listener.close()
        await serving
        living.cancel()


def _certificates(settings: Settings, clock: Clock, ids: Ids) -> DevelopmentAuthority | OwnCertificate:
    if settings.tls_cert:
        return OwnCertificate(settings.tls_cert, settings.tls_key)
    return DevelopmentAuthority(Path(settings.data) / "tls", clock, ids, [settings.host])


def _note_failure(meter: Meter, told: dict[str, Any]) -> None:
    """What failed in a callback of the loop, where nobody waits for it, goes to the log with its trace."""
    failure = told.get("exception")
    if isinstance(failure, BaseException):
        meter.failure("callback failed", failure, message=str(told.get("message")))
    else:
        meter.event("loop complained", message=str(told.get("message")))


def announce(running: Running, settings: Settings, *, demo: bool) -> None:
    """One JSON line on stdout for whoever started us; and at a terminal, a sentence for the person there."""
    print(json.encode({"event": "ready", "url": running.url, "port": running.port}).decode(), flush=True)  # noqa: T201
    if not sys.stderr.isatty():
        return
    folder = "" if settings.data == Settings().data else f" --data {shlex.quote(settings.data)}"
    step = f'Syncline serves on {running.url}. In another shell: eval "$(syncline env{folder})".'
    if demo:
        step = f"Open {running.url}/ to see two devices in sync."
    print(f"{step} Ctrl-C ends the server.", file=sys.stderr)  # noqa: T201


def _name(host: str) -> str:
    """How a client on this machine dials `host`."""
    if host in LOOPBACK or host in ("0.0.0.0", "::"):
        return "localhost"
    return f"[{host}]" if ":" in host else host


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # Not on Windows.
        return None
    return uvloop.new_event_loop
