"""The catalog: which functions there are, kept in the store and in memory.

Owns: every change of a function's record. Never: runs anything.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from syncline.core import Clock, Ids
from syncline.functions.errors import FunctionExists, FunctionNotFound, RevisionMismatch
from syncline.functions.model import LATEST, Function
from syncline.functions.names import parse_reference
from syncline.store import Collection, Store, Transaction


class Catalog:
    """The functions of one account and region."""

    def __init__(self, store: Store, clock: Clock, ids: Ids, *, region: str, account: str) -> None:
        self._store, self._clock, self._ids = store, clock, ids
        self.region, self.account = region, account
        self._records = Collection("function", Function)
        self._functions: dict[str, Function] = {}

    async def load(self) -> None:
        """Read the functions from the store."""
        found = await self._store.read(lambda view: self._records.list(view))
        self._functions = {function.name: function for function in found}

    def arn(self, name: str) -> str:
        """The ARN of a function of this name, without a qualifier."""
        return f"arn:aws:lambda:{self.region}:{self.account}:function:{name}"

    def all(self) -> list[Function]:
        """Every function, by name."""
        return [self._functions[name] for name in sorted(self._functions)]

    def get(self, name: str) -> Function | None:
        """The function of this bare name."""
        return self._functions.get(name)

    def find(self, reference: str, qualifier: str | None = None) -> Function:
        """The function that a name or ARN means. Raises FunctionNotFound; there are no versions but $LATEST."""
        named = parse_reference(reference, self.region, qualifier)
        function = self._functions.get(named.name)
        if function is None or named.qualifier not in (None, LATEST):
            suffix = f":{named.qualifier}" if named.qualifier else ""
            raise FunctionNotFound(arn=self.arn(named.name) + suffix)
        return function

    async def add(self, function: Function) -> Function:
        """Keep a new function. Raises FunctionExists."""

        def body(txn: Transaction) -> None:
            if self._records.get(txn, function.name) is not None:
                raise FunctionExists(name=function.name)
            self._records.put(txn, function, function.name)

        await self._store.write(body)
        self._functions[function.name] = function
        return function

    async def change(
        self, name: str, members: Mapping[str, object], *, expected: str | None = None, deploys: bool = False
    ) -> Function:
        """Set members of a function's record. `expected` is the revision it must have; `deploys`: a new deployment."""
        if deploys:
            members = {**members, "deployment": self._ids.uuid(), "modified": float(self._clock.now())}
        revision = self._ids.uuid()

        def body(txn: Transaction) -> Function:
            old = self._records.get(txn, name)
            if old is None:
                raise FunctionNotFound(arn=self.arn(name))
            if expected is not None and expected != old.revision:
                raise RevisionMismatch()
            changed = msgspec.structs.replace(old, revision=revision, **members)
            self._records.put(txn, changed, name)
            return changed

        self._functions[name] = (await self._store.write(body)).result
        return self._functions[name]

    async def delete(self, name: str) -> None:
        """Forget a function."""
        await self._store.write(lambda txn: self._records.delete(txn, name))
        self._functions.pop(name, None)

    def uses(self, sha256: str) -> bool:
        """Whether a function runs this code."""
        return any(function.code_sha256 == sha256 for function in self._functions.values())
