"""Request smuggling on the one port: each head that two servers could read differently is refused, and what follows it
is nobody's request; each that reads one way is read that way.

The corpus follows RFC 9112 and the forms known from published attacks (CL.TE, TE.CL, TE.TE, CL.0, h2c …).
"""

from __future__ import annotations

import pytest

from unit.edge.conftest import Opener, parsed, serving

__all__ = ["serving"]

INNER = b"GET /smuggled HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
POST = b"POST /a HTTP/1.1\r\nHost: x\r\n"
ENDED = b"1\r\nx\r\n0\r\n\r\n"
LENGTH = b"%d" % len(INNER)
UPGRADE = (
    b"GET /nothing HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


def chunked(body: bytes) -> bytes:
    """A body as one chunk."""
    return b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)


def coded(*lines: bytes) -> bytes:
    """A request with a chunked body under these transfer codings, and what follows."""
    return POST + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + ENDED + INNER


def sized(*lines: bytes, body: bytes = b"x") -> bytes:
    """A request with a body of these lengths, and what follows."""
    return POST + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + body + INNER


REFUSED = {
    "CL.TE": POST + b"Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + INNER,
    "TE.CL": POST
    + b"Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(INNER), INNER),
    "TE.TE, two lines": coded(b"Transfer-Encoding: chunked", b"Transfer-Encoding: x"),
    "TE.TE, the other way round": coded(b"Transfer-Encoding: x", b"Transfer-Encoding: chunked"),
    "another coding before chunked": coded(b"Transfer-Encoding: x, chunked"),
    "another coding after chunked": coded(b"Transfer-Encoding: chunked, identity"),
    "chunked twice": coded(b"Transfer-Encoding: chunked, chunked"),
    "another coding": coded(b"Transfer-Encoding: xchunked"),
    "a coding in quotes": coded(b'Transfer-Encoding: "chunked"'),
    "a coding behind a vertical tab": coded(b"Transfer-Encoding: \x0bchunked"),
    "identity and a length": sized(b"Transfer-Encoding: identity", b"Content-Length: 1"),
    "a space before the colon": coded(b"Transfer-Encoding : chunked"),
    "a coding on a folded line": coded(b"Transfer-Encoding:", b" chunked"),
    "chunked in HTTP/1.0": b"POST /a HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + ENDED + INNER,
    "the same length twice": sized(b"Content-Length: 1", b"Content-Length: 1"),
    "two lengths": sized(b"Content-Length: 0", b"Content-Length: " + LENGTH, body=b""),
    "two lengths in a list": sized(b"Content-Length: 1, 1"),
    "a length with a plus": sized(b"Content-Length: +1"),
    "a length below zero": sized(b"Content-Length: -1"),
    "a length in hexadecimal": sized(b"Content-Length: 0x1"),
    "a length with an underscore": sized(b"Content-Length: 1_0", body=b"x" * 10),
    "a length with a space": sized(b"Content-Length: 1 0", body=b"x" * 10),
    "a length of nothing": sized(b"Content-Length: ", body=b""),
    "a length beyond 64 bits": sized(b"Content-Length: 99999999999999999999999"),
    "a folded line": sized(b"X: a", b" b", body=b""),
    "a line that begins with a space": b"POST /a HTTP/1.1\r\n Host: x\r\n\r\n" + INNER,
    "bare line feeds": b"POST /a HTTP/1.1\nHost: x\nContent-Length: 1\n\nx" + INNER,
    "a bare line feed in a value": sized(b"X: a\nContent-Length: " + LENGTH, body=b""),
    "a bare carriage return in a value": sized(b"X: a\rContent-Length: " + LENGTH, body=b""),
    "a zero byte in a value": sized(b"X: a\x00b", body=b""),
    "a name with a bracket": sized(b"Content(Length: 5", body=b""),
    "a chunk's size with 0x": POST + b"Transfer-Encoding: chunked\r\n\r\n0x1\r\nx\r\n0\r\n\r\n" + INNER,
    "a chunk's size below zero": POST + b"Transfer-Encoding: chunked\r\n\r\n-1\r\nx\r\n0\r\n\r\n" + INNER,
    "a chunk's size beyond 64 bits": POST + b"Transfer-Encoding: chunked\r\n\r\n10000000000000001\r\nx\r\n" + INNER,
    "chunks that end in line feeds": POST + b"Transfer-Encoding: chunked\r\n\r\n1\nx\n0\n\n" + INNER,
    "an extension that ends in a line feed": POST + b"Transfer-Encoding: chunked\r\n\r\n1;a\nx\r\n0\r\n\r\n" + INNER,
    "a chunk longer than it says": POST + b"Transfer-Encoding: chunked\r\n\r\n1\r\nxx\r\n0\r\n\r\n" + INNER,
    "two hosts": b"POST /a HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n" + INNER,
    "no host": b"POST /a HTTP/1.1\r\n\r\n" + INNER,
    "two credentials": sized(b"Authorization: a", b"Authorization: b", body=b""),
    "HTTP/1.2": b"POST /a HTTP/1.2\r\nHost: x\r\n\r\n" + INNER,
    "HTTP/0.9": b"GET /a\r\n\r\n" + INNER,
    "HTTP/2's preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + INNER,
}


