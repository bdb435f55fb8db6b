"""WebSockets on real sockets, with the `websockets` client and with bytes by hand."""

from __future__ import annotations

import asyncio
import base64
import struct
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

from syncline.core import Denied, Invalid, json, settings
from unit.edge.conftest import TOPIC, House, Opener, masked, parsed, raw, small_buffers, start_bytes, upgrade_bytes

KEY = {"x-api-key": "k"}


@asynccontextmanager
async def client(
    house: House,
    path: str = "/graphql",
    *,
    offers: str = "graphql-ws",
    headers: dict[str, str] | None = None,
    **more: Any,
) -> AsyncIterator[ClientConnection]:
    subprotocols = [Subprotocol(offer) for offer in offers.split(",") if offer] or None
    url = f"ws://127.0.0.1:{house.port}{path}"
    async with connect(url, subprotocols=subprotocols, additional_headers=headers or KEY, **more) as opened:
        yield opened


TIMER_SECONDS = 0.002
"""How early a loop's timers may be: uvloop counts whole milliseconds."""


async def say(socket: ClientConnection, **members: Any) -> None:
    await socket.send(json.encode(members).decode())


async def hear(socket: ClientConnection) -> Any:
    return json.decode(await asyncio.wait_for(socket.recv(), 5))


async def start(socket: ClientConnection, id: str = "1") -> None:
    payload = {"data": '{"query":"subscription {onX}"}', "extensions": {"authorization": {"x-api-key": "k"}}}
    await say(socket, type="start", id=id, payload=payload)


async def started(socket: ClientConnection, id: str = "1") -> None:
    await start(socket, id)
    assert await hear(socket) == {"type": "start_ack", "id": id}
    assert (await hear(socket))["payload"] == {"data": {"onX": "at once"}}


async def closing(socket: ClientConnection) -> ConnectionClosed:
    with pytest.raises(ConnectionClosed) as closed:
        await asyncio.wait_for(socket.recv(), 5)
    return closed.value


@pytest.mark.rule("EDG-12")
@pytest.mark.parametrize("path", ["/graphql", "/graphql/realtime", "/graphql/abc/realtime?x=1"])
async def test_the_dialect_is_answered_and_nothing_else(house: House, path: str) -> None:
    header = base64.urlsafe_b64encode(json.encode(KEY)).decode().rstrip("=")
    async with client(house, path, offers=f"graphql-ws,header-{header}") as socket:
        assert socket.subprotocol == "graphql-ws"
        await say(socket, type="connection_init")
        assert (await hear(socket))["type"] == "connection_ack"
        assert await hear(socket) == {"type": "ka"}
        assert house.endpoints[0].authorization == KEY


@pytest.mark.rule("EDG-12")
@pytest.mark.parametrize(
    ("offers", "headers", "message"),
    [
        ("", KEY, "NoProtocolError"),
        ("mqtt", KEY, "SubProtocolNotSupportedError"),
        ("graphql-ws", {"x-other": "1"}, "Required headers are missing."),
        ("graphql-ws", {**KEY, "x-refuse": "1"}, "never mind"),
    ],
)
async def test_a_refusal_comes_inside_an_accepted_socket(
    house: House, offers: str, headers: dict[str, str], message: str
) -> None:
    async with client(house, offers=offers, headers=headers) as socket:
        await say(socket, type="connection_init")
        refusal = await hear(socket)
        assert refusal["type"] == "connection_error"
        assert refusal["payload"]["errors"][0]["message"] == message
        assert (await closing(socket)).rcvd is not None


@pytest.mark.rule("SUB-13")
async def test_an_ordinary_client_of_no_dialect_of_ours_is_told_the_protocols_code(house: House) -> None:
    async with client(house, offers="mqtt,wamp.2.json", headers={"x-other": "1"}) as socket:
        assert socket.subprotocol is None
        closed = (await closing(socket)).rcvd
        assert closed is not None
        assert (closed.code, closed.reason) == (4406, "Subprotocol not acceptable")


@pytest.mark.rule("EDG-12")
async def test_a_path_without_an_endpoint_is_answered_as_a_request(house: House) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with client(house, "/elsewhere"):
            pass
    assert refused.value.response.status_code == 200
    assert house.asked[0].path == "/elsewhere"


@pytest.mark.rule("EDG-12")
async def test_an_upgrade_that_breaks_the_rules_is_refused_in_http(house: House) -> None:
    request = raw("/graphql", method="GET", upgrade="websocket", connection="upgrade", sec_websocket_version="1")
    [answer] = parsed(await house.exchange(request))
    assert (answer.status, answer.json["__type"]) == (400, "BadRequestException")


