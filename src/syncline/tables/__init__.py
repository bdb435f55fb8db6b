"""Tables: DynamoDB tables, items, expressions, and their change streams."""

from syncline.tables.engine import TableEngine
from syncline.tables.errors import ConditionalCheckFailed
from syncline.tables.layout import decode_row
from syncline.tables.records import StreamRecord
from syncline.tables.service import Tables
from syncline.tables.table_streams import TableStreams

__all__ = ["ConditionalCheckFailed", "StreamRecord", "TableEngine", "TableStreams", "Tables", "decode_row"]
