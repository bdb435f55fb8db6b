"""The client of GraphQL and Event APIs, on Syncline and on AWS AppSync. See docs/how-to/python-client.md."""

from syncline.client.auth import ApiKey, Auth, Iam, Signable, Token
from syncline.client.errors import (
    ClientError,
    ConnectionLost,
    GraphQLError,
    GraphQLFailed,
    RequestRefused,
    TokenUnavailable,
    Unauthorized,
)
from syncline.client.events import EventsClient
from syncline.client.graphql import GraphQLClient
from syncline.client.messages import Event, Gap, Message, Outcome, Published, State, Timing
from syncline.client.subscription import Subscription

__all__ = [
    "ApiKey",
    "Auth",
    "ClientError",
    "ConnectionLost",
    "Event",
    "EventsClient",
    "Gap",
    "GraphQLClient",
    "GraphQLError",
    "GraphQLFailed",
    "Iam",
    "Message",
    "Outcome",
    "Published",
    "RequestRefused",
    "Signable",
    "State",
    "Subscription",
    "Timing",
    "Token",
    "TokenUnavailable",
    "Unauthorized",
]
