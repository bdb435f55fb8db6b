"""The admin door, `/_syncline/…`: what the command line asks a running server, and nobody else may.

For: `syncline trace`, `syncline connections`. Owns: who is let in: callers on this machine who sign with the root
access key, in `dev`, too, since any page in a browser on this machine can send a request here.
Never: answers with a secret.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs

from syncline.app.admin_client import PREFIX, SERVICE
from syncline.app.rooms import Rooms
from syncline.core import Clock, Denied, NotFound, Request, Response, json
from syncline.wire import SignedRequest, verify_signature


class AdminOnly(Denied):
    """This is for the command line on the server's own machine, signed with the root access key."""


class NoSuchAdminPath(NotFound):
    """There is nothing to administer at {method} {path}."""

    code = "NotFoundException"


class Admin:
    """The operations of the admin door."""

    def __init__(self, rooms: Rooms, clock: Clock) -> None:
        self._rooms = rooms
        self._clock = clock

    def recognises(self, request: Request) -> bool:
        """Whether a request is for this door."""
        return request.path.startswith(PREFIX)

    async def respond(self, request: Request) -> Response:
        """The answer. Raises Denied, Unauthenticated, NotFound."""
        self._admit(request)
        return Response(body=json.encode(await self._answer(request)))

    def _admit(self, request: Request) -> None:
        if not ipaddress.ip_address(request.peer).is_loopback:
            raise AdminOnly
        payload_hash = hashlib.sha256(request.body).hexdigest()
        headers: Mapping[str, str] = request.index
        signed = SignedRequest(request.method, request.path, request.query, headers, payload_hash)
        caller, _ = verify_signature(signed, self._rooms.credentials, now=self._clock.now(), service=SERVICE)
        if caller.kind != "root":
            raise AdminOnly

    async def _answer(self, request: Request) -> object:
        graphql = self._rooms.graphql
        given = parse_qs(request.query)
        match request.method, request.path.removeprefix(PREFIX).split("/"):
            case "GET", ["connections"]:
                return {"connections": self._connections(given.get("api", [None])[0])}
            case "GET", ["traces"]:
                return {"traces": graphql.traces(given.get("api", [None])[0])}
            case "GET", ["traces", trace_id]:
                return graphql.trace(trace_id)
            case "POST", ["traces", trace_id, "replay"]:
                return await graphql.replay(trace_id, request, mutations="mutations" in given)
        raise NoSuchAdminPath(method=request.method, path=request.path)

    def _connections(self, api: str | None) -> list[dict[str, Any]]:
        """Those of an API of either kind, or of all."""
        graphql, events = self._rooms.graphql, self._rooms.events
        if api is None:
            return graphql.connections() + events.connections()
        return events.connections(api) if events.owns(api) else graphql.connections(api)
