"""Signature Version 4 against botocore's own signer."""

import hashlib
import hmac
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as VendorCredentials
from hypothesis import given
from hypothesis import strategies as st

from support.aws import KEY, ROOT, SECRET, OneKey, as_request, door
from syncline.core import Request
from syncline.wire import (
    Credential,
    IncompleteSignature,
    InvalidSignature,
    MissingToken,
    SignedRequest,
    UnknownKey,
    authorization_of,
    bodies,
    instants,
    signatures,
    verify_signature,
)

SEGMENT = st.text(st.characters(codec="utf-8", exclude_categories=("Cs", "Cc")), max_size=8)
HEADERS = st.dictionaries(
    st.from_regex(r"x-[a-z]{1,8}", fullmatch=True).filter(lambda name: not name.startswith("x-amz")),
    st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=12),
    max_size=3,
)
NOW = 1_795_000_000.0


class Fixed:
    """A clock that stands still."""

    def now(self) -> float:
        return NOW

    def monotonic(self) -> float:
        return 0.0


def signed_by_vendor(
    method: str = "GET",
    path: str = "/",
    params: dict[str, str] | None = None,
    headers: dict[str, str] | None = None,
    body: bytes = b"",
    *,
    at: float = NOW,
    service: str = "appsync",
    presigned: int = 0,
    key: str = KEY,
    secret: str = SECRET,
    token: str | None = None,
) -> Request:
    """A request that botocore signed at `at`."""
    credentials = VendorCredentials(key, secret, token)
    request = AWSRequest(method, "http://localhost:4000" + path, headers or {}, body, params=params or {})
    stamp = instants.to_basic(at)
    if presigned:
        signer: Any = SigV4QueryAuth(credentials, service, "us-east-1", expires=presigned)
    else:
        signer = SigV4Auth(credentials, service, "us-east-1")
    import botocore.auth
    import botocore.compat

    real = botocore.auth.get_current_datetime
    botocore.auth.get_current_datetime = lambda *_, **__: botocore.compat.datetime.datetime.strptime(
        stamp, "%Y%m%dT%H%M%SZ"
    )
    try:
        signer.add_auth(request)
    finally:
        botocore.auth.get_current_datetime = real
    return as_request(request.prepare())


def verified(request: Request, *, now: float = NOW, credentials: Any = None, service: str | None = None) -> Any:
    """What the verification says of a request as it arrived."""
    headers = signatures.fold(request.headers)
    found = authorization_of(headers, request.query)
    if found is None:
        raise MissingToken
    digest = bodies.payload_hash(headers, request.body, found)
    signed = SignedRequest(request.method, request.path, request.query, headers, digest)
    return verify_signature(signed, credentials or OneKey(), now=now, service=service)


REQUESTS = {
    "method": st.sampled_from(["GET", "POST", "DELETE", "PUT"]),
    "path": st.lists(SEGMENT, max_size=4).map(lambda parts: "/" + "/".join(quote(part, safe="") for part in parts)),
    "params": st.dictionaries(SEGMENT, SEGMENT, max_size=4),
    "headers": HEADERS,
    "body": st.binary(max_size=20),
}


@pytest.mark.rule("WIRE-15")
@given(given_request=st.fixed_dictionaries(REQUESTS))
def test_what_botocore_signs_verifies(given_request: dict[str, Any]) -> None:
    caller, authorization = verified(signed_by_vendor(**given_request))
    assert caller == ROOT
    assert (authorization.region, authorization.service) == ("us-east-1", "appsync")


@pytest.mark.rule("WIRE-15")
@given(path=REQUESTS["path"], params=REQUESTS["params"])
def test_what_botocore_presigns_verifies(path: str, params: dict[str, str]) -> None:
    caller, authorization = verified(signed_by_vendor(path=path, params=params, presigned=600))
    assert (caller, authorization.expires) == (ROOT, 600)


