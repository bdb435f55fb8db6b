"""One event to many subscribers over sockets, beside the limit and other servers: `run.py fanout`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import deployment
import emulators
import frames
import peers
from processes import OUT, Running, free_port, load, server, syncline
from rows import Row, medians

SUBSCRIBERS = 1000
WINDOW = 8
BARS = {"single": 1.3, "window": 0.3}
"""What a delivery may cost, in deliveries of the C loop."""
PEER_BARS = {"Node ws": 1.4, "graphql-yoga + graphql-ws": 5.0, "mercurius": 5.0, "ministack Events": 10.0}
"""What a delivery of theirs must cost, in deliveries of ours."""


def rows(quick: bool) -> list[Row]:
    """CPU per delivery of one 200 B event to 1,000 subscribers, single and with eight in flight."""
    repeats = 1 if quick else 3
    found: dict[str, list[dict[str, Any]]] = {}
    for _ in range(repeats):
        found.setdefault("C write() loop", []).append(_limit_fanout())
        found.setdefault("Syncline", []).append(_syncline_fanout())
        found.setdefault("Node ws", []).append(_peer_fanout("ws", rounds=80))
    for name, label in (("yoga", "graphql-yoga + graphql-ws"), ("mercurius", "mercurius")):
        found[label] = [_peer_fanout(name, rounds=20)]
    found["ministack Events"] = [emulators.ministack_fanout(SUBSCRIBERS, 10, WINDOW)]
    limit = medians(found["C write() loop"])
    rows = []
    for label, runs in found.items():
        figures = medians(runs)
        for depth, title in (("single", "1 in flight"), ("window", f"{WINDOW} in flight")):
            ratio = figures[f"{depth}_cpu_us"] / limit[f"{depth}_cpu_us"]
            measured = f"{figures[f'{depth}_cpu_us']:.2f} µs  {ratio:.2f}×  {figures[f'{depth}_per_s'] / 1000:.0f} k/s"
            if depth == "single":
                measured += f"  p50 {figures['p50_ms']:.1f} ms  p99 {figures['p99_ms']:.1f} ms"
            bar, good = "", None
            if label == "Syncline":
                bar, good = f"≤ {BARS[depth]} × the C loop", ratio <= BARS[depth]
            elif depth == "single" and label in PEER_BARS:
                times = figures["single_cpu_us"] / medians(found["Syncline"])["single_cpu_us"]
                measured += f"  {times:.2f} × Syncline's"
                bar, good = f"≥ {PEER_BARS[label]:g} ×", times >= PEER_BARS[label]
            rows.append(Row(f"delivery, {title}: {label}", measured, bar, good))
    return rows


def _limit_fanout() -> dict[str, Any]:
    port = free_port()
    with server("limit", [str(OUT / "limit"), str(port)], port, probe=False) as running:
        return _fan(running, frames.plain_dialogue("limit", port), "ws:go", rounds=120)


def _syncline_fanout() -> dict[str, Any]:
    with syncline() as running:
        deployment.deploy_table(running.port)
        api = deployment.deploy_api(running.port)
        dialogue = frames.appsync_dialogue("syncline", running.port, api.path, api.key)
        variables = {"input": frames.publish_input()}
        trigger = frames.post("publish", running.port, api.path, frames.PUBLISH, variables, api.key)
        return _fan(running, dialogue, trigger, rounds=120)


def _peer_fanout(name: str, rounds: int) -> dict[str, Any]:
    port = free_port()
    with server(name, peers.node(name, port), port) as running:
        if name == "ws":
            return _fan(running, frames.plain_dialogue(name, port), "ws:go", rounds=rounds)
        trigger = frames.post(name, port, "/graphql", frames.PUBLISH, {"input": frames.publish_input()})
        return _fan(running, frames.transport_dialogue(name, port), trigger, rounds=rounds)


def _fan(running: Running, dialogue: Path, trigger: object, *, rounds: int) -> dict[str, Any]:
    return load("fanout", running.port, SUBSCRIBERS, rounds, WINDOW, running.pids, dialogue, trigger)
