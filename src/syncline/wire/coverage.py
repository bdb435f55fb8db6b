"""What a served operation does not do: its parameters that are refused, kept without effect, or never needed.

For: the services, which declare it beside their methods; `Operations`, which refuses by it; docs/compatibility.md,
which is written from it; tests.
Owns: how a parameter is named (`GlobalSecondaryIndexes.WarmThroughput`: members alone, through lists and maps).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from syncline.core import Unsupported
from syncline.wire.models import Model


class ParameterUnsupported(Unsupported):
    """Syncline does not support {operation}'s {parameter}."""


class Coverage(NamedTuple):
    """The parameters of one operation that are not served in full; all others are.

    `refused` as soon as they say anything; `kept` and given back, without effect; `unused`: no answer calls for them.
    """

    refused: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()


def refuse(operation: str, refused: Iterable[str], request: Mapping[str, Any]) -> None:
    """Raise ParameterUnsupported for the first parameter that the request gives although the operation refuses it."""
    for parameter in refused:
        if _says(request, parameter.split(".")):
            raise ParameterUnsupported(operation=operation, parameter=parameter)


def parameters(model: Model, operation: str) -> Iterator[str]:
    """Every parameter of an operation, those of nested structures included; a structure within itself only once."""
    shape = model.operations[operation].input
    return _named(model, shape.shape, "", ()) if shape is not None else iter(())


def _says(value: Any, path: list[str]) -> bool:
    """Whether anything stands at `path`: what is empty, or holds only what is empty, says nothing."""
    if isinstance(value, list):
        return any(_says(inner, path) for inner in value)
    if isinstance(value, Mapping):
        return _says(value.get(path[0]), path[1:]) if path else any(_says(inner, path) for inner in value.values())
    return not path and bool(value)


def _named(model: Model, name: str, before: str, within: tuple[str, ...]) -> Iterator[str]:
    shape = model.shapes[name]
    if name in within:
        return
    for member, reference in shape.members.items():
        yield before + member
        yield from _named(model, reference.shape, f"{before}{member}.", (*within, name))
    for part in (shape.member, shape.value):
        if part is not None:
            yield from _named(model, part.shape, before, within)
