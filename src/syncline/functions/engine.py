"""The engine: the verbs over functions, and the parts that live behind them.

For: the Lambda service, data sources, triggers. Owns: nothing but its parts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from pathlib import Path

from syncline.core import Clock, Ids, Meter, Settings, json
from syncline.functions.catalog import Catalog
from syncline.functions.code import CodeStore
from syncline.functions.errors import ContentInvalid, NotBuilt, PayloadTooLarge
from syncline.functions.events import Events
from syncline.functions.invoke_configs import InvokeConfigs
from syncline.functions.invoker import CredentialsFor, Invoker
from syncline.functions.layers import Layers
from syncline.functions.links import CodeLinks
from syncline.functions.mappings import Mappings
from syncline.functions.model import LATEST, Call, Function, Invocation
from syncline.functions.names import parse_reference
from syncline.monitoring import Logs
from syncline.store import Store
from syncline.streams import Streams
from syncline.tables import TableEngine

PAYLOAD_BYTES_MAX = {"RequestResponse": 6_291_556, "Event": 1_048_576, "DryRun": 6_291_556}
REAP_SECONDS = 5.0


def placeholder_credentials(function: Function) -> dict[str, str]:
    """Credentials of the right shape, for a server that verifies none."""
    return {
        "AWS_ACCESS_KEY_ID": "ASIASYNCLINEFUNCTION",
        "AWS_SECRET_ACCESS_KEY": "not-verified",
        "AWS_SESSION_TOKEN": function.name,
    }


class FunctionEngine:
    """The functions of this server. `load` before use, `run` while it serves, `close` at the end. See RULES.md."""

    def __init__(
        self,
        store: Store,
        streams: Streams,
        tables: TableEngine,
        logs: Logs,
        clock: Clock,
        ids: Ids,
        settings: Settings,
        meter: Meter,
        blobs_dir: Path,
        endpoint_url: Callable[[], str],
        *,
        credentials_for: CredentialsFor = placeholder_credentials,
    ) -> None:
        self._clock, self._ids = clock, ids
        self.code = CodeStore(Path(blobs_dir))
        self.layers = Layers(store, region=settings.region, account=settings.account)
        self.runs_folders = settings.mode == "dev"
        self.links = CodeLinks(self.code, clock, ids.bytes(32))
        self._endpoint_url = endpoint_url
        self.catalog = Catalog(store, clock, ids, region=settings.region, account=settings.account)
        self.invoker = Invoker(
            self.code,
            logs,
            clock,
            ids,
            settings.functions,
            meter,
            region=settings.region,
            endpoint_url=endpoint_url,
            credentials_for=credentials_for,
            is_current=self.catalog.is_current,
            runs_folders=self.runs_folders,
        )
        self.configs = InvokeConfigs(store)
        self.events = Events(store, self.catalog, self.configs, self.invoker, clock, ids, settings.functions, meter)
        self.mappings = Mappings(store, streams, tables, self.catalog, self.invoker, self.events, clock, ids, meter)

    async def load(self) -> None:
        """Read functions, waiting events and mappings from the store."""
        await self.catalog.load()
        await self.layers.load()
        await self.code.keep(self.catalog.blobs() | self.layers.blobs())
        await self.configs.load()
        await self.events.load()
        await self.mappings.load()

    async def run(self) -> None:
        """Run asynchronous invocations and event source mappings, and end idle processes, until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self.events.run())
                group.create_task(self.mappings.run())
                group.create_task(self._reap())
        finally:
            self.close()

    def close(self) -> None:
        """End every process."""
        self.invoker.pool.close()

    async def invoke(
        self,
        name_or_arn: str,
        payload: bytes,
        *,
        kind: str = "RequestResponse",
        qualifier: str | None = None,
        client_context: str = "",
        request_id: str = "",
    ) -> Invocation:
        """Invoke a function. "Event" returns at once with status 202, "DryRun" only checks (204).

        A handler that fails, times out or dies is an Invocation with `function_error`. Raises FunctionNotFound,
        ContentInvalid, PayloadTooLarge, TooManyRequests.
        """
        function = self.catalog.route(name_or_arn, qualifier)
        named = parse_reference(name_or_arn, self.catalog.region, qualifier).qualifier
        if kind not in PAYLOAD_BYTES_MAX:
            raise NotBuilt(what=f"The invocation type {kind}")
        check_payload(payload, kind)
        request_id = request_id or self._ids.uuid()
        if kind == "DryRun":
            return Invocation(b"", status=204, executed_version="", request_id=request_id)
        arn = f"{function.arn}:{named}" if named else function.arn
        call = Call(request_id, arn, payload or b"{}", client_context, self._trace_id())
        if kind == "Event":
            await self.events.accept(function.name, call, named or LATEST)
            return Invocation(b"", status=202, executed_version="", request_id=request_id)
        return await self.invoker.run(function, call)

    async def delete(self, function: Function) -> None:
        """Delete a function and its versions: records, idle processes, code that no other function runs."""
        blobs = set().union(*(one.blobs for one in [function, *self.catalog.versions(function.name)]))
        await self.catalog.delete(function.name)
        await self.configs.delete(function.name)
        self.invoker.pool.retire(function.name)
        self.invoker.figures.forget(function.name)
        if not self.invoker.pool.running(function.name):
            await self.forget_code(*blobs)

    async def delete_version(self, version: Function) -> None:
        """Delete a numbered version. Raises ResourceConflict while an alias names it."""
        await self.catalog.delete_version(version)
        await self.configs.delete(*version.key)
        self.invoker.pool.retire(*version.key)
        if not self.invoker.pool.running(version.name):
            await self.forget_code(*version.blobs)

    async def forget_code(self, *blobs: str) -> None:
        """Delete code from the disk when no function runs it any more."""
        for sha256 in blobs:
            if not self.catalog.uses(sha256) and not self.layers.uses(sha256):
                await self.code.forget(sha256)

    def link(self, sha256: str) -> str:
        """A URL of this server where the code can be fetched for a while."""
        return self._endpoint_url() + self.links.path(sha256)

    def new_id(self) -> str:
        """A fresh uuid."""
        return self._ids.uuid()

    def now(self) -> float:
        """The wall clock's time."""
        return float(self._clock.now())

    async def deploy(self, name: str, members: Mapping[str, object], *, expected: str | None) -> Function:
        """Change what a function's processes run: new ones for the next event, events under way finish on the old."""
        function = await self.catalog.change(name, members, expected=expected, deploys=True)
        self.invoker.pool.retire(name, LATEST)
        return function

    def _trace_id(self) -> str:
        root = self._ids.bytes(12).hex()
        return f"Root=1-{int(self._clock.now()):08x}-{root};Parent={self._ids.bytes(8).hex()};Sampled=0"

    async def _reap(self) -> None:
        while True:
            await self._clock.sleep(REAP_SECONDS)
            self.invoker.pool.reap()


def check_payload(payload: bytes, kind: str) -> None:
    """Raise unless the payload is JSON (or empty) within the limit of its kind of invocation."""
    limit = PAYLOAD_BYTES_MAX[kind]
    if len(payload) > limit:
        raise PayloadTooLarge(size=len(payload), kind=kind, limit=limit)
    if not payload:
        return
    try:
        json.decode(payload)
    except (json.NotJson, UnicodeDecodeError) as mistake:
        raise ContentInvalid(reason=str(mistake)) from None
