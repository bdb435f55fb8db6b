"""From a specification to a data source that can be asked."""

from __future__ import annotations

from syncline.core import Unsupported
from syncline.datasources.model import JSON, Context, DataSource, DataSourceSpec, Engines


class DataSourceTypeUnsupported(Unsupported):
    """Data sources of type {type} are not supported; NONE is."""


class Local:
    """A NONE data source: the request's payload is the result."""

    async def invoke(self, request: JSON, context: Context) -> JSON:
        return request.get("payload") if type(request) is dict else None


def build(spec: DataSourceSpec, engines: Engines) -> DataSource:
    """The data source that `spec` describes. Raises Unsupported for a type that is not built."""
    if spec.type == "NONE":
        return Local()
    raise DataSourceTypeUnsupported(type=spec.type)
