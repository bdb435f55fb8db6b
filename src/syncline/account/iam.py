"""IAM: one method per operation; the bodies are in `roles`, `policies` and `users`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from syncline.account import policies, roles, tags, users
from syncline.account.ask import Ask
from syncline.account.coverage import IAM_OPERATIONS
from syncline.account.credentials import Credentials
from syncline.account.model import USERS
from syncline.account.permissions import Permissions, simulate
from syncline.account.policies import ROLE, USER
from syncline.core import Clock, Ids, call
from syncline.store import Snapshot, Store, Transaction

Asked = dict[str, Any]


class Iam:
    """The operations of AWS IAM."""

    coverage = IAM_OPERATIONS

    def __init__(
        self,
        store: Store,
        credentials: Credentials,
        clock: Clock,
        ids: Ids,
        *,
        account: str,
        permissions: Permissions | None = None,
    ) -> None:
        self.permissions = permissions or Permissions(store, clock, account=account)
        self._store = store
        self._credentials = credentials
        self._clock = clock
        self._ids = ids
        self._account = account

    # Roles

    async def create_role(self, request: Asked) -> Asked:
        """Make a role."""
        return await self._write(roles.create, request)

    async def get_role(self, request: Asked) -> Asked:
        """One role, with tags."""
        return await self._read(roles.get, request)

    async def list_roles(self, request: Asked) -> Asked:
        """The roles under a path."""
        return await self._read(roles.listing, request)

    async def update_role(self, request: Asked) -> Asked:
        """Change a role's description and the longest session."""
        return await self._write(roles.update, request)

    async def update_role_description(self, request: Asked) -> Asked:
        """Change a role's description."""
        return await self._write(roles.update_description, request)

    async def update_assume_role_policy(self, request: Asked) -> Asked:
        """Change a role's trust policy."""
        return await self._write(roles.update_trust, request)

    async def delete_role(self, request: Asked) -> Asked:
        """Delete a role that has no policies left."""
        return await self._write(roles.delete, request)

    async def tag_role(self, request: Asked) -> Asked:
        """Add tags."""
        return await self._write(_held(tags.add, ROLE), request)

    async def untag_role(self, request: Asked) -> Asked:
        """Take tags away."""
        return await self._write(_held(tags.remove, ROLE), request)

    async def list_role_tags(self, request: Asked) -> Asked:
        """A role's tags."""
        return await self._read(_tags_of(roles.role_of), request)

    async def list_instance_profiles_for_role(self, request: Asked) -> Asked:
        """None, for any role."""
        return await self._read(roles.list_instance_profiles, request)

    # What hangs on roles and users

    async def put_role_policy(self, request: Asked) -> Asked:
        """Write an inline policy of a role."""
        return await self._write(_held(policies.put_inline, ROLE), request)

    async def get_role_policy(self, request: Asked) -> Asked:
        """An inline policy of a role."""
        return await self._read(_held(policies.get_inline, ROLE), request)

    async def list_role_policies(self, request: Asked) -> Asked:
        """The names of a role's inline policies."""
        return await self._read(_held(policies.list_inline, ROLE), request)

    async def delete_role_policy(self, request: Asked) -> Asked:
        """Delete an inline policy of a role."""
        return await self._write(_held(policies.delete_inline, ROLE), request)

    async def attach_role_policy(self, request: Asked) -> Asked:
        """Attach a managed policy to a role."""
        return await self._write(_held(policies.attach, ROLE), request)

    async def detach_role_policy(self, request: Asked) -> Asked:
        """Detach a managed policy from a role."""
        return await self._write(_held(policies.detach, ROLE), request)

    async def list_attached_role_policies(self, request: Asked) -> Asked:
        """The managed policies of a role."""
        return await self._read(_held(policies.list_attached, ROLE), request)

    async def put_user_policy(self, request: Asked) -> Asked:
        """Write an inline policy of a user."""
        return await self._write(_held(policies.put_inline, USER), request)

    async def get_user_policy(self, request: Asked) -> Asked:
        """An inline policy of a user."""
        return await self._read(_held(policies.get_inline, USER), request)

    async def list_user_policies(self, request: Asked) -> Asked:
        """The names of a user's inline policies."""
        return await self._read(_held(policies.list_inline, USER), request)

    async def delete_user_policy(self, request: Asked) -> Asked:
        """Delete an inline policy of a user."""
        return await self._write(_held(policies.delete_inline, USER), request)

    async def attach_user_policy(self, request: Asked) -> Asked:
        """Attach a managed policy to a user."""
        return await self._write(_held(policies.attach, USER), request)

    async def detach_user_policy(self, request: Asked) -> Asked:
        """Detach a managed policy from a user."""
        return await self._write(_held(policies.detach, USER), request)

    async def list_attached_user_policies(self, request: Asked) -> Asked:
        """The managed policies of a user."""
        return await self._read(_held(policies.list_attached, USER), request)

    # Managed policies

    async def create_policy(self, request: Asked) -> Asked:
        """Make a managed policy."""
        return await self._write(policies.create, request)

    async def get_policy(self, request: Asked) -> Asked:
        """One managed policy, AWS's own included."""
        return await self._read(policies.get, request)

    async def list_policies(self, request: Asked) -> Asked:
        """The managed policies of a scope."""
        return await self._read(policies.listing, request)

    async def delete_policy(self, request: Asked) -> Asked:
        """Delete a policy that hangs nowhere and has one version."""
        return await self._write(policies.delete, request)

    async def create_policy_version(self, request: Asked) -> Asked:
        """Add a version to a policy."""
        return await self._write(policies.create_version, request)

    async def get_policy_version(self, request: Asked) -> Asked:
        """One version, with its document."""
        return await self._read(policies.get_version, request)

    async def list_policy_versions(self, request: Asked) -> Asked:
        """A policy's versions, newest first."""
        return await self._read(policies.list_versions, request)

    async def set_default_policy_version(self, request: Asked) -> Asked:
        """Choose the version in force."""
        return await self._write(policies.set_default_version, request)

    async def delete_policy_version(self, request: Asked) -> Asked:
        """Delete a version that is not the default."""
        return await self._write(policies.delete_version, request)

    async def list_policy_tags(self, request: Asked) -> Asked:
        """A policy's tags."""
        return await self._read(_tags_of(policies.policy_of), request)

    async def list_entities_for_policy(self, request: Asked) -> Asked:
        """Who has a policy attached."""
        return await self._read(policies.list_entities, request)

    # Users and keys

    async def create_user(self, request: Asked) -> Asked:
        """Make a user."""
        return await self._write(users.create, request)

    async def get_user(self, request: Asked) -> Asked:
        """One user; the caller without a name, who may be root."""
        if "UserName" not in request and not users.caller_name():
            root = self._credentials.root_caller
            return {"User": {"UserId": root.user_id, "Arn": root.arn, "CreateDate": self._credentials.root.created}}
        return await self._read(users.get, request)

    async def list_users(self, request: Asked) -> Asked:
        """The users under a path."""
        return await self._read(users.listing, request)

    async def delete_user(self, request: Asked) -> Asked:
        """Delete a user that has no policies and no keys left."""
        return await self._write(users.delete, request)

    async def tag_user(self, request: Asked) -> Asked:
        """Add tags."""
        return await self._write(_held(tags.add, USER), request)

    async def untag_user(self, request: Asked) -> Asked:
        """Take tags away."""
        return await self._write(_held(tags.remove, USER), request)

    async def list_user_tags(self, request: Asked) -> Asked:
        """A user's tags."""
        return await self._read(_tags_of(users.user_of), request)

    async def create_access_key(self, request: Asked) -> Asked:
        """Make a key of a user: the only answer that shows its secret."""
        ask = self._ask(request)
        key = (await self._store.write(lambda txn: users.create_key(txn, ask, self._credentials.sealed))).result
        user = await self._store.read(lambda snapshot: USERS.get(snapshot, ask.account, key.user))
        assert user is not None, "a key was made for a user that is there"
        self._credentials.admit(key, arn=user.arn, user_id=user.id)
        return {"AccessKey": users.key_view(key) | {"SecretAccessKey": key.secret}}

    async def update_access_key(self, request: Asked) -> Asked:
        """Switch a key on or off."""
        ask = self._ask(request)
        self._credentials.change((await self._store.write(lambda txn: users.update_key(txn, ask))).result)
        return {}

    async def delete_access_key(self, request: Asked) -> Asked:
        """Delete a key."""
        ask = self._ask(request)
        self._credentials.withdraw((await self._store.write(lambda txn: users.delete_key(txn, ask))).result.id)
        return {}

    async def list_access_keys(self, request: Asked) -> Asked:
        """A user's keys, without their secrets."""
        return await self._read(users.list_keys, request)

    async def simulate_principal_policy(self, request: Asked) -> Asked:
        """What the policies of a user or role decide about actions on resources."""
        return await simulate(self.permissions, request)

    async def _write(self, body: Callable[[Transaction, Ask], Asked], request: Asked) -> Asked:
        ask = self._ask(request)
        committed = await self._store.write(lambda txn: body(txn, ask))
        call.committed(committed.position)
        self.permissions.changed()
        return committed.result

    async def _read(self, body: Callable[[Snapshot, Ask], Asked], request: Asked) -> Asked:
        ask = self._ask(request)
        return await self._store.read(lambda snapshot: body(snapshot, ask))

    def _ask(self, request: Asked) -> Ask:
        return Ask(request, self._clock.now(), self._account, self._ids.bytes(64))


def _held(body: Callable[..., Asked], holder: policies.Holder) -> Callable[..., Asked]:
    """`body` for what hangs on `holder`."""
    return lambda reach, ask: body(reach, ask, holder)


def _tags_of(find: Callable[..., Any]) -> Callable[..., Asked]:
    """The listing of the tags of what `find` finds."""
    return lambda reach, ask: tags.listing(reach, ask, find)
