"""The catalog: which functions, versions and aliases there are, kept in the store and in memory.

Owns: every change of their records. Never: runs anything.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import msgspec

from syncline.core import Clock, Ids, arns
from syncline.functions.errors import (
    AliasExists,
    AliasNotFound,
    FunctionExists,
    FunctionNotFound,
    ResourceConflict,
    RevisionMismatch,
)
from syncline.functions.model import LATEST, Alias, Function
from syncline.functions.names import parse_reference
from syncline.store import Collection, Store, Transaction

# What a version does not copy, or what says nothing of what would run: not part of the fingerprint.
_BLANK: dict[str, object] = {
    "deployment": "",
    "revision": "",
    "modified": 0.0,
    "tags": {},
    "reserved": None,
    "statements": [],
    "qualified": {},
    "policy_revisions": {},
    "last_version": 0,
    "published": "",
}


class Catalog:
    """The functions of one account and region."""

    def __init__(self, store: Store, clock: Clock, ids: Ids, *, region: str, account: str) -> None:
        self._store, self._clock, self._ids = store, clock, ids
        self.region, self.account = region, account
        self._records = Collection("function", Function)
        self._version_records = Collection("function version", Function)
        self._alias_records = Collection("function alias", Alias)
        self._functions: dict[str, Function] = {}
        self._versions: defaultdict[str, dict[str, Function]] = defaultdict(dict)
        self._aliases: defaultdict[str, dict[str, Alias]] = defaultdict(dict)

    async def load(self) -> None:
        """Read functions, versions and aliases from the store."""
        found = await self._store.read(lambda view: self._records.list(view))
        self._functions = {function.name: function for function in found}
        for version in await self._store.read(lambda view: self._version_records.list(view)):
            self._versions[version.name][version.version] = version
        for alias in await self._store.read(lambda view: self._alias_records.list(view)):
            self._aliases[alias.function][alias.name] = alias

    def arn(self, name: str, qualifier: str | None = None) -> str:
        """The ARN of a function of this name, with the qualifier if there is one."""
        arn = arns.arn("lambda", self.region, self.account, f"function:{name}")
        return f"{arn}:{qualifier}" if qualifier else arn

    def all(self) -> list[Function]:
        """Every function, by name."""
        return [self._functions[name] for name in sorted(self._functions)]

    def get(self, name: str) -> Function | None:
        """The function of this bare name."""
        return self._functions.get(name)

    def latest(self, reference: str, *, names: str | None = None) -> Function:
        """The function that a name or ARN means, whatever version it names.

        Raises FunctionNotFound; `names` is the version or alias that its message says.
        """
        name = parse_reference(reference, self.region).name
        if name not in self._functions:
            raise FunctionNotFound(arn=self.arn(name, names))
        return self._functions[name]

    def find(self, reference: str, qualifier: str | None = None) -> Function:
        """The function or version that a name or ARN means; an alias is its main version. Raises FunctionNotFound."""
        named = parse_reference(reference, self.region, qualifier)
        found = self._at(named.name, named.qualifier or LATEST)
        if found is None:
            raise FunctionNotFound(arn=self.arn(named.name, named.qualifier))
        return found

    def route(self, reference: str, qualifier: str | None = None) -> Function:
        """As `find`, for one event: an alias with weights sends it to either of its versions."""
        named = parse_reference(reference, self.region, qualifier)
        alias = self._aliases[named.name].get(named.qualifier or "") if named.name in self._functions else None
        version = named.qualifier
        if alias is not None and alias.weights:
            ((other, weight),) = alias.weights.items()
            version = other if self._ids.fraction() < weight else alias.version
        found = self.find(named.name, version)
        reserved = self._functions[named.name].reserved
        # The reserved concurrency is the whole function's, whichever version runs.
        return found if found.reserved == reserved else msgspec.structs.replace(found, reserved=reserved)

    def has(self, name: str, qualifier: str) -> bool:
        """Whether there is a function of this bare name with this version or alias."""
        return self._at(name, qualifier) is not None

    def is_current(self, function: Function) -> bool:
        """Whether processes of this deployment are still what the function, or the version, runs."""
        found = self._at(*function.key)
        return found is not None and found.deployment == function.deployment.partition("@")[0]

    def versions(self, name: str) -> list[Function]:
        """The numbered versions, the oldest first."""
        return sorted(self._versions[name].values(), key=lambda version: int(version.version))

    def aliases(self, name: str) -> list[Alias]:
        """The function's aliases, by name."""
        return [self._aliases[name][alias] for alias in sorted(self._aliases[name])]

    def alias(self, name: str, alias: str) -> Alias:
        """The alias. Raises AliasNotFound."""
        if alias not in self._aliases[name]:
            raise AliasNotFound(arn=self.arn(name, alias))
        return self._aliases[name][alias]

    def uses(self, sha256: str) -> bool:
        """Whether a function, or a version of one, runs this code."""
        return sha256 in self.blobs()

    def blobs(self) -> set[str]:
        """The names of all code that functions and versions run."""
        versions = [version for versions in self._versions.values() for version in versions.values()]
        return {blob for function in [*self._functions.values(), *versions] for blob in function.blobs}

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
            old = self._record(txn, name, expected)
            changed = msgspec.structs.replace(old, revision=revision, **members)
            self._records.put(txn, changed, name)
            return changed

        self._functions[name] = (await self._store.write(body)).result
        return self._functions[name]

    def policy_revision(self, function: Function, qualifier: str | None) -> str:
        """The revision of a policy; where there is none yet, that of what it would be of."""
        if function.policy(qualifier):
            return function.policy_revisions.get(qualifier or "", function.revision)
        alias = self._aliases[function.name].get(qualifier or "")
        found = alias or self._at(function.name, qualifier or LATEST) or function
        return found.revision

    async def set_policy(
        self, name: str, qualifier: str | None, statements: list[dict[str, Any]], *, expected: str | None = None
    ) -> None:
        """Set the policy of a function, a version or an alias. Raises RevisionMismatch unless it is `expected`."""
        revision = self._ids.uuid()

        def body(txn: Transaction) -> Function:
            old = self._record(txn, name, None)
            if expected is not None and expected != self.policy_revision(old, qualifier):
                raise RevisionMismatch()
            others = {key: kept for key, kept in old.qualified.items() if key != qualifier}
            changed = msgspec.structs.replace(
                old,
                statements=old.statements if qualifier else statements,
                qualified={**others, qualifier: statements} if qualifier and statements else others,
                policy_revisions={**old.policy_revisions, qualifier or "": revision},
            )
            self._records.put(txn, changed, name)
            return changed

        self._functions[name] = (await self._store.write(body)).result

    async def publish(self, name: str, description: str | None = None, *, expected: str | None = None) -> Function:
        """Make a version of the function as it is; the last one, when nothing has changed since."""
        deployment, revision, next_revision = (self._ids.uuid() for _ in range(3))

        def body(txn: Transaction) -> tuple[Function, Function]:
            old = self._record(txn, name, expected)
            last, print_ = self._version_records.get(txn, name, old.last_version), _fingerprint(old)
            if last is not None and old.published == print_:
                return old, last
            number = old.last_version + 1
            version = msgspec.structs.replace(
                old,
                **_BLANK | {"deployment": deployment, "revision": revision, "modified": old.modified},
                version=str(number),
                description=old.description if description is None else description,
            )
            latest = msgspec.structs.replace(old, last_version=number, published=print_, revision=next_revision)
            self._version_records.put(txn, version, name, number)
            self._records.put(txn, latest, name)
            return latest, version

        self._functions[name], version = (await self._store.write(body)).result
        self._versions[name][version.version] = version
        return version

    async def delete_version(self, version: Function) -> None:
        """Forget a numbered version. Raises ResourceConflict while an alias names it."""
        used = [one.name for one in self.aliases(version.name) if version.version in (one.version, *one.weights)]
        if used:
            raise ResourceConflict(
                f"Unable to delete version because the following aliases reference it: [{', '.join(used)}]"
            )
        await self._drop_qualifier(version.name, version.version, self._version_records, int(version.version))
        self._versions[version.name].pop(version.version, None)

    async def put_alias(self, alias: Alias, *, new: bool = False, expected: str | None = None) -> Alias:
        """Keep an alias. Raises AliasExists for a `new` one that is there, RevisionMismatch unless it is `expected`."""

        def body(txn: Transaction) -> None:
            old = self._alias_records.get(txn, alias.function, alias.name)
            if new and old is not None:
                raise AliasExists(arn=self.arn(alias.function, alias.name))
            if expected is not None and (old is None or old.revision != expected):
                raise RevisionMismatch()
            self._alias_records.put(txn, alias, alias.function, alias.name)

        await self._store.write(body)
        self._aliases[alias.function][alias.name] = alias
        return alias

    async def delete_alias(self, name: str, alias: str) -> None:
        """Forget an alias, if it is there."""
        await self._drop_qualifier(name, alias, self._alias_records, alias)
        self._aliases[name].pop(alias, None)

    async def delete(self, name: str) -> None:
        """Forget a function, its versions and its aliases."""

        def body(txn: Transaction) -> None:
            self._records.delete(txn, name)
            for version in self._version_records.list(txn, name):
                self._version_records.delete(txn, name, int(version.version))
            for alias in self._alias_records.list(txn, name):
                self._alias_records.delete(txn, name, alias.name)

        await self._store.write(body)
        self._functions.pop(name, None)
        self._versions.pop(name, None)
        self._aliases.pop(name, None)

    async def _drop_qualifier(self, name: str, qualifier: str, records: Collection[Any], key: int | str) -> None:
        """Forget a version or an alias, and the policy it had: one of the same name begins without."""

        def body(txn: Transaction) -> Function | None:
            records.delete(txn, name, key)
            old = self._records.get(txn, name)
            if old is None or qualifier not in old.qualified:
                return old
            qualified = {kept: policy for kept, policy in old.qualified.items() if kept != qualifier}
            changed = msgspec.structs.replace(old, qualified=qualified)
            self._records.put(txn, changed, name)
            return changed

        changed = (await self._store.write(body)).result
        if changed is not None:
            self._functions[name] = changed

    def _at(self, name: str, qualifier: str) -> Function | None:
        if name not in self._functions or qualifier == LATEST:
            return self._functions.get(name)
        alias = self._aliases[name].get(qualifier)
        if alias is not None and alias.version == LATEST:
            return self._functions[name]
        return self._versions[name].get(alias.version if alias is not None else qualifier)

    def _record(self, txn: Transaction, name: str, expected: str | None) -> Function:
        old = self._records.get(txn, name)
        if old is None:
            raise FunctionNotFound(arn=self.arn(name))
        if expected is not None and expected != old.revision:
            raise RevisionMismatch()
        return old


def _fingerprint(function: Function) -> str:
    """What a version would be made of: equal fingerprints, no new version."""
    kept = msgspec.structs.replace(function, **_BLANK)
    return hashlib.sha256(msgspec.json.encode(kept, order="sorted")).hexdigest()
