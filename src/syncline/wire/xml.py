"""Shapes compiled into closures that write an answer as the query protocol's XML.

For: `query.py`. Owns: element names, wrapped and flattened lists and maps, escaping.
Never: reads XML; writes an attribute or a namespace below the root (no service here needs them).
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import Any

from syncline.wire import instants
from syncline.wire.models import Member, Shape

Writer = Callable[[str, Any, list[str]], None]
"""Writes a value under an element name by appending text."""

_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff\ud800-\udfff]")


def escape(text: str) -> str:
    """Text for an element. What XML 1.0 cannot hold at all becomes the replacement character."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("\r", "&#xD;")
    return _ILLEGAL.sub("\ufffd", text)


class XmlWriters:
    """The compiled XML writers of one service."""

    def __init__(self, shapes: Mapping[str, Shape]) -> None:
        self._shapes = shapes
        self._made: dict[tuple[str, str, bool], Writer] = {}

    def of(self, reference: Member) -> Writer:
        """The writer for what `reference` refers to."""
        key = (reference.shape, reference.timestamp_format, reference.flattened)
        if key not in self._made:
            self._made[key] = self._compile(reference, self._shapes[reference.shape])
        return self._made[key]

    def members(self, name: str) -> Callable[[Any, list[str]], None]:
        """A writer of the members of the structure `name`, without an element around them."""
        return self._body(self._shapes[name], [])

    def _body(self, shape: Shape, members: list[tuple[str, str, Writer]]) -> Callable[[Any, list[str]], None]:
        for member, reference in shape.members.items():
            members.append((member, self._element_name(member, reference), self.of(reference)))

        def write(value: Any, out: list[str]) -> None:
            for member, element, writer in members:
                if (inner := value.get(member)) is not None:
                    writer(element, inner, out)

        return write

    def _element_name(self, member: str, reference: Member) -> str:
        shape = self._shapes[reference.shape]
        if shape.type == "list" and (shape.flattened or reference.flattened):
            assert shape.member is not None, "a list has elements"
            return shape.member.location_name or reference.location_name or member
        return reference.location_name or member

    def _compile(self, reference: Member, shape: Shape) -> Writer:
        if shape.type == "structure":
            return self._structure(reference, shape)
        if shape.type == "list":
            assert shape.member is not None, "a list has elements"
            flat = shape.flattened or reference.flattened
            return _list(self.of(shape.member), "" if flat else shape.member.location_name or "member")
        if shape.type == "map":
            return self._map(shape, flat=shape.flattened or reference.flattened)
        return _scalar(_text_of(shape.type, reference.timestamp_format or shape.timestamp_format or "iso8601"))

    def _structure(self, reference: Member, shape: Shape) -> Writer:
        members: list[tuple[str, str, Writer]] = []

        def write(element: str, value: Any, out: list[str]) -> None:
            out.append(f"<{element}>")
            body(value, out)
            out.append(f"</{element}>")

        self._made[reference.shape, reference.timestamp_format, reference.flattened] = write
        body = self._body(shape, members)
        return write

    def _map(self, shape: Shape, *, flat: bool) -> Writer:
        assert shape.key is not None, "a map has keys"
        assert shape.value is not None, "a map has values"
        key_name, value_name = shape.key.location_name or "key", shape.value.location_name or "value"
        inner = self.of(shape.value)

        def write(element: str, value: Any, out: list[str]) -> None:
            entry = element if flat else "entry"
            if not flat:
                out.append(f"<{element}>")
            for key, held in value.items():
                out.append(f"<{entry}><{key_name}>{escape(key)}</{key_name}>")
                inner(value_name, held, out)
                out.append(f"</{entry}>")
            if not flat:
                out.append(f"</{element}>")

        return write


def _list(inner: Writer, wrapped: str) -> Writer:
    def write(element: str, value: Any, out: list[str]) -> None:
        if not wrapped:
            for held in value:
                inner(element, held, out)
            return
        out.append(f"<{element}>")
        for held in value:
            inner(wrapped, held, out)
        out.append(f"</{element}>")

    return write


def _scalar(text_of: Callable[[Any], str]) -> Writer:
    def write(element: str, value: Any, out: list[str]) -> None:
        out.append(f"<{element}>{text_of(value)}</{element}>")

    return write


def _text_of(shape_type: str, notation: str) -> Callable[[Any], str]:
    if shape_type == "timestamp":
        return instants.FORMATS[notation]
    if shape_type == "blob":
        return lambda value: b64encode(value).decode()
    if shape_type == "boolean":
        return lambda value: "true" if value else "false"
    return lambda value: escape(str(value))
