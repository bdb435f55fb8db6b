"""What the groups of Lambda operations share: the engine, the look-up of a function, its shape."""

from __future__ import annotations

from typing import Any

from syncline.functions import shapes
from syncline.functions.engine import FunctionEngine
from syncline.functions.errors import FunctionOnly, ParameterInvalid
from syncline.functions.model import LATEST, Function
from syncline.functions.names import parse_reference
from syncline.wire import cut

Shape = dict[str, Any]

PAGE = 50
_UNLISTED = ("State", "LastUpdateStatus", "RuntimeVersionConfig")


class Group:
    """A group of operations over one engine."""

    def __init__(self, engine: FunctionEngine) -> None:
        self._engine = engine
        self._catalog = engine.catalog

    def _find(self, request: Shape) -> tuple[Function, str | None]:
        """The function or version, and the qualifier that was asked for."""
        name, qualifier = request["FunctionName"], request.get("Qualifier")
        function = self._catalog.find(name, qualifier)
        return function, parse_reference(name, self._catalog.region, qualifier).qualifier

    def _latest(self, request: Shape, *, names: str | None = None) -> Function:
        """The function itself. Raises when a version or an alias is named; `names` is one for the message."""
        function = self._catalog.latest(request["FunctionName"], names=names)
        if self._find(request)[1] not in (None, LATEST):
            raise FunctionOnly()
        return function

    def _shape(self, function: Function, qualifier: str | None = None) -> Shape:
        return shapes.configuration(function, region=self._catalog.region, qualifier=qualifier)


def listed(shape: Shape) -> Shape:
    """AWS does this: lists leave out the states and the runtime's version."""
    return {name: value for name, value in shape.items() if name not in _UNLISTED}


def page(found: list[Shape], request: Shape, member: str, *, most: int = PAGE) -> Shape:
    """One page of a list under `member`; the marker is how many were given before."""
    size = min(request.get("MaxItems", most), 10_000)
    shown, marker = cut(found, request.get("Marker"), size, lambda: ParameterInvalid("The Marker is not valid."))
    answer: Shape = {member: shown}
    return answer if marker is None else answer | {"NextMarker": marker}
