"""Event APIs on a real server: plain HTTP and WebSocket, a real function, the real aws-amplify in Node."""

from __future__ import annotations

import io
import json
import os
import subprocess
import textwrap
import zipfile
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed

from support.events import IAM, EventApi, Listener
from support.programs import Said, check_events, said_by
from support.server import Server, eventually

NODE = Path(__file__).parent / "node"


@pytest.fixture(scope="module")
def api(server: Server) -> EventApi:
    return EventApi(server, "default", "direct")


@pytest.mark.rule("EVT-7")
@pytest.mark.parametrize(
    ("path", "way"), [("/realtime", "subprotocol"), ("", "headers"), ("/event/realtime?x-custom=1", "subprotocol")]
)
def test_publish_over_http_reaches_a_socket(api: EventApi, path: str, way: str) -> None:
    with Listener(api.url, api.key, path=path, way=way) as listener:
        assert listener.subprotocol == "aws-appsync-event-ws"
        assert listener.subscribe("/default/*") == {"type": "subscribe_success", "id": "1"}
        status, answer = api.post("default/room-1", {"n": 1}, "two")
        assert status == 200
        assert len(answer["successful"]) == 2
        assert [listener.hear() for _ in range(2)] == [
            {"type": "data", "id": "1", "event": '{"n": 1}'},
            {"type": "data", "id": "1", "event": '"two"'},
        ]


@pytest.mark.rule("EVT-10")
def test_a_whole_session(api: EventApi) -> None:
    with Listener(api.url, api.key) as listener:
        listener.say(type="connection_init")
        assert listener.hear() == {"type": "connection_ack", "connectionTimeoutMs": 300000}
        listener.subscribe("/default/*", id="s1")
        listener.publish("/default/room", {"n": 1}, {"n": 2}, {"n": 3})
        heard = [listener.hear() for _ in range(4)]
        assert [json.loads(each["event"])["n"] for each in heard if each["type"] == "data"] == [1, 2, 3]
        [done] = [each for each in heard if each["type"] == "publish_success"]
        assert (done["id"], len(done["successful"]), done["failed"]) == ("p", 3, [])
        listener.publish("/default/room", *range(6))
        error = {"errorType": "InvalidInputError", "message": "input exceeded 5 event limit"}
        assert listener.hear() == {"type": "publish_error", "id": "p", "errors": [error]}
        listener.say(type="unsubscribe", id="s1")
        assert listener.hear() == {"type": "unsubscribe_success", "id": "s1"}
        listener.say(type="unsubscribe", id="zz")
        unknown = {"errorType": "UnknownOperationError", "message": "Unknown operation id zz"}
        assert listener.hear() == {"type": "unsubscribe_error", "id": "zz", "errors": [unknown]}
        large = {"text": '"' * 100_000}
        listener.subscribe("/default/large", id="s2")
        listener.publish("/default/large", *[large] * 5)
        heard = [listener.hear() for _ in range(6)]
        assert [json.loads(each["event"]) for each in heard if each["type"] == "data"] == [large] * 5


@pytest.mark.rule("EVT-11")
def test_a_wrong_key_is_told_and_closed(api: EventApi) -> None:
    with Listener(api.url, "da2-wrong") as listener:
        listener.say(type="connection_init")
        assert listener.hear() == {"type": "connection_error", "errors": [{"errorType": "UnauthorizedException"}]}
        with pytest.raises(ConnectionClosed) as closed:
            listener.hear()
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1000


