"""An Event API on a real server, and a plain subscriber of it: `websockets` and the dialect, nothing between."""

from __future__ import annotations

import base64
import json
from contextlib import ExitStack
from http.client import HTTPConnection
from types import TracebackType
from typing import Any

from websockets.sync.client import connect
from websockets.typing import Subprotocol

from support.server import Server

API_KEY = [{"authType": "API_KEY"}]
IAM = [{"authType": "AWS_IAM"}]


class EventApi:
    """An Event API that boto3 has deployed; keys unless `modes` say otherwise. `config` is a provider's own."""

    def __init__(
        self, server: Server, *namespaces: str, modes: list[dict[str, str]] = API_KEY, **config: dict[str, str]
    ) -> None:
        self.server = server
        self.appsync = server.client("appsync") if server.mode == "dev" else server.root("appsync")
        settled = {
            "authProviders": [{**mode, **config} for mode in modes],
            "connectionAuthModes": modes,
            "defaultPublishAuthModes": modes,
            "defaultSubscribeAuthModes": modes,
        }
        made = self.appsync.create_api(name="events", eventConfig=settled)["api"]
        self.id, self.dns = made["apiId"], made["dns"]
        self.key = self.appsync.create_api_key(apiId=self.id)["apiKey"]["id"]
        for name in namespaces or ("default",):
            self.appsync.create_channel_namespace(apiId=self.id, name=name)
        self.url = f"{server.url}/event/{self.id}"

    def post(self, channel: str, *events: Any) -> tuple[int, Any]:
        """Publish over HTTP: the status and the answer."""
        body = {"channel": channel, "events": [json.dumps(event) for event in events]}
        connection = HTTPConnection(self.url.split("/")[2], timeout=10)
        headers = {"x-api-key": self.key, "content-type": "application/json"}
        connection.request("POST", f"/event/{self.id}", json.dumps(body), headers)
        with connection.getresponse() as response:
            return response.status, json.loads(response.read())

    def get(self, path: str) -> Any:
        """Read something of the API over HTTP."""
        connection = HTTPConnection(self.url.split("/")[2], timeout=10)
        connection.request("GET", f"/event/{self.id}{path}", headers={"x-api-key": self.key})
        with connection.getresponse() as response:
            assert response.status == 200, response.read()
            return json.loads(response.read())


class Listener:
    """One connection. `way` says where the connection's authorization travels: `subprotocol` or `headers`."""

    def __init__(self, url: str, key: str, *, path: str = "/realtime", way: str = "subprotocol") -> None:
        self.authorization = {"host": url.split("/")[2], "x-api-key": key}
        offers = ["aws-appsync-event-ws"]
        headers = {}
        if way == "headers":
            headers = {"x-api-key": key}
        else:
            raw = base64.urlsafe_b64encode(json.dumps(self.authorization).encode()).decode().rstrip("=")
            offers.append(f"header-{raw}")
        self._open = ExitStack()
        self._socket = self._open.enter_context(
            connect(
                url.replace("http", "ws", 1) + path,
                subprotocols=[Subprotocol(offer) for offer in offers],
                additional_headers=headers,
                close_timeout=2,
            )
        )
        self.subprotocol = self._socket.subprotocol

    def __enter__(self) -> Listener:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, failure: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    def say(self, **message: Any) -> None:
        """Send one message."""
        self._socket.send(json.dumps(message))

    def hear(self, seconds: float = 10) -> dict[str, Any]:
        """The next message that is no heartbeat."""
        while True:
            message: dict[str, Any] = json.loads(self._socket.recv(seconds))
            if message["type"] != "ka":
                return message

    def subscribe(self, channel: str, *, id: str = "1") -> dict[str, Any]:
        """Subscribe, and return the answer."""
        self.say(type="subscribe", id=id, channel=channel, authorization=self.authorization)
        return self.hear()

    def publish(self, channel: str, *events: Any, id: str = "p") -> None:
        """Publish over the connection."""
        texts = [json.dumps(event) for event in events]
        self.say(type="publish", id=id, channel=channel, events=texts, authorization=self.authorization)
