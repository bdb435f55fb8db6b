"""The tables and streams of this server, known by name and ARN without a read.

For: every operation. Owns: the cache of the catalog, loaded at start and changed after each commit that changes it.
"""

from __future__ import annotations

from typing import Any

from syncline.core import Invalid, Meter
from syncline.core.settings import Tables as TableSettings
from syncline.store import Snapshot, Store
from syncline.tables.catalog import DROPPED, STREAMS, TABLES, StreamDescription, Table
from syncline.tables.errors import ItemTableNotFound, StreamNotFound
from syncline.tables.figures import Figures
from syncline.tables.layout import Layout


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
        raise Invalid(
            "1 validation error detected: Value null at 'tableName' failed to satisfy constraint: "
            "Member must not be null"
        )
    return name.partition(":table/")[2].partition("/")[0] if name.startswith("arn:") else name
