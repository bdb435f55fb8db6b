"""HTTP on real sockets."""

from __future__ import annotations

import asyncio
import gzip
import http.client
import struct
import uuid
from typing import Any

import pytest

from syncline.core import NotFound, Request, Response, settings
from syncline.edge.site import network_of
from unit.edge.conftest import House, Opener, echo, parsed, raw, small_buffers, upgrade_bytes

BYE = {"connection": "close"}


@pytest.mark.rule("EDG-2")
async def test_a_connection_serves_many_requests(house: House) -> None:
    def talk() -> list[Any]:
        client = http.client.HTTPConnection("127.0.0.1", house.port, timeout=5)
        answers = []
        for n in range(3):
            client.request("POST", f"/p?n={n}", f"é{n}".encode())
            answers.append(client.getresponse().read().decode())
        client.close()
        return answers

    assert await asyncio.to_thread(talk) == [f'{{"path":"/p","query":"n={n}","body":"é{n}"}}' for n in range(3)]


@pytest.mark.rule("EDG-2")
async def test_pipelined_requests_are_answered_in_order(house: House) -> None:
    async def later_first(request: Request) -> Response:
        await asyncio.sleep(0.02 if request.path == "/0" else 0)
        return Response(200, request.path.encode())

    house.answer = later_first
    line = b"".join(raw(f"/{n}", b"x" * n) for n in range(200))
    answers = parsed(await house.exchange(line + raw("/last", **BYE)))
    assert [answer.body.decode() for answer in answers] == [*(f"/{n}" for n in range(200)), "/last"]


@pytest.mark.rule("EDG-2")
async def test_bytes_that_come_one_by_one_are_a_request_all_the_same(house: House) -> None:
    request = raw("/slow", b"0123456789", x_header="v", **BYE)
    [answer] = parsed(await house.exchange(*[request[n : n + 1] for n in range(len(request))]))
    assert answer.json["body"] == "0123456789"
    assert house.asked[0].header("x-header") == "v"


@pytest.mark.rule("EDG-2")
async def test_http_1_0_and_close_end_the_connection(house: House) -> None:
    [answer] = parsed(await house.exchange(b"GET /old HTTP/1.0\r\nconnection: keep-alive\r\n\r\n"))
    assert (answer.status, answer.headers["connection"]) == (200, "close")


@pytest.mark.rule("EDG-2")
async def test_a_client_that_closed_its_side_still_gets_its_answer(house: House) -> None:
    async def slowly(request: Request) -> Response:
        await asyncio.sleep(0.05)
        return Response(200, b"here")

    house.answer = slowly
    reader, writer = await house.connect()
    writer.write(raw("/", b"x"))
    writer.write_eof()
    [answer] = parsed(await reader.read())
    assert answer.body == b"here"
    writer.close()


async def test_chunked_bodies_and_absolute_addresses_are_understood(house: House) -> None:
    head = b"POST http://x/abs?q=1 HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    [answer] = parsed(await house.exchange(head, b"5\r\nhello\r\n", b"1;ext=1\r\n!\r\n0\r\n\r\n"))
    assert answer.json == {"path": "/abs", "query": "q=1", "body": "hello!"}


async def test_expect_100_continue_is_answered_before_the_body(house: House) -> None:
    reader, writer = await house.connect()
    writer.write(raw("/", method="PUT", content_length="3", expect="100-continue", **BYE))
    assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    writer.write(b"abc")
    [answer] = parsed(await reader.read())
    assert answer.json["body"] == "abc"
    writer.close()


async def test_head_has_the_length_and_no_body(house: House) -> None:
    got = await house.exchange(raw("/", method="HEAD", **BYE))
    head, _, body = got.partition(b"\r\n\r\n")
    assert b"content-length: 33" in head
    assert body == b""


async def test_an_upgrade_to_something_unknown_is_an_ordinary_request(house: House) -> None:
    first = raw("/h2c", method="GET", upgrade="h2c", connection="Upgrade, HTTP2-Settings")
    answers = parsed(await house.exchange(first + raw("/next", **BYE)))
    assert [answer.json["path"] for answer in answers] == ["/h2c", "/next"]


