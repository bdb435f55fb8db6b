"""Subprotocols: what is spoken over a WebSocket, as state machines that touch no socket."""

from syncline.subprotocols.actions import Action, Close, Connect, Present, Publish, Send, Subscribe, Unsubscribe
from syncline.subprotocols.apollo import ApolloProtocol
from syncline.subprotocols.appsync import AppSyncProtocol
from syncline.subprotocols.events import EVENTS_WS, EventsProtocol
from syncline.subprotocols.handshake import GRAPHQL_WS, brings_credential, offered
from syncline.subprotocols.port import ErrorObject, Subprotocol
from syncline.subprotocols.transport import GRAPHQL_TRANSPORT_WS, TransportProtocol

__all__ = [
    "EVENTS_WS",
    "GRAPHQL_TRANSPORT_WS",
    "GRAPHQL_WS",
    "Action",
    "ApolloProtocol",
    "AppSyncProtocol",
    "Close",
    "Connect",
    "ErrorObject",
    "EventsProtocol",
    "Present",
    "Publish",
    "Send",
    "Subprotocol",
    "Subscribe",
    "TransportProtocol",
    "Unsubscribe",
    "brings_credential",
    "offered",
]
