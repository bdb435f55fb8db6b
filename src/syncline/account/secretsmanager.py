"""Secrets Manager: one method per operation; the bodies are in `secrets`, random passwords in `passwords`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from syncline.account import passwords, secrets
from syncline.account.ask import Ask
from syncline.account.coverage import SECRET_OPERATIONS
from syncline.account.errors import TokenInvalid
from syncline.account.model import Secret
from syncline.core import Clock, Ids, Vault, call
from syncline.store import Snapshot, Store, Transaction
from syncline.wire import cut

Asked = dict[str, Any]
LIST_DEFAULT = 100


class SecretsManager:
    """The operations of AWS Secrets Manager."""

    coverage = SECRET_OPERATIONS

    def __init__(
        self, store: Store, clock: Clock, ids: Ids, *, account: str, region: str, vault: Vault | None = None
    ) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        # Without one (tests, mostly) values live as long as the server does.
        self._place = secrets.Place(account, region, vault or Vault(ids.bytes(32), ids))

    async def get_random_password(self, request: Asked) -> Asked:
        """A random password after the request's options."""
        return {"RandomPassword": passwords.draw(request, self._ids)}

    async def create_secret(self, request: Asked) -> Asked:
        """Make a secret, with a first value or without."""
        return await self._write(self._versioned(secrets.create, request), request)

    async def get_secret_value(self, request: Asked) -> Asked:
        """A version's value: the current one unless asked otherwise."""
        return await self._read(secrets.get_value, request)

    async def put_secret_value(self, request: Asked) -> Asked:
        """Add a version."""
        return await self._write(self._versioned(secrets.put_value, request), request)

    async def update_secret(self, request: Asked) -> Asked:
        """Change a secret's description, key or value."""
        return await self._write(self._versioned(secrets.update, request), request)

    async def describe_secret(self, request: Asked) -> Asked:
        """Everything but the values."""
        return await self._read(secrets.describe, request)

    async def list_secrets(self, request: Asked) -> Asked:
        """The secrets by name."""
        now, planned = self._clock.now(), request.get("IncludePlannedDeletion", False)
        found = await self._store.read(lambda snapshot: secrets.listing(snapshot, self._place, now, planned=planned))
        shown, token = cut(found, request.get("NextToken"), request.get("MaxResults", LIST_DEFAULT), TokenInvalid)
        answer: Asked = {"SecretList": [_listed(secret) for secret in shown]}
        return answer if token is None else answer | {"NextToken": token}

    async def list_secret_version_ids(self, request: Asked) -> Asked:
        """A secret's versions and their stages."""
        return await self._read(secrets.list_versions, request)

    async def delete_secret(self, request: Asked) -> Asked:
        """Mark a secret for deletion, or delete it at once."""
        return await self._write(secrets.delete, request)

    async def restore_secret(self, request: Asked) -> Asked:
        """Take back the mark."""
        return await self._write(secrets.restore, request)

    async def tag_resource(self, request: Asked) -> Asked:
        """Add tags."""
        return await self._write(secrets.tag, request)

    async def untag_resource(self, request: Asked) -> Asked:
        """Take tags away."""
        return await self._write(secrets.untag, request)

    async def get_resource_policy(self, request: Asked) -> Asked:
        """No secret has one: who it is is all that is said."""
        shown = await self._read(secrets.describe, request)
        return {"ARN": shown["ARN"], "Name": shown["Name"]}

    def _versioned(self, body: Callable[..., Asked], request: Asked) -> Callable[..., Asked]:
        """`body` with the version it may make."""
        token = request.get("ClientRequestToken") or self._ids.uuid()
        new = secrets.written(request, token, self._place.vault)
        return lambda txn, ask, place: body(txn, ask, place, new)

    async def _write(self, body: Callable[[Transaction, Ask, secrets.Place], Asked], request: Asked) -> Asked:
        ask = self._ask(request)
        committed = await self._store.write(lambda txn: body(txn, ask, self._place))
        call.committed(committed.position)
        return committed.result

    async def _read(self, body: Callable[[Snapshot, Ask, secrets.Place], Asked], request: Asked) -> Asked:
        ask = self._ask(request)
        return await self._store.read(lambda snapshot: body(snapshot, ask, self._place))

    def _ask(self, request: Asked) -> Ask:
        return Ask(request, self._clock.now(), self._place.account, self._ids.bytes(64))


def _listed(secret: Secret) -> Asked:
    shown = secrets.view(secret)
    if "VersionIdsToStages" in shown:
        shown["SecretVersionsToStages"] = shown.pop("VersionIdsToStages")
    return shown
