"""The data sources of one API: the control plane's verbs over them, and what serves.

For: `graphql` and `events`, whose APIs have the same data sources. Owns: what is checked before one is kept; what
cannot be built is refused, not kept. Never: knows what asks a data source.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from syncline.core import Invalid, NotFound, SynclineError
from syncline.datasources.build import build
from syncline.datasources.model import DataSource, DataSourceRecord, Engines
from syncline.store import Shelf
from syncline.wire import page, record_from, shown

Members = dict[str, Any]


class SourceNotFound(NotFound):
    """No data source found named {name}"""

    code = "NotFoundException"


class SourceExists(Invalid):
    """Data source with name {name} already exists"""

    code = "BadRequestException"


class SourceInUse(Invalid):
    """Cannot delete data source {name}: it is used by {users}"""

    code = "BadRequestException"


class Host(Protocol):
    """An API, as its data sources see it."""

    def users_of(self, source: str) -> list[str]:
        """The names of what asks this data source."""
        ...

    def check_source(self, record: DataSourceRecord) -> None:
        """Raise when what asks the data source could not ask the one that `record` describes."""
        ...

    def source_changed(self, name: str) -> None:
        """Build anew what asks this data source."""
        ...


class Sources:
    """One API's data sources: their records, and what each is built to."""

    def __init__(self, host: Host, api_id: str, arn: str, records: Shelf[str, DataSourceRecord], engines: Engines):
        self._host, self._api_id, self._arn, self._engines = host, api_id, arn, engines
        self.records = records
        self.built: dict[str, DataSource] = {}

    def restore(self, left_out: Callable[[str, str], None]) -> None:
        """Build from the records, at start; what can no longer be built is told of, by name and reason."""
        for record in self.records.values():
            try:
                self.built[record.name] = build(record, self._engines, self._api_id)
            except SynclineError as refusal:
                left_out(record.name, refusal.message)

    def record(self, name: str) -> DataSourceRecord:
        """Raises SourceNotFound."""
        if name not in self.records:
            raise SourceNotFound(name=name)
        return self.records[name]

    # --- the control plane

    async def create(self, request: Members) -> Members:
        if request["name"] in self.records:
            raise SourceExists(name=request["name"])
        return await self._put(request)

    async def update(self, request: Members) -> Members:
        self.record(request["name"])
        return await self._put(request)

    async def _put(self, request: Members) -> Members:
        arn = f"{self._arn}/datasources/{request['name']}"
        record = record_from(DataSourceRecord, request, data_source_arn=arn)
        built = build(record, self._engines, self._api_id)
        self._host.check_source(record)
        await self.records.put(record)
        self.built[record.name] = built
        self._host.source_changed(record.name)
        return {"dataSource": shown(record)}

    def get(self, request: Members) -> Members:
        return {"dataSource": shown(self.record(request["name"]))}

    async def delete(self, request: Members) -> Members:
        name = self.record(request["name"]).name
        users = self._host.users_of(name)
        if users:
            raise SourceInUse(name=name, users=", ".join(users))
        await self.records.delete(name)
        self.built.pop(name, None)
        return {}

    def list(self, request: Members) -> Members:
        return page("dataSources", [self.records[name] for name in sorted(self.records)], request)
