"""Inline source maps: positions in what a bundler wrote → positions in what the user wrote."""

from __future__ import annotations

import base64
import binascii
import bisect
import re

import msgspec

from syncline.js.model import Position

COMMENT = re.compile(r"//[#@] sourceMappingURL=data:application/json[^,\n]*;base64,([A-Za-z0-9+/=]+)")
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
DIGITS = {character: value for value, character in enumerate(ALPHABET)}


class _Document(msgspec.Struct):
    mappings: str
    sources: list[str | None] = []


class SourceMap:
    """The segments of a map, line by line: (column, line and column in the source), all from 0."""

    def __init__(self, mappings: str) -> None:
        self._lines: list[list[tuple[int, int, int]]] = []
        line = column = 0
        for text in mappings.split(";"):
            segments, at = [], 0
            for segment in text.split(","):
                moves = _numbers(segment)
                at += moves[0] if moves else 0
                if len(moves) >= 4:
                    line, column = line + moves[2], column + moves[3]
                    segments.append((at, line, column))
            self._lines.append(segments)

    def original(self, place: Position) -> Position:
        """Where the user wrote what is at `place`; `place` itself when the map does not say."""
        segments = self._lines[place.line - 1] if place.line <= len(self._lines) else []
        at = bisect.bisect_right(segments, (place.column - 1, 1 << 30, 0)) - 1
        if at < 0:
            return place
        return Position(segments[at][1] + 1, segments[at][2] + 1)


def _numbers(segment: str) -> list[int]:
    found, value, shift = [], 0, 0
    for character in segment:
        digit = DIGITS.get(character, 0)
        value |= (digit & 31) << shift
        shift += 5
        if digit < 32:
            found.append(-(value >> 1) if value & 1 else value >> 1)
            value = shift = 0
    return found


def inline_map(code: str) -> SourceMap | None:
    """The map at the end of the code, if there is one that can be read."""
    comments = COMMENT.findall(code)
    if not comments:
        return None
    try:
        document = msgspec.json.decode(base64.b64decode(comments[-1], validate=True), type=_Document)
    except (binascii.Error, msgspec.DecodeError, ValueError):
        return None
    return SourceMap(document.mappings)
