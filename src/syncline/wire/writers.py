"""Shapes compiled into closures that prepare an answer for JSON.

For: the JSON protocols. Owns: renamed members and timestamps that are not epoch seconds.
Never: copies what is already as JSON wants it: most answers have no writer at all. Bytes stay bytes, since the
encoder writes them in base64.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from syncline.wire import instants
from syncline.wire.models import Member, Shape

Writer = Callable[[Any], Any]


class Writers:
    """The compiled JSON writers of one service."""

    def __init__(self, shapes: Mapping[str, Shape]) -> None:
        self._shapes = shapes
        self._made: dict[str, Writer | None] = {}
        self._plain: dict[str, bool] = {}

    def of(self, name: str) -> Writer | None:
        """The writer of the shape `name`; None when its values are JSON as they stand."""
        if self.plain(name):
            return None
        if name not in self._made:
            self._made[name] = self._compile(name, self._shapes[name])
        return self._made[name]

    def member(self, reference: Member) -> Writer | None:
        """The writer of a member, whose own timestamp format comes first."""
        shape = self._shapes[reference.shape]
        if shape.type == "timestamp":
            return _timestamp(reference.timestamp_format or shape.timestamp_format or "unixTimestamp")
        return self.of(reference.shape)

    def plain(self, name: str) -> bool:
        """Whether every value of the shape `name` is JSON as it stands."""
        if name not in self._plain:
            self._plain[name] = True  # a shape within itself adds nothing of its own
            self._plain[name] = self._is_plain(self._shapes[name])
        return self._plain[name]

    def _is_plain(self, shape: Shape) -> bool:
        if shape.type == "timestamp":
            return shape.timestamp_format in ("", "unixTimestamp")
        references = [*shape.members.items(), *((name, part) for name, part in _parts(shape) if part is not None)]
        for name, reference in references:
            renamed = reference.location_name not in ("", name) and shape.type == "structure"
            if renamed or reference.timestamp_format not in ("", "unixTimestamp") or not self.plain(reference.shape):
                return False
        return True

    def _compile(self, name: str, shape: Shape) -> Writer:
        if shape.type == "structure":
            members: dict[str, tuple[str, Writer | None]] = {}
            write = self._made[name] = structure(members)
            for member, reference in shape.members.items():
                members[member] = (reference.location_name or member, self.member(reference))
            return write
        if shape.type == "list":
            assert shape.member is not None, "a list has elements"
            element = self.member(shape.member)
            return lambda values: [element(value) if element else value for value in values]
        assert shape.value is not None, "only maps are left"
        inner = self.member(shape.value)
        return lambda values: {key: inner(value) if inner else value for key, value in values.items()}


def structure(members: Mapping[str, tuple[str, Writer | None]]) -> Writer:
    """A writer of structures with these members: name on the wire and writer."""

    def write(value: Any) -> Any:
        answer = {}
        for name, inner in value.items():
            wire_name, writer = members.get(name, (name, None))
            if inner is not None:
                answer[wire_name] = inner if writer is None else writer(inner)
        return answer

    return write


def _parts(shape: Shape) -> list[tuple[str, Member | None]]:
    return [("member", shape.member), ("key", shape.key), ("value", shape.value)]


def _timestamp(notation: str) -> Writer | None:
    return None if notation == "unixTimestamp" else instants.FORMATS[notation]
