"""Method and path to operation, for the REST protocols.

For: `rest.py` and `services.py`. Owns: the path templates of one service.
Never: decodes a path before it is split: an escaped slash belongs to its segment.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple
from urllib.parse import unquote

from syncline.wire.models import Model


class Route(NamedTuple):
    """One operation's path: a pattern, and the names of its labels in order."""

    operation: str
    pattern: re.Pattern[str]
    labels: tuple[str, ...]
    query: frozenset[str]
    weight: tuple[int, int]


class Found(NamedTuple):
    """An operation and the values of its labels, decoded."""

    operation: str
    labels: Mapping[str, str]


class Routes:
    """The routes of one service, the most literal path first."""

    def __init__(self, model: Model) -> None:
        self._by_method: dict[str, list[Route]] = {}
        for operation in model.operations.values():
            route = _route(operation.name, operation.http.request_uri)
            self._by_method.setdefault(operation.http.method, []).append(route)
        for routes in self._by_method.values():
            routes.sort(key=lambda route: route.weight, reverse=True)

    def find(self, method: str, path: str, query: str) -> Found | None:
        """The operation of a request, or None. `path` is still escaped; a slash at its end does not count."""
        trimmed = path.rstrip("/")
        given = {part.partition("=")[0] for part in query.split("&")}
        for route in self._by_method.get(method, ()):
            match = route.pattern.fullmatch(trimmed)
            if match is not None and route.query <= given:
                values = (unquote(value) for value in match.groups())
                return Found(route.operation, dict(zip(route.labels, values, strict=True)))
        return None

    def knows(self, path: str) -> bool:
        """Whether some method has an operation at `path`."""
        trimmed = path.rstrip("/")
        return any(route.pattern.fullmatch(trimmed) for routes in self._by_method.values() for route in routes)


def _route(operation: str, template: str) -> Route:
    path, _, query = template.partition("?")
    pattern, labels, literal = "", [], 0
    for part in re.split(r"(\{[^}]+\})", path.rstrip("/")):
        if part.startswith("{"):
            greedy = part.endswith("+}")
            labels.append(part.strip("{+}"))
            pattern += "(.+)" if greedy else "([^/]+)"
        else:
            pattern += re.escape(part)
            literal += len(part)
    wanted = frozenset(part.partition("=")[0] for part in query.split("&") if part)
    return Route(operation, re.compile(pattern), tuple(labels), wanted, (len(wanted), literal))
