"""Form fields as a tree, and the tree as what a shape's reader expects.

For: `query.py`. Owns: the dotted names of the query protocol: `Tags.member.1.Key`, flattened lists, map entries.
Never: converts a scalar; refuses an unknown field.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from syncline.wire.models import Shape
from syncline.wire.scalars import NotConvertible

Tree = Callable[[Any], Any]

FIELDS_MAX = 20_000
"""Fields of one form; PutMetricData, the largest, needs 1,000 data with some 15 fields each."""

DEPTH_MAX = 40
"""Names of one field; the deepest request (of CloudFormation) has fewer than ten."""


def parse(text: str) -> dict[str, str]:
    """The fields of a form or a query string; of a repeated one the last. Raises NotConvertible."""
    try:
        return dict(parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=FIELDS_MAX))
    except ValueError:
        raise NotConvertible("The request body is not a valid form.") from None


def grow(fields: Mapping[str, str]) -> dict[str, Any]:
    """Fields with dotted names as nested dicts."""
    root: dict[str, Any] = {}
    for name, value in fields.items():
        *path, last = name.split(".", DEPTH_MAX)
        node = root
        for step in path:
            below = node.get(step)
            if not isinstance(below, dict):
                below = node[step] = {}
            node = below
        if not isinstance(node.get(last), dict):
            node[last] = value
    return root


class Trees:
    """The compiled tree readers of one service."""

    def __init__(self, shapes: Mapping[str, Shape]) -> None:
        self._shapes = shapes
        self._made: dict[str, Tree] = {}

    def of(self, name: str) -> Tree:
        """Turns the tree below a field of the shape `name` into dicts, lists and strings by member names."""
        if name not in self._made:
            self._made[name] = self._compile(name, self._shapes[name])
        return self._made[name]

    def _compile(self, name: str, shape: Shape) -> Tree:
        if shape.type == "structure":
            return self._structure(name, shape)
        if shape.type == "list":
            assert shape.member is not None, "a list has elements"
            wrapper = "" if shape.flattened else shape.member.location_name or "member"
            return _list(self.of(shape.member.shape), wrapper)
        if shape.type == "map":
            assert shape.key is not None, "a map has keys"
            assert shape.value is not None, "a map has values"
            names = shape.key.location_name or "key", shape.value.location_name or "value"
            return _map(self.of(shape.value.shape), names, "" if shape.flattened else "entry")
        return _scalar

    def _structure(self, name: str, shape: Shape) -> Tree:
        members: dict[str, tuple[str, Tree]] = {}

        def read(node: Any) -> Any:
            if not isinstance(node, dict):
                return {} if node == "" else node
            return {members[field][0]: members[field][1](inner) for field, inner in node.items() if field in members}

        self._made[name] = read
        for member, reference in shape.members.items():
            target = self._shapes[reference.shape]
            field = reference.location_name or member
            if target.type == "list" and target.flattened and target.member is not None:
                field = target.member.location_name or field
            members[field] = (member, self.of(reference.shape))
        return read


def _scalar(node: Any) -> Any:
    return node


def _list(inner: Tree, wrapper: str) -> Tree:
    def read(node: Any) -> Any:
        if isinstance(node, dict) and wrapper:
            node = node.get(wrapper, node)
        if not isinstance(node, dict):
            return [] if node == "" else node
        return [inner(held) for _, held in _numbered(node)]

    return read


def _map(inner: Tree, names: tuple[str, str], wrapper: str) -> Tree:
    key_name, value_name = names

    def read(node: Any) -> Any:
        if isinstance(node, dict) and wrapper:
            node = node.get(wrapper, node)
        if not isinstance(node, dict):
            return {} if node == "" else node
        entries = [held for _, held in _numbered(node) if isinstance(held, dict)]
        return {str(held.get(key_name, "")): inner(held.get(value_name, "")) for held in entries}

    return read


def _numbered(node: dict[str, Any]) -> list[tuple[int, Any]]:
    if not all(name.isdecimal() for name in node):
        raise NotConvertible("Unexpected complex element: a list's entries are numbered")
    return sorted(((int(name[:9]), held) for name, held in node.items()), key=lambda entry: entry[0])
