"""Starting what is measured on core 0, and the load on core 1; ending both by their ids."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BENCH = Path(__file__).parent
OUT = BENCH / "out"
LOADS = ("fanout", "http", "idle", "limit", "paced")
PINNED = shutil.which("taskset") is not None and (os.cpu_count() or 1) > 1


@dataclass
class Running:
    """A server being measured: its process, its port and, for Syncline, its data directory."""

    process: subprocess.Popen[str]
    port: int
    ready_s: float = 0.0

    @property
    def pids(self) -> str:
        """The ids of the server and of its children, comma-separated, as the load clients take them."""
        return ",".join(map(str, tree(self.process.pid)))

    @property
    def resident_mb(self) -> float:
        """The server's own resident memory now."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) / 1024


def prepare() -> None:
    """Compile the load clients and let every child open enough files."""
    OUT.mkdir(exist_ok=True)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard if hard != resource.RLIM_INFINITY else 65536, hard))
    for name in LOADS:
        source, binary = BENCH / "load" / f"{name}.c", OUT / name
        newest = max(source.stat().st_mtime, (BENCH / "load" / "wire.h").stat().st_mtime)
        if not binary.exists() or binary.stat().st_mtime < newest:
            subprocess.run(["cc", "-O2", "-o", str(binary), str(source)], check=True)


def pinned(core: int, command: list[str]) -> list[str]:
    """The command, bound to one core where the machine has two."""
    return ["taskset", "-c", str(core), *command] if PINNED else command


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def tree(pid: int) -> list[int]:
    """A process and all its descendants."""
    pids = [pid]
    try:
        for thread in Path(f"/proc/{pid}/task").iterdir():
            for child in (thread / "children").read_text().split():
                pids += tree(int(child))
    except OSError:
        pass
    return pids


@contextmanager
def syncline(data: Path | None = None, **settings: object) -> Iterator[Running]:
    """A Syncline server in development mode on a fresh (or the given) data directory, ready.

    `settings` by the names of their variables: `hub_keep_alive_seconds=5`.
    """
    folder = data or Path(tempfile.mkdtemp(prefix="syncline-bench-"))
    command = [sys.executable, "-m", "syncline", "dev", "--port", "0", "--data", str(folder)]
    # AppSync's quotas would be what is measured.
    unlimited = {f"SYNCLINE_RATES_{name}_PER_API": "0" for name in ("REQUESTS", "CONNECTS", "MESSAGES")}
    # As installed: byte code is there, however this machine is set up.
    compiled = {"PYTHONPYCACHEPREFIX": str(OUT / "pycache"), "PYTHONDONTWRITEBYTECODE": ""}
    given = {f"SYNCLINE_{name.upper()}": str(value) for name, value in settings.items()}
    environment = {**os.environ, **unlimited, **compiled, **given, "PYTHONPATH": str(BENCH.parent / "src")}
    with (OUT / "syncline.log").open("a") as log:
        started = time.monotonic()
        process = subprocess.Popen(pinned(0, command), stdout=subprocess.PIPE, stderr=log, text=True, env=environment)
        try:
            yield Running(process, _ready_port(process), time.monotonic() - started)
        finally:
            end(process)
            if data is None:
                shutil.rmtree(folder, ignore_errors=True)


def _ready_port(process: subprocess.Popen[str]) -> int:
    assert process.stdout is not None
    for line in process.stdout:
        if line.startswith("{") and json.loads(line).get("event") == "ready":
            return int(json.loads(line)["port"])
    raise RuntimeError(f"the server ended before it was ready; see {OUT / 'syncline.log'}")


@contextmanager
def server(name: str, command: list[str], port: int, *, probe: bool = True) -> Iterator[Running]:
    """Any other server, once its port answers. Without `probe`, after a moment."""
    with (OUT / f"{name}.log").open("w") as log:
        process = subprocess.Popen(pinned(0, command), stdout=log, stderr=log, text=True)
        try:
            _await_port(process, name, port) if probe else time.sleep(0.3)
            yield Running(process, port)
        finally:
            end(process)


def _await_port(process: subprocess.Popen[str], name: str, port: int) -> None:
    for _ in range(200):
        if process.poll() is not None:
            break
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"{name} does not answer; see {OUT / f'{name}.log'}")


def end(process: subprocess.Popen[str]) -> None:
    """End a process that we started, and its children."""
    pids = tree(process.pid) if process.poll() is None else []
    if pids:
        process.send_signal(signal.SIGTERM)
    try:
        process.wait(8)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    for pid in pids[1:]:
        try:
            os.kill(pid, signal.SIGKILL)
        except OSError:
            continue


def load(name: str, *arguments: object, seconds: float = 120) -> dict[str, Any]:
    """Run a load client on core 1; what it measured, or raises RuntimeError with what it said."""
    command = pinned(1, [str(OUT / name), *map(str, arguments)])
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds)
    if done.returncode != 0:
        raise RuntimeError(f"{name}: {done.stderr.strip()[-500:]}")
    measured: dict[str, Any] = json.loads(done.stdout)
    if measured.get("wrong") or measured.get("refused"):
        raise RuntimeError(f"{name}: wrong answers: {measured} {done.stderr.strip()[-500:]}")
    return measured
