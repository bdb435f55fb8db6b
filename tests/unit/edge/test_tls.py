"""TLS on the same port, and the development authority."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.typing import Subprotocol

from syncline.core import Instant, LoopClock, SeededIds
from syncline.edge import CertificateUnusable, DevelopmentAuthority, OwnCertificate
from unit.edge.conftest import TOPIC, House, Opener, masked, parsed, raw, start_bytes, upgrade_bytes

NOW = 1_790_000_000.0


class At(LoopClock):
    """A wall clock that a test sets."""

    def __init__(self, at: float = NOW) -> None:
        self.at = at

    def now(self) -> Instant:
        return Instant(self.at)


def authority(folder: Path, clock: LoopClock | None = None, *names: str) -> DevelopmentAuthority:
    return DevelopmentAuthority(folder / "tls", clock or At(), SeededIds(1), names)


async def over_tls(house: House, context: ssl.SSLContext, name: str = "localhost") -> Any:
    reader, writer = await asyncio.open_connection("127.0.0.1", house.port, ssl=context, server_hostname=name)
    writer.write(raw("/tls", b"x", connection="close"))
    [answer] = parsed(await asyncio.wait_for(reader.read(), 5))
    writer.close()
    return answer


def real_authority(folder: Path) -> DevelopmentAuthority:
    import time

    return authority(folder, At(time.time()))


@pytest.mark.rule("EDG-1")
@pytest.mark.rule("EDG-18")
async def test_one_port_speaks_http_https_ws_and_wss(serving: Opener, tmp_path: Path) -> None:
    ca = real_authority(tmp_path)
    async with serving(certificates=ca) as house:
        [plain] = parsed(await house.exchange(raw("/", connection="close")))
        assert (plain.status, house.asked[0].scheme) == (200, "http")
        await asyncio.to_thread(ca.ensure)
        trusting = ssl.create_default_context(cafile=str(ca.ca_path))
        for name in ("localhost", "127.0.0.1", "::1"):
            assert (await over_tls(house, trusting, name)).json["body"] == "x"
        assert house.asked[1].scheme == "https"
        for url, context in ((f"ws://127.0.0.1:{house.port}", None), (f"wss://127.0.0.1:{house.port}", trusting)):
            offers = [Subprotocol("graphql-ws")]
            async with connect(
                url + "/graphql", ssl=context, subprotocols=offers, additional_headers={"x-api-key": "k"}
            ) as socket:
                await socket.send('{"type":"connection_init"}')
                assert "connection_ack" in str(await asyncio.wait_for(socket.recv(), 5))


@pytest.mark.rule("EDG-14")
async def test_the_outbox_is_bounded_over_tls_too(serving: Opener, tmp_path: Path) -> None:
    ca = real_authority(tmp_path)
    ca.ensure()
    async with serving(certificates=ca, outbox_bytes_max=200_000) as house:
        trusting = ssl.create_default_context(cafile=str(ca.ca_path))
        _, writer = await asyncio.open_connection("localhost", house.port, ssl=trusting, limit=1024)
        writer.write(upgrade_bytes() + masked(start_bytes("slow")))
        async with asyncio.timeout(5):
            while not house.endpoints or not house.endpoints[0].subscriptions:
                await asyncio.sleep(0.005)
        outbox = house.endpoints[0].starts[0].outbox
        for _ in range(1000):
            house.hub.publish(TOPIC, "x" * 20_000, commit=0)
            await house.hub.drained()
            await asyncio.sleep(0)
            assert outbox.pending_bytes < 300_000
            if house.meter.counter("syncline_edge_slow_consumers_total").value:
                break
        assert house.meter.counter("syncline_edge_slow_consumers_total").value == 1
        writer.transport.abort()


@pytest.mark.rule("EDG-19")
async def test_a_client_that_does_not_trust_us_is_logged_with_what_mends_it(serving: Opener, tmp_path: Path) -> None:
    ca = real_authority(tmp_path)
    async with serving(certificates=ca) as house:
        with pytest.raises(ssl.SSLCertVerificationError):
            await over_tls(house, ssl.create_default_context())
        async with asyncio.timeout(5):
            while not house.events:
                await asyncio.sleep(0.005)
        [event] = house.events
        assert event["event"] == "client does not trust the development CA"
        assert event["node"] == f"NODE_EXTRA_CA_CERTS={ca.ca_path}"


async def test_a_handshake_that_is_none_harms_nobody(serving: Opener, tmp_path: Path) -> None:
    async with serving(certificates=real_authority(tmp_path)) as house:
        with contextlib.suppress(ConnectionResetError):
            await house.exchange(b"\x16\x03\x01\x00\x05hello" + b"x" * 600)
        [fine] = parsed(await house.exchange(raw("/", connection="close")))
        assert fine.status == 200


async def test_without_a_certificate_tls_is_closed_and_http_served(house: House) -> None:
    with contextlib.suppress(ConnectionResetError):
        assert await house.exchange(b"\x16\x03\x01\x00\x05hello") == b""
    [fine] = parsed(await house.exchange(raw("/", connection="close")))
    assert fine.status == 200


@pytest.mark.rule("EDG-18")
def test_keys_are_readable_by_their_owner_alone_and_files_are_kept(tmp_path: Path) -> None:
    folder = tmp_path / "tls"
    assert authority(tmp_path).ensure()
    modes = {name: stat.S_IMODE((folder / name).stat().st_mode) for name in ("ca.key", "server.key")}
    assert modes == {"ca.key": 0o600, "server.key": 0o600}
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert not authority(tmp_path).ensure()
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.rule("EDG-18")
def test_a_certificate_is_renewed_before_it_ends_and_the_authority_stays(tmp_path: Path) -> None:
    folder, clock = tmp_path / "tls", At()
    ca = authority(tmp_path, clock)
    ca.ensure()
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    clock.at += 360 * 86400
    assert not ca.ensure() or clock.at > NOW + 367 * 86400
    clock.at += 10 * 86400
    assert ca.ensure()
    assert (folder / "ca.pem").read_bytes() == before["ca.pem"]
    assert (folder / "server.pem").read_bytes() != before["server.pem"]
    clock.at += 3700 * 86400
    assert ca.ensure()
    assert (folder / "ca.pem").read_bytes() != before["ca.pem"]


@pytest.mark.rule("EDG-18")
def test_a_new_name_or_a_broken_note_makes_a_new_certificate(tmp_path: Path) -> None:
    assert authority(tmp_path).ensure()
    assert authority(tmp_path, None, "dev.example.com", "0.0.0.0").ensure()
    (tmp_path / "tls" / "server.json").write_text("{")
    assert authority(tmp_path, None, "dev.example.com").ensure()


@pytest.mark.rule("EDG-18")
def test_a_later_start_does_not_load_the_library_that_makes_certificates(tmp_path: Path) -> None:
    authority(tmp_path).ensure()
    code = (
        "import sys, pathlib; from syncline.core import LoopClock, SeededIds; import syncline.edge as edge;"
        f"edge.DevelopmentAuthority(pathlib.Path({str(tmp_path / 'tls')!r}), type('C', (), "
        f"{{'now': lambda self: {NOW}}})(), SeededIds(1)).context();"
        "print('cryptography' in sys.modules)"
    )
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "False"


async def test_a_certificate_of_the_users_own_is_checked_before_serving(serving: Opener, tmp_path: Path) -> None:
    authority(tmp_path).ensure()
    folder = tmp_path / "tls"
    own = OwnCertificate(str(folder / "server.pem"), str(folder / "server.key"))
    assert isinstance(own.context(), ssl.SSLContext)
    with pytest.raises(CertificateUnusable, match="missing"):
        async with serving(certificates=OwnCertificate("missing.pem", str(folder / "server.key"))):
            pass
