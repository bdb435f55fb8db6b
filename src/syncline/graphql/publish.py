"""What a mutation publishes: the completed value of its field, under the schema's names instead of aliases.

For: `plan`, which compiles it once, and `execute`, which hands it to the hub. Owns: the shape of a published value.
Never: publishes by itself; changes what the mutation's own caller gets, but for taking out the hidden type names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from syncline.graphql.selection import FieldPlan, Shape

HIDDEN_TYPENAME = "\0type"
"""Where a mutation's plan puts the type of an abstract value, which subscribers need. No alias can be so."""

Publication = Callable[[Any], Any]


def compile_publication(shape: Shape) -> Publication | None:
    """A function from a completed value to what is published; None when it is that very value."""
    if shape.kind == "leaf":
        return None
    if shape.kind == "list":
        assert shape.item is not None, "a list has items"
        inner = compile_publication(shape.item)
        return None if inner is None else _each(inner)
    if shape.kind == "object":
        return _object(shape.selections[shape.name])
    return _abstract({name: (_object(fields) or dict) for name, fields in shape.selections.items()})


def _each(inner: Publication) -> Publication:
    return lambda value: None if value is None else [inner(item) for item in value]


def _object(fields: list[FieldPlan]) -> Publication | None:
    members = [(field.key, field.name, compile_publication(field.shape)) for field in fields]
    if all(key == name and inner is None for key, name, inner in members):
        return None

    def rename(value: Any) -> Any:
        if value is None:
            return None
        published: dict[str, Any] = {}
        for key, name, inner in members:
            # Two aliases of one field: the first is published.
            published.setdefault(name, inner(value[key]) if inner else value[key])
        value.pop(HIDDEN_TYPENAME, None)
        return published

    return rename


def _abstract(possible: dict[str, Publication]) -> Publication:
    def rename(value: Any) -> Any:
        return None if value is None else possible[value[HIDDEN_TYPENAME]](value)

    return rename
