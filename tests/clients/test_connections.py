"""`syncline connections` against a real server."""

from __future__ import annotations

import json
import subprocess
from typing import Any

from support.events import EventApi, Listener
from support.notes import Notes
from support.server import Server, eventually, syncline
from support.subscriber import Subscriber


def listed(notes: Notes) -> Any:
    line = [*syncline(), "connections", "--json", "--api", notes.api_id, "--data", str(notes.server.data)]
    return json.loads(subprocess.run(line, capture_output=True, text=True, check=True, timeout=20).stdout)


def test_the_operator_sees_who_is_connected_and_how_far_each_has_got(notes: Notes) -> None:
    eventually(lambda: listed(notes) == [])
    with Subscriber(notes.url, notes.key) as subscriber:
        subscriber.init()
        subscriber.start("subscription S($id: ID) { onPut(id: $id) { id } }", id="one", variables={"id": "x"})
        notes.ask('mutation { putNote(id: "x", text: "t") { id text } }')
        subscriber.receive()
        [connection] = listed(notes)
        [subscription] = connection["subscriptions"]
        assert (connection["peer"], connection["pendingBytes"]) == ("127.0.0.1", 0)
        assert connection["roundTripMs"] < 1000
        assert subscription["variables"] == {"id": "x"}
        assert (subscription["id"], subscription["field"], subscription["mode"]) == ("one", "onPut", "API_KEY")
        assert subscription["reached"] == connection["position"]
    eventually(lambda: listed(notes) == [])


def test_connections_to_event_apis_are_listed_with_their_channels(server: Server) -> None:
    api = EventApi(server)
    line = [*syncline(), "connections", "--api", api.id, "--data", str(server.data)]
    with Listener(api.url, api.key) as listener:
        listener.subscribe("/default/a/*", id="one")
        api.post("/default/a/b", 1)
        listener.hear()
        whole = subprocess.run([*line, "--json"], capture_output=True, text=True, check=True, timeout=20).stdout
        [connection] = json.loads(whole)
        [subscription] = connection["subscriptions"]
        assert (connection["peer"], subscription["id"], subscription["channel"]) == ("127.0.0.1", "one", "/default/a/*")
        assert (subscription["reached"], subscription["position"], subscription["member"]) == (1, 1, None)
        told = subprocess.run(line, capture_output=True, text=True, check=True, timeout=20).stdout
        assert "/default/a/*  one  API_KEY  at 1 of 1" in told
