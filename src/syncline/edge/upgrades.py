"""The upgrade to a WebSocket: which dialect is spoken, how frames look, what answers the client.

For: `edge.http` and `edge.sockets`. Owns: the negotiation. Never: keeps a connection.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from http import HTTPStatus
from typing import NamedTuple

from websockets.datastructures import Headers
from websockets.extensions import Extension
from websockets.extensions.permessage_deflate import PerMessageDeflate, ServerPerMessageDeflateFactory
from websockets.http11 import Request as UpgradeRequest
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol as SubprotocolName

from syncline.core import Request, settings
from syncline.edge.doors import Refusal
from syncline.edge.frames import DEFLATED, PLAIN, Deflated, Plain
from syncline.hub import PublishingEndpoint, RealtimeEndpoint
from syncline.subprotocols import (
    EVENTS_WS,
    GRAPHQL_TRANSPORT_WS,
    GRAPHQL_WS,
    ApolloProtocol,
    AppSyncProtocol,
    EventsProtocol,
    Subprotocol,
    TransportProtocol,
    brings_credential,
    offered,
)

DIALECTS = (GRAPHQL_WS, GRAPHQL_TRANSPORT_WS, EVENTS_WS)

SILENT = logging.getLogger("syncline.edge.websockets")
SILENT.addHandler(logging.NullHandler())
SILENT.propagate = False
"""What the library has to say about single peers is no event of ours."""


DEFLATE = ServerPerMessageDeflateFactory(server_no_context_takeover=True, client_no_context_takeover=True)


class Handshake(NamedTuple):
    """The answer that makes a request a WebSocket, and the compression agreed on."""

    answer: bytes
    extensions: list[Extension]


def handshake(request: Request, *, deflate: bool) -> Handshake | Refusal:
    """How this request becomes a WebSocket, or why it cannot be one."""
    upgrade = UpgradeRequest(request.path, Headers(request.headers))
    offers = [DEFLATE] if deflate else []
    protocol = ServerProtocol(select_subprotocol=chosen, extensions=offers, logger=SILENT)
    answer = protocol.accept(upgrade)
    if answer.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
        return Refusal(answer.status_code, "BadRequestException", bytes(answer.body or b"").decode().strip())
    answer.headers["x-amzn-requestid"] = request.id
    return Handshake(bytes(answer.serialize()), protocol.extensions)


def chosen(_: ServerProtocol, offers: Sequence[SubprotocolName]) -> SubprotocolName | None:
    """The dialect we answer with: the client's first that we speak, and none rather than a refusal."""
    return next((offer for offer in offers if offer in DIALECTS), None)


def machine_of(endpoint: RealtimeEndpoint, request: Request, realtime: settings.Hub) -> Subprotocol:
    """The machine of the dialect that a client asks for; without one, AppSync's says what it thinks of that.

    Who asks only for dialects that are not ours, and brings no credential as AppSync's do, is an ordinary client.
    """
    age = realtime.connection_seconds_max or float("inf")
    if isinstance(endpoint, PublishingEndpoint):
        return EventsProtocol(
            request,
            keep_alive_seconds=realtime.keep_alive_seconds,
            connection_timeout_ms=realtime.connection_timeout_ms,
            connection_seconds_max=age,
        )
    offers, credential = offered(request.headers), brings_credential(request)
    other = GRAPHQL_TRANSPORT_WS if offers and not credential else GRAPHQL_WS
    dialect = next((offer for offer in offers if offer in DIALECTS), other)
    most, beat = realtime.subscriptions_per_connection_max, realtime.keep_alive_seconds
    if dialect == GRAPHQL_TRANSPORT_WS:
        return TransportProtocol(request, subscriptions_max=most, keep_alive_seconds=beat, connection_seconds_max=age)
    if GRAPHQL_WS in offers and not credential:
        return ApolloProtocol(request, subscriptions_max=most, keep_alive_seconds=beat, connection_seconds_max=age)
    return AppSyncProtocol(
        request,
        subscriptions_max=most,
        keep_alive_seconds=beat,
        connection_timeout_ms=realtime.connection_timeout_ms,
        connection_seconds_max=age,
    )


def frames_of(extensions: Sequence[Extension]) -> Plain | Deflated:
    """How messages are framed under the extensions agreed on."""
    for extension in extensions:
        assert isinstance(extension, PerMessageDeflate), "nothing else is offered"
        return DEFLATED[extension.local_max_window_bits]
    return PLAIN
