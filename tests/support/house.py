"""A whole server without sockets: every room over a real store, asked through its front doors.

For: tests that cross rooms (tests/threats). Owns: the rooms' life. Never: reaches behind a door.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as Keys

from support.aws import called, client
from syncline.app.doors import Doors
from syncline.app.rooms import Rooms, open_rooms
from syncline.core import Meter, Request, Response, Settings, SystemClock, SystemIds, json

HOST = "localhost:4000"
REGION = "us-east-1"


class House:
    """The rooms, their doors, their log."""

    def __init__(self, rooms: Rooms, settings: Settings, meter: Meter, log: io.StringIO) -> None:
        self.rooms, self.log = rooms, log
        self.doors = Doors(rooms, settings, meter, SystemClock())
        root = rooms.credentials.root
        self.root = Keys(root.access_key_id, root.secret_access_key)
        self._clients: dict[tuple[str, ...], Any] = {}

    async def aws(self, service: str, operation: str, *, key: Keys | None = None, **members: Any) -> Any:
        """What boto3 gets for an operation (in snake case), signed by root or by `key`. Raises ClientError."""
        keys = key or self.root
        known = service, keys.access_key, keys.secret_key, keys.token or ""
        found = self._clients.get(known)
        if found is None:
            found = self._clients[known] = client(
                self.rooms.aws,
                service,
                aws_access_key_id=keys.access_key,
                aws_secret_access_key=keys.secret_key,
                aws_session_token=keys.token,
            )
        return await called(getattr(found, operation), **members)

    async def ask(
        self, path: str, body: Any, headers: Mapping[str, str] | None = None, *, method: str = "POST"
    ) -> Response:
        """One HTTP request through the front doors; what no door takes is a 404."""
        raw = body if isinstance(body, bytes) else json.encode(body)
        given = {"host": HOST, **(headers or {})}
        return await self.doors.respond(Request(method, path, "", list(given.items()), raw, id="request"))

    async def graphql(self, api_id: str, query: str, headers: Mapping[str, str]) -> Any:
        """The decoded answer of a GraphQL API."""
        return json.decode((await self.ask(f"/graphql/{api_id}", {"query": query}, headers)).body)

    def signed(self, path: str, body: bytes, key: Keys | None = None, *, method: str = "POST") -> dict[str, str]:
        """The headers of a request to AppSync that is signed by root or by `key`."""
        request = AWSRequest(method, f"http://{HOST}{path}", data=body, headers={"host": HOST})
        SigV4Auth(key or self.root, "appsync", REGION).add_auth(request)
        return {name.lower(): value for name, value in request.headers.items()}

    @property
    def events(self) -> list[dict[str, Any]]:
        """What was logged."""
        return [json.decode(line) for line in self.log.getvalue().splitlines()]


@asynccontextmanager
async def opened(data: Path, **settings: Any) -> AsyncIterator[House]:
    """A house in `serve` over a new data directory, its parts running."""
    log = io.StringIO()
    meter = Meter(out=log)
    told = msgspec.convert({"mode": "serve", "data": str(data), **settings}, Settings)
    data.mkdir(parents=True, exist_ok=True)
    rooms = await open_rooms(told, clock=SystemClock(), ids=SystemIds(), meter=meter)
    rooms.url = f"http://{HOST}"
    try:
        async with asyncio.TaskGroup() as group:
            parts = [group.create_task(rooms.functions.run())]
            yield House(rooms, told, meter, log)
            for part in parts:
                part.cancel()
    finally:
        await rooms.close()
