"""Signature Version 4: who signed a request, and whether the signature is right.

For: `door.py`, and `auth` (the data plane signs other paths and bodies than it sends, so every part is handed in).
Owns: the canonical request, the derived keys, AWS's words for each way to be wrong.
Never: stores a secret longer than the cache of derived keys; compares a signature in variable time.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple, Protocol
from urllib.parse import quote, unquote, unquote_plus

import msgspec

from syncline.core import Unauthenticated
from syncline.core.call import Caller
from syncline.wire import instants

ALGORITHM = "AWS4-HMAC-SHA256"
SKEW_SECONDS_MAX = 300
"""How far a signature's time may be from ours: AWS's five minutes."""
EXPIRES_SECONDS_MAX = 604_800
UNSIGNED_PAYLOAD = "UNSIGNED-PAYLOAD"
STEM_CHARACTERS_MAX = 1024
"""An Authorization header whose parts before the signature are longer is read anew each time."""
EMPTY_HASH = hashlib.sha256(b"").hexdigest()


class MissingToken(Unauthenticated):
    """Missing Authentication Token"""

    code = "MissingAuthenticationTokenException"


class IncompleteSignature(Unauthenticated):
    """The Authorization header or the presigned query lacks a part, or a part cannot be read."""

    code = "IncompleteSignatureException"


class UnknownKey(Unauthenticated):
    """The security token included in the request is invalid."""

    code = "UnrecognizedClientException"


class InvalidSignature(Unauthenticated):
    """The signature does not fit the request, its scope or the time."""

    code = "InvalidSignatureException"


class Credential(NamedTuple):
    """An access key's secret, and whom it speaks for."""

    secret: str
    caller: Caller


class Credentials(Protocol):
    """Where secrets come from."""

    def secret_of(self, access_key_id: str, session_token: str | None) -> Credential | None:
        """The key's secret and caller; None when there is no such key, or the token is not the key's."""
        ...


class SignedRequest(msgspec.Struct, frozen=True):
    """What a signature covers. `path` and `query` are escaped as sent; header names may have any case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    payload_hash: str = EMPTY_HASH


class Authorization(msgspec.Struct, frozen=True):
    """What a signed request says of its signature. `expires` is None unless it is presigned."""

    access_key_id: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    signature: str
    instant: str
    session_token: str | None = None
    expires: int | None = None

    @property
    def scope(self) -> str:
        """The credential's scope as the string to sign has it."""
        return f"{self.date}/{self.region}/{self.service}/aws4_request"


def authorization_of(headers: Mapping[str, str], query: str = "") -> Authorization | None:
    """Read the Authorization header, or a presigned query. None when there is neither.

    Header names are lower-case. Raises IncompleteSignature.
    """
    header = headers.get("authorization", "")
    if header.startswith(ALGORITHM):
        return _of_header(header, headers)
    if "X-Amz-Signature=" in query or "X-Amz-Credential=" in query:
        return _of_query(query)
    return None


def verify_signature(
    signed: SignedRequest, credentials: Credentials, *, now: float, service: str | None = None
) -> tuple[Caller, Authorization]:
    """Whom the signature proves the request to be from, and what it said.

    Raises Unauthenticated with AWS's code and text. `service` is the name that the scope must have, if given.
    """
    headers = {name.lower(): value for name, value in signed.headers.items()}
    authorization = authorization_of(headers, signed.query)
    if authorization is None:
        raise MissingToken
    return verify(signed, headers, authorization, credentials, now=now, service=service), authorization


def verify(
    signed: SignedRequest,
    headers: Mapping[str, str],
    authorization: Authorization,
    credentials: Credentials,
    *,
    now: float,
    service: str | None,
) -> Caller:
    """As `verify_signature`, for who has read the authorization already. `headers` are lower-case."""
    credential = credentials.secret_of(authorization.access_key_id, authorization.session_token)
    if credential is None:
        raise UnknownKey
    _check_scope(authorization, service)
    _check_time(authorization, now)
    _check_signed_headers(authorization, headers)
    _check_signature(signed, headers, authorization, credential.secret)
    return credential.caller


def signing_key(secret: str, authorization: Authorization) -> bytes:
    """The key that signs under the authorization's scope."""
    return _derived(secret, authorization.date, authorization.region, authorization.service)


def sign(key: bytes, text: str) -> str:
    """The signature of `text` in hexadecimal digits."""
    return hmac.new(key, text.encode(errors="surrogateescape"), hashlib.sha256).hexdigest()


