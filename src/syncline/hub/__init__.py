"""Hub: what is published reaches every subscription that was there before it, in order, once. Knows no GraphQL."""

from syncline.hub.fanout import Hub
from syncline.hub.history import History, Keep
from syncline.hub.ledger import Ledger
from syncline.hub.port import (
    Answer,
    ErrorObject,
    Hint,
    Outbox,
    Post,
    PublishingEndpoint,
    RealtimeEndpoint,
    Start,
    Subscription,
)
from syncline.hub.topics import Topic
from syncline.hub.window import PositionPassed
from syncline.hub.wishes import Wish, register, wish_of

__all__ = [
    "Answer",
    "ErrorObject",
    "Hint",
    "History",
    "Hub",
    "Keep",
    "Ledger",
    "Outbox",
    "PositionPassed",
    "Post",
    "PublishingEndpoint",
    "RealtimeEndpoint",
    "Start",
    "Subscription",
    "Topic",
    "Wish",
    "register",
    "wish_of",
]
