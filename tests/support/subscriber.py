"""A plain AppSync subscriber: `websockets` and the dialect, nothing between."""

from __future__ import annotations

import base64
import json
import socket
import struct
from contextlib import ExitStack
from types import TracebackType
from typing import Any
from urllib.parse import quote

from websockets.sync.client import connect
from websockets.typing import Subprotocol

ACK_SECONDS = 10


class Subscriber:
    """One connection. `path` is appended to the GraphQL URL: `/realtime`, or nothing.

    `way` says where the connection's authorization travels: `subprotocol` or `query`. `options` are
    those of `connect`. A `token` stands in for the key.
    """

    def __init__(
        self, url: str, key: str, *, path: str = "/realtime", way: str = "subprotocol", token: str = "", **options: Any
    ) -> None:
        credential = {"Authorization": token} if token else {"x-api-key": key}
        self.authorization = {"host": url.split("/")[2], **credential}
        subprotocols = ["graphql-ws"]
        address = url.replace("http", "ws", 1) + path
        if way == "query":
            encoded = base64.b64encode(json.dumps(self.authorization).encode()).decode()
            address += f"?header={quote(encoded)}&payload=e30="
        else:
            subprotocols.append(self.header(self.authorization))
        names = [Subprotocol(name) for name in subprotocols]
        self._open = ExitStack()
        self._socket = self._open.enter_context(connect(address, subprotocols=names, close_timeout=2, **options))

    def __enter__(self) -> Subscriber:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    @property
    def request_id(self) -> str:
        """The id under which the server knows this connection."""
        assert self._socket.response is not None
        return self._socket.response.headers["x-amzn-requestid"]

    @staticmethod
    def header(authorization: dict[str, str]) -> str:
        """The subprotocol that carries the authorization."""
        return "header-" + base64.urlsafe_b64encode(json.dumps(authorization).encode()).decode().rstrip("=")

    @property
    def subprotocol(self) -> str | None:
        """The subprotocol that the server chose."""
        return self._socket.subprotocol

    def send(self, **message: Any) -> None:
        """Send one message."""
        self._socket.send(json.dumps(message))

    def receive(self, seconds: float = ACK_SECONDS) -> dict[str, Any]:
        """The next message that is no heartbeat."""
        while True:
            message: dict[str, Any] = json.loads(self._socket.recv(seconds))
            if message["type"] != "ka":
                return message

    def send_text(self, text: str) -> None:
        """Send text that may be no message."""
        self._socket.send(text)

    def send_bytes(self, garbage: bytes) -> None:
        """Put bytes on the wire, past every frame."""
        self._socket.socket.sendall(garbage)

    def vanish(self) -> None:
        """Cut the connection without a word: a reset instead of a close."""
        self._socket.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._socket.socket.close()

    def init(self) -> dict[str, Any]:
        """Greet, and return the answer."""
        self.send(type="connection_init")
        return self.receive()

    def start(self, query: str, *, id: str = "1", variables: dict[str, Any] | None = None) -> dict[str, Any]:
        """Subscribe, and return the answer."""
        data = json.dumps({"query": query, "variables": variables or {}})
        payload = {"data": data, "extensions": {"authorization": self.authorization}}
        self.send(id=id, type="start", payload=payload)
        return self.receive()
