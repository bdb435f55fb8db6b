"""What becomes of asynchronous events, by function and qualifier: PutFunctionEventInvokeConfig and its relatives.

Owns: the records. Never: runs or sends anything (`events` does).
"""

from __future__ import annotations

from syncline.functions.model import InvokeConfig
from syncline.store import Collection, Store


class InvokeConfigs:
    """The configurations, kept in the store and in memory."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._records = Collection("function event invoke config", InvokeConfig)
        self._configs: dict[tuple[str, str], InvokeConfig] = {}

    async def load(self) -> None:
        """Read them from the store."""
        for config in await self._store.read(lambda view: self._records.list(view)):
            self._configs[config.function, config.qualifier] = config

    def get(self, name: str, qualifier: str) -> InvokeConfig | None:
        """The configuration of a function's qualifier, if there is one."""
        return self._configs.get((name, qualifier))

    def of(self, name: str) -> list[InvokeConfig]:
        """All of one function's, by qualifier."""
        return [self._configs[key] for key in sorted(self._configs) if key[0] == name]

    async def put(self, config: InvokeConfig) -> None:
        """Keep a configuration in place of what was there."""
        await self._store.write(lambda txn: self._records.put(txn, config, config.function, config.qualifier))
        self._configs[config.function, config.qualifier] = config

    async def delete(self, name: str, qualifier: str | None = None) -> None:
        """Forget one configuration, or all of a function."""
        for config in self.of(name):
            if qualifier in (None, config.qualifier):
                key = config.function, config.qualifier
                await self._store.write(lambda txn, key=key: self._records.delete(txn, *key))  # type: ignore[misc]
                self._configs.pop(key, None)
