"""Any bytes in any pieces: the connections themselves, without sockets."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncline.core import Meter, Request, Response, SeededIds, SystemClock, settings
from syncline.edge.frames import text_header
from syncline.edge.http import HttpConnection
from syncline.edge.site import RequestIds, Site
from syncline.edge.sockets import SocketConnection
from syncline.edge.streams import Streams
from syncline.hub import RealtimeEndpoint, Start, Subscription
from unit.edge.conftest import parsed


class Wire:
    """A transport that keeps what is written."""

    def __init__(self) -> None:
        self.written = b""
        self.closed = False
        self.reading = True

    def get_extra_info(self, name: str) -> None:
        """It has no socket."""

    def write(self, data: bytes) -> None:
        assert not self.closed, "nothing is written to a closed transport"
        self.written += data

    def close(self) -> None:
        self.closed = True

    abort = close

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True

    def can_write_eof(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0

    def set_write_buffer_limits(self, high: int) -> None: ...


class Nobody:
    """A realtime endpoint that refuses nobody and subscribes nothing."""

    ended = 0

    async def connect(self, request: Request, authorization: Mapping[str, str] | None) -> None: ...

    async def subscribe(self, start: Start) -> Subscription:
        raise AssertionError

    def unsubscribe(self, id: str, *, known: bool = True) -> None: ...

    def closed(self, *, faulty: bool = False) -> None:
        self.ended += 1


class Plain:
    """Doors that answer everything alike."""

    async def respond(self, request: Request) -> Response:
        return Response(200, b"fine")

    def origins(self, request: Request) -> frozenset[str] | None:
        return None

    def endpoint(self, request: Request) -> RealtimeEndpoint | None:
        return None


def site() -> Site:
    clock, meter = SystemClock(), Meter(out=None)
    made = Site(Plain(), settings.Edge(), settings.Hub(), clock=clock, ids=SeededIds(1), meter=meter)
    made.streams = Streams(made, SeededIds(2).uuid)
    return made


FRAGMENTS = [
    b"GET / HTTP/1.1\r\n",
    b"POST /x?y HTTP/1.1\r\nhost: a\r\n",
    b"content-length: 3\r\n",
    b"transfer-encoding: chunked\r\n",
    b"connection: close\r\n",
    b"upgrade: websocket\r\nconnection: upgrade\r\n",
    b"expect: 100-continue\r\n",
    b"\r\n",
    b"abc",
    b"3\r\nabc\r\n0\r\n\r\n",
]
pieces = st.lists(st.sampled_from(FRAGMENTS) | st.binary(max_size=12), max_size=12)


@pytest.mark.rule("EDG-7")
@given(pieces)
def test_no_bytes_make_a_connection_raise_and_all_answers_are_whole(sent: list[bytes]) -> None:
    asyncio.run(talk(sent))


async def talk(sent: list[bytes]) -> None:
    wire, shared = Wire(), site()
    connection = HttpConnection(shared, "peer", "http")
    connection.connection_made(wire)
    async with asyncio.TaskGroup() as group:
        group.create_task(connection.run())
        for piece in sent:
            if not wire.closed:
                connection.data_received(piece)
            await asyncio.sleep(0)
        for _ in range(5):
            await asyncio.sleep(0)
        connection.connection_lost(None)
    answers = wire.written.replace(b"HTTP/1.1 100 Continue\r\n\r\n", b"")
    assert {answer.status for answer in parsed(answers)} <= {200, 400}
    assert shared.failures.value == 0
    assert not shared.connections


@pytest.mark.rule("EDG-17")
@given(st.lists(st.binary(max_size=30) | st.sampled_from([b"\x81\x80\0\0\0\0", b"\x88\x80\0\0\0\0"]), max_size=8))
def test_no_bytes_make_a_socket_raise_and_its_endpoint_is_told_once(sent: list[bytes]) -> None:
    asyncio.run(chat(sent))


async def chat(sent: list[bytes]) -> None:
    wire, shared, endpoint = Wire(), site(), Nobody()
    request = Request("GET", "/", "", [("sec-websocket-protocol", "graphql-ws"), ("x-api-key", "k")])
    socket = SocketConnection(shared, wire, request, endpoint)  # type: ignore[arg-type]
    async with asyncio.TaskGroup() as group:
        shared.spawn = lambda socket: group.create_task(socket.run())
        shared.arrived(request.peer)
        socket.begin()
        for piece in sent:
            if not wire.closed:
                socket.data_received(piece)
            await asyncio.sleep(0)
        socket.connection_lost(None)
    assert endpoint.ended == 1
    assert shared.sockets == 0


@pytest.mark.rule("EDG-3")
def test_request_ids_are_unique_and_drawn_anew_when_the_count_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("syncline.edge.site.COUNT_MAX", 3)
    ids = RequestIds(SeededIds(1))
    ids._count = 3
    drawn = [ids.next() for _ in range(7)]
    assert len(set(drawn)) == 7
    assert {len(id) for id in drawn} == {36}
    assert len({id[:24] for id in drawn}) == 3


@pytest.mark.parametrize("length", [0, 125, 126, 65_535, 65_536, 2**32])
def test_frames_say_their_length_as_the_rfc_wants(length: int) -> None:
    header = text_header(length)
    assert header[0] == 0x81
    short = header[1]
    assert (short if short < 126 else int.from_bytes(header[2:], "big")) == length
    assert len(header) == (2 if length < 126 else 4 if length < 65_536 else 10)
