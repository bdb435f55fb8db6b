"""An HTTP request and its response as values: what `edge` parses and the doors answer. No sockets."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

HeaderList = list[tuple[str, str]]


class Request(msgspec.Struct):
    """One whole request.

    `path` is the raw, still percent-encoded path without the query; `query` the raw query string without `?`.
    `headers` are lower-cased names in arrival order, repeats included. `peer` is the TCP peer's address.
    """

    method: str
    path: str
    query: str
    headers: HeaderList
    body: bytes = b""
    scheme: str = "http"
    peer: str = "127.0.0.1"
    id: str = ""
    _index: dict[str, str] | None = None

    def header(self, name: str, default: str = "") -> str:
        """The first value of the header `name` (lower case), or `default`."""
        index = self._index
        return (self.index if index is None else index).get(name, default)

    @property
    def index(self) -> Mapping[str, str]:
        """Headers by lower-case name, the first value of each."""
        if self._index is None:
            found = dict(self.headers)
            self._index = found if len(found) == len(self.headers) else dict(reversed(self.headers))
        return self._index

    @property
    def host(self) -> str:
        """The authority the client dialled: host, and port when it was given."""
        return self.header("host")


class Response(msgspec.Struct):
    """One whole response. `edge` adds length, date, CORS, compression and the request id."""

    status: int = 200
    body: bytes = b""
    content_type: str = "application/json"
    headers: HeaderList = []
