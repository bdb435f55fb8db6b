"""What the groups of Lambda operations share: the engine, the look-up of a function, its shape."""

from __future__ import annotations

from typing import Any

from syncline.functions import shapes
from syncline.functions.engine import FunctionEngine
from syncline.functions.errors import ParameterInvalid
from syncline.functions.model import LATEST, Function
from syncline.functions.names import parse_reference
from syncline.wire import cut

Shape = dict[str, Any]

PAGE = 50


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

    def _latest(self, request: Shape) -> Function:
        """The function itself. Raises when a version or an alias is named."""
        function, qualifier = self._find(request)
        if qualifier not in (None, LATEST):
            raise ParameterInvalid(
                "This operation is permitted on Lambda functions only. Aliases and versions do not support this "
                "operation. Please specify either a function name or an unqualified function ARN."
            )
        return function

    def _shape(self, function: Function, qualifier: str | None = None) -> Shape:
        return shapes.configuration(function, region=self._catalog.region, qualifier=qualifier)


def listed(shape: Shape) -> Shape:
    """AWS does this: lists leave out the states."""
    return {name: value for name, value in shape.items() if name not in ("State", "LastUpdateStatus")}


def page(found: list[Shape], request: Shape, member: str, *, most: int = PAGE) -> Shape:
    """One page of a list under `member`; the marker is how many were given before."""
    size = min(request.get("MaxItems", most), 10_000)
    shown, marker = cut(found, request.get("Marker"), size, lambda: ParameterInvalid("The Marker is not valid."))
    answer: Shape = {member: shown}
    return answer if marker is None else answer | {"NextMarker": marker}
