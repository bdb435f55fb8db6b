"""Data sources: what a resolver asks, as one `invoke`."""

from syncline.datasources.build import build
from syncline.datasources.errors import DataSourceError
from syncline.datasources.model import (
    Context,
    DataSource,
    DataSourceSpec,
    Engines,
    FunctionInvoker,
    Info,
    Invocation,
    ItemStore,
    Shared,
)
from syncline.datasources.outbound import Outbound

__all__ = [
    "Context",
    "DataSource",
    "DataSourceError",
    "DataSourceSpec",
    "Engines",
    "FunctionInvoker",
    "Info",
    "Invocation",
    "ItemStore",
    "Outbound",
    "Shared",
    "build",
]
