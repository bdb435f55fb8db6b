"""HTTP data sources: the request document becomes an HTTP request, its answer the result (graphql-api §5.8).

Owns: the members and headers a request may have, how a body is written and read. Never: opens a connection.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import quote, urlsplit

from syncline.core import Clock, json
from syncline.datasources.attributes import mapping_error
from syncline.datasources.model import JSON, Context
from syncline.datasources.outbound import Answer, Outbound
from syncline.wire import SigningKey, signature_headers

METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH")
MEMBERS = frozenset({"version", "operation", "method", "resourcePath", "params"})
PARAMS = frozenset({"query", "headers", "body"})
WITHHELD = frozenset({"host", "connection", "user-agent", "expect", "transfer-encoding", "content-length"})
"""Headers that AppSync refuses in a request document."""
CONTENT_TYPES = re.compile(
    r"text/[\w.+*-]+"
    r"|application/(xml|json|soap\+xml|x-amz-json-1\.[01]|vnd\.api\+json|x-ndjson|x-www-form-urlencoded)",
    re.IGNORECASE,
)
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
CHARSET = re.compile(r"charset=\"?([\w.:-]+)", re.IGNORECASE)
AGENT = "syncline"


class Signing(NamedTuple):
    """How requests are signed: for what, and with whose key."""

    region: str
    service: str
    key: Callable[[], SigningKey]


class HttpSource:
    """One endpoint."""

    def __init__(self, endpoint: str, outbound: Outbound, clock: Clock, signing: Signing | None = None) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._outbound = outbound
        self._clock = clock
        self._signing = signing

    async def invoke(self, request: JSON, context: Context) -> JSON:
        """`{statusCode, headers, body}`, whatever the status. Raises DataSourceError."""
        method, path, params = _read(request)
        headers = _headers(params.get("headers"))
        body = _body(params.get("body"), headers)
        url = self._endpoint + path
        query = _query(params.get("query"))
        if query:
            url += ("&" if "?" in url else "?") + query
        sent = {"host": urlsplit(url).netloc, "user-agent": AGENT, "accept": "*/*", **headers}
        if self._signing is not None:
            sent |= self._signed(self._signing, method, url, sent, body or b"")
        if body is not None:
            sent["content-length"] = str(len(body))
        return _result(await self._outbound.send(method, url, list(sent.items()), body))

    def _signed(self, signing: Signing, method: str, url: str, headers: dict[str, str], body: bytes) -> dict[str, str]:
        parts = urlsplit(url)
        # What a proxy may change on the way is not signed.
        covered = {name: value for name, value in headers.items() if name not in ("user-agent", "accept")}
        return signature_headers(
            method,
            parts.path or "/",
            parts.query,
            covered,
            body,
            key=signing.key(),
            region=signing.region,
            service=signing.service,
            now=self._clock.now(),
        )


def _read(request: JSON) -> tuple[str, str, dict[str, Any]]:
    if type(request) is not dict:
        raise mapping_error("Expected a JSON object as the request of an HTTP data source.")
    for name in request:
        if name not in MEMBERS:
            raise mapping_error(f"Unsupported element '$[{name}]'.")
    if request.get("version") == "2017-02-28":
        raise mapping_error("HTTP data sources need the template version 2018-05-29.")
    method = request.get("method")
    if method is None:
        raise mapping_error("Value for field '$[method]' not found.")
    if method not in METHODS:
        raise mapping_error(f"Unsupported method '{method}'. Supported methods are: {', '.join(METHODS)}.")
    path = request.get("resourcePath")
    if type(path) is not str:
        raise mapping_error("Value for field '$[resourcePath]' not found.")
    if not path.startswith("/"):
        raise mapping_error("The value of field '$[resourcePath]' must begin with '/'.")
    return method, quote(path, safe="/?&=%:@!$'()*+,;~-._"), _params(request.get("params"))


def _params(params: JSON) -> dict[str, Any]:
    found = {} if params is None else params
    if type(found) is not dict:
        raise mapping_error("Expected JSON object for field '$[params]'.")
    for name in found:
        if name not in PARAMS:
            raise mapping_error(f"Unsupported element '$[params][{name}]'.")
    return found


def _query(given: JSON) -> str:
    if given is None:
        return ""
    if type(given) is not dict:
        raise mapping_error("Expected JSON object for field '$[params][query]'.")
    pairs: list[str] = []
    for name, value in given.items():
        given_values = value if type(value) is list else [value]
        pairs += [f"{quote(name, safe='')}={quote(_text(each), safe='')}" for each in given_values if each is not None]
    return "&".join(pairs)


def _headers(given: JSON) -> dict[str, str]:
    if given is None:
        return {}
    if type(given) is not dict:
        raise mapping_error("Expected JSON object for field '$[params][headers]'.")
    found: dict[str, str] = {}
    for name, value in given.items():
        lowered = name.lower()
        if lowered in WITHHELD:
            raise mapping_error(f"The header '{name}' cannot be set.")
        if value is None:
            continue
        text = ", ".join(map(_text, value)) if type(value) is list else _text(value)
        if not HEADER_NAME.fullmatch(name) or any(not " " <= each <= "ÿ" and each != "\t" for each in text):
            raise mapping_error(f"The header '{name}' is not valid.")
        found[lowered] = text
    kind = found.get("content-type", "").partition(";")[0].strip()
    if kind and not CONTENT_TYPES.fullmatch(kind):
        raise mapping_error(f"Unsupported content type '{kind}'.")
    return found


def _body(given: JSON, headers: dict[str, str]) -> bytes | None:
    """Text as it is, in the charset of the content type; anything else as JSON."""
    if given is None:
        return None
    if type(given) is not str:
        headers.setdefault("content-type", "application/json")
        return json.encode(given)
    headers.setdefault("content-type", "text/plain")
    try:
        return given.encode(_charset(headers["content-type"]))
    except (LookupError, UnicodeError):
        raise mapping_error("The body cannot be written in the charset of its content type.") from None


def _text(value: JSON) -> str:
    return value if type(value) is str else json.encode(value).decode()


def _charset(content_type: str) -> str:
    found = CHARSET.search(content_type)
    return found[1] if found else "utf-8"


def _result(answer: Answer) -> JSON:
    headers: dict[str, str] = {}
    for name, value in answer.headers:
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    kind = next((value for name, value in headers.items() if name.lower() == "content-type"), "")
    try:
        body = answer.body.decode(_charset(kind), errors="replace")
    except LookupError:
        body = answer.body.decode(errors="replace")
    return {"statusCode": answer.status, "headers": headers, "body": body}
