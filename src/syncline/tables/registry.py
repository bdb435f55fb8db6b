"""The tables and streams of this server, known by name and ARN without a read.

For: every operation. Owns: the cache of the catalog, loaded at start and changed after each commit that changes it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

from syncline.core import Invalid, Meter
from syncline.core.settings import Tables as TableSettings
from syncline.store import Snapshot, Store
from syncline.tables.catalog import DROPPED, STREAMS, TABLES, StreamDescription, Table
from syncline.tables.errors import ItemTableNotFound, StreamNotFound, unsatisfied
from syncline.tables.figures import Figures
from syncline.tables.layout import Layout

NAME_MIN, NAME_MAX = 3, 255
_NAME = re.compile(r"[a-zA-Z0-9_.-]+")


class OpenTable:
    """A table as the operations use it."""

    def __init__(self, layout: Layout, stream: StreamDescription | None, figures: Figures) -> None:
        self.table = layout.table
        self.stream = stream
        self.layout = layout
        self.figures = figures


class Registry:
    """The cache of the catalog."""

    def __init__(self, store: Store, settings: TableSettings, meter: Meter) -> None:
        self._store = store
        self._settings = settings
        self._meter = meter
        self._tables: dict[str, OpenTable] = {}
        self.streams: dict[str, StreamDescription] = {}
        self.dropped: list[str] = []

    async def load(self) -> list[OpenTable]:
        """Read the catalog, and return the tables found."""

        def body(view: Snapshot) -> tuple[list[Table], list[StreamDescription], list[str]]:
            return TABLES.list(view), STREAMS.list(view), [found.rows for found in DROPPED.list(view)]

        tables, streams, self.dropped = await self._store.read(body)
        self.streams = {stream.arn: stream for stream in streams}
        for table in tables:
            self.adopt(table)
        for found in self._tables.values():
            found.figures.begin_count()
        return list(self._tables.values())

    def adopt(self, table: Table) -> None:
        """Know a table as it is now."""
        known = self._tables.get(table.name)
        kept = known is not None and known.table.id == table.id
        figures = known.figures if known is not None and kept else Figures(self._meter, table.name)
        stream = self.streams.get(table.stream_arn) if table.streaming and table.stream_arn else None
        layout = Layout(table, self._settings.item_collection_bytes_max)
        self._tables[table.name] = OpenTable(layout, stream, figures)

    def drop(self, table: Table) -> None:
        """Forget a table that was deleted."""
        known = self._tables.get(table.name)
        if known is not None and known.table.id == table.id:
            del self._tables[table.name]
            self._meter.forget(table=table.name)

    def find(self, name: str) -> OpenTable | None:
        """The table of that name, or None."""
        return self._tables.get(name)

    def open(self, name: str) -> OpenTable:
        """The table of that name. Raises ItemTableNotFound."""
        found = self._tables.get(name)
        if found is None:
            raise ItemTableNotFound()
        return found

    def by_rows(self) -> dict[str, OpenTable]:
        """All tables by what their rows begin with."""
        return {found.table.rows: found for found in self._tables.values()}

    def changing(self) -> int:
        """How many tables have an index being made or removed."""
        return sum(not found.table.is_settled for found in self._tables.values())

    def names(self) -> list[str]:
        """The names of all tables, sorted."""
        return sorted(self._tables)

    def stream(self, arn: str) -> StreamDescription:
        """The stream of that ARN, live or closed. Raises StreamNotFound."""
        found = self.streams.get(arn)
        if found is None:
            raise StreamNotFound(arn=arn)
        return found


def table_name(request: Any) -> str:
    """The TableName of a request, which may be the table's ARN. Raises Invalid."""
    name = request.get("TableName")
    if not isinstance(name, str):
        raise unsatisfied("null", "tableName", "Member must not be null")
    if name.startswith("arn:"):
        return name.partition(":table/")[2].partition("/")[0]
    check_name(name, at_least=1)
    return name


def controlled_name(request: Any) -> str:
    """The same for an operation on the table itself, where AWS words lengths differently."""
    name = request.get("TableName")
    if isinstance(name, str) and not name.startswith("arn:") and not NAME_MIN <= len(name) <= NAME_MAX:
        raise Invalid(f"TableName must be at least {NAME_MIN} characters long and at most {NAME_MAX} characters long")
    return table_name(request)


@lru_cache(maxsize=4096)
def check_name(name: str, *, at_least: int) -> None:
    """Refuse what cannot be a table's name."""
    if len(name) < at_least:
        raise unsatisfied(f"'{name}'", "tableName", f"Member must have length greater than or equal to {at_least}")
    if len(name) > NAME_MAX:
        raise unsatisfied(f"'{name}'", "tableName", f"Member must have length less than or equal to {NAME_MAX}")
    if not _NAME.fullmatch(name):
        raise unsatisfied(f"'{name}'", "tableName", f"Member must satisfy regular expression pattern: {_NAME.pattern}")
