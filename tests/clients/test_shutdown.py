"""The server's end, and what it leaves: sockets closed by name, nothing running, nothing held."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import BotoCoreError, ClientError
from websockets.exceptions import ConnectionClosed

from support.notes import deploy, make_function
from support.server import Server, eventually, syncline
from support.subscriber import Subscriber

ON_PUT = "subscription { onPut { id text } }"


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Server]:
    """A server of the test's own."""
    server = Server(tmp_path / "data").start()
    yield server
    if server.running:
        server.kill()


def test_a_stop_closes_sockets_ends_functions_and_takes_less_than_five_seconds(own: Server) -> None:
    notes = deploy(own, "Stopping")
    make_function(own, "sleeper", "import time\ndef handle(event, context):\n    time.sleep(30)\n", Timeout=40)
    invocation = threading.Thread(target=invoke, args=(own, "sleeper"))
    invocation.start()
    eventually(lambda: children(own.pid))
    processes = children(own.pid)
    with Subscriber(notes.url, notes.key) as subscriber:
        subscriber.init()
        subscriber.start(ON_PUT)
        started = time.monotonic()
        assert own.stop() == 0
        assert time.monotonic() - started < 5
        with pytest.raises(ConnectionClosed) as closed:
            subscriber.receive()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1001
    invocation.join(10)
    assert not invocation.is_alive()
    eventually(lambda: not [pid for pid in processes if Path(f"/proc/{pid}").exists()])


def test_a_server_that_was_killed_leaves_no_function_running(own: Server) -> None:
    make_function(own, "orphan", "import time\ndef handle(event, context):\n    time.sleep(60)\n", Timeout=60)
    invocation = threading.Thread(target=invoke, args=(own, "orphan"))
    invocation.start()
    eventually(lambda: children(own.pid))
    processes = children(own.pid)
    own.kill()
    invocation.join(10)
    eventually(lambda: not [pid for pid in processes if Path(f"/proc/{pid}").exists()])


def test_a_second_server_on_the_same_data_is_refused(own: Server) -> None:
    command = [*syncline(), "dev", "--data", str(own.data), "--port", "0"]
    second = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert second.returncode != 0
    assert f"Another Syncline server is using {own.data}" in second.stderr
    assert "Traceback" not in second.stderr
    assert own.get("/healthz")


def test_clients_that_vanish_leave_nothing_behind(own: Server) -> None:
    notes = deploy(own, "Vanishing")
    for _ in range(20):
        subscriber = Subscriber(notes.url, notes.key)
        subscriber.init()
        assert subscriber.start(ON_PUT)["type"] == "start_ack"
        subscriber.vanish()
        notes.ask('mutation { putNote(id: "v", text: "t") { id text } }')
    eventually(lambda: gauge(own, "syncline_edge_websockets") == 0)
    eventually(lambda: gauge(own, "syncline_hub_subscriptions") == 0)


def invoke(server: Server, function: str) -> None:
    """Invoke a function; the server may be gone before it answers."""
    try:
        server.client("lambda").invoke(FunctionName=function, Payload=b"{}")
    except (ClientError, BotoCoreError):
        return


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def gauge(server: Server, name: str) -> float:
    """The sum of an instrument over its labels."""
    lines = server.get("/metrics").decode().splitlines()
    return sum(float(line.rpartition(" ")[2]) for line in lines if line.startswith((name + " ", name + "{")))