@pytest.mark.rule("EDG-3")
async def test_every_answer_has_an_id_of_our_own_a_date_and_cors(house: House) -> None:
    line = raw("/", x_amzn_requestid="mine") + raw("/", **BYE)
    answers = parsed(await house.exchange(line))
    ids = [answer.headers["x-amzn-requestid"] for answer in answers]
    assert len({uuid.UUID(id) for id in ids}) == 2
    assert ids == [request.id for request in house.asked]
    for answer in answers:
        assert answer.headers["date"].endswith("GMT")
        assert answer.headers["access-control-allow-origin"] == "*"
        assert "x-amzn-ErrorType" in answer.headers["access-control-expose-headers"]


@pytest.mark.rule("EDG-3")
async def test_a_doors_headers_are_kept_but_cannot_split_the_answer(house: House) -> None:
    async def tricky(request: Request) -> Response:
        return Response(202, b"x", "text/plain", [("x-a", "1\r\nx-evil: 2"), ("Content-Length", "999"), ("x-b", "é")])

    house.answer = tricky
    [answer] = parsed(await house.exchange(raw("/", **BYE)))
    assert (answer.status, answer.body, answer.headers["content-type"]) == (202, b"x", "text/plain")
    assert answer.headers["x-a"] == "1 x-evil: 2"
    assert answer.headers["x-b"] == "é"
    assert "x-evil" not in answer.headers


@pytest.mark.rule("EDG-4")
async def test_a_preflight_is_allowed_what_it_asks(house: House) -> None:
    asks = {"access_control_request_method": "POST", "access_control_request_headers": "authorization,x-api-key"}
    [answer] = parsed(await house.exchange(raw("/graphql", method="OPTIONS", origin="http://a", **asks, **BYE)))
    assert answer.status == 200
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "POST" in answer.headers["access-control-allow-methods"]
    assert answer.headers["access-control-allow-headers"] == "authorization,x-api-key, *"
    assert house.asked == []


@pytest.mark.rule("EDG-5")
@pytest.mark.parametrize(
    ("size", "accepts", "squeezed"),
    [
        (999, "gzip", False),
        (1_000, "br, gzip;q=0.5", True),
        (5_000, "identity", False),
        (5_000, "gzip;q=0", False),
        (1_000_000, "gzip", True),
        (10_000_001, "gzip", False),
    ],
)
async def test_answers_are_compressed_when_it_pays(house: House, size: int, accepts: str, squeezed: bool) -> None:
    async def sized(request: Request) -> Response:
        return Response(200, b"a" * size)

    house.answer = sized
    [answer] = parsed(await house.exchange(raw("/", accept_encoding=accepts, **BYE)))
    assert ("content-encoding" in answer.headers) is squeezed
    assert (gzip.decompress(answer.body) if squeezed else answer.body) == b"a" * size


@pytest.mark.rule("EDG-6")
@pytest.mark.parametrize("pieces", [1, 50])
async def test_a_hundred_kilobytes_of_headers_are_refused(house: House, pieces: int) -> None:
    request = raw("/", method="GET", x_long="a" * 100_000)
    step = len(request) // pieces
    [answer] = parsed(await house.exchange(*[request[n : n + step] for n in range(0, len(request), step)]))
    assert answer.status == 431
    assert answer.headers["x-amzn-errortype"] == "RequestHeaderFieldsTooLargeException"
    assert house.asked == []
    assert house.events[0]["request_id"] == answer.headers["x-amzn-requestid"]


@pytest.mark.rule("EDG-6")
async def test_sixty_kilobytes_in_one_header_are_fine_also_behind_a_large_body(house: House) -> None:
    line = raw("/a", b"x" * 60_000) + raw("/b", method="GET", authorization="t" * 60_000, **BYE)
    answers = parsed(await house.exchange(*[line[n : n + 33_333] for n in range(0, len(line), 33_333)]))
    assert [answer.status for answer in answers] == [200, 200]
    assert len(house.asked[1].header("authorization")) == 60_000


@pytest.mark.rule("EDG-6")
async def test_an_address_of_a_hundred_kilobytes_is_refused(house: House) -> None:
    [answer] = parsed(await house.exchange(raw("/" + "a" * 100_000, method="GET")))
    assert answer.status in (414, 431)