@pytest.mark.rule("WIRE-15")
def test_a_space_may_travel_as_a_plus_sign() -> None:
    verified(signed_by_vendor(params={"q": "a b", "plus": "a+b"}))


def _method(request: Request) -> None:
    request.method = "PATCH"


def _path(request: Request) -> None:
    request.path += "x"


def _query(request: Request) -> None:
    request.query += "&more=1"


def _body(request: Request) -> None:
    request.body += b" "


def _header(request: Request) -> None:
    request.headers = [(name, value + "x" if name == "x-one" else value) for name, value in request.headers]


def _repeat(request: Request) -> None:
    request.headers = [*request.headers, ("x-one", "again")]


@pytest.mark.rule("WIRE-16")
@pytest.mark.parametrize("change", [_method, _path, _query, _body, _header, _repeat])
def test_any_change_breaks_the_signature(change: Callable[[Request], None]) -> None:
    request = signed_by_vendor("POST", "/v1/apis", {"a": "b"}, {"x-one": "1"}, b"{}")
    verified(request)
    change(request)
    with pytest.raises(InvalidSignature) as caught:
        verified(request)
    assert caught.value.message.startswith("The request signature we calculated does not match")
    assert "The Canonical String for this request should have been" in caught.value.message
    assert SECRET not in caught.value.message


@pytest.mark.rule("WIRE-16")
def test_a_hash_that_is_not_the_bodys_is_refused() -> None:
    digest = hashlib.sha256(b"{}").hexdigest()
    request = signed_by_vendor("POST", "/", headers={"x-amz-content-sha256": digest}, body=b"{}")
    verified(request)
    request.body = b"[]"
    with pytest.raises(bodies.HashMismatch):
        verified(request)


@pytest.mark.rule("WIRE-16")
def test_the_scope_and_what_must_be_signed_are_checked() -> None:
    request = signed_by_vendor()
    with pytest.raises(InvalidSignature, match="scoped to correct service: 'dynamodb'"):
        verified(request, service="dynamodb")
    request.headers.append(("x-amz-target", "DynamoDB_20120810.DeleteTable"))
    with pytest.raises(InvalidSignature, match="must be a 'SignedHeader'"):
        verified(request)


@pytest.mark.rule("WIRE-17")
@pytest.mark.parametrize("late", [-300, -299, 0, 299, 300])
def test_five_minutes_either_way_are_allowed(late: int) -> None:
    verified(signed_by_vendor(), now=NOW + late)


@pytest.mark.rule("WIRE-17")
def test_more_than_five_minutes_are_not() -> None:
    stamp = instants.to_basic
    with pytest.raises(InvalidSignature) as late:
        verified(signed_by_vendor(), now=NOW + 301)
    edge, today = stamp(NOW + 1), stamp(NOW + 301)
    assert late.value.message == f"Signature expired: {stamp(NOW)} is now earlier than {edge} ({today} - 5 min.)"
    with pytest.raises(InvalidSignature) as early:
        verified(signed_by_vendor(), now=NOW - 301)
    edge, today = stamp(NOW - 1), stamp(NOW - 301)
    assert early.value.message == (
        f"Signature not yet current: {stamp(NOW)} is still later than {edge} ({today} + 5 min.)"
    )
    verified(signed_by_vendor(presigned=3600), now=NOW + 3600)
    with pytest.raises(InvalidSignature, match="Signature expired"):
        verified(signed_by_vendor(presigned=3600), now=NOW + 3601)


@pytest.mark.rule("WIRE-18")
def test_who_is_not_known_is_told_so() -> None:
    with pytest.raises(UnknownKey, match="The security token included in the request is invalid"):
        verified(signed_by_vendor(key="AKIANOBODY"))
    with pytest.raises(MissingToken):
        verified(Request("GET", "/", "", []))


