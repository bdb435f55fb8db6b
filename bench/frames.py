"""The bytes the load clients send: HTTP requests, and the dialogues by which a subscriber comes to be."""

from __future__ import annotations

import base64
import json
from pathlib import Path

from processes import OUT

SUBSCRIPTION = "subscription S { onPublished { id content } }"
PUBLISH = "mutation P($input: PublishInput!) { publish(input: $input) { id content } }"
GET = "query G($id: ID!) { getDataItem(id: $id) { id title content timestamp version } }"
CREATE = (
    "mutation C($input: CreateDataItemInput!) { createDataItem(input: $input) { id title content timestamp version } }"
)
CREATED = "subscription S { onDataItemCreated { id title content timestamp version } }"
MESSAGE_BYTES = 200
UPGRADE = (
    "GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
)


def post(name: str, port: int, path: str, query: str, variables: object, key: str = "") -> Path:
    """A file with one whole GraphQL request."""
    body = json.dumps({"query": query, "variables": variables}, separators=(",", ":"))
    credential = f"x-api-key: {key}\r\n" if key else ""
    text = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/json\r\n{credential}"
        f"Accept: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}"
    )
    return _file(f"{name}.request", text)


def publish_input(id_bytes: int = 36) -> dict[str, str]:
    """An event whose data frame, with an id of `id_bytes` for the subscription, is MESSAGE_BYTES long."""
    event = {"id": "0123456789", "content": "^"}
    frame = {"id": "x" * id_bytes, "type": "data", "payload": {"data": {"onPublished": event}}}
    missing = MESSAGE_BYTES - len(json.dumps(frame, separators=(",", ":")))
    return {**event, "content": "c" * (missing // 2) + "^" + "c" * (missing - missing // 2)}


def plain_dialogue(name: str, port: int) -> Path:
    """An upgrade and nothing more."""
    return _file(f"{name}.dialogue", UPGRADE.format(path="/", port=port, more=""))


def transport_dialogue(name: str, port: int) -> Path:
    """A `graphql-transport-ws` subscriber; that dialect acknowledges no subscription."""
    subscribe = json.dumps({"id": "$ID", "type": "subscribe", "payload": {"query": SUBSCRIPTION}})
    head = UPGRADE.format(path="/graphql", port=port, more="Sec-WebSocket-Protocol: graphql-transport-ws\r\n")
    return _file(f"{name}.dialogue", head + f'{{"type":"connection_init"}}\nconnection_ack\n{subscribe}\n-\n')


def appsync_dialogue(
    name: str, port: int, path: str, key: str, query: str = SUBSCRIPTION, *, resume: dict[str, str] | None = None
) -> Path:
    """An AppSync subscriber, acknowledged before the load begins. `resume`: one that knows of positions."""
    authorization = {"host": f"127.0.0.1:{port}", "x-api-key": key}
    header = base64.b64encode(json.dumps(authorization).encode()).decode().replace("+", "%2B")
    extensions: dict[str, object] = {"authorization": authorization}
    if resume is not None:
        extensions["syncline"] = {"resume": resume}
    payload = {"data": json.dumps({"query": query, "variables": {}}), "extensions": extensions}
    start = json.dumps({"id": "$ID", "type": "start", "payload": payload})
    address = f"{path}/realtime?header={header}&payload=e30="
    head = UPGRADE.format(path=address, port=port, more="Sec-WebSocket-Protocol: graphql-ws\r\n")
    return _file(f"{name}.dialogue", head + f'{{"type":"connection_init"}}\nconnection_ack\n{start}\nstart_ack\n')


def events_dialogue(name: str, host: str, key: str, channel: str) -> Path:
    """A subscriber of an Event API that is found by its host."""
    authorization = {"host": host, "x-api-key": key}
    header = base64.urlsafe_b64encode(json.dumps(authorization).encode()).decode().rstrip("=")
    protocols = f"Sec-WebSocket-Protocol: header-{header}, aws-appsync-event-ws\r\n"
    head = UPGRADE.format(path="/event/realtime", port="", more=protocols).replace("127.0.0.1:", host)
    subscribe = {"type": "subscribe", "id": "$ID", "channel": channel, "authorization": authorization}
    opening = '{"type":"connection_init"}\nconnection_ack'
    return _file(f"{name}.dialogue", head + f"{opening}\n{json.dumps(subscribe)}\nsubscribe_success\n")


def events_post(name: str, host: str, key: str, channel: str) -> Path:
    """A request that publishes one event to it; its data frame is about MESSAGE_BYTES long."""
    body = json.dumps({"channel": channel, "events": [json.dumps({"content": "c" * 40 + "^" + "c" * 39})]})
    text = (
        f"POST /event HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\nx-api-key: {key}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    )
    return _file(f"{name}.request", text)


def _file(name: str, text: str) -> Path:
    path = OUT / name
    path.write_bytes(text.encode())
    return path


def aws_post(name: str, port: int, operation: str, request: object) -> Path:
    """A file with one whole DynamoDB request; nobody here checks the signature."""
    body = json.dumps(request, separators=(",", ":"))
    scope = (
        "AWS4-HMAC-SHA256 Credential=bench/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=00"
    )
    text = (
        f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nContent-Type: application/x-amz-json-1.0\r\n"
        f"X-Amz-Target: DynamoDB_20120810.{operation}\r\nX-Amz-Date: 20260101T000000Z\r\nAuthorization: {scope}\r\n"
        f"Content-Length: {len(body)}\r\n\r\n{body}"
    )
    return _file(f"{name}.request", text)
