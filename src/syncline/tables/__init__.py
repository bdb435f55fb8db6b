"""Tables: DynamoDB tables, items, expressions, and their change streams."""

from syncline.tables.catalog import StreamDescription
from syncline.tables.engine import TableEngine
from syncline.tables.errors import ConditionalCheckFailed
from syncline.tables.records import StreamRecord, parse_sequence, sequence_text
from syncline.tables.service import Tables
from syncline.tables.table_streams import TableStreams
from syncline.tables.values import AttributeValue, Item

__all__ = [
    "AttributeValue",
    "ConditionalCheckFailed",
    "Item",
    "StreamDescription",
    "StreamRecord",
    "TableEngine",
    "TableStreams",
    "Tables",
    "parse_sequence",
    "sequence_text",
]
