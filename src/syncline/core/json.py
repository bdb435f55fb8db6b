"""JSON: the one way in and out. msgspec, chosen in docs/decisions/0009-json-and-structs.md."""

from __future__ import annotations

from typing import Any, TypeAlias

import msgspec

JSON: TypeAlias = Any
"""What JSON can hold: None, bool, int, float, str, list and dict of them. Narrow it where it comes in."""

NotJson = msgspec.DecodeError
"""Raised by `decode` for bytes that are not one JSON document; its text names the byte."""

encode = msgspec.json.Encoder().encode
"""A value as compact UTF-8 JSON bytes. Members keep their order."""

_decode = msgspec.json.Decoder().decode


def decode(document: bytes | bytearray | str) -> JSON:
    """JSON text or UTF-8 bytes as a value. Raises `NotJson`, also when it is nested more deeply than can be read."""
    try:
        return _decode(document)
    except RecursionError:
        raise NotJson("JSON is nested too deeply") from None
