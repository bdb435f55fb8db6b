"""Rows: items as their table keeps them, for a reader that can show them without having them as plain JSON first.

For: `dynamodb`, which gives them to who said that rows will do, and `graphql`, which does. What is no such reader gets
plain JSON. Owns: the way from rows to plain JSON.
"""

from __future__ import annotations

from typing import Any

from syncline.datasources.attributes import plain_item
from syncline.tables import decode_row

JSON = Any
PAGE_MEMBER = "items"
"""Where a page's rows are: the other members of a page are plain."""


class Rows:
    """What a GetItem (`one`) or a page of a Query or Scan found, in order."""

    __slots__ = ("one", "rows")

    def __init__(self, rows: list[bytes], *, one: bool = False) -> None:
        self.rows = rows
        self.one = one

    def plain(self) -> JSON:
        """The item, or the items, as plain JSON."""
        return plain_row(self.rows[0]) if self.one else [plain_row(row) for row in self.rows]


def plain_row(row: bytes) -> dict[str, JSON]:
    """The item of a row as plain JSON."""
    return plain_item(decode_row(row))


def without_rows(value: JSON) -> JSON:
    """A data source's result, or what a handler passed on of it, as plain JSON."""
    if type(value) is Rows:
        return value.plain()
    if type(value) is dict and type(value.get(PAGE_MEMBER)) is Rows:
        return {**value, PAGE_MEMBER: value[PAGE_MEMBER].plain()}
    return value
