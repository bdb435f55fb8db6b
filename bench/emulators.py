"""Emulators of AppSync: amplify-appsync-simulator (VTL), ministack (JavaScript, and Event APIs).

For: `run`, parts `resolvers` and `fanout`. Each is installed by its own package manager, under bench/out. The
simulator's data source gives back what the template wrote; ministack reads its own table in memory; ours reads a table
on disk.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import deployment
import frames
from processes import BENCH, OUT, Running, free_port, load, server

SIMULATOR = OUT / "simulator"
MINISTACK = OUT / "ministack"
CONNECTIONS, SECONDS = 4, 6


def install_simulator() -> None:
    """Fetch the simulator once. Raises CalledProcessError when a registry does not answer."""
    SIMULATOR.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "simulator.cjs"):
        shutil.copy(BENCH / "peers" / "simulator" / name, SIMULATOR / name)
    if not (SIMULATOR / "node_modules").exists():
        print("installing amplify-appsync-simulator …", file=sys.stderr, flush=True)
        quiet = ["--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
        subprocess.run(["npm", "install", *quiet], cwd=SIMULATOR, check=True)


def install_ministack() -> None:
    """Fetch ministack once. Raises CalledProcessError when a registry does not answer."""
    if not (MINISTACK / "bin" / "ministack").exists():
        print("installing ministack …", file=sys.stderr, flush=True)
        subprocess.run([sys.executable, "-m", "venv", str(MINISTACK)], check=True)
        subprocess.run([str(MINISTACK / "bin" / "pip"), "install", "-q", "ministack==1.5.33"], check=True)


def simulator() -> dict[str, Any]:
    """A get through two VTL templates of amplify-appsync-simulator."""
    port = free_port()
    with server("simulator", ["node", str(SIMULATOR / "simulator.cjs"), str(port)], port) as running:
        request = frames.post("simulator", port, "/graphql", frames.GET, {"id": "0123456789"}, "bench")
        return load("http", port, CONNECTIONS, SECONDS, running.pids, request)


@contextmanager
def _ministack() -> Iterator[Running]:
    port = free_port()
    os.environ.update(GATEWAY_PORT=str(port), LOG_LEVEL="ERROR")
    with server("ministack", [str(MINISTACK / "bin" / "ministack")], port) as running:
        yield running


def ministack_fanout(subscribers: int, rounds: int, window: int) -> dict[str, Any]:
    """Events of an Event API of ministack, published over HTTP, to its subscribers."""
    mode = [{"authType": "API_KEY"}]
    modes = ("authProviders", "connectionAuthModes", "defaultPublishAuthModes", "defaultSubscribeAuthModes")
    with _ministack() as running:
        (appsync,) = deployment.clients(running.port, "appsync")
        api = appsync.create_api(name="bench", eventConfig=dict.fromkeys(modes, mode))["api"]
        key = appsync.create_api_key(apiId=api["apiId"])["apiKey"]["id"]
        appsync.create_channel_namespace(apiId=api["apiId"], name="bench")
        dialogue = frames.events_dialogue("ministack", api["dns"]["REALTIME"], key, "/bench/events")
        trigger = frames.events_post("ministack.events", api["dns"]["HTTP"], key, "/bench/events")
        return load("fanout", running.port, subscribers, rounds, window, running.pids, dialogue, trigger)


def ministack(query: str, schema: str, code: str) -> dict[str, Any]:
    """A get through a JavaScript resolver of ministack, which reads its table."""
    with _ministack() as running:
        port = running.port
        deployment.deploy_table(port)
        (appsync,) = deployment.clients(port, "appsync")
        api_id = appsync.create_graphql_api(name="bench", authenticationType="API_KEY")["graphqlApi"]["apiId"]
        key = appsync.create_api_key(apiId=api_id)["apiKey"]["id"]
        appsync.start_schema_creation(apiId=api_id, definition=schema.encode())
        table = {"tableName": deployment.TABLE, "awsRegion": "us-east-1"}
        role = "arn:aws:iam::000000000000:role/bench"
        appsync.create_data_source(
            apiId=api_id, name="Table", type="AMAZON_DYNAMODB", serviceRoleArn=role, dynamodbConfig=table
        )
        runtime = {"name": "APPSYNC_JS", "runtimeVersion": "1.0.0"}
        place = {"apiId": api_id, "typeName": "Query", "fieldName": "scripted"}
        appsync.create_resolver(**place, dataSourceName="Table", runtime=runtime, code=code)
        request = frames.post("ministack", port, f"/v1/apis/{api_id}/graphql", query, {"id": "0123456789"}, key)
        return load("http", port, CONNECTIONS, SECONDS, running.pids, request)
