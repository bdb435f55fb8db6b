"""The figures Syncline must reach, and what it reaches on this machine: `run.py [PART …]`.

Parts: fanout, get, mutations, function, realtime, resolvers, startup, tables, streams, auth; big and connections, only
when named.
Every figure is of this run, peers included: trust the ratios. The server is pinned to core 0, the load to core 1.
Fails nothing.
"""

from __future__ import annotations

import argparse
import http.client
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import auth
import big
import connections
import deployment
import emulators
import frames
import peers
import resolvers
import streams
import tables
from processes import BENCH, OUT, Running, free_port, load, pinned, prepare, server, syncline

SUBSCRIBERS = 1000
WINDOW = 8
CONNECTIONS = 32


class Row(NamedTuple):
    """One line of the table. `good` is None where no bar is set."""

    what: str
    measured: str
    bar: str = ""
    good: bool | None = None


def fanout(quick: bool) -> list[Row]:
    """CPU per delivery of one 200 B event to 1,000 subscribers, single and with eight in flight."""
    repeats = 1 if quick else 3
    found: dict[str, list[dict[str, Any]]] = {}
    for _ in range(repeats):
        found.setdefault("C write() loop", []).append(_limit_fanout())
        found.setdefault("Syncline", []).append(_syncline_fanout())
        found.setdefault("Node ws", []).append(_peer_fanout("ws", rounds=80))
    for name, label in (("yoga", "graphql-yoga + graphql-ws"), ("mercurius", "mercurius")):
        found[label] = [_peer_fanout(name, rounds=20)]
    limit = _medians(found["C write() loop"])
    bars = {"single": 1.3, "window": 0.3}
    rows = []
    for label, runs in found.items():
        figures = _medians(runs)
        for depth, title in (("single", "1 in flight"), ("window", f"{WINDOW} in flight")):
            ratio = figures[f"{depth}_cpu_us"] / limit[f"{depth}_cpu_us"]
            measured = f"{figures[f'{depth}_cpu_us']:.2f} µs  {ratio:.2f}×  {figures[f'{depth}_per_s'] / 1000:.0f} k/s"
            if depth == "single":
                measured += f"  p50 {figures['p50_ms']:.1f} ms  p99 {figures['p99_ms']:.1f} ms"
            ours = label == "Syncline"
            bar = f"≤ {bars[depth]} × the C loop" if ours else ""
            rows.append(Row(f"delivery, {title}: {label}", measured, bar, ratio <= bars[depth] if ours else None))
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
    ours = _medians(found["Syncline (VTL, table read)"])
    bars = {"mercurius (JIT)": 2.0, "graphql-yoga": 10.0}
    rows = []
    for label, runs in found.items():
        figures = _medians(runs)
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
        figures = _medians(runs)
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


def function(quick: bool) -> list[Row]:
    """From before a write is sent until the warm function has it, batching window 0; and how fast one mapping reads."""
    rows = [_write_to_function(seconds=2 if quick else 10, rate=rate) for rate in (20, 200)]
    return [*rows, _through_mapping(4_000 if quick else 20_000)]


def _write_to_function(*, seconds: int, rate: int) -> Row:
    with syncline() as running:
        deployment.deploy_function(running.port, deployment.deploy_table(running.port))
        (logs,) = deployment.clients(running.port, "logs")
        writer = http.client.HTTPConnection("127.0.0.1", running.port)
        _put(writer, 0)
        time.sleep(1.5)
        due, count = time.perf_counter(), seconds * rate + rate
        for number in range(1, count):
            due += 1 / rate
            time.sleep(max(0.0, due - time.perf_counter()))
            _put(writer, number)
        writer.close()
        arrivals = sorted(_arrivals(logs, count)[rate:])
    p50, p99 = statistics.median(arrivals), arrivals[len(arrivals) * 99 // 100]
    measured = f"p50 {p50:.1f} ms  p99 {p99:.1f} ms"
    if rate < 100:
        return Row(f"write → function invoked, {rate} writes/s", measured)
    return Row(f"write → function invoked, {rate} writes/s", measured, "≤ 8 / 40 ms", p50 <= 8 and p99 <= 40)


def _put(writer: http.client.HTTPConnection, number: int) -> None:
    """One PutItem with the instant in it; in development mode any signature will do."""
    item = {"id": {"S": f"write-{number}"}, "sent": {"N": repr(time.time())}}
    today = time.strftime("%Y%m%d", time.gmtime())
    scope = f"AWS4-HMAC-SHA256 Credential=AKIA/{today}/us-east-1/dynamodb/aws4_request"
    headers = {
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": "DynamoDB_20120810.PutItem",
        "X-Amz-Date": time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()),
        "Authorization": f"{scope}, SignedHeaders=host, Signature={'0' * 64}",
    }
    writer.request("POST", "/", json.dumps({"TableName": deployment.TABLE, "Item": item}), headers)
    answer = writer.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise RuntimeError(f"PutItem was answered {answer.status}: {body!r}")