@pytest.mark.rule("EDG-13")
async def test_the_ack_comes_first_and_nothing_after_it_is_missed(house: House) -> None:
    async with client(house) as socket:
        await started(socket)
        house.hub.publish(TOPIC, "é" * 40_000, commit=0)
        assert await hear(socket) == {"id": "1", "type": "data", "payload": {"data": {"onX": "é" * 40_000}}}
        await say(socket, type="stop", id="1")
        assert await hear(socket) == {"type": "complete", "id": "1"}
        house.hub.publish(TOPIC, "unheard", commit=0)
        await say(socket, type="nonsense")
        assert (await hear(socket))["type"] == "error"


@pytest.mark.rule("EDG-13")
async def test_several_subscribers_each_hear_their_own_id(house: House) -> None:
    async with client(house) as one, client(house) as two:
        await started(one, "a")
        await started(two, "b")
        assert (await hear(one))["payload"] == {"data": {"onX": "at once"}}
        for n in range(100):
            house.hub.publish(TOPIC, n, commit=0)
        for socket, id in ((one, "a"), (two, "b")):
            heard = [await hear(socket) for _ in range(100)]
            assert heard == [{"id": id, "type": "data", "payload": {"data": {"onX": n}}} for n in range(100)]


async def test_a_refused_start_is_told_why_and_the_socket_goes_on(house: House) -> None:
    async with client(house) as socket:
        await say(socket, type="connection_init")
        await hear(socket), await hear(socket)
        [endpoint] = house.endpoints
        endpoint.refusal = Denied("Not Authorized to access onX on type Subscription")
        await start(socket)
        error = {"errorType": "AccessDeniedException", "message": "Not Authorized to access onX on type Subscription"}
        assert await hear(socket) == {"type": "error", "id": "1", "payload": {"errors": [error]}}
        endpoint.refusal = Invalid("many", data={"errors": [{"message": "a"}, {"message": "b"}]})
        await start(socket)
        assert (await hear(socket))["payload"]["errors"] == [{"message": "a"}, {"message": "b"}]
        endpoint.refusal = ZeroDivisionError("secret")
        await start(socket)
        assert (await hear(socket))["payload"]["errors"][0]["errorType"] == "InternalFailure"
        assert "ZeroDivisionError: secret" in house.events[-2]["trace"]
        assert [event["event"] for event in house.events[-2:]] == ["socket failed", "socket message refused"]
        endpoint.refusal = None
        await started(socket)


@pytest.mark.rule("EDG-14")
async def test_a_client_that_stops_reading_is_closed_and_others_are_unharmed(serving: Opener) -> None:
    async with serving(outbox_bytes_max=200_000) as house, client(house, max_size=None) as good:
        slow = small_buffers(house.port)
        reader_loop = asyncio.get_running_loop()
        await reader_loop.sock_sendall(slow, upgrade_bytes())
        await reader_loop.sock_sendall(slow, masked(start_bytes("slow")))
        await started(good)
        for n in range(400):
            house.hub.publish(TOPIC, f"{n} " + "x" * 20_000, commit=0)
            heard = (await hear(good))["payload"]["data"]["onX"]
            if heard == "at once":
                heard = (await hear(good))["payload"]["data"]["onX"]
            assert heard.startswith(f"{n} ")
            if any(event["event"] == "subscriber closed" for event in house.events):
                break
        [event] = house.events
        assert (event["reason"], event["limit"]) == ("slow consumer", 200_000)
        assert house.meter.counter("syncline_edge_slow_consumers_total").value == 1
        slow_endpoint = house.endpoints[1]
        await until(lambda: slow_endpoint.closings == 1)
        assert slow_endpoint.faulty
        farewell, rest = b"\x88\x0f" + struct.pack("!H", 1013) + b"slow consumer", b""
        while not rest.endswith(farewell):
            chunk = await asyncio.wait_for(reader_loop.sock_recv(slow, 1 << 20), 5)
            assert chunk, "the close frame comes after what was written before"
            rest += chunk
        slow.close()


@pytest.mark.rule("EDG-15")
async def test_one_message_is_handled_at_a_time(house: House) -> None:
    async with client(house) as socket:
        await say(socket, type="connection_init")
        await hear(socket), await hear(socket)
        [endpoint] = house.endpoints
        endpoint.hold = asyncio.Event()
        await start(socket, "held")
        await say(socket, type="stop", id="held")
        await start(socket, "next")
        await until(lambda: len(endpoint.starts) == 1)
        await asyncio.sleep(0.05)
        assert [each.id for each in endpoint.starts] == ["held"]
        endpoint.hold.set()
        heard = [(await hear(socket))["type"] for _ in range(3)]
        assert heard[:2] == ["start_ack", "complete"]
        assert [each.id for each in endpoint.starts] == ["held", "next"]


