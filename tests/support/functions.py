"""A house around one function engine: functions run by real processes of the real runtime client."""

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from syncline.core import Meter, Settings, SystemClock, SystemIds
from syncline.core.settings import Functions as FunctionSettings
from syncline.functions import FunctionEngine, Lambda
from syncline.monitoring import Logs, LogsService
from syncline.store import MemoryStore
from syncline.streams import Streams
from syncline.tables import TableEngine, Tables

ROLE = "arn:aws:iam::000000000000:role/r"
SETTINGS = Settings(
    functions=FunctionSettings(concurrency_max=4, log_bytes_per_invocation_max=64 * 1024, async_retry_seconds=0.01)
)


def zipped(**files: str | bytes) -> bytes:
    """A zip of files by name; `__` stands for a dot."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, text in files.items():
            archive.writestr(name.replace("__", "."), text)
    return buffer.getvalue()


class House:
    """The rooms around one function engine."""

    def __init__(self, store: MemoryStore, streams: Streams, meter: Meter, folder: Path, settings: Settings) -> None:
        clock, ids = SystemClock(), SystemIds()
        self.meter = meter
        self.store = store
        self.logs = Logs(store, clock)
        self.table_engine = TableEngine(store, streams, clock, ids, settings, meter)
        self.tables = Tables(self.table_engine)
        self.engine = FunctionEngine(
            store,
            streams,
            self.table_engine,
            self.logs,
            clock,
            ids,
            settings,
            meter,
            folder,
            lambda: "http://127.0.0.1:4000",
        )
        self.service = Lambda(self.engine)

    async def load(self) -> "House":
        for part in (self.logs, self.table_engine, self.engine):
            await part.load()
        return self

    async def create(self, name: str, code: str, **more: Any) -> dict[str, Any]:
        """Create a function from the text of `app.py`."""
        request = {"FunctionName": name, "Runtime": "python3.11", "Role": ROLE, "Handler": "app.handler"}
        return await self.service.create_function(request | {"Code": {"ZipFile": zipped(app__py=code)}} | more)

    async def lines(self, name: str) -> list[str]:
        """Everything in the function's log group."""
        group = f"/aws/lambda/{name}"
        service = LogsService(self.logs, region="us-east-1", account="000000000000")
        return [event["message"] for event in (await service.filter_log_events({"logGroupName": group}))["events"]]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """With the engine's part running."""
        task = asyncio.get_running_loop().create_task(self.engine.run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)


async def until(holds: Callable[[], Any], seconds: float = 10.0) -> Any:
    """Wait until `holds()` is true, for what happens in other processes; fail after `seconds`."""
    async with asyncio.timeout(seconds):
        while not (found := holds()):
            await asyncio.sleep(0.005)
        return found
