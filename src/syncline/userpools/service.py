"""Cognito's operations on user pools: one method each; `wire` calls them by name.

For: `app`, which registers `UserPools` as the service `cognito-idp`. Owns: nothing. An operation without a method is
one that Syncline does not have.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec

from syncline.userpools import attributes, views
from syncline.userpools.coverage import OPERATIONS
from syncline.userpools.engine import UserPoolEngine
from syncline.userpools.errors import NotAuthorized, ParameterInvalid, TokenTypeUnsupported
from syncline.userpools.model import Pool, User

Members = dict[str, Any]
T = TypeVar("T")


class UserPools:
    """Amazon Cognito user pools."""

    coverage = OPERATIONS

    def __init__(self, engine: UserPoolEngine) -> None:
        self._engine = engine
        self._catalog, self._users, self._accounts = engine.catalog, engine.users, engine.accounts
        self._flows, self._sign_ins = engine.flows, engine.sign_ins

    # --- by users, unsigned

    async def sign_up(self, request: Members) -> Members:
        """A new user, by themselves."""
        return await self._accounts.sign_up(request)

    async def confirm_sign_up(self, request: Members) -> Members:
        """Confirm with the code that was sent."""
        return await self._accounts.confirm_sign_up(request)

    async def resend_confirmation_code(self, request: Members) -> Members:
        """Send another code."""
        return await self._accounts.resend_code(request)

    async def initiate_auth(self, request: Members) -> Members:
        """Begin to sign in, or refresh."""
        return await self._flows.initiate(request, admin=False)

    async def respond_to_auth_challenge(self, request: Members) -> Members:
        """Answer a challenge."""
        return await self._flows.respond(request, admin=False)

    async def get_tokens_from_refresh_token(self, request: Members) -> Members:
        """New tokens for a refresh token."""
        answer = await self._flows.refresh(request)
        return {"AuthenticationResult": answer["AuthenticationResult"]}

    async def revoke_token(self, request: Members) -> Members:
        """End the sign-in of a refresh token; an unknown one is nothing to do."""
        client = self._catalog.client(request["ClientId"])
        if not self._catalog.is_secret(client, request.get("ClientSecret") or ""):
            raise NotAuthorized("Invalid client secret")
        if request["Token"].count(".") == 2:
            raise TokenTypeUnsupported
        facts = self._sign_ins.read(request["Token"])
        if facts is not None and facts.pool == client.pool:
            await self._sign_ins.revoke(facts)
        return {}

    async def forgot_password(self, request: Members) -> Members:
        """Send a code that lets the user choose a new password."""
        return await self._accounts.forgot_password(request)

    async def confirm_forgot_password(self, request: Members) -> Members:
        """Set a new password by code."""
        return await self._accounts.confirm_forgot_password(request)

    # --- by users, with an access token

    async def get_user(self, request: Members) -> Members:
        """The user of the token."""
        _, client, user = await self._flows.bearer(request["AccessToken"])
        shown = attributes.to_list(attributes.readable(client, user))
        return {"Username": user.name, "UserAttributes": shown}

    async def update_user_attributes(self, request: Members) -> Members:
        """Change the user's own attributes."""
        pool, client, user = await self._flows.bearer(request["AccessToken"])
        given = attributes.from_list(request["UserAttributes"])
        return {"CodeDeliveryDetailsList": await self._accounts.update_attributes(pool, user, given, client=client)}

    async def delete_user_attributes(self, request: Members) -> Members:
        """Take some of the user's own attributes away."""
        pool, client, user = await self._flows.bearer(request["AccessToken"])
        return await self._accounts.delete_attributes(pool, user, request["UserAttributeNames"], client=client)

    async def get_user_attribute_verification_code(self, request: Members) -> Members:
        """Send a code that verifies an attribute."""
        pool, client, user = await self._flows.bearer(request["AccessToken"])
        return await self._accounts.send_verification(pool, user, request["AttributeName"], client=client)

    async def verify_user_attribute(self, request: Members) -> Members:
        """Verify an attribute by its code."""
        pool, _, user = await self._flows.bearer(request["AccessToken"])
        return await self._accounts.verify_attribute(pool, user, request["AttributeName"], request["Code"])

    async def change_password(self, request: Members) -> Members:
        """Change the user's own password."""
        pool, _, user = await self._flows.bearer(request["AccessToken"])
        return await self._accounts.change_password(pool, user, request)

    async def global_sign_out(self, request: Members) -> Members:
        """End every sign-in of the user."""
        _, _, user = await self._flows.bearer(request["AccessToken"])
        await self._sign_ins.revoke_all(user)
        return {}

    async def delete_user(self, request: Members) -> None:
        """Delete the user of the token."""
        _, _, user = await self._flows.bearer(request["AccessToken"])
        await self._forget(user)

    # --- pools

    async def create_user_pool(self, request: Members) -> Members:
        """A new pool."""
        return {"UserPool": views.pool(await self._catalog.create_pool(request))}

    async def describe_user_pool(self, request: Members) -> Members:
        """One pool."""
        pool = self._catalog.pool(request["UserPoolId"])
        return {"UserPool": views.pool(pool, users=await self._users.count(pool))}

    async def update_user_pool(self, request: Members) -> Members:
        """A pool described anew."""
        await self._catalog.update_pool(request)
        return {}

    async def delete_user_pool(self, request: Members) -> None:
        """Delete a pool and all its users."""
        await self._engine.delete_pool(request["UserPoolId"])

    async def list_user_pools(self, request: Members) -> Members:
        """Pools, a page at a time."""
        pools = sorted(self._catalog.pools.values(), key=lambda pool: pool.id)
        return page("UserPools", pools, request, lambda pool: pool.id, views.pool_row, limit="MaxResults")

    async def get_user_pool_mfa_config(self, request: Members) -> Members:
        """Always off: there is none."""
        self._catalog.pool(request["UserPoolId"])
        return {"MfaConfiguration": "OFF"}

    async def add_custom_attributes(self, request: Members) -> Members:
        """More custom attributes for a pool."""
        pool = self._catalog.pool(request["UserPoolId"])
        schema = list(pool.config["SchemaAttributes"])
        fresh = [attributes.custom(each) for each in request["CustomAttributes"]]
        names = {row["Name"] for row in schema}
        for row in fresh:
            if row["Name"] in names:
                raise ParameterInvalid(f"{row['Name']}: Existing attribute already has name {row['Name']}.")
        if len(schema) + len(fresh) > len(attributes.STANDARD) + attributes.CUSTOM_MAX:
            raise ParameterInvalid(f"A pool has at most {attributes.CUSTOM_MAX} custom attributes.")
        config = pool.config | {"SchemaAttributes": schema + fresh}
        await self._catalog.keep_pool(msgspec.structs.replace(pool, config=config))
        return {}

    async def tag_resource(self, request: Members) -> Members:
        """Add tags."""
        pool = self._catalog.by_arn(request["ResourceArn"])
        await self._catalog.keep_pool(msgspec.structs.replace(pool, tags=pool.tags | request["Tags"]))
        return {}

    async def untag_resource(self, request: Members) -> Members:
        """Take tags away."""
        pool = self._catalog.by_arn(request["ResourceArn"])
        kept = {name: value for name, value in pool.tags.items() if name not in request["TagKeys"]}
        await self._catalog.keep_pool(msgspec.structs.replace(pool, tags=kept))
        return {}

    async def list_tags_for_resource(self, request: Members) -> Members:
        """All tags."""
        return {"Tags": self._catalog.by_arn(request["ResourceArn"]).tags}

    # --- clients

    async def create_user_pool_client(self, request: Members) -> Members:
        """A new client."""
        client = await self._catalog.create_client(request)
        return {"UserPoolClient": views.client(client, self._catalog.secret_of(client))}

    async def describe_user_pool_client(self, request: Members) -> Members:
        """One client, with its secret."""
        client = self._catalog.client(request["ClientId"], request["UserPoolId"])
        return {"UserPoolClient": views.client(client, self._catalog.secret_of(client))}

    async def update_user_pool_client(self, request: Members) -> Members:
        """A client described anew."""
        client = await self._catalog.update_client(request)
        return {"UserPoolClient": views.client(client, self._catalog.secret_of(client))}

    async def delete_user_pool_client(self, request: Members) -> None:
        """Delete a client."""
        await self._catalog.delete_client(request)

    async def list_user_pool_clients(self, request: Members) -> Members:
        """A pool's clients, a page at a time."""
        pool = self._catalog.pool(request["UserPoolId"])
        found = sorted((c for c in self._catalog.clients.values() if c.pool == pool.id), key=lambda c: c.id)
        shown = lambda c: {"ClientId": c.id, "UserPoolId": c.pool, "ClientName": c.config["ClientName"]}  # noqa: E731
        return page("UserPoolClients", found, request, lambda c: c.id, shown, limit="MaxResults")

    # --- users, by administrators

    async def admin_create_user(self, request: Members) -> Members:
        """A user with a temporary password."""
        return {"User": views.user(await self._accounts.admin_create(request))}

    async def admin_get_user(self, request: Members) -> Members:
        """One user."""
        _, user = await self._named(request)
        return views.user_whole(user)

    async def admin_set_user_password(self, request: Members) -> Members:
        """Set a password, for good or until the next sign-in."""
        pool, user = await self._named(request)
        permanent = bool(request.get("Permanent"))
        await self._accounts.set_password(pool, user, request["Password"], permanent=permanent)
        return {}

    async def admin_confirm_sign_up(self, request: Members) -> Members:
        """Confirm a user without a code."""
        return await self._accounts.admin_confirm(request)

    async def admin_update_user_attributes(self, request: Members) -> Members:
        """Change attributes."""
        pool, user = await self._named(request)
        given = attributes.from_list(request["UserAttributes"])
        await self._accounts.update_attributes(pool, user, given, client=None)
        return {}

    async def admin_delete_user_attributes(self, request: Members) -> Members:
        """Take attributes away."""
        pool, user = await self._named(request)
        return await self._accounts.delete_attributes(pool, user, request["UserAttributeNames"], client=None)

    async def admin_delete_user(self, request: Members) -> None:
        """Delete a user."""
        _, user = await self._named(request)
        await self._forget(user)

    async def admin_enable_user(self, request: Members) -> Members:
        """Let a user in again."""
        _, user = await self._named(request)
        await self._users.update(user, enabled=True)
        return {}

    async def admin_disable_user(self, request: Members) -> Members:
        """Keep a user out, and end what they signed in to."""
        _, user = await self._named(request)
        await self._users.update(user, enabled=False)
        await self._sign_ins.revoke_all(user)
        return {}

    async def admin_reset_user_password(self, request: Members) -> Members:
        """Have the user choose a new password."""
        return await self._accounts.admin_reset(request)

    async def admin_user_global_sign_out(self, request: Members) -> Members:
        """End every sign-in of a user."""
        _, user = await self._named(request)
        await self._sign_ins.revoke_all(user)
        return {}

    async def admin_initiate_auth(self, request: Members) -> Members:
        """Begin to sign a user in, from a server."""
        return await self._flows.initiate(request, admin=True)

    async def admin_respond_to_auth_challenge(self, request: Members) -> Members:
        """Answer a challenge, from a server."""
        return await self._flows.respond(request, admin=True)

    async def list_users(self, request: Members) -> Members:
        """Users, by a filter, a page at a time."""
        pool = self._catalog.pool(request["UserPoolId"])
        users, token = await self._users.listing(pool, request)
        wanted = request.get("AttributesToGet")
        answer: Members = {"Users": [views.user(user, wanted) for user in users]}
        return answer | ({"PaginationToken": token} if token else {})

    # --- groups

    async def create_group(self, request: Members) -> Members:
        """A new group."""
        return {"Group": views.group(await self._catalog.create_group(request))}

    async def get_group(self, request: Members) -> Members:
        """One group."""
        return {"Group": views.group(self._catalog.group(request["UserPoolId"], request["GroupName"]))}

    async def update_group(self, request: Members) -> Members:
        """Change a group."""
        return {"Group": views.group(await self._catalog.update_group(request))}

    async def delete_group(self, request: Members) -> None:
        """Delete a group; its users stay."""
        pool = self._catalog.pool(request["UserPoolId"])
        await self._catalog.delete_group(request)
        name = request["GroupName"]
        while (members := await self._users.in_group(pool, name, limit=500, token=None))[0]:
            for user in members[0]:
                await self._set_groups(user, leave=name)

    async def list_groups(self, request: Members) -> Members:
        """A pool's groups, a page at a time."""
        pool = self._catalog.pool(request["UserPoolId"])
        found = sorted((g for g in self._catalog.groups.values() if g.pool == pool.id), key=lambda g: g.name)
        return page("Groups", found, request, lambda g: g.name, views.group)

    async def admin_add_user_to_group(self, request: Members) -> None:
        """Put a user into a group."""
        self._catalog.group(request["UserPoolId"], request["GroupName"])
        _, user = await self._named(request)
        await self._set_groups(user, join=request["GroupName"])

    async def admin_remove_user_from_group(self, request: Members) -> None:
        """Take a user out of a group."""
        self._catalog.group(request["UserPoolId"], request["GroupName"])
        _, user = await self._named(request)
        await self._set_groups(user, leave=request["GroupName"])

    async def admin_list_groups_for_user(self, request: Members) -> Members:
        """A user's groups, a page at a time."""
        pool, user = await self._named(request)
        found = sorted(self._catalog.groups_of(pool.id, user.groups), key=lambda g: g.name)
        return page("Groups", found, request, lambda g: g.name, views.group)

    async def list_users_in_group(self, request: Members) -> Members:
        """A group's users, a page at a time."""
        group = self._catalog.group(request["UserPoolId"], request["GroupName"])
        pool = self._catalog.pool(group.pool)
        limit, token = request.get("Limit") or 60, request.get("NextToken")
        users, more = await self._users.in_group(pool, group.name, limit=limit, token=token)
        return {"Users": [views.user(user) for user in users]} | ({"NextToken": more} if more else {})

    # --- parts

    async def _named(self, request: Members) -> tuple[Pool, User]:
        pool = self._catalog.pool(request["UserPoolId"])
        return pool, await self._users.user(pool, request["Username"])

    async def _forget(self, user: User) -> None:
        await self._sign_ins.revoke_all(user)
        await self._users.remove(user)

    async def _set_groups(self, user: User, *, join: str = "", leave: str = "") -> None:
        def change(_: Any, old: User) -> User:
            kept = tuple(name for name in old.groups if name not in (join, leave))
            return msgspec.structs.replace(old, groups=(*kept, join) if join else kept)

        await self._users.change(user, change)


def page(
    member: str,
    found: Sequence[T],
    request: Members,
    name: Callable[[T], str],
    shown: Callable[[T], Members],
    *,
    limit: str = "Limit",
) -> Members:
    """The part of a list in order of `name` that the request asks for."""
    after = _after(request["NextToken"]) if request.get("NextToken") else None
    rest = [each for each in found if after is None or name(each) > after]
    count = request.get(limit) or 60
    answer: Members = {member: [shown(each) for each in rest[:count]]}
    if len(rest) > count:
        answer["NextToken"] = base64.urlsafe_b64encode(name(rest[count - 1]).encode()).decode()
    return answer


def _after(token: str) -> str:
    try:
        return base64.urlsafe_b64decode(token).decode()
    except (binascii.Error, ValueError):
        raise ParameterInvalid("Invalid pagination token.") from None
