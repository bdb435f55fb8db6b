"""The text under the parser's finger: position, look-ahead, places and refusals in Velocity's wording."""

from __future__ import annotations

import re
from bisect import bisect_right

from syncline.vtl.errors import ParseError
from syncline.vtl.nodes import Place

BLANKS = re.compile(r"\s*")
NEXT_TOKEN = re.compile(r"[A-Za-z_][\w-]*|-?\d+|\s+|#\{?\w+\}?|.", re.DOTALL)


class Scanner:
    """A cursor over `text`. `end` bounds it, so that a string's inside can be read in place."""

    def __init__(self, text: str, name: str) -> None:
        self.text = text
        self.name = name
        self.at = 0
        self.end = len(text)
        self._line_starts = [0, *(found.end() for found in re.finditer("\n", text))]

    def place(self, at: int | None = None) -> Place:
        """The line and column of an offset, by default of the cursor."""
        offset = self.at if at is None else at
        line = bisect_right(self._line_starts, offset)
        return Place(line, offset - self._line_starts[line - 1] + 1)

    def looking_at(self, token: str) -> bool:
        return self.text.startswith(token, self.at, self.end)

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """What `pattern` matches at the cursor, which moves past it."""
        found = pattern.match(self.text, self.at, self.end)
        if found is not None:
            self.at = found.end()
        return found

    def peek(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        return pattern.match(self.text, self.at, self.end)

    def accept(self, token: str) -> bool:
        """Whether `token` comes next; if so the cursor moves past it."""
        if not self.looking_at(token):
            return False
        self.at += len(token)
        return True

    def expect(self, token: str) -> None:
        if not self.accept(token):
            raise self.refusal(token)

    def blanks(self) -> None:
        """Move past blanks and newlines."""
        self.match(BLANKS)

    def refusal(self, *expected: str, at: int | None = None) -> ParseError:
        """Velocity's sentence about what comes next, and what may come instead."""
        offset = self.at if at is None else at
        found = NEXT_TOKEN.match(self.text, offset, self.end)
        place = self.place(offset)
        token = found[0] if found else "<EOF>"
        wanted = "".join(f'\n    "{each}" ...' if each[0] != "<" else f"\n    {each} ..." for each in expected)
        message = f'Encountered "{token}" at {self.name}[line {place.line}, column {place.column}]'
        return ParseError(f"{message}\nWas expecting one of:{wanted}", place.line, place.column)
