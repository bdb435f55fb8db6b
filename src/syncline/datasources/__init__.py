"""Data sources: what a resolver asks, as one `invoke`."""

from syncline.datasources.build import build
from syncline.datasources.errors import DataSourceError
from syncline.datasources.model import Context, DataSource, DataSourceSpec, Engines, Info, Shared
from syncline.datasources.outbound import Outbound

__all__ = [
    "Context",
    "DataSource",
    "DataSourceError",
    "DataSourceSpec",
    "Engines",
    "Info",
    "Outbound",
    "Shared",
    "build",
]