@pytest.mark.rule("EDG-16")
@pytest.mark.parametrize(
    ("frame", "code"),
    [
        (b"\x83\x80\0\0\0\0", 1002),  # an opcode that does not exist
        (b"\x81\x01x", 1002),  # not masked
        (b"\x80\x80\0\0\0\0", 1002),  # a continuation of nothing
        (b"\xc1\x80\0\0\0\0", 1002),  # compressed, which was not agreed
        (b"\x81\x82\0\0\0\0\xff\xff", 1007),
        (b"\x81\xff" + struct.pack("!Q", 2_000_000) + b"\0\0\0\0", 1009),
    ],
)
async def test_frames_that_break_the_rules_close_with_the_rules_code(house: House, frame: bytes, code: int) -> None:
    answer = await asyncio.wait_for(house.exchange(upgrade_bytes(), frame), 5)
    closed = answer.partition(b"\r\n\r\n")[2]
    assert closed[0] == 0x88
    assert struct.unpack("!H", closed[2:4])[0] == code
    assert house.endpoints[0].closings == 1


async def test_fragments_pings_and_bytes_are_understood(house: House) -> None:
    async with client(house) as socket:
        pong = await socket.ping(b"there?")
        await asyncio.wait_for(pong, 5)
        await socket.send(iter(['{"type":', '"connection', '_init"}']))
        assert (await hear(socket))["type"] == "connection_ack"
        await hear(socket)
        await socket.send(b'{"type":"stop","id":"b"}')
        assert await hear(socket) == {"type": "complete", "id": "b"}
    assert house.endpoints[0].known == [False]


async def test_frames_that_come_with_the_upgrade_are_not_lost(house: House) -> None:
    reader, writer = await house.connect()
    writer.write(upgrade_bytes() + masked(b'{"type":"connection_init"}'))
    await reader.readuntil(b"\r\n\r\n")
    assert b"connection_ack" in await asyncio.wait_for(reader.readuntil(b"}}"), 5)
    writer.close()


@pytest.mark.rule("EDG-17")
@pytest.mark.parametrize("way", ["close", "abort", "garbage"])
async def test_the_endpoint_is_told_once_however_it_ends(house: House, way: str) -> None:
    async with client(house) as socket:
        await started(socket)
        if way == "close":
            await socket.close(1000)
        elif way == "abort":
            socket.transport.abort()
        else:
            socket.transport.write(b"\xff\xff\xff\xff")
        await until(lambda: house.endpoints[0].closings == 1)
    assert house.endpoints[0].faulty is (way == "garbage")
    await until(lambda: not house.listener._site.connections)
    house.hub.publish(TOPIC, 1, commit=0)
    await house.hub.drained()
    assert house.endpoints[0].closings == 1
    assert house.listener._site.sockets == 0


@pytest.mark.rule("EDG-17")
async def test_a_client_that_leaves_while_it_is_subscribed_leaves_nothing_behind(house: House) -> None:
    async with client(house) as socket:
        await say(socket, type="connection_init")
        await hear(socket)
        [endpoint] = house.endpoints
        endpoint.hold = asyncio.Event()
        await start(socket)
        await until(lambda: bool(endpoint.starts))
        socket.transport.abort()
    await until(lambda: not house.listener._site.connections)
    endpoint.hold.set()
    await until(lambda: endpoint.closings == 1)
    assert house.hub._channel(TOPIC.api).empty


@pytest.mark.rule("EDG-20")
async def test_a_shutdown_closes_sockets_as_going_away(house: House) -> None:
    async with client(house) as socket:
        await started(socket)
        house.listener.close()
        closed = await closing(socket)
        assert closed.rcvd is not None
        assert (closed.rcvd.code, closed.rcvd.reason) == (1001, "the server is shutting down")
        await asyncio.wait_for(house.running, 5)


async def until(holds: Any) -> None:
    """Wait for what the other side of a socket brings about."""
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.005)


@pytest.mark.rule("EDG-27")
async def test_what_came_before_the_close_is_handled_and_answered(house: House) -> None:
    reader, writer = await house.connect()
    writer.write(upgrade_bytes())
    await reader.readuntil(b"\r\n\r\n")
    close = b"\x88\x82\0\0\0\0\x03\xe8"
    writer.write(b"".join(masked(start_bytes(id)) for id in "abc") + close)
    heard = await asyncio.wait_for(reader.read(), 5)
    assert [heard.count(b'{"type":"start_ack","id":"%s"}' % id) for id in (b"a", b"b", b"c")] == [1, 1, 1]
    assert heard.endswith(b"\x88\x02\x03\xe8")
    assert house.endpoints[0].closings == 1
    writer.close()


