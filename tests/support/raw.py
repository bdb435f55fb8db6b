"""HTTP as bytes on a socket, and AWS JSON requests without an SDK: for what no well-behaved client sends."""

from __future__ import annotations

import contextlib
import json
import socket
from http.client import HTTPConnection
from typing import Any, NamedTuple

from support.server import Server

UNSIGNED = "AWS4-HMAC-SHA256 Credential=any/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=00"
TARGETS = {"dynamodb": "DynamoDB_20120810", "logs": "Logs_20140328", "secretsmanager": "secretsmanager"}


class Answer(NamedTuple):
    """What came back: header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def request_id(self) -> str:
        """The id under which the server knows the request."""
        return self.headers["x-amzn-requestid"]


class AwsConnection:
    """A kept-alive connection that posts JSON operations, for a server in `dev`."""

    def __init__(self, server: Server, service: str = "dynamodb") -> None:
        self._connection = HTTPConnection("127.0.0.1", server.port, timeout=30)
        self._service = service

    def post(self, operation: str, body: bytes) -> Answer:
        """The answer to one operation."""
        target = TARGETS[self._service]
        headers = {
            "content-type": "application/x-amz-json-1.0",
            "x-amz-target": f"{target}.{operation}",
            "authorization": UNSIGNED.format(service=self._service),
            "x-amz-date": "20260101T000000Z",
        }
        return self._post("/", body, headers)

    def graphql(self, api_id: str, key: str, body: bytes) -> Answer:
        """The answer to a GraphQL request, on the same connection."""
        return self._post(f"/graphql/{api_id}", body, {"content-type": "application/json", "x-api-key": key})

    def _post(self, path: str, body: bytes, headers: dict[str, str]) -> Answer:
        self._connection.request("POST", path, body, headers)
        response = self._connection.getresponse()
        found = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, found, response.read())

    def close(self) -> None:
        """Hang up."""
        self._connection.close()


def exchange(port: int, sent: bytes, *, seconds: float = 10, receive_buffer: int = 0) -> bytes:
    """Send bytes on a new connection and return all that comes until the server hangs up or falls silent."""
    with socket.socket() as peer:
        if receive_buffer:
            peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        peer.settimeout(seconds)
        peer.connect(("127.0.0.1", port))
        received = b""
        try:
            with contextlib.suppress(ConnectionError):  # What it said before it hung up can still be read.
                peer.sendall(sent)
            while chunk := peer.recv(65536):
                received += chunk
        except (TimeoutError, ConnectionError):
            pass
        return received