def fold(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Headers by lower-case name, repeats joined by commas in their order."""
    folded: dict[str, str] = {}
    for name, value in headers:
        lowered = name.lower()
        folded[lowered] = f"{folded[lowered]},{value}" if lowered in folded else value
    return folded


def canonical_path(path: str, service: str) -> str:
    """The path as it is signed: dot segments removed, and escaped once more; for S3 just escaped."""
    if service == "s3":
        return quote(unquote(path, errors="surrogateescape"), safe="/~", errors="surrogateescape") or "/"
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            segments = segments[:-1]
        elif segment not in ("", "."):
            segments.append(segment)
    trailing = "/" if segments and path.endswith("/") else ""
    return quote("/" + "/".join(segments) + trailing, safe="/~", errors="surrogateescape")


def canonical_query(query: str) -> str:
    """The query as it is signed: without the signature, sorted by name and value, escaped anew."""
    pairs = []
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if part and name != "X-Amz-Signature":
            pairs.append((_escaped(name), _escaped(value)))
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def canonical_request(signed: SignedRequest, headers: Mapping[str, str], authorization: Authorization) -> str:
    """The text whose hash is signed. `headers` are lower-case and folded."""
    lines = [f"{name}:{' '.join(headers.get(name, '').split())}" for name in authorization.signed_headers]
    parts = [
        signed.method.upper(),
        canonical_path(signed.path, authorization.service),
        canonical_query(signed.query),
        *lines,
        "",
        ";".join(authorization.signed_headers),
        signed.payload_hash,
    ]
    return "\n".join(parts)


def string_to_sign(canonical: str, authorization: Authorization) -> str:
    """The text that is signed."""
    digest = hashlib.sha256(canonical.encode(errors="surrogateescape")).hexdigest()
    return f"{ALGORITHM}\n{authorization.instant}\n{authorization.scope}\n{digest}"


@lru_cache(maxsize=1024)
def _derived(secret: str, date: str, region: str, service: str) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return key


def _escaped(text: str) -> str:
    # AWS reads a plus sign in a query as a space, and signs it as %20.
    return quote(unquote_plus(text, errors="surrogateescape"), safe="-._~", errors="surrogateescape")


_MARK = "\0"
"""What no header holds."""


class _Stem(NamedTuple):
    """What of an Authorization header stays the same from request to request of one client and day."""

    access_key_id: str
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]


def _of_header(header: str, headers: Mapping[str, str]) -> Authorization:
    before, _, signature = header.rpartition("Signature=")
    instant = headers.get("x-amz-date")
    if instant and before[-1:] in (" ", ",") and len(before) <= STEM_CHARACTERS_MAX and signature.isalnum():
        stem = _stem(before)
        if stem is not None:
            return Authorization(*stem, signature, instant, headers.get("x-amz-security-token") or None)
    return _read_header(header, headers)


@lru_cache(maxsize=1024)
def _stem(before: str) -> _Stem | None:
    """The header up to its signature, which is its last part; None when something is amiss, for others to name."""
    try:
        found = _read_header(f"{before}Signature={_MARK}", {"x-amz-date": _MARK})
    except IncompleteSignature:
        return None
    if found.signature != _MARK:
        return None
    return _Stem(found.access_key_id, found.date, found.region, found.service, found.signed_headers)


def _read_header(header: str, headers: Mapping[str, str]) -> Authorization:
    parts = {}
    for part in header[len(ALGORITHM) :].split(","):
        name, _, value = part.strip().partition("=")
        parts[name] = value
    wanted = ("Credential", "Signature", "SignedHeaders")
    missing = [f"Authorization header requires '{name}' parameter. " for name in wanted if not parts.get(name)]
    instant = headers.get("x-amz-date") or _basic_date(headers.get("date", ""))
    if not instant:
        missing.append("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ")
    if missing:
        raise IncompleteSignature("".join(missing) + f"Authorization={header[:1024]}")
    return _authorization(
        credential=parts["Credential"],
        signed_headers=parts["SignedHeaders"],
        signature=parts["Signature"],
        instant=instant,
        session_token=headers.get("x-amz-security-token"),
    )


def _basic_date(text: str) -> str:
    try:
        return instants.to_basic(instants.from_text(text)) if text else ""
    except (ValueError, TypeError, OverflowError):
        return ""


def _of_query(query: str) -> Authorization:
    parts = {name: unquote(value) for name, _, value in (part.partition("=") for part in query.split("&"))}
    wanted = ("Algorithm", "Credential", "Signature", "SignedHeaders", "Date")
    missing = [name for name in wanted if not parts.get(f"X-Amz-{name}")]
    if missing:
        listed = " ".join(f"AWS query-string parameters must include 'X-Amz-{name}'." for name in missing)
        raise IncompleteSignature(f"{listed} Re-examine the query-string parameters.")
    expires = parts.get("X-Amz-Expires", "")
    if expires and not (expires.isdecimal() and int(expires[:9]) <= EXPIRES_SECONDS_MAX):
        raise IncompleteSignature("X-Amz-Expires must be a number of seconds less than a week (604800).")
    return _authorization(
        credential=parts["X-Amz-Credential"],
        signed_headers=parts["X-Amz-SignedHeaders"],
        signature=parts["X-Amz-Signature"],
        instant=parts["X-Amz-Date"],
        session_token=parts.get("X-Amz-Security-Token"),
        expires=int(expires) if expires else SKEW_SECONDS_MAX,
    )


def _authorization(
    *,
    credential: str,
    signed_headers: str,
    signature: str,
    instant: str,
    session_token: str | None,
    expires: int | None = None,
) -> Authorization:
    parts = credential.rsplit("/", 4)
    if len(parts) != 5:
        raise IncompleteSignature(
            "Credential must have exactly 5 slash-delimited elements, e.g. "
            f"keyid/date/region/service/term, got '{credential[:256]}'"
        )
    key, date, region, service, terminator = parts
    if terminator != "aws4_request":
        raise IncompleteSignature(
            f"Credential should be scoped with a valid terminator: 'aws4_request', not '{terminator[:64]}'."
        )
    return Authorization(
        access_key_id=key,
        date=date,
        region=region,
        service=service,
        signed_headers=tuple(signed_headers.lower().split(";")),
        signature=signature,
        instant=instant,
        session_token=session_token or None,
        expires=expires,
    )


def _check_scope(authorization: Authorization, service: str | None) -> None:
    if service is not None and authorization.service != service:
        raise InvalidSignature(f"Credential should be scoped to correct service: '{service}'. ")
    if authorization.date != authorization.instant[:8]:
        raise InvalidSignature(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{authorization.date[:32]}' != '{authorization.instant[:8]}', from '{authorization.instant[:32]}'."
        )


def _check_time(authorization: Authorization, now: float) -> None:
    try:
        then = instants.from_basic(authorization.instant)
    except ValueError:
        raise IncompleteSignature(
            f"Date must be in ISO-8601 'basic format'. Got '{authorization.instant[:64]}'. "
            "See http://en.wikipedia.org/wiki/ISO_8601"
        ) from None
    life = SKEW_SECONDS_MAX if authorization.expires is None else authorization.expires
    shown, today = authorization.instant, instants.to_basic(now)
    if then + life < now:
        edge = instants.to_basic(now - life)
        term = f"{life // 60} min." if life % 60 == 0 else f"{life} s."
        raise InvalidSignature(f"Signature expired: {shown} is now earlier than {edge} ({today} - {term})")
    if then - SKEW_SECONDS_MAX > now:
        edge = instants.to_basic(now + SKEW_SECONDS_MAX)
        raise InvalidSignature(f"Signature not yet current: {shown} is still later than {edge} ({today} + 5 min.)")


def _check_signed_headers(authorization: Authorization, headers: Mapping[str, str]) -> None:
    for name in ("host", "x-amz-target"):
        if name not in authorization.signed_headers and (name == "host" or name in headers):
            raise InvalidSignature(f"'{name.title()}' must be a 'SignedHeader' in the AWS Authorization.")


def _check_signature(
    signed: SignedRequest, headers: Mapping[str, str], authorization: Authorization, secret: str
) -> None:
    canonical = canonical_request(signed, headers, authorization)
    text = string_to_sign(canonical, authorization)
    expected = sign(signing_key(secret, authorization), text)
    if not hmac.compare_digest(expected.encode(), authorization.signature.encode(errors="replace")):
        raise InvalidSignature(
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret "
            "Access Key and signing method. Consult the service documentation for details.\n\n"
            f"The Canonical String for this request should have been\n'{canonical}'\n\n"
            f"The String-to-Sign should have been\n'{text}'\n"
        )