@pytest.mark.rule("WIRE-18")
def test_a_session_token_reaches_the_credentials() -> None:
    class Session:
        def secret_of(self, access_key_id: str, session_token: str | None) -> Credential | None:
            return Credential(SECRET, ROOT) if session_token == "the/token+=" else None

    for presigned in (0, 60):
        verified(signed_by_vendor(token="the/token+=", presigned=presigned), credentials=Session())
        with pytest.raises(UnknownKey):
            verified(signed_by_vendor(token="another", presigned=presigned), credentials=Session())


@pytest.mark.rule("WIRE-18")
@pytest.mark.parametrize(
    ("header", "text"),
    [
        ("AWS4-HMAC-SHA256 Credential=a/20260101/r/s/aws4_request", "requires 'Signature' parameter. "),
        ("AWS4-HMAC-SHA256 nonsense", "requires 'Credential' parameter. "),
        ("AWS4-HMAC-SHA256", "requires 'SignedHeaders' parameter. "),
        ("AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature=0", "exactly 5 slash-delimited elements"),
        ("AWS4-HMAC-SHA256 Credential=a/b/c/d/e, SignedHeaders=host, Signature=0", "valid terminator"),
    ],
)
def test_an_incomplete_header_is_told_what_it_lacks(header: str, text: str) -> None:
    headers = [("authorization", header), ("x-amz-date", "20260101T000000Z"), ("host", "h")]
    with pytest.raises(IncompleteSignature) as caught:
        verified(Request("GET", "/", "", headers))
    assert text in caught.value.message


@pytest.mark.rule("WIRE-18")
@given(
    authorization=st.text(max_size=60).map(lambda text: "AWS4-HMAC-SHA256 " + text)
    | st.from_regex(r"AWS4-HMAC-SHA256 Credential=[a-z/0-9_]{0,40}, SignedHeaders=[a-z;]{0,9}, Signature=.{0,9}"),
    query=st.text(max_size=30) | st.from_regex(r"X-Amz-(Signature|Credential|Expires|Date)=[a-z0-9%/]{0,20}(&|$)"),
    date=st.text(max_size=20),
)
def test_no_authorization_is_a_bug(authorization: str, query: str, date: str) -> None:
    headers = [("authorization", authorization), ("x-amz-date", date), ("host", "h")]
    for given_headers in (headers, headers[1:]):
        with pytest.raises((IncompleteSignature, InvalidSignature, UnknownKey, MissingToken)):
            verified(Request("GET", "/", query, given_headers))


@pytest.mark.rule("WIRE-16")
async def test_the_data_planes_signature_covers_what_is_handed_in(services: Any) -> None:
    """Amplify signs `POST /graphql/connect` with body {} and sends the result as JSON over a WebSocket."""
    request = signed_by_vendor("POST", "/graphql/connect", headers={"accept": "application/json"}, body=b"{}")
    headers = {name.title(): value for name, value in request.headers}
    digest = hashlib.sha256(b"{}").hexdigest()
    caller, _ = verify_signature(
        SignedRequest("POST", "/graphql/connect", "", headers, digest), OneKey(), now=NOW, service="appsync"
    )
    assert caller == ROOT
    with pytest.raises(InvalidSignature):
        verify_signature(SignedRequest("POST", "/graphql", "", headers, digest), OneKey(), now=NOW)


# bodies