@pytest.mark.rule("EDG-31")
@pytest.mark.parametrize("sent", REFUSED.values(), ids=REFUSED.keys())
async def test_threat_smuggling_what_reads_two_ways_is_refused(serving: Opener, sent: bytes) -> None:
    async with serving() as house:
        [answer] = parsed(await house.exchange(sent))
        assert answer.status in (400, 501)
        assert answer.headers["connection"] == "close"
        assert house.asked == []


READ = {
    "chunked in capitals": (coded(b"Transfer-Encoding: CHUNKED"), b"x"),
    "chunked behind a tab": (coded(b"Transfer-Encoding:\tchunked"), b"x"),
    "an extension of a chunk": (
        POST + b'Transfer-Encoding: chunked\r\n\r\n1;a=b;c="d"\r\nx\r\n0\r\n\r\n' + INNER,
        b"x",
    ),
    "a GET with a body": (b"GET /a HTTP/1.1\r\nHost: x\r\nContent-Length: " + LENGTH + b"\r\n\r\n" + INNER * 2, INNER),
    "a body that is a request": (sized(b"Content-Length: " + LENGTH, body=INNER), INNER),
    "an upgrade to h2c": (
        sized(b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABk", body=b""),
        b"",
    ),
    "a name that only looks like a length": (sized(b"Content_Length: " + LENGTH, body=b""), b""),
    "the whole address": (b"POST http://other/a HTTP/1.1\r\nHost: x\r\n\r\n" + INNER, b""),
}


@pytest.mark.rule("EDG-31")
@pytest.mark.parametrize(("sent", "body"), READ.values(), ids=READ.keys())
async def test_threat_smuggling_what_reads_one_way_is_read_so(serving: Opener, sent: bytes, body: bytes) -> None:
    async with serving() as house:
        answers = parsed(await house.exchange(sent))
        assert [(request.path, request.body) for request in house.asked] == [("/a", body), ("/smuggled", b"")]
        assert [answer.json["path"] for answer in answers] == ["/a", "/smuggled"]


@pytest.mark.rule("EDG-31")
async def test_threat_the_address_that_is_asked_for_counts_not_the_host_header(serving: Opener) -> None:
    async with serving() as house:
        await house.exchange(b"POST http://other/a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert [request.host for request in house.asked] == ["other"]


@pytest.mark.rule("EDG-24")
@pytest.mark.parametrize("head", [UPGRADE, UPGRADE + b"Content-Length: " + LENGTH + b"\r\n"], ids=["bare", "length"])
async def test_threat_what_follows_an_upgrade_is_never_a_request(serving: Opener, head: bytes) -> None:
    async with serving() as house:
        [answer] = parsed(await house.exchange(head + b"\r\n" + INNER))
        assert answer.headers["connection"] == "close"
        assert [request.path for request in house.asked] == ["/nothing"]
