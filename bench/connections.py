"""Connections: what an idle one costs, how fast many come back, how durable mutations and a stalled reader are felt."""

from __future__ import annotations

import os
import resource
import statistics
import tempfile
import time
from typing import Any

import deployment
import frames
from processes import load, syncline
from rows import Row

RATE = 1000
CREATE_NUMBERED = {"input": {"title": "t" * 30, "content": "^########" + "c" * 80}}
FILES_KEPT = 500
"""Of the files that a process may open: for the store, the listener, the program itself."""


def wanted() -> int:
    """How many connections to hold: SYNCLINE_BENCH_CONNECTIONS, or 100,000, or what a process may open here."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    asked = int(os.environ.get("SYNCLINE_BENCH_CONNECTIONS", "100000"))
    return asked if most == resource.RLIM_INFINITY else min(asked, most - FILES_KEPT)


def idle(count: int, seconds: int) -> dict[str, Any]:
    """Memory and keep-alive of `count` connections with one subscription each."""
    with syncline(edge_connections_max=count + 100) as running:
        api = _api(running.port)
        dialogue = frames.appsync_dialogue("idle", running.port, api.path, api.key)
        return load("idle", running.port, count, seconds, running.pids, dialogue, seconds=seconds + 400)


def storm(count: int) -> dict[str, Any]:
    """All of `count` connections lost at once and come back by position for the three events that they missed."""
    with syncline(edge_connections_max=count + 100) as running:
        api = _api(running.port)
        first = frames.appsync_dialogue("storm", running.port, api.path, api.key, resume={})
        again = frames.appsync_dialogue("again", running.port, api.path, api.key, resume={"position": "$POSITION"})
        publish = {"input": frames.publish_input()}
        trigger = frames.post("publish", running.port, api.path, frames.PUBLISH, publish, api.key)
        return load("idle", running.port, count, 0, running.pids, first, again, trigger, 3, seconds=600)


def durable(seconds: int) -> dict[str, Any]:
    """From a mutation of a durable API to its ten subscribers, at a steady rate."""
    with syncline() as running:
        deployment.deploy_table(running.port)
        api = deployment.deploy_api(running.port, tags={"syncline:durable": "true"})
        dialogue = frames.appsync_dialogue("created", running.port, api.path, api.key, frames.CREATED)
        request = frames.post("numbered", running.port, api.path, frames.CREATE, CREATE_NUMBERED, api.key)
        return load("paced", running.port, RATE, seconds, running.pids, request, 10, dialogue, 0)


def fdatasync_ms() -> float:
    """What the disk takes for one page now: a durable mutation waits for two commits, and this is most of each."""
    taken = []
    with tempfile.NamedTemporaryFile(dir=tempfile.gettempdir()) as file:
        for _ in range(100):
            file.write(b"x" * 4096)
            file.flush()
            started = time.perf_counter()
            os.fdatasync(file.fileno())
            taken.append(time.perf_counter() - started)
    return statistics.median(taken) * 1000


def stalled(seconds: int, count: int) -> dict[str, Any]:
    """1,000 readers of 20 KB events, and `count` more that never read."""
    with syncline() as running:
        api = _api(running.port)
        dialogue = frames.appsync_dialogue("stalled", running.port, api.path, api.key)
        event = {"input": {"id": "0123456789", "content": "^########" + "c" * 20_000}}
        request = frames.post("large", running.port, api.path, frames.PUBLISH, event, api.key)
        return load("paced", running.port, 10, seconds, running.pids, request, 1000, dialogue, count)


def _api(port: int) -> deployment.Api:
    deployment.deploy_table(port)
    return deployment.deploy_api(port)


def rows(quick: bool) -> list[Row]:
    """As many idle connections as SYNCLINE_BENCH_CONNECTIONS says (100,000), or as a process may open files here."""
    count = min(wanted(), 5_000 if quick else 100_000)
    held = idle(count, 20 if quick else 65)
    kb, cores = held["kb"], held["cores"]
    returning = min(count, 20_000)
    back = storm(returning)
    return [
        Row(f"idle connection with a subscription, of {count:,}", f"{kb:.1f} KB resident", "≤ 12 KB", kb <= 12),
        Row(f"keep-alive of {count:,} connections", f"{cores:.3f} cores", "≤ 0.5", cores <= 0.5),
        Row(
            f"{returning:,} clients lost at once, back with what they missed",
            f"{back['storm_s']:.1f} s  {back['storm_cpu_s']:.1f} s CPU",
            "≤ 15 s",
            back["storm_s"] <= 15,
        ),
    ]
