"""Hub: what is published reaches every subscription that was there before it, in order, once. Knows no GraphQL."""

from syncline.hub.fanout import Hub
from syncline.hub.history import History, Keep
from syncline.hub.ledger import Ledger
from syncline.hub.lost import GAPS, Figures, Name, Returning, named
from syncline.hub.port import (
    Answer,
    ErrorObject,
    Hint,
    Outbox,
    Post,
    PublishingEndpoint,
    RealtimeEndpoint,
    SharedEndpoint,
    Start,
    Subscription,
)
from syncline.hub.topics import Topic
from syncline.hub.window import PositionPassed
from syncline.hub.wishes import Wish, wish_of

__all__ = [
    "GAPS",
    "Answer",
    "ErrorObject",
    "Figures",
    "Hint",
    "History",
    "Hub",
    "Keep",
    "Ledger",
    "Name",
    "Outbox",
    "PositionPassed",
    "Post",
    "PublishingEndpoint",
    "RealtimeEndpoint",
    "Returning",
    "SharedEndpoint",
    "Start",
    "Subscription",
    "Topic",
    "Wish",
    "named",
    "wish_of",
]