@pytest.mark.rule("EDG-6")
async def test_a_body_of_a_hundred_megabytes_is_refused_unread(house: House) -> None:
    [answer] = parsed(await house.exchange(raw("/", content_length="100000000"), b"x" * 300_000))
    assert (answer.status, answer.json["__type"]) == (413, "RequestEntityTooLargeException")
    assert answer.json["errors"] == [{"errorType": answer.json["__type"], "message": answer.json["message"]}]
    assert answer.headers["connection"] == "close"
    assert house.asked == []


@pytest.mark.rule("EDG-6")
async def test_a_route_may_have_its_own_limit_also_for_chunks(serving: Opener) -> None:
    def limit(request: Request) -> int | None:
        return 100_000 if request.path == "/small" else None

    async with serving(body_limit_of=limit) as house:
        body = b"x" * 100_001
        chunked = {"transfer_encoding": "chunked", **BYE}
        chunks = f"{len(body):x}\r\n".encode() + body + b"\r\n0\r\n\r\n"
        [declared] = parsed(await house.exchange(raw("/small", body)))
        [sent] = parsed(await house.exchange(raw("/small", **chunked) + chunks))
        [fine] = parsed(await house.exchange(raw("/large", **chunked) + chunks))
    assert [declared.status, sent.status, fine.status] == [413, 413, 200]


@pytest.mark.rule("EDG-6")
async def test_a_request_that_drips_in_is_late(serving: Opener) -> None:
    async with serving(request_seconds_max=0.1) as house:
        reader, writer = await house.connect()
        writer.write(b"POST / HTTP/1.1\r\nhost: x\r\n")
        for _ in range(50):
            writer.write(b"a: b\r\n")
            await asyncio.sleep(0.01)
        [answer] = parsed(await asyncio.wait_for(reader.read(), 5))
        writer.close()
    assert (answer.status, answer.json["__type"]) == (408, "RequestTimeoutException")


@pytest.mark.rule("EDG-7")
@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00\x01\x02 nonsense\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n",
        b"GET / HTTP/1.1\r\nbad header: a\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
async def test_garbage_is_refused_and_others_are_served(house: House, garbage: bytes) -> None:
    *_, answer = parsed(await house.exchange(raw("/fine") + garbage))
    assert (answer.status, answer.json["__type"]) == (400, "BadRequestException")
    assert [request.path for request in house.asked] == ["/fine"]
    [fine] = parsed(await house.exchange(raw("/", **BYE)))
    assert fine.status == 200


@pytest.mark.rule("EDG-8")
async def test_what_a_door_raises_is_logged_and_answered_without_its_trace(house: House) -> None:
    async def broken(request: Request) -> Response:
        if request.path == "/known":
            raise NotFound("No such thing.")
        raise ZeroDivisionError("secret")

    house.answer = broken
    failed, known = parsed(await house.exchange(raw("/") + raw("/known", **BYE)))
    assert (failed.status, failed.json["__type"]) == (500, "InternalFailure")
    assert b"secret" not in failed.body
    assert (known.status, known.json["message"]) == (404, "No such thing.")
    [event] = house.events
    assert event["request_id"] == failed.headers["x-amzn-requestid"]
    assert "ZeroDivisionError: secret" in event["trace"]


@pytest.mark.rule("EDG-9")
async def test_an_idle_connection_is_closed(serving: Opener) -> None:
    async with serving(idle_seconds_max=0.05) as house:
        reader, writer = await house.connect()
        writer.write(raw("/"))
        [answer] = parsed(await asyncio.wait_for(reader.read(), 5))
        assert answer.status == 200
        writer.close()


@pytest.mark.rule("EDG-1")
@pytest.mark.rule("EDG-9")
async def test_a_silent_client_is_let_go_and_holds_up_nobody(serving: Opener) -> None:
    async with serving(request_seconds_max=0.2) as house:
        reader, writer = await house.connect()
        [answer] = parsed(await house.exchange(raw("/", **BYE)))
        assert answer.status == 200
        assert await asyncio.wait_for(reader.read(), 5) == b""
        writer.close()


