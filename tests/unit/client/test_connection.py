"""The client against a server as AppSync is: gaps, time-outs, refusals, pauses, and what it leaves behind."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Any

import pytest
from websockets.asyncio.server import ServerConnection, serve

from support.appsync import AppSync, appsync, say
from syncline.client import (
    ApiKey,
    ClientError,
    ConnectionLost,
    EventsClient,
    Gap,
    GraphQLClient,
    GraphQLFailed,
    Message,
    RequestRefused,
    State,
    Timing,
    Token,
    Unauthorized,
)
from syncline.client.connection import Connection
from syncline.client.dialects import GraphQLDialect
from syncline.core import SeededIds, SystemClock

QUICK = Timing(backoff_seconds=0.02, backoff_seconds_max=0.05, ack_seconds=1.0, linger_seconds=0.05)
DOCUMENT = "subscription { on }"
NO = {"errorType": "UnauthorizedException", "message": "no"}


@pytest.fixture
async def server() -> AsyncIterator[AppSync]:
    async with appsync() as told:
        yield told


def client(server: AppSync, **more: Any) -> GraphQLClient:
    return GraphQLClient(server.url, **{"auth": ApiKey("k"), "timing": QUICK} | more)


async def until(ask: Any) -> None:
    async with asyncio.timeout(5):
        while not ask():
            await asyncio.sleep(0.005)


@pytest.mark.rule("CLT-2")
@pytest.mark.rule("CLT-5")
async def test_on_appsync_a_reconnect_is_a_gap(server: AppSync) -> None:
    async with client(server) as asking, asking.subscribe(DOCUMENT) as live:
        await server.publish(1)
        assert await anext(live) == Message({"on": 1})
        server.started.clear()
        server.sockets[0].transport.abort()
        await server.started.wait()
        await server.publish(2)
        assert isinstance(await anext(live), Gap)
        assert await anext(live) == Message({"on": 2})


@pytest.mark.rule("CLT-4")
async def test_a_position_is_named_again_and_gaps_follow_what_the_server_says(server: AppSync) -> None:
    server.told = {"recovered": True, "position": "e:5"}
    async with client(server) as asking, asking.subscribe(DOCUMENT, after="e:5") as live:
        assert server.starts()[0]["payload"]["extensions"]["syncline"] == {"resume": {"position": "e:5"}}
        await server.publish(1, position="e:6")
        await server.publish(2, position="e:7")
        assert await anext(live) == Message({"on": 1}, (), "e:6")
        assert live.position == "e:6"
        await until(lambda: len(live.flow._queue) == 1)
        server.told, _ = {"recovered": False, "position": "f:1"}, server.started.clear()
        server.sockets[0].transport.abort()
        await server.started.wait()
        assert server.starts()[1]["payload"]["extensions"]["syncline"] == {"resume": {"position": "e:7"}}
        assert server.starts()[1]["id"] == server.starts()[0]["id"]
        await server.publish(3, position="f:2")
        assert await anext(live) == Message({"on": 2}, (), "e:7")
        assert isinstance(await anext(live), Gap)
        assert live.position == "f:1"
        assert await anext(live) == Message({"on": 3}, (), "f:2")


@pytest.mark.rule("CLT-3")
async def test_who_does_not_take_is_stopped_and_started_again(server: AppSync) -> None:
    server.told = {"recovered": True, "position": "e:0"}
    async with client(server) as asking, asking.subscribe(DOCUMENT, waiting_max=2) as live:
        for n in (1, 2, 3):  # the third is on its way when it is stopped
            await server.publish(n, position=f"e:{n}")
        await until(lambda: any(message["type"] == "stop" for message in server.heard))
        server.started.clear()
        assert [(await anext(live)).data["on"] for _ in (1, 2)] == [1, 2]  # type: ignore[union-attr]
        await server.started.wait()
        assert server.starts()[1]["payload"]["extensions"]["syncline"] == {"resume": {"position": "e:2"}}
        assert server.starts()[1]["id"] != server.starts()[0]["id"]
        await server.publish(3, position="e:3")
        assert await anext(live) == Message({"on": 3}, (), "e:3")


@pytest.mark.rule("CLT-5")
async def test_subscriptions_share_a_socket_that_is_closed_when_none_is_left(server: AppSync) -> None:
    states: list[State] = []
    async with client(server, on_state=states.append) as asking:
        assert server.shown == []
        async with asking.subscribe(DOCUMENT), asking.subscribe(DOCUMENT):
            assert len(server.shown) == 1
            assert asking.state is State.CONNECTED
        await until(lambda: not server.sockets)
        assert states == [State.CONNECTING, State.CONNECTED, State.IDLE]


@pytest.mark.rule("CLT-7")
@pytest.mark.parametrize("silent", ["connection_init", "start"])
async def test_what_is_not_answered_is_tried_again(server: AppSync, silent: str) -> None:
    server.silent = (silent,)
    timing = Timing(backoff_seconds=0.02, ack_seconds=0.1)
    async with client(server, timing=timing) as asking:
        live = asking.subscribe(DOCUMENT)
        await until(lambda: len(server.shown) > 1)
        server.silent = ()
        await live.started()


@pytest.mark.rule("CLT-7")
async def test_silence_for_longer_than_the_server_says_is_a_loss(server: AppSync) -> None:
    server.timeout_ms = 100
    async with client(server) as asking, asking.subscribe(DOCUMENT) as live:
        await until(lambda: len(server.shown) > 1)
        server.timeout_ms = 300_000
        await until(lambda: len(server.sockets) == 1)
        assert isinstance(await anext(live), Gap)


@pytest.mark.rule("CLT-6")
async def test_who_does_not_want_to_wait_for_ever_is_told() -> None:
    timing = Timing(backoff_seconds=0.01, give_up_seconds=0.1)
    async with GraphQLClient("http://127.0.0.1:9/graphql", auth=ApiKey("k"), timing=timing) as asking:
        with pytest.raises(ConnectionLost):
            async with asking.subscribe(DOCUMENT):
                pass
        with pytest.raises(ConnectionLost):
            await asking.execute("{ a }")


@pytest.mark.rule("CLT-6")
def test_the_waits_are_drawn_from_all_of_a_growing_range() -> None:
    dialect = GraphQLDialect("http://h/graphql", resumes=True)
    timing, state = Timing(), None
    drawn = Connection(
        dialect, ApiKey("k"), timing=timing, tls=None, clock=SystemClock(), ids=SeededIds(1), on_state=state
    )
    for attempt, most in enumerate([0.5, 1, 2, 4, 8, 16, 20, 20]):
        waits = [drawn._jitter(attempt) for _ in range(200)]
        assert 0 <= min(waits) < most / 10
        assert most * 0.9 < max(waits) <= most
    assert drawn._jitter(10**6) <= 20


@pytest.mark.rule("CLT-8")
async def test_a_final_refusal_of_the_connection_is_everybodys(server: AppSync) -> None:
    server.connection_refusal = {**NO, "errorCode": 400}
    async with client(server) as asking:
        both = [asking.subscribe(DOCUMENT), asking.subscribe(DOCUMENT)]
        for live in both:
            with pytest.raises(Unauthorized):
                await anext(live)
    assert len(server.shown) == 1


@pytest.mark.rule("CLT-8")
async def test_an_upgrade_that_is_refused_is_shown_with_its_status() -> None:
    async def refuse(connection: ServerConnection, request: Any) -> Any:
        return connection.respond(HTTPStatus.NOT_FOUND, "nothing here")

    async def unused(connection: ServerConnection) -> None: ...

    async with serve(unused, "127.0.0.1", 0, process_request=refuse) as nothing:
        url = f"http://127.0.0.1:{next(iter(nothing.sockets)).getsockname()[1]}/graphql"
        async with GraphQLClient(url, auth=ApiKey("k"), timing=QUICK) as asking:
            with pytest.raises(RequestRefused, match="HTTP 404: nothing here"):
                await asking.subscribe(DOCUMENT).started()


@pytest.mark.rule("CLT-8")
async def test_the_refusal_of_one_leaves_the_others(server: AppSync) -> None:
    async with client(server) as asking, asking.subscribe(DOCUMENT) as live:
        server.start_refusals = [{"message": "Field 'nope' is undefined"}]
        with pytest.raises(RequestRefused, match="undefined"):
            async with asking.subscribe("subscription { nope }"):
                pass
        await say(server.sockets[0], type="data", id=server.starts()[0]["id"], payload={"data": {"on": 1}})
        assert await anext(live) == Message({"on": 1})


@pytest.mark.rule("CLT-8")
async def test_a_busy_server_is_asked_again(server: AppSync) -> None:
    server.start_refusals = [{"errorType": "LimitExceededError", "message": "Rate limit exceeded"}]
    async with client(server) as asking, asking.subscribe(DOCUMENT):
        assert len(server.starts()) == 2
        assert len(server.shown) == 1


@pytest.mark.rule("CLT-8")
async def test_what_ends_a_live_subscription_is_raised_after_what_came_before(server: AppSync) -> None:
    async with client(server) as asking, asking.subscribe(DOCUMENT) as live:
        await server.publish(1)
        id = server.starts()[0]["id"]
        await say(server.sockets[0], type="error", id=id, payload={"errors": [{"message": "Subscription complete."}]})
        assert await anext(live) == Message({"on": 1})
        with pytest.raises(GraphQLFailed, match="complete"):
            await anext(live)
    async with client(server) as asking, asking.subscribe(DOCUMENT) as live:
        await say(server.sockets[-1], type="complete", id=server.starts()[-1]["id"])
        assert [message async for message in live] == []


@pytest.mark.rule("CLT-11")
@pytest.mark.parametrize("refused", ["connection", "start", "live"])
async def test_a_refused_token_is_replaced_once(server: AppSync, refused: str) -> None:
    tokens = iter(["old", "new", "newer"])

    async def token() -> str:
        return next(tokens)

    async with client(server, auth=Token(token)) as asking:
        if refused == "connection":
            server.connection_refusal = {**NO, "errorCode": 401}
        elif refused == "start":
            server.start_refusals = [NO]
        live = asking.subscribe(DOCUMENT)
        if refused == "connection":
            await until(lambda: server.shown)
            await until(lambda: not server.sockets)
            server.connection_refusal = None
        await live.started()
        if refused == "live":
            server.started.clear()
            id = server.starts()[0]["id"]
            await say(server.sockets[0], type="error", id=id, payload={"errors": [NO]})
            await server.started.wait()
        assert server.starts()[-1]["payload"]["extensions"]["authorization"]["Authorization"] == "new"
        await live.started()
        server.start_refusals = [NO, NO]
        with pytest.raises(Unauthorized):
            await asking.subscribe(DOCUMENT).started()


@pytest.mark.rule("CLT-9")
async def test_a_client_that_is_left_leaves_no_task_and_no_socket(server: AppSync) -> None:
    before = asyncio.all_tasks()
    async with client(server) as asking:
        async with asking.subscribe(DOCUMENT) as live:
            waiting = asyncio.ensure_future(anext(live))
            await asyncio.sleep(0)
        with pytest.raises(StopAsyncIteration):
            await waiting
    await until(lambda: not server.sockets)
    await until(lambda: not {task for task in asyncio.all_tasks() - before if "server" not in repr(task)})
    with pytest.raises(ClientError, match="not open"):
        asking.subscribe(DOCUMENT)
    with pytest.raises(ClientError, match="not open"):
        await asking.execute("{ a }")
    with pytest.raises(ClientError, match="entered once"):
        await asking.__aenter__()


@pytest.mark.rule("CLT-9")
async def test_what_the_body_raises_is_raised_as_it_is(server: AppSync) -> None:
    with pytest.raises(ZeroDivisionError):
        async with client(server) as asking, asking.subscribe(DOCUMENT):
            raise ZeroDivisionError


@pytest.mark.rule("CLT-9")
async def test_a_loop_that_is_left_stops_its_subscription(server: AppSync) -> None:
    async with client(server) as asking:
        live = asking.subscribe(DOCUMENT)
        await live.started()
        await server.publish(1)
        async for _ in live:
            break
        del live
        await until(lambda: server.heard[-1]["type"] == "stop")


@pytest.mark.rule("CLT-9")
async def test_cancelling_who_waits_for_a_start_drops_it(server: AppSync) -> None:
    server.silent = ("start",)
    async with client(server) as asking:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1), asking.subscribe(DOCUMENT):
                pass
        await until(lambda: not server.sockets)


@pytest.mark.rule("CLT-12")
async def test_the_handshake_and_each_start_show_the_credential(server: AppSync) -> None:
    async with client(server) as asking, asking.subscribe(DOCUMENT, {"a": 1}, operation="S"):
        host = f"127.0.0.1:{server.port}"
        assert server.shown == [{"host": host, "x-api-key": "k"}]
        payload = server.starts()[0]["payload"]
        assert payload["extensions"]["authorization"] == {"host": host, "x-api-key": "k"}
        assert payload["data"] == '{"query":"subscription { on }","variables":{"a":1},"operationName":"S"}'


@pytest.mark.rule("CLT-10")
async def test_what_is_published_without_an_answer_is_not_known_to_have_happened(server: AppSync) -> None:
    timing = Timing(request_seconds=0.1, backoff_seconds=0.02)
    async with EventsClient(server.url, auth=ApiKey("k"), timing=timing) as events:
        with pytest.raises(ConnectionLost, match=r"none came within 0\.1 s"):
            await events.publish("/a/b", [1], over="socket")
        waiting = asyncio.ensure_future(events.publish("/a/b", [1], over="socket"))
        await until(lambda: len(server.heard) > 2)
        server.sockets[0].transport.abort()
        with pytest.raises(ConnectionLost):
            await waiting


def test_its_import_brings_neither_the_server_nor_what_is_slow() -> None:
    ask = "import sys, syncline.client; print(*sorted(sys.modules))"
    found = subprocess.run([sys.executable, "-c", ask], capture_output=True, text=True, check=True).stdout.split()
    rooms = {name.split(".")[1] for name in found if name.startswith("syncline.")}
    assert rooms == {"client", "core"}
    assert {"botocore", "httpcore2", "graphql", "apsw", "cryptography"} & set(found) == set()


@pytest.mark.rule("CLT-9")
async def test_leaving_at_the_moment_of_a_loss_ends_too(server: AppSync) -> None:
    for turns in range(40):
        async with asyncio.timeout(5), client(server) as asking, asking.subscribe(DOCUMENT):
            server.sockets[-1].transport.abort()
            for _ in range(turns % 20):
                await asyncio.sleep(0)


@pytest.mark.rule("CLT-14")
async def test_neither_histories_nor_presence_are_asked_of_appsync(server: AppSync) -> None:
    async with EventsClient(server.url, auth=ApiKey("k"), resume=False) as events:
        for wanted in ({"last": 1}, {"presence": False}):
            with pytest.raises(ClientError, match="AppSync"):
                events.subscribe("/a/b", **wanted)  # type: ignore[arg-type]
