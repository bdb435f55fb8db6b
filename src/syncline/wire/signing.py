"""Signature Version 4, the other way round: signing what this server sends.

For: HTTP data sources that call AWS-like services. Owns: which headers a signature adds.
Never: knows where a secret comes from; asks what time it is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import msgspec

from syncline.wire import instants
from syncline.wire.signatures import (
    ALGORITHM,
    Authorization,
    SignedRequest,
    canonical_request,
    sign,
    signing_key,
    string_to_sign,
)


class SigningKey(msgspec.Struct, frozen=True):
    """An access key to sign with; a session's has a token."""

    access_key_id: str
    secret: str
    session_token: str | None = None


def signature_headers(
    method: str,
    path: str,
    query: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    key: SigningKey,
    region: str,
    service: str,
    now: float,
) -> dict[str, str]:
    """The headers that sign a request: all of `headers` (`host` among them, lower-case names) are covered.

    `path` and `query` are escaped as they are sent; `now` is in epoch seconds.
    """
    instant = instants.to_basic(now)
    payload_hash = hashlib.sha256(body).hexdigest()
    added = {"x-amz-date": instant, "x-amz-content-sha256": payload_hash}
    if key.session_token:
        added["x-amz-security-token"] = key.session_token
    covered = {**headers, **added}
    names = tuple(sorted(covered))
    authorization = Authorization(key.access_key_id, instant[:8], region, service, names, "", instant)
    canonical = canonical_request(SignedRequest(method, path, query, covered, payload_hash), covered, authorization)
    signature = sign(signing_key(key.secret, authorization), string_to_sign(canonical, authorization))
    credential = f"{key.access_key_id}/{authorization.scope}"
    said = f"{ALGORITHM} Credential={credential}, SignedHeaders={';'.join(names)}, Signature={signature}"
    return {**added, "authorization": said}