@pytest.mark.rule("EDG-9")
async def test_a_client_that_does_not_read_is_aborted(serving: Opener) -> None:
    async def large(request: Request) -> Response:
        return Response(200, b"x" * 30_000_000)

    async with serving(request_seconds_max=0.1) as house:
        house.answer = large
        client = small_buffers(house.port)
        client.send(raw("/"))
        await until(lambda: any(event.get("reason") == "client does not read" for event in house.events))
        client.close()


@pytest.mark.rule("EDG-10")
async def test_one_connection_too_many_is_told_so(serving: Opener) -> None:
    async with serving(connections_max=1) as house:
        reader, writer = await house.connect()
        writer.write(raw("/"))
        await reader.readuntil(b"\r\n\r\n")
        [answer] = parsed(await house.exchange(raw("/")))
        assert (answer.status, answer.json["__type"]) == (503, "ServiceUnavailableException")
        writer.close()
        await writer.wait_closed()
        await until(lambda: not house.listener._site.connections)
        [answer] = parsed(await house.exchange(raw("/", **BYE)))
        assert answer.status == 200


@pytest.mark.rule("EDG-23")
async def test_an_address_with_too_many_connections_is_told_so(serving: Opener) -> None:
    async with serving(connections_per_address_max=1) as house:
        reader, writer = await house.connect()
        writer.write(raw("/"))
        await reader.readuntil(b"\r\n\r\n")
        [answer] = parsed(await house.exchange(raw("/")))
        assert (answer.status, answer.headers["x-amzn-errortype"]) == (429, "LimitExceededException")
        assert '"peer":"127.0.0.1"' in house.log.getvalue()
        writer.close()
        await writer.wait_closed()
        await until(lambda: not house.listener._site.connections)
        [answer] = parsed(await house.exchange(raw("/", **BYE)))
        assert answer.status == 200


@pytest.mark.rule("EDG-23")
@pytest.mark.parametrize("request_bytes", [raw("/"), upgrade_bytes()], ids=["request", "upgrade"])
async def test_an_address_that_asks_too_often_is_told_so(serving: Opener, request_bytes: bytes) -> None:
    async with serving(rates=settings.Rates(requests_per_address=2)) as house:
        answers = parsed(await house.exchange(raw("/a"), raw("/b"), request_bytes))
        assert [answer.status for answer in answers] == [200, 200, 429]
        assert answers[-1].json["errors"] == [{"errorType": "ThrottlingException", "message": "Rate exceeded"}]
        assert answers[-1].headers["x-amzn-errortype"] == "ThrottlingException"
        assert [request.path for request in house.asked] == ["/a", "/b"]
        refused = house.meter.counter("syncline_edge_refusals_total", reason="ThrottlingException")
        assert refused.value == 1


