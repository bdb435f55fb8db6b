"""GraphQL over HTTP: a query beside other servers, durable mutations beside the store alone: `run.py get mutations`."""

from __future__ import annotations

import shutil
import statistics
import subprocess
import sys
import tempfile
from typing import Any

import deployment
import frames
import peers
from processes import BENCH, OUT, free_port, load, pinned, server, syncline
from rows import Row, medians

CONNECTIONS = 32


def get(quick: bool) -> list[Row]:
    """A GraphQL query over HTTP: ours through VTL to a table; the peers' resolvers return a constant."""
    repeats = 1 if quick else 3
    found: dict[str, list[dict[str, Any]]] = {}
    for _ in range(repeats):
        found.setdefault("Syncline (VTL, table read)", []).append(_syncline_get())
        found.setdefault("mercurius (JIT)", []).append(_peer_get("mercurius"))
        found.setdefault("graphql-yoga", []).append(_peer_get("yoga"))
    found["C, read() and write() only"] = [_limit_get()]
    found["Strawberry on uvicorn"] = [_peer_get("strawberry")]
    ours = medians(found["Syncline (VTL, table read)"])
    bars = {"mercurius (JIT)": 2.0, "graphql-yoga": 10.0}
    rows = []
    for label, runs in found.items():
        figures = medians(runs)
        ratio = figures["cpu_us"] / ours["cpu_us"]
        measured = f"{figures['cpu_us']:.0f} µs CPU  {figures['per_s']:.0f}/s  p50 {figures['p50_us'] / 1000:.2f} ms"
        if runs is not found["Syncline (VTL, table read)"]:
            measured += f"  {ratio:.2f} × Syncline's CPU"
        bar = bars.get(label)
        rows.append(Row(f"get: {label}", measured, f"≥ {bar:g} ×" if bar else "", ratio >= bar if bar else None))
    return rows


def _syncline_get() -> dict[str, Any]:
    with syncline() as running:
        deployment.deploy_table(running.port)
        api = deployment.deploy_api(running.port)
        request = frames.post("get", running.port, api.path, frames.GET, {"id": "0123456789"}, api.key)
        return load("http", running.port, CONNECTIONS, 2, running.pids, request)


def _limit_get() -> dict[str, Any]:
    port = free_port()
    with server("limit", [str(OUT / "limit"), str(port)], port, probe=False) as running:
        request = frames.post("limit", port, "/", frames.GET, {"id": "0123456789"})
        return load("http", port, CONNECTIONS, 2, running.pids, request)


def _peer_get(name: str) -> dict[str, Any]:
    port = free_port()
    path = "/" if name == "strawberry" else "/graphql"
    command = peers.strawberry(port) if name == "strawberry" else peers.node(name, port)
    with server(name, command, port) as running:
        request = frames.post(name, port, path, frames.GET, {"id": "0123456789"})
        return load("http", port, CONNECTIONS, 2, running.pids, request)


def mutations(quick: bool) -> list[Row]:
    """Durable mutations through VTL, beside what the store alone commits of the same bytes."""
    repeats = 1 if quick else 3
    raw, alone, heard = [], [], []
    for _ in range(repeats):
        raw.append(_raw_store())
        alone.append(_syncline_mutations(0))
        heard.append(_syncline_mutations(100))
    store = statistics.median(raw)
    rows = [Row(f"store alone, {CONNECTIONS} writers", f"{store:.0f}/s")]
    for subscribers, runs, bar in ((0, alone, 6000), (100, heard, 4000)):
        figures = medians(runs)
        measured = (
            f"{figures['per_s']:.0f}/s  {figures['per_s'] / store:.2f}× the store  {figures['cpu_us']:.0f} µs CPU  "
            f"p50 {figures['p50_us'] / 1000:.1f} ms  p99 {figures['p99_us'] / 1000:.1f} ms"
        )
        if subscribers:
            measured += f"  {figures['deliveries_per_s'] / 1000:.0f} k deliveries/s"
        title = f"durable mutations, {CONNECTIONS} connections, {subscribers} subscribers"
        rows.append(Row(title, measured, f"≥ {bar}/s", figures["per_s"] >= bar))
    return rows


def _raw_store() -> float:
    folder = tempfile.mkdtemp(prefix="syncline-bench-")
    try:
        command = pinned(0, [sys.executable, str(BENCH / "raw_store.py"), folder, "2"])
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
            env={"PYTHONPATH": str(BENCH.parent / "src")},
        )
        return float(done.stdout.split(":")[1].strip(" }\n"))
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _syncline_mutations(subscribers: int) -> dict[str, Any]:
    with syncline() as running:
        deployment.deploy_table(running.port)
        api = deployment.deploy_api(running.port)
        variables = {"input": {"title": "t" * 30, "content": "c" * 45 + "^" + "c" * 44}}
        request = frames.post("create", running.port, api.path, frames.CREATE, variables, api.key)
        arguments: list[object] = [running.port, CONNECTIONS, 3, running.pids, request]
        if subscribers:
            dialogue = frames.appsync_dialogue("created", running.port, api.path, api.key, frames.CREATED)
            arguments += [subscribers, dialogue]
        return load("http", *arguments)
