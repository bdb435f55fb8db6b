"""Shapes as types that msgspec reads and checks in one pass, without a step of Python per value.

For: `json_rpc.py`. Owns: the translation. What a decoder accepts, the shape's reader accepts and makes the same of it;
what it refuses means nothing yet: the reader decides, and words the refusal.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Annotated, Any, Literal, TypedDict

import msgspec

from syncline.wire import patterns
from syncline.wire.models import Member, Shape

Decode = Callable[[bytes], dict[str, Any]]
Refused = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What a decoder raises."""

WHOLE = {"integer": 32, "long": 64}
SCALARS: Mapping[str, Any] = {"string": str, "boolean": bool, "blob": bytes, **dict.fromkeys(WHOLE, int)}


class NoType(Exception):
    """A shape with something that no type says."""


class Decoders:
    """The decoders of one service's requests in JSON."""

    def __init__(self, shapes: Mapping[str, Shape]) -> None:
        self._shapes = shapes
        self._structures: dict[str, Any] = {}

    def of(self, name: str) -> Decode | None:
        """The decoder of the structure `name`; None when no type says all of it."""
        try:
            decode: Decode = msgspec.json.Decoder(self._type(name)).decode
        except NoType:
            self._structures.clear()  # Some of them were to hold what has no type.
            return None
        return partial(_exact, decode)

    def _type(self, name: str) -> Any:
        shape = self._shapes[name]
        if shape.document or shape.sparse:
            raise NoType(name)
        if shape.type == "structure":
            return self._structures[name] if name in self._structures else self._structure(name, shape)
        if shape.type == "list":
            assert shape.member is not None, "a list has elements"
            return _bounded(list[self._type(shape.member.shape)], shape)  # type: ignore[misc]
        if shape.type == "map":
            assert shape.key is not None, "a map has keys"
            assert shape.value is not None, "a map has values"
            return _bounded(dict[self._type(shape.key.shape), self._type(shape.value.shape)], shape)  # type: ignore[misc]
        return _scalar(name, shape)

    def _structure(self, name: str, shape: Shape) -> Any:
        # The type comes before its members, for a shape may hold itself.
        made: Any = TypedDict(name, {})  # type: ignore[misc]
        self._structures[name] = made
        made.__annotations__ = {member: self._member(member, of) for member, of in shape.members.items()}
        made.__required_keys__ = frozenset(shape.required)
        made.__optional_keys__ = frozenset(shape.members) - made.__required_keys__
        return made

    def _member(self, name: str, reference: Member) -> Any:
        if reference.location_name not in ("", name):
            raise NoType(name)
        return self._type(reference.shape)


def _exact(decode: Decode, body: bytes) -> dict[str, Any]:
    """Leave padded base64 to the reader: msgspec accepts bits before the padding that no byte is made of."""
    if b'="' in body or b"\\u003" in body:
        raise msgspec.DecodeError("perhaps padded base64")
    return decode(body)


def _scalar(name: str, shape: Shape) -> Any:
    if shape.type not in SCALARS:
        raise NoType(name)
    if shape.enum:
        return Literal[tuple(shape.enum)]
    if shape.type in WHOLE:
        most = 1 << WHOLE[shape.type] - 1
        low, high = (-most if shape.min is None else shape.min), (most - 1 if shape.max is None else shape.max)
        return Annotated[int, msgspec.Meta(ge=int(low), le=int(high))]
    return SCALARS[shape.type] if shape.type == "boolean" else _bounded(SCALARS[shape.type], shape)


def _bounded(of: Any, shape: Shape) -> Any:
    ends = {"min_length": shape.min, "max_length": shape.max}
    bounds: dict[str, Any] = {name: int(bound) for name, bound in ends.items() if bound is not None}
    pattern = patterns.compile(shape.pattern) if shape.pattern else None
    if pattern is not None and pattern.pattern.startswith("(?"):
        raise NoType(shape.pattern)  # Its flags must come first.
    if pattern is not None:
        bounds["pattern"] = rf"\A(?s:{pattern.pattern})\Z"
    return Annotated[of, msgspec.Meta(**bounds)] if bounds else of
