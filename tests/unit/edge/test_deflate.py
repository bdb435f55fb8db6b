"""permessage-deflate: shared bytes inflate to each client's own message; what inflates too far is refused."""

from __future__ import annotations

import asyncio
import contextlib
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.extensions.permessage_deflate import ClientPerMessageDeflateFactory
from websockets.typing import Subprotocol

from syncline.core import json, settings
from syncline.edge.frames import DEFLATED, TAIL
from unit.edge.conftest import TOPIC, House, Opener, start_bytes

MEBIBYTE = 1024 * 1024


def offer(**members: int) -> ClientPerMessageDeflateFactory:
    return ClientPerMessageDeflateFactory(**members)  # type: ignore[arg-type]


def opened(house: House, *offers: ClientPerMessageDeflateFactory) -> connect:
    url, dialect = f"ws://127.0.0.1:{house.port}/graphql", [Subprotocol("graphql-ws")]
    keys = {"x-api-key": "k"}
    return connect(
        url, subprotocols=dialect, additional_headers=keys, compression=None, extensions=list(offers) or None
    )


@pytest.mark.rule("EDG-26")
@given(prefix=st.binary(max_size=400), rest=st.binary(max_size=5000), bits=st.sampled_from(sorted(DEFLATED)))
def test_a_part_of_its_own_and_a_shared_part_inflate_to_the_message(prefix: bytes, rest: bytes, bits: int) -> None:
    frames = DEFLATED[bits]
    inflate = zlib.decompressobj(wbits=-bits)
    assert inflate.decompress(frames.opening(prefix) + frames.pack(rest) + TAIL) == prefix + rest


@pytest.mark.rule("EDG-26")
@pytest.mark.parametrize("members", [{}, {"server_max_window_bits": 9}, {"client_max_window_bits": 10}])
async def test_every_client_inflates_its_own_message(house: House, members: dict[str, int]) -> None:
    async with opened(house, offer(**members)) as one, opened(house) as plain:
        assert one.response is not None
        assert plain.response is not None
        agreed = one.response.headers["sec-websocket-extensions"]
        assert "server_no_context_takeover; client_no_context_takeover" in agreed
        assert "sec-websocket-extensions" not in plain.response.headers
        for name, socket in (("a", one), ("plain", plain)):
            await socket.send(start_bytes(name).decode())
            assert json.decode(await socket.recv())["type"] == "start_ack"
            assert json.decode(await socket.recv())["type"] == "data"
        assert json.decode(await one.recv())["payload"] == {"data": {"onX": "at once"}}
        for text in ("é" * 20_000, "", "x"):
            house.hub.publish(TOPIC, text, commit=0)
            for name, socket in (("a", one), ("plain", plain)):
                assert json.decode(await socket.recv()) == {
                    "id": name,
                    "type": "data",
                    "payload": {"data": {"onX": text}},
                }


@pytest.mark.rule("EDG-26")
async def test_a_setting_declines(serving: Opener) -> None:
    async with serving(realtime=settings.Hub(deflate=False)) as house, opened(house, offer()) as socket:
        assert socket.response is not None
        assert "sec-websocket-extensions" not in socket.response.headers


@pytest.mark.rule("EDG-16")
@pytest.mark.rule("EDG-26")
@pytest.mark.parametrize("pieces", [1, 50])
async def test_a_message_that_inflates_over_the_limit_closes_with_1009(house: House, pieces: int) -> None:
    async with opened(house, offer()) as socket:
        bomb = b"0" * (64 * MEBIBYTE // pieces)
        with contextlib.suppress(ConnectionClosed):
            await socket.send([bomb] * pieces if pieces > 1 else bomb)
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(socket.recv(), 5)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1009


@pytest.mark.rule("EDG-16")
@pytest.mark.rule("EDG-26")
async def test_what_does_not_inflate_closes_with_1002(house: House) -> None:
    async with opened(house, offer()) as socket:
        socket.transport.write(b"\xc1\x84\0\0\0\0\xff\xff\xff\xff")
        with pytest.raises(ConnectionClosed) as closed:
            await asyncio.wait_for(socket.recv(), 5)
        assert closed.value.rcvd is not None
        assert closed.value.rcvd.code == 1002


async def test_empty_fragments_are_not_kept(house: House) -> None:
    async with opened(house) as socket:
        socket.transport.write(b"\x01\x80\0\0\0\0" + b"\x00\x80\0\0\0\0" * 10_000)
        await socket.ping()
        [connection] = [each for each in house.listener._site.connections if hasattr(each, "_fragments")]
        assert connection._fragments == []