def chunked(data: list[bytes], seed: signatures.Authorization, trailer: bytes = b"") -> bytes:
    """An aws-chunked body signed as the documentation says, independently of the code under test."""
    key = b"AWS4" + SECRET.encode()
    for part in (seed.date, seed.region, seed.service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    previous, out = seed.signature, b""

    def link(algorithm: str, *digests: str) -> str:
        text = "\n".join([algorithm, seed.instant, seed.scope, previous, *digests])
        return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()

    for chunk in [*data, b""]:
        empty = hashlib.sha256(b"").hexdigest()
        previous = link("AWS4-HMAC-SHA256-PAYLOAD", empty, hashlib.sha256(chunk).hexdigest())
        out += f"{len(chunk):x};chunk-signature={previous}\r\n".encode() + chunk + (b"\r\n" if chunk else b"")
    if trailer:
        previous = link("AWS4-HMAC-SHA256-TRAILER", hashlib.sha256(trailer + b"\n").hexdigest())
        out += trailer + b"\r\nx-amz-trailer-signature:" + previous.encode() + b"\r\n"
    return out + b"\r\n"


def streaming(mode: str, data: list[bytes], trailer: bytes = b"") -> Request:
    headers = {"x-amz-content-sha256": mode, "content-encoding": "aws-chunked"}
    headers["x-amz-target"] = "DynamoDB_20120810.ListTables"
    request = signed_by_vendor("POST", "/", headers=headers, service="dynamodb")
    seed = authorization_of(request.index)
    assert seed is not None
    request.body = chunked(data, seed, trailer)
    return request


PAYLOAD = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
DATA = [b'{"Limit":', b"7", b"}"]


@pytest.mark.rule("WIRE-19")
@pytest.mark.parametrize("trailer", [b"", b"x-amz-checksum-crc32:AAAAAA=="])
async def test_signed_chunks_are_put_together(services: Any, trailer: bytes) -> None:
    request = streaming(PAYLOAD + ("-TRAILER" if trailer else ""), DATA, trailer)
    response = await door(services, clock=Fixed()).respond(request)
    assert response.status == 200, response.body
    assert services["dynamodb"].asked == [{"Limit": 7}]


@pytest.mark.rule("WIRE-19")
@pytest.mark.parametrize(
    ("old", "new"), [(b"7", b"8"), (b"chunk-signature=", b"chunk-signature=0"), (b"AAAA", b"AAAB")]
)
async def test_a_changed_chunk_or_trailer_breaks_the_chain(services: Any, old: bytes, new: bytes) -> None:
    request = streaming(PAYLOAD + "-TRAILER", DATA, b"x-amz-checksum-crc32:AAAAAA==")
    request.body = (
        request.body.replace(b"\r\n" + old, b"\r\n" + new, 1) if old == b"7" else request.body.replace(old, new, 1)
    )
    response = await door(services, clock=Fixed()).respond(request)
    assert response.status == 400
    assert b"InvalidSignatureException" in response.body
    assert services["dynamodb"].asked == []


@pytest.mark.rule("WIRE-19")
async def test_unsigned_chunks_need_only_be_well_formed(services: Any) -> None:
    request = streaming("STREAMING-UNSIGNED-PAYLOAD-TRAILER", [])
    request.body = b'b\r\n{"Limit":7}\r\n0\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n'
    response = await door(services, clock=Fixed()).respond(request)
    assert response.status == 200, response.body
    for broken in (b"b\r\nshort", b"zz\r\n", b"-1\r\n", b"", b"3\r\nabcd\r\n0\r\n\r\n", b"f" * 2000):
        request.body = broken
        assert (await door(services, clock=Fixed()).respond(request)).status == 400


PIECES = ["AWS4-HMAC-SHA256 ", "Credential=AK/20260101/r/dynamodb/aws4_request", "SignedHeaders=host;x-amz-date"]
PIECES += ["Signature=0af3", "Signature=", ", ", ",", " ", "XSignature=1", "Credential=AK/1/aws4_request", "=", "é"]


@pytest.mark.rule("WIRE-18")
@given(st.lists(st.sampled_from(PIECES), max_size=9), st.sampled_from([{}, {"x-amz-date": "20260101T000000Z"}]))
def test_a_remembered_header_reads_as_a_new_one(pieces: list[str], others: dict[str, str]) -> None:
    header = "AWS4-HMAC-SHA256 " + "".join(pieces)

    def read(reader: Callable[..., Any], *arguments: Any) -> Any:
        try:
            return reader(*arguments)
        except IncompleteSignature as refusal:
            return refusal.message

    anew = read(signatures._read_header, header, others)
    for _ in range(2):
        assert read(signatures.authorization_of, {"authorization": header, **others}) == anew
