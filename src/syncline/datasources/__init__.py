"""Data sources: what a resolver asks, as one `invoke`."""

from syncline.datasources.build import build
from syncline.datasources.coverage import SOURCE_OPERATIONS
from syncline.datasources.errors import DataSourceError
from syncline.datasources.model import Context, DataSource, DataSourceRecord, Engines, Info, Shared
from syncline.datasources.outbound import Outbound
from syncline.datasources.rows import PAGE_MEMBER, Rows, plain_row, without_rows
from syncline.datasources.service import SourceOperations
from syncline.datasources.sources import Sources

__all__ = [
    "PAGE_MEMBER",
    "SOURCE_OPERATIONS",
    "Context",
    "DataSource",
    "DataSourceError",
    "DataSourceRecord",
    "Engines",
    "Info",
    "Outbound",
    "Rows",
    "Shared",
    "SourceOperations",
    "Sources",
    "build",
    "plain_row",
    "without_rows",
]