def _through_mapping(count: int) -> Row:
    """Records that wait in a stream, read through one mapping in batches of 100; by the function's own clock."""
    with syncline() as running:
        stream = deployment.deploy_table(running.port)
        deployment.fill_table(running.port, count)
        deployment.deploy_function(running.port, stream, code=deployment.COUNTER, batch=100, start="TRIM_HORIZON")
        (logs,) = deployment.clients(running.port, "logs")
        batches = [line.split() for line in _printed(logs, "batch ", count // 100)]
    instants, sizes = [float(words[1]) for words in batches], [int(words[2]) for words in batches]
    per_second = sum(sizes[1:]) / (instants[-1] - instants[0])
    measured = f"{per_second:,.0f}/s"
    return Row("records through one mapping, batches of 100", measured, "≥ 15,000/s", per_second >= 15_000)


def _printed(logs: Any, mark: str, count: int) -> list[str]:
    """The function's lines that begin with `mark`, once there are so many."""
    found: list[str] = []
    for _ in range(100):
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{deployment.FUNCTION}")
        found = [one["message"] for page in pages for one in page["events"] if one["message"].startswith(mark)]
        if len(found) >= count:
            return found
        time.sleep(0.2)
    raise RuntimeError(f"the function printed {len(found)} of {count} lines")


def _arrivals(logs: Any, count: int) -> list[float]:
    return [float(line.split("=")[1]) for line in _printed(logs, "arrival_ms=", count)]


def startup(quick: bool) -> list[Row]:
    """From the command to the ready line, and the memory of a server that has served nothing yet."""
    folder = Path(tempfile.mkdtemp(prefix="syncline-bench-"))
    ready, resident = [], []
    try:
        for _ in range(4 if quick else 8):
            with syncline(folder) as running:
                ready.append(running.ready_s)
                time.sleep(1)
                resident.append(running.resident_mb)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    again, memory = statistics.median(ready[1:]), statistics.median(resident)
    return [
        Row("start to ready, data already there", f"{again:.2f} s", "≤ 0.8 s", again <= 0.8),
        Row("start to ready, first start", f"{ready[0]:.2f} s"),
        Row("resident at rest", f"{memory:.0f} MB", "≤ 90 MB", memory <= 90),
    ]


def realtime(quick: bool) -> list[Row]:
    """The hub's own cost of a publication, without sockets; then durable mutations and a stalled reader, with them."""
    from realtime import measured

    found = measured()
    whole, many = found["one group of 10,000"], found["1,000 groups of 10"]
    few, filters = found["10 filters"], found["10,000 filters"]
    lone, flood = found["lone"], found["flood"]
    groups = f"{many:.0f} µs  {many / whole:.2f}×, the hub alone: no sockets"
    return [
        Row("publication, one group of 10,000", f"{whole:.0f} µs"),
        Row("publication, 1,000 groups of 10", groups, "≤ 3 ×", many <= 3 * whole),
        Row("publication, 10 distinct filters", f"{few:.1f} µs"),
        Row("publication, 10,000 filters", f"{filters:.1f} µs  {filters / few:.2f}×", "≤ 2 ×", filters <= 2 * few),
        Row(
            "event amid another API's flood of 1 GB", f"{lone:.1f} ms of {flood:.0f} ms", "≤ 5 %", lone <= 0.05 * flood
        ),
        _durable(5 if quick else 20),
        *_stalled(5 if quick else 20, 1 if quick else 2),
    ]


def _durable(seconds: int) -> Row:
    found = connections.durable(seconds)
    p50, p99 = found["p50_ms"], found["p99_ms"]
    measured = (
        f"p50 {p50:.1f} ms  p99 {p99:.1f} ms  {found['cores']:.2f} cores  fdatasync {connections.fdatasync_ms():.1f} ms"
    )
    return Row("durable mutation → delivery, 1,000/s", measured, "≤ 3 / 20 ms", p50 <= 3 and p99 <= 20)


def _stalled(seconds: int, repeats: int) -> list[Row]:
    """In turns, since what else runs on this machine is felt in the tail."""
    runs: dict[int, list[dict[str, Any]]] = {0: [], 1: []}
    for _ in range(repeats):
        for count, each in runs.items():
            each.append(connections.stalled(seconds, count))
    without, beside = (min(each["p99_ms"] for each in runs[count]) for count in (0, 1))
    grown = _medians(runs[1])["grown_mb"] - _medians(runs[0])["grown_mb"]
    return [
        Row(
            "p99 of 1,000 readers beside one that stalls",
            f"{beside:.1f} ms, without it {without:.1f} ms  {(beside / without - 1) * 100:+.0f} %",
            "≤ +5 %",
            beside <= 1.05 * without,
        ),
        Row("memory that the stalled one costs", f"{max(grown, 0):.2f} MB", "≤ 1 MB", grown <= 1),
    ]


def many_connections(quick: bool) -> list[Row]:
    """As many idle connections as SYNCLINE_BENCH_CONNECTIONS says (100,000), or as a process may open files here."""
    count = min(connections.wanted(), 5_000 if quick else 100_000)
    held = connections.idle(count, 20 if quick else 65)
    kb, cores = held["kb"], held["cores"]
    returning = min(count, 20_000)
    storm = connections.storm(returning)
    return [
        Row(f"idle connection with a subscription, of {count:,}", f"{kb:.1f} KB resident", "≤ 12 KB", kb <= 12),
        Row(f"keep-alive of {count:,} connections", f"{cores:.3f} cores", "≤ 0.5", cores <= 0.5),
        Row(
            f"{returning:,} clients lost at once, back with what they missed",
            f"{storm['storm_s']:.1f} s  {storm['storm_cpu_s']:.1f} s CPU",
            "≤ 15 s",
            storm["storm_s"] <= 15,
        ),
    ]


def _medians(runs: list[dict[str, Any]]) -> dict[str, float]:
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


def table_operations(quick: bool) -> list[Row]:
    """DynamoDB's operations over HTTP beside other local DynamoDBs.

    Every server has one core, so CPU per request is what it can do; moto's threads end with their requests and take
    their CPU with them, so it is judged by its rate.
    """
    tables.install()
    rows = []
    for what, by_server in tables.measure(quick).items():
        ours = by_server["Syncline"]
        for name, figures in by_server.items():
            measured = (
                f"{figures['cpu_us']:.0f} µs CPU  {figures['per_s']:.0f}/s  p99 {figures['p99_us'] / 1000:.1f} ms"
            )
            if name == "Syncline":
                rows.append(Row(f"{what}: {name}", measured))
                continue
            rates, times = ours["per_s"] / figures["per_s"], figures["cpu_us"] / ours["cpu_us"]
            measured += f"  Syncline: rate {rates:.1f} ×, CPU {times:.1f} ×"
            bar = tables.BARS[what].get(name)
            good = (rates if name == "moto" else times) >= bar if bar else None
            rows.append(Row(f"{what}: {name}", measured, f"≥ {bar:g} ×" if bar else "", good))
    return rows


def authorization(quick: bool) -> list[Row]:
    """What authorization adds to a request, by mode; sign-ins by SRP; pages of 10,000 users."""
    found = auth.measure(quick)
    key, jwt, sigv4, listed = found.key_us, found.jwt_us, found.sigv4_us, max(found.list_ms, found.search_ms)
    return [
        Row("authorization: API key", f"{key:.1f} µs", "≤ 8 µs", key <= 8),
        Row("authorization: JWT, known", f"{jwt:.1f} µs", "≤ 40 µs", jwt <= 40),
        Row("authorization: SigV4", f"{sigv4:.1f} µs", "≤ 60 µs", sigv4 <= 60),
        # Three 3072-bit powers and two RSA signatures are most of a sign-in, in the fastest library there is.
        Row("sign-in by SRP", f"{found.sign_ins_per_s:.0f} /s", "≥ 500 /s a core", found.sign_ins_per_s >= 500),
        Row("10,000 users: a page listed, searched", f"{listed:.1f} ms", "≤ 50 ms", listed <= 50),
    ]


def resolver_costs(quick: bool) -> list[Row]:
    """Gets and lists through resolvers beside peers; handlers in process; a query never seen; memory."""
    found = resolvers.measure(1 if quick else 3)
    costs = {what: _medians(runs)["cpu_us"] for what, runs in found.items()}
    rows = []
    for what, (peer, bar) in {
        "get, VTL": ("mercurius get", 2.5),
        "get, JS": ("mercurius get", 1.5),
        "list": ("mercurius list", 1.0),
        "list of 100": ("yoga list", 10.0),
        "get by VTL": ("simulator get", 30.0),
        "get by JS": ("ministack get", 10.0),
    }.items():
        ours = costs["list" if what.startswith("list") else what.replace(" by ", ", ")]
        ratio = costs[peer] / ours
        measured = f"{ours:.0f} µs CPU  {peer} {costs[peer]:.0f} µs  {ratio:.2f} ×"
        rows.append(Row(f"{what}, beside {peer}", measured, f"≥ {bar:g} ×", ratio >= bar))
    cost = resolvers.handlers()
    slowest = max(cost.templates.values())
    shown = "  ".join(f"{name} {each:.1f}" for name, each in cost.templates.items())
    rows.append(Row("render of the recipe's templates", f"{shown} µs", "≤ 25 µs each", slowest <= 25))
    rows.append(Row("JS request and response", f"{cost.pair:.1f} µs", "≤ 45 µs", cost.pair <= 45))
    first, memory = resolvers.first_query_ms(50), resolvers.api_kb(100 if quick else 1000)
    rows.append(Row("first request of a never-seen query", f"p50 {first:.2f} ms", "≤ 3 ms", first <= 3))
    rows.append(Row("memory of one more API", f"{memory:.0f} KB", "≤ 300 KB", memory <= 300))
    return rows


def stream_costs(quick: bool) -> list[Row]:
    """PutItem into a table with a stream, while a slow reader is far behind, and while records are trimmed."""
    found = streams.measure(quick)
    alone = found[streams.NOBODY]
    rows = []
    for what, figures in found.items():
        shown = f"{figures['per_s']:.0f}/s  {figures['cpu_us']:.0f} µs CPU  p99 {figures['p99_us'] / 1000:.1f} ms"
        ratio = figures["per_s"] / alone["per_s"]
        if what == streams.NOBODY:
            rows.append(Row(f"PutItem with a stream: {what}", shown))
        else:
            rows.append(Row(f"PutItem with a stream: {what}", f"{shown}  {ratio:.2f} ×", "≥ 0.8 ×", ratio >= 0.8))
    return rows


def large_table(quick: bool) -> list[Row]:
    """What millions of items cost a put and a get: by CPU, since the rates of one minute and the next differ."""
    found = big.measure(quick)
    rows = [Row(f"{found.items:,} items loaded in batches of 25", f"{found.loaded_per_s:,.0f} items/s")]
    for operation, ratio in found.rates.items():
        large, small = found.figures[operation, "big"], found.figures[operation, "few"]
        shown = f"{large['per_s']:.0f}/s {large['cpu_us']:.0f} µs CPU  {small['per_s']:.0f}/s {small['cpu_us']:.0f} µs"
        times = 1 / found.cpu[operation]
        measured = f"{shown}  rate {ratio:.2f} ×, by CPU {times:.2f} ×"
        rows.append(Row(f"{operation}, {found.items:,} items beside {big.FEW:,}", measured, "≥ 0.7 ×", times >= 0.7))
    return rows


PARTS: dict[str, Callable[[bool], list[Row]]] = {
    "startup": startup,
    "get": get,
    "mutations": mutations,
    "fanout": fanout,
    "function": function,
    "realtime": realtime,
    "connections": many_connections,
    "resolvers": resolver_costs,
    "tables": table_operations,
    "auth": authorization,
    "streams": stream_costs,
    "big": large_table,
}
ONLY_NAMED = {"big", "connections"}
NEEDS_PEERS = {"get", "fanout", "resolvers"}


def show(rows: list[Row]) -> None:
    """Print rows with their bars and marks."""
    for row in rows:
        mark = "   " if row.good is None else "ok " if row.good else "NO "
        print(f"{mark} {row.what:<58} {row.measured:<68} {row.bar}".rstrip(), flush=True)


def main() -> None:
    """Run the parts named on the command line, or all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"any of {', '.join(PARTS)}; all without one")
    parser.add_argument("--quick", action="store_true", help="one repeat of each: a first impression")
    chosen = parser.parse_args()
    unknown = set(chosen.parts) - set(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    prepare()
    names = chosen.parts or [name for name in PARTS if name not in ONLY_NAMED]
    if NEEDS_PEERS & set(names):
        peers.install()
    if "resolvers" in names:
        emulators.install()
    for name in names:
        try:
            show(PARTS[name](chosen.quick))
        except (RuntimeError, subprocess.SubprocessError, OSError) as failure:
            print(f"??  {name}: {failure}", flush=True)


if __name__ == "__main__":
    main()
