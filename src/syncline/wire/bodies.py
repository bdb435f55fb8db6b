"""A request's body: its hash as signed, and the encodings undone: aws-chunked and gzip.

For: `door.py`. Owns: the chunk signatures' chain, and the bound on what compression may unfold to.
Never: reads a socket: a body is whole when it comes here.
"""

from __future__ import annotations

import hashlib
import hmac
import zlib
from collections.abc import Mapping

from syncline.core import Invalid, TooLarge
from syncline.wire.signatures import EMPTY_HASH, UNSIGNED_PAYLOAD, Authorization, InvalidSignature, sign

INFLATED_BYTES_MAX = 16 * 1024 * 1024
"""What a compressed body may unfold to. DynamoDB's and CloudWatch's own limits are not higher."""

CHUNK_HEAD_BYTES_MAX = 1024

STREAMING = "STREAMING-"
SIGNED_CHUNKS = ("STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER")


class HashMismatch(Invalid):
    """The provided 'x-amz-content-sha256' header does not match what was computed."""

    code = "XAmzContentSHA256Mismatch"


class BodyUnreadable(Invalid):
    """The body is not what its content-encoding says: {reason}."""

    code = "InvalidRequest"


class InflatedTooLarge(TooLarge):
    """The compressed body unfolds to more than {limit} bytes."""

    code = "RequestEntityTooLargeException"


def payload_hash(headers: Mapping[str, str], body: bytes, authorization: Authorization) -> str:
    """What the signature says of the body. Raises HashMismatch when the body is another."""
    claimed = headers.get("x-amz-content-sha256", "")
    if claimed.startswith(STREAMING) or claimed == UNSIGNED_PAYLOAD:
        return claimed
    if not claimed and authorization.expires is not None and authorization.service == "s3":
        return UNSIGNED_PAYLOAD
    actual = hashlib.sha256(body).hexdigest() if body else EMPTY_HASH
    if claimed and not hmac.compare_digest(claimed.encode(), actual.encode()):
        raise HashMismatch
    return actual


def decoded(headers: Mapping[str, str], body: bytes, seal: ChunkSeal | None = None) -> bytes:
    """The body with its encodings undone. `seal` checks signed chunks; without it they are taken as they are."""
    mode = headers.get("x-amz-content-sha256", "")
    if "content-encoding" not in headers and not mode.startswith(STREAMING):
        return body
    encodings = [name.strip() for name in headers.get("content-encoding", "").lower().split(",")]
    if mode.startswith(STREAMING) or "aws-chunked" in encodings:
        body = unchunked(body, seal if mode in SIGNED_CHUNKS else None)
    return inflated(body) if "gzip" in encodings else body


def inflated(body: bytes) -> bytes:
    """A gzip body unfolded. Raises BodyUnreadable or InflatedTooLarge."""
    stream = zlib.decompressobj(wbits=31)
    try:
        found = stream.decompress(body, INFLATED_BYTES_MAX + 1)
    except zlib.error as mistake:
        raise BodyUnreadable(reason=mistake) from None
    if len(found) > INFLATED_BYTES_MAX:
        raise InflatedTooLarge(limit=INFLATED_BYTES_MAX)
    if not stream.eof:
        raise BodyUnreadable(reason="the gzip stream is cut short")
    return found


class ChunkSeal:
    """The chain of chunk signatures that starts at the request's own."""

    def __init__(self, key: bytes, authorization: Authorization) -> None:
        self._key = key
        self._authorization = authorization
        self._previous = authorization.signature

    def check_chunk(self, data: bytes, signature: str) -> None:
        """Raises InvalidSignature unless `signature` continues the chain over `data`."""
        self._check("AWS4-HMAC-SHA256-PAYLOAD", f"{EMPTY_HASH}\n{hashlib.sha256(data).hexdigest()}", signature)

    def check_trailer(self, trailer: bytes, signature: str) -> None:
        """Raises InvalidSignature unless `signature` ends the chain over the trailing headers."""
        self._check("AWS4-HMAC-SHA256-TRAILER", hashlib.sha256(trailer).hexdigest(), signature)

    def _check(self, algorithm: str, digest: str, signature: str) -> None:
        scope = self._authorization
        expected = sign(self._key, f"{algorithm}\n{scope.instant}\n{scope.scope}\n{self._previous}\n{digest}")
        if not hmac.compare_digest(expected.encode(), signature.encode()):
            raise InvalidSignature("The chunk signature we calculated does not match the signature you provided.")
        self._previous = expected


def unchunked(body: bytes, seal: ChunkSeal | None) -> bytes:
    """An aws-chunked body put together. Raises BodyUnreadable, or InvalidSignature when `seal` is given."""
    parts: list[bytes] = []
    position = 0
    while True:
        size, signature, position = _chunk_head(body, position)
        data = body[position : position + size]
        if len(data) < size:
            raise BodyUnreadable(reason="a chunk is shorter than it says")
        if seal is not None:
            seal.check_chunk(data, signature)
        if size == 0:
            _check_trailer(body[position:], seal)
            return b"".join(parts)
        parts.append(data)
        position += size
        if body[position : position + 2] != b"\r\n":
            raise BodyUnreadable(reason="a chunk does not end where it should")
        position += 2


def _chunk_head(body: bytes, position: int) -> tuple[int, str, int]:
    end = body.find(b"\r\n", position, position + CHUNK_HEAD_BYTES_MAX)
    if end < 0:
        raise BodyUnreadable(reason="a chunk has no head")
    digits, _, extension = body[position:end].partition(b";")
    try:
        size = int(digits.decode("ascii"), 16)
    except ValueError:
        size = -1
    if size < 0:
        raise BodyUnreadable(reason="a chunk's size is not a number")
    return size, extension.removeprefix(b"chunk-signature=").decode("latin-1"), end + 2


def _check_trailer(rest: bytes, seal: ChunkSeal | None) -> None:
    lines = [line.strip() for line in rest.split(b"\n") if line.strip()]
    signed = [line for line in lines if line.lower().startswith(b"x-amz-trailer-signature:")]
    if seal is None or not signed:
        if seal is not None and lines:
            raise InvalidSignature("The trailing headers are not signed.")
        return
    canonical = b"".join(line + b"\n" for line in lines if line not in signed)
    seal.check_trailer(canonical, signed[0].partition(b":")[2].decode("latin-1"))