@pytest.mark.rule("EVT-14")
def test_a_real_function_stands_between(api: EventApi, server: Server) -> None:
    code = textwrap.dedent(
        """
        def handler(event, context):
            if event["info"]["operation"] == "SUBSCRIBE":
                return {"error": "no"} if event["info"]["channel"]["segments"][1] == "closed" else None
            kept = [e for e in event["events"] if e["payload"].get("ok")]
            return {"events": [{"id": e["id"], "payload": {**e["payload"], "seen": True}} for e in kept]}
        """
    )
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("main.py", code)
    function = server.client("lambda").create_function(
        FunctionName="events-handler",
        Runtime="python3.12",
        Role="arn:aws:iam::000000000000:role/r",
        Handler="main.handler",
        Code={"ZipFile": archive.getvalue()},
    )["FunctionArn"]
    api.appsync.create_data_source(
        apiId=api.id, name="fn", type="AWS_LAMBDA", lambdaConfig={"lambdaFunctionArn": function}
    )
    direct = {
        "behavior": "DIRECT",
        "integration": {"dataSourceName": "fn", "lambdaConfig": {"invokeType": "REQUEST_RESPONSE"}},
    }
    api.appsync.update_channel_namespace(
        apiId=api.id, name="direct", handlerConfigs={"onPublish": direct, "onSubscribe": direct}
    )
    with Listener(api.url, api.key) as listener:
        refused = listener.subscribe("/direct/closed", id="x")
        assert refused["errors"][0]["errorType"] == "SubscriptionProcessingError"
        assert listener.subscribe("/direct/open")["type"] == "subscribe_success"
        _, answer = api.post("/direct/open", {"ok": False, "n": 1}, {"ok": True, "n": 2})
        assert [each["index"] for each in answer["successful"]] == [1]
        assert json.loads(listener.hear()["event"]) == {"ok": True, "n": 2, "seen": True}


@pytest.mark.rule("EVT-32")
def test_members_over_a_real_connection(api: EventApi) -> None:
    api.appsync.create_channel_namespace(apiId=api.id, name="rooms", tags={"syncline:presence": "true"})
    with Listener(api.url, api.key) as watcher, Listener(api.url, api.key) as member:
        assert watcher.subscribe("/rooms/a/$presence", id="w")["type"] == "subscribe_success"
        more = {"presence": {"state": "here"}}
        member.say(type="subscribe", id="m", channel="/rooms/a", authorization=member.authorization, syncline=more)
        told = member.hear()["syncline"]["presence"]
        assert told["count"] == 1
        member.say(type="presence", id="m", state="typing")
        assert member.hear() == {"type": "presence_success", "id": "m"}
        events = [json.loads(watcher.hear()["event"]) for _ in range(2)]
        assert [(each["type"], each["member"]["state"]) for each in events] == [("join", "here"), ("update", "typing")]
        found = api.get("/presence?channel=/rooms/a")
        assert [(each["id"], each["state"]) for each in found["members"]] == [(told["member"], "typing")]
        member.say(type="presence", id="nobody", state="x" * 10_000)
        assert member.hear()["type"] == "presence_error"


@pytest.mark.rule("EVT-13")
def test_figures_are_appsyncs_metrics(api: EventApi, server: Server) -> None:
    api.post("default/counted", 1)
    cloudwatch = server.client("cloudwatch")
    wanted = [{"Name": "EventAPIId", "Value": api.id}]

    def listed() -> set[str]:
        found = cloudwatch.list_metrics(Namespace="AWS/AppSync", Dimensions=wanted)["Metrics"]
        return {each["MetricName"] for each in found}

    assert "syncline_events_requests_total" in server.get("/metrics").decode()
    eventually(lambda: {"Requests", "Latency", "SuccessfulEvents", "PublishSuccess"} <= listed(), seconds=70)


def run(api: EventApi, mode: str, **environ: str) -> Said:
    """What the script said, by step."""
    assert (NODE / "node_modules").is_dir(), "run `make setup` first: it installs the npm packages"
    endpoint = api.url.replace("127.0.0.1", "localhost")
    done = subprocess.run(
        ["node", "events.js", endpoint, api.key, mode],
        cwd=NODE,
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=40,
    )
    assert done.returncode == 0, (done.stdout, done.stderr)
    return said_by(done.stdout.split("\n"))


@pytest.mark.parametrize("mode", ["tls", "shim"])
def test_amplify_subscribes_and_publishes(api: EventApi, mode: str) -> None:
    trust = {"NODE_EXTRA_CA_CERTS": api.server.environment()["SYNCLINE_CA"]} if mode == "tls" else {}
    check_events(run(api, mode, **trust))


def test_amplify_signs_events_with_iam_on_a_server_that_verifies(guarded: Server) -> None:
    exported = guarded.environment()
    check_events(run(EventApi(guarded, modes=IAM), "iam", NODE_EXTRA_CA_CERTS=exported["SYNCLINE_CA"], **exported))
