"""Links to code: where GetFunction says that a function's zip can be fetched, for ten minutes.

For: the front door, which serves them. Owns: the tokens. Never: gives out code without one.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from urllib.parse import parse_qs

from syncline.core import Clock, Denied, NotFound, Request, Response
from syncline.functions.code import CodeStore

PREFIX = "/functions/code/"
SECONDS = 600


class LinkInvalid(Denied):
    """The link has expired, or was not made by this server since it started. Ask GetFunction for another."""

    code = "AccessDenied"


class CodeGone(NotFound):
    """The code of this link is no longer kept."""

    code = "NoSuchKey"


class CodeLinks:
    """Makes links and answers them."""

    def __init__(self, code: CodeStore, clock: Clock, secret: bytes) -> None:
        self._code, self._clock, self._secret = code, clock, secret

    def path(self, sha256: str) -> str:
        """The path and query of a link to the zip."""
        expires = int(self._clock.now()) + SECONDS
        return f"{PREFIX}{sha256}?Expires={expires}&Signature={self._token(sha256, str(expires))}"

    async def respond(self, request: Request) -> Response:
        """The zip that a link asks for. Raises LinkInvalid, CodeGone."""
        sha256 = request.path.removeprefix(PREFIX)
        asked = {name: values[0] for name, values in parse_qs(request.query).items()}
        expires, token = asked.get("Expires", ""), asked.get("Signature", "")
        if not hmac.compare_digest(token.encode(), self._token(sha256, expires).encode()):
            raise LinkInvalid()
        if int(expires) < self._clock.now():
            raise LinkInvalid()
        try:
            content = await asyncio.to_thread(self._code.zip_path(sha256).read_bytes)
        except FileNotFoundError:
            raise CodeGone() from None
        return Response(body=content, content_type="application/zip")

    def _token(self, sha256: str, expires: str) -> str:
        return hmac.new(self._secret, f"{sha256}.{expires}".encode(), hashlib.sha256).hexdigest()