@pytest.mark.parametrize(
    ("address", "network"),
    [("192.0.2.7", "192.0.2.7"), ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"), ("fe80::1%eth0", "fe80::/64")],
)
def test_an_ipv6_network_counts_as_one_address(address: str, network: str) -> None:
    assert network_of(address) == network


ASKING = {"method": "OPTIONS", "access_control_request_method": "POST", "access_control_request_headers": "x-api-key"}


@pytest.mark.rule("EDG-25")
async def test_where_not_every_origin_may_ask_the_preflight_says_who(house: House) -> None:
    house.allowed = frozenset({"https://app.test"})
    may = raw("/graphql", origin="https://app.test", **ASKING)
    may_not = raw("/graphql", origin="https://evil.test", **ASKING, **BYE)
    allowed, refused = parsed(await house.exchange(may, may_not))
    assert (allowed.status, allowed.headers["access-control-allow-origin"]) == (200, "https://app.test")
    assert (allowed.headers["access-control-allow-headers"], allowed.headers["vary"]) == ("x-api-key, *", "origin")
    assert (refused.status, refused.headers.get("access-control-allow-origin")) == (403, None)
    assert house.asked == []


@pytest.mark.rule("EDG-25")
@pytest.mark.parametrize("origin", ["https://evil.test", "null", "https://app.test.evil.test", "HTTPS://APP.TEST", ""])
async def test_a_page_of_another_origin_sees_no_answer(house: House, origin: str) -> None:
    house.allowed = frozenset({"https://app.test"})

    async def overruled(request: Request) -> Response:
        return Response(200, b"secret", "text/plain", [("Access-Control-Allow-Origin", "*")])

    for answer in (echo, overruled):
        house.answer = answer
        mine, other = parsed(await house.exchange(raw(origin="https://app.test"), raw(origin=origin, **BYE)))
        assert mine.headers["access-control-allow-origin"] == "https://app.test"
        assert "access-control-allow-origin" not in other.headers
        assert other.headers["vary"] == "origin"


@pytest.mark.rule("EDG-25")
async def test_a_page_of_another_origin_gets_no_socket(house: House) -> None:
    house.allowed = frozenset({"https://app.test"})
    evil = upgrade_bytes().replace(b"\r\n\r\n", b"\r\norigin: https://evil.test\r\n\r\n")
    [answer] = parsed(await house.exchange(evil))
    assert (answer.status, answer.headers["x-amzn-errortype"]) == (403, "AccessDeniedException")
    assert house.endpoints == []


@pytest.mark.rule("EDG-24")
async def test_what_follows_a_refused_request_is_not_asked(serving: Opener) -> None:
    async with serving(rates=settings.Rates(requests_per_address=1)) as house:
        answers = parsed(await house.exchange(raw("/a") + raw("/refused") + raw("/after") + raw("/after")))
        assert [answer.status for answer in answers] == [200, 429]
        assert [request.path for request in house.asked] == ["/a"]


@pytest.mark.rule("EDG-11")
async def test_a_request_is_worked_off_though_its_client_left(house: House) -> None:
    begun, finished = asyncio.Event(), asyncio.Event()

    async def work(request: Request) -> Response:
        begun.set()
        await asyncio.sleep(0.05)
        finished.set()
        return Response(200, b"nobody hears")

    house.answer = work
    _, writer = await house.connect()
    writer.write(raw("/"))
    await begun.wait()
    sock = writer.get_extra_info("socket")
    sock.setsockopt(1, 13, struct.pack("ii", 1, 0))  # SO_LINGER 0: leave with a reset
    writer.close()
    await asyncio.wait_for(finished.wait(), 5)


async def test_a_handler_may_use_time_outs_and_groups(house: House) -> None:
    async def grouped(request: Request) -> Response:
        async with asyncio.timeout(5), asyncio.TaskGroup() as group:
            task = group.create_task(asyncio.sleep(0, b"done"))
        return Response(200, task.result())

    house.answer = grouped
    [answer] = parsed(await house.exchange(raw("/", **BYE)))
    assert answer.body == b"done"


@pytest.mark.rule("EDG-20")
async def test_a_shutdown_finishes_what_is_under_way(house: House) -> None:
    release = asyncio.Event()

    async def held(request: Request) -> Response:
        await release.wait()
        return Response(200, b"done")

    house.answer = held
    idle_reader, idle_writer = await house.connect()
    idle_writer.write(b"GET")
    reader, writer = await house.connect()
    writer.write(raw("/"))
    await until(lambda: bool(house.asked))
    port = house.port
    house.listener.close()
    assert await asyncio.wait_for(idle_reader.read(), 5) == b""
    with pytest.raises(ConnectionError):
        await asyncio.open_connection("127.0.0.1", port)
    release.set()
    [answer] = parsed(await asyncio.wait_for(reader.read(), 5))
    assert (answer.body, answer.headers["connection"]) == (b"done", "close")
    await asyncio.wait_for(house.running, 5)
    idle_writer.close()
    writer.close()


@pytest.mark.rule("EDG-20")
async def test_a_shutdown_does_not_wait_for_ever(serving: Opener) -> None:
    async def never(request: Request) -> Response:
        await asyncio.Event().wait()
        raise AssertionError

    async with serving(drain_seconds_max=0.1) as house:
        house.answer = never
        _, writer = await house.connect()
        writer.write(raw("/"))
        await until(lambda: bool(house.asked))
        house.listener.close()
        await asyncio.wait_for(house.running, 5)
        writer.close()


async def until(holds: Any) -> None:
    """Wait for what the other side of a socket brings about."""
    async with asyncio.timeout(5):
        while not holds():
            await asyncio.sleep(0.005)
