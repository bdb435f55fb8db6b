"""Holds what a service declares of its parameters against its model and its source."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from botocore import xform_name

from syncline.wire import Coverage, parameters
from syncline.wire.models import Model, load

SOURCE = Path(__file__).parent.parent.parent / "src" / "syncline"


def undeclared(service: str, rooms: str, served: list[str], coverage: Mapping[str, Coverage]) -> list[str]:
    """Parameters that are said to be served, yet the source of the rooms never names them, camel case or snake."""
    files = [path for room in rooms.split() for path in (SOURCE / room).rglob("*.py") if path.name != "coverage.py"]
    words = set(re.findall(r"\w+", "".join(path.read_text() for path in files)))
    found = []
    for operation in served:
        excused = [name for named in coverage.get(operation, Coverage()) for name in named]
        for parameter in parameters(load(service), operation):
            inside = any(parameter == name or parameter.startswith(f"{name}.") for name in excused)
            name = parameter.rpartition(".")[2]
            if not inside and not words & {name, xform_name(name)}:
                found.append(f"{operation} {parameter}")
    return found


def unknown(service: str, coverage: Mapping[str, Coverage]) -> list[str]:
    """What is declared of parameters that the model does not have."""
    model = load(service)
    return [
        f"{operation} {name}"
        for operation, declared in coverage.items()
        for named in declared
        for name in named
        if name not in parameters(model, operation)
    ]


def request_with(service: str, operation: str, parameter: str) -> dict[str, Any]:
    """A request with something in `parameter` and nothing else but what stands around it."""
    model = load(service)
    shape = model.operations[operation].input
    assert shape is not None, f"{operation} has parameters"
    request: dict[str, Any] = _around(model, shape.shape, parameter.split("."))
    return request


def _around(model: Model, name: str, path: list[str]) -> Any:
    shape = model.shapes[name]
    if shape.member is not None:
        return [_around(model, shape.member.shape, path)]
    if shape.value is not None:
        return {"key": _around(model, shape.value.shape, path)}
    if path:
        return {path[0]: _around(model, shape.members[path[0]].shape, path[1:])}
    if shape.type == "structure":
        member = next(iter(shape.members))
        return {member: _around(model, shape.members[member].shape, [])}
    return {"boolean": True, "integer": 1, "long": 1}.get(shape.type, "x")
