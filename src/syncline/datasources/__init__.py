"""Data sources: what a resolver asks, as one `invoke`."""

from syncline.datasources.build import build
from syncline.datasources.errors import DataSourceError
from syncline.datasources.model import Context, DataSource, DataSourceRecord, Engines, Info, Shared
from syncline.datasources.outbound import Outbound
from syncline.datasources.sources import Sources

__all__ = [
    "Context",
    "DataSource",
    "DataSourceError",
    "DataSourceRecord",
    "Engines",
    "Info",
    "Outbound",
    "Shared",
    "Sources",
    "build",
]
