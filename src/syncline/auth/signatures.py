"""SigV4 on the data plane: the caller behind a signature that may cover any of several paths.

For: `authenticate`. Owns: which of the candidate paths fits. Never: computes a signature (that is `wire`).
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from syncline.auth.authenticate import Signed
from syncline.core import Clock, Unauthenticated
from syncline.core.call import Caller, root_of
from syncline.wire import Credentials, InvalidSignature, SignedRequest, authorization_of, verify_signature

SERVICE = "appsync"


class SigV4:
    """Checks signatures against `credentials`; with `verify` off, takes anybody for the account's root."""

    def __init__(self, credentials: Credentials, clock: Clock, *, account: str, verify: bool = True) -> None:
        self._credentials, self._clock, self._verify = credentials, clock, verify
        self._root = root_of(account)

    def caller_of(self, headers: Mapping[str, str], signed: Signed) -> Caller:
        """Who signed. Raises Unauthenticated with AWS's code and text."""
        if not self._verify:
            return self._known(headers) or self._root
        digest = hashlib.sha256(signed.body).hexdigest()
        refusal: Unauthenticated = InvalidSignature()
        for path in signed.paths:
            request = SignedRequest(signed.method, path, signed.query, headers, digest)
            try:
                caller, _ = verify_signature(request, self._credentials, now=self._clock.now(), service=SERVICE)
            except InvalidSignature as wrong:
                refusal = wrong
            else:
                return caller
        raise refusal

    def _known(self, headers: Mapping[str, str]) -> Caller | None:
        found = authorization_of(headers)
        credential = found and self._credentials.secret_of(found.access_key_id, found.session_token)
        return credential.caller if credential else None
