"""The service `appsync`: GraphQL APIs and Event APIs share its name, some operations and the form of their ids.

For: `rooms`. Owns: which of the two rooms an operation goes to. Never: does an operation.
"""

from __future__ import annotations

from typing import Any

from syncline.core import arns
from syncline.events import Events, EventsEngine
from syncline.graphql import Graphql


class AppSync:
    """Two services as one. What both have (keys, tags, data sources) goes to the room whose API the request names."""

    coverage = {**Graphql.coverage, **Events.coverage}

    def __init__(self, graphql: Graphql, events: Events, event_apis: EventsEngine) -> None:
        self._graphql, self._events, self._event_apis = graphql, events, event_apis

    def __getattr__(self, operation: str) -> Any:
        """The method of an operation. Raises AttributeError when neither room has it."""
        if operation.startswith("_"):
            raise AttributeError(operation)
        of_events = getattr(self._events, operation, None)
        if of_events is None:
            return getattr(self._graphql, operation)
        of_graphql = getattr(self._graphql, operation, None)
        if of_graphql is None:
            return of_events

        async def either(request: dict[str, Any]) -> Any:
            return await (of_events if self._event_apis.owns(api_of(request)) else of_graphql)(request)

        return either


def api_of(request: dict[str, Any]) -> str:
    """The id of the API that a request names, by id or by ARN; empty when it names none."""
    if "apiId" in request:
        return str(request["apiId"])
    try:
        parts = arns.parse(request.get("resourceArn", "")).resource.split("/")
    except ValueError:
        return ""
    return parts[1] if len(parts) > 1 else ""
