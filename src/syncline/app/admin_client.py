"""Asking a running server's admin door, from the command line.

Owns: how the server of a data folder is found and how a request to it is signed.
"""

from __future__ import annotations

from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec

from syncline.account import load_root_key
from syncline.app.environment import Running
from syncline.core import Failed, Settings, SystemClock, SystemIds, Unavailable, json
from syncline.wire import SigningKey, signature_headers

PREFIX = "/_syncline/"
SERVICE = "syncline"
"""The service name of signatures for this door: one made for AWS's operations does not open it."""
SECONDS_MAX = 60


class NoServer(Unavailable):
    """No server answers for the data folder {folder}. Start one with syncline dev or syncline serve."""


class Refused(Failed):
    """The server refused: {reason}"""


def ask(settings: Settings, method: str, path: str, query: str = "") -> Any:
    """The server's answer. Raises NoServer, Refused."""
    folder = Path(settings.data)
    try:
        port = msgspec.json.decode((folder / "server.json").read_bytes(), type=Running).port
    except (FileNotFoundError, msgspec.DecodeError):
        raise NoServer(folder=folder) from None
    root = load_root_key(folder / "credentials.json", ids=SystemIds(), clock=SystemClock())
    # The door is for this machine; the public URL may be a proxy's.
    host = "127.0.0.1" if settings.host in ("localhost", "0.0.0.0", "::") else settings.host
    headers = {"host": f"{host}:{port}"}
    headers |= signature_headers(
        method,
        PREFIX + path,
        query,
        headers,
        b"",
        key=SigningKey(root.access_key_id, root.secret_access_key),
        region=settings.region,
        service=SERVICE,
        now=SystemClock().now(),
    )
    return _exchange(
        urlsplit(f"//{host}:{port}"), method, PREFIX + path + (f"?{query}" if query else ""), headers, folder
    )


def _exchange(server: Any, method: str, target: str, headers: dict[str, str], folder: Path) -> Any:
    connection = HTTPConnection(server.hostname, server.port, timeout=SECONDS_MAX)
    try:
        connection.request(method, target, headers=headers)
        response = connection.getresponse()
        body = response.read()
    except (OSError, HTTPException):
        raise NoServer(folder=folder) from None
    finally:
        connection.close()
    try:
        answer = json.decode(body)
    except json.NotJson:
        answer = {"message": body.decode(errors="replace")[:500]}
    if response.status != 200:
        raise Refused(reason=answer.get("message", response.status))
    return answer
