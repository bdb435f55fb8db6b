"""NONE data sources: nothing is asked; the request's payload is the result."""

from __future__ import annotations

from syncline.datasources.attributes import mapping_error
from syncline.datasources.model import JSON, Context


class Local:
    """A NONE data source."""

    async def invoke(self, request: JSON, context: Context) -> JSON:
        """The request's payload."""
        if type(request) is not dict:
            raise mapping_error("Expected a JSON object as the request of a NONE data source.")
        return request.get("payload")