@pytest.mark.rule("EDG-28")
async def test_a_peer_that_answers_no_ping_is_closed_and_one_that_does_stays(
    serving: Opener, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("syncline.edge.sockets.CLOSE_SECONDS", 0.1)
    async with serving(realtime=settings.Hub(keep_alive_seconds=0.1, silent_seconds_max=0.8)) as house:
        async with client(house) as answering:
            reader, writer = await house.connect()
            writer.write(upgrade_bytes())
            heard = await asyncio.wait_for(reader.read(), 5)
            assert b"\x89\x00" in heard
            assert b"\x03\xf3the peer answers no ping" in heard
            await say(answering, type="connection_init")
            while (await hear(answering))["type"] != "connection_ack":
                pass
            writer.close()
        assert [event["event"] for event in house.events].count("silent peer") == 1


@pytest.mark.rule("EDG-29")
@pytest.mark.parametrize(("seconds", "apart"), [(2.0, 0.001), (0.05, 0.0005)])
async def test_a_stop_closes_sockets_apart_from_each_other_in_no_order(
    serving: Opener, seconds: float, apart: float
) -> None:
    count = 100
    order: list[tuple[float, int]] = []

    async def follow(n: int, socket: ClientConnection) -> None:
        failure = await closing(socket)
        order.append((time.monotonic(), n))
        assert failure.rcvd is not None
        assert failure.rcvd.code == 1001

    async with serving(drain_seconds_max=9.0, drain_spread_seconds=seconds) as house, AsyncExitStack() as stack:
        sockets = [await stack.enter_async_context(client(house)) for _ in range(count)]
        async with asyncio.TaskGroup() as group:
            for n, socket in enumerate(sockets):
                group.create_task(follow(n, socket))
            stopped = time.monotonic()
            house.listener.close()
    assert [n for _, n in order] != list(range(count))
    early = [n for n, (at, _) in enumerate(order) if at - stopped < n * apart - TIMER_SECONDS]
    assert early == [], "none is closed before its turn"


@pytest.mark.rule("EDG-30")
async def test_a_start_too_many_in_a_second_is_refused_by_name(serving: Opener) -> None:
    async with serving(realtime=settings.Hub(starts_per_second_max=2)) as house, client(house) as socket:
        for id in "abc":
            await start(socket, id)
        heard = [await hear(socket) for _ in range(6)]
        refused = [each for each in heard if each["type"] == "error"]
        limit = {"errorType": "LimitExceededError", "message": "Rate limit exceeded"}
        assert refused == [{"type": "error", "id": "c", "payload": {"errors": [limit]}}]


def long_offer(line_bytes: int, more: int = 0) -> tuple[bytes, str]:
    """An upgrade whose credential makes one header line so long, with so many bytes in another; and the credential."""
    name, start = b"sec-websocket-protocol", b"graphql-ws, header-"
    room = line_bytes - len(name) - len(start) - 4
    token = "t" * (room * 3 // 4 - 20)
    credential = base64.urlsafe_b64encode(json.encode({"authorization": token})).rstrip(b"=")
    value = start + credential + b" " * (room - len(credential))
    head = upgrade_bytes().replace(name + b": graphql-ws\r\n", name + b": " + value + b"\r\n")
    return head.replace(b"x-api-key: k\r\n", b"x-rest: " + b"r" * more + b"\r\n"), token


@pytest.mark.rule("EDG-6")
async def test_a_credential_in_a_header_line_of_64_kilobytes_opens_a_socket(house: House) -> None:
    head, token = long_offer(64 * 1024)
    assert max(map(len, head.split(b"\r\n"))) + 2 == 64 * 1024
    reader, writer = await house.connect()
    for begin in range(0, len(head), 9_999):
        writer.write(head[begin : begin + 9_999])
        await writer.drain()
    writer.write(masked(b'{"type":"connection_init"}'))
    assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 101 ")
    assert b"connection_ack" in await asyncio.wait_for(reader.readuntil(b"}}"), 5)
    assert house.endpoints[0].authorization == {"authorization": token}
    writer.close()


@pytest.mark.rule("EDG-6")
async def test_a_handshake_with_one_byte_more_than_may_be_is_refused_in_plain_http(house: House) -> None:
    most = house.listener._site.limits.header_bytes_max
    head, _ = long_offer(64 * 1024)
    counted = len(head) - len(b"GET  HTTP/1.1\r\n\r\n")
    for more, status in ((most - counted, b"101"), (most - counted + 1, b"431")):
        reader, writer = await house.connect()
        writer.write(long_offer(64 * 1024, more)[0])
        answer = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 5)
        assert answer.startswith(b"HTTP/1.1 " + status)
        writer.close()
