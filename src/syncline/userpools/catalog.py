"""Pools, their clients and groups: made, described, changed, listed.

For: `service`, sign-in. Owns: all of them in memory, and their records. Never: touches a user, but to count them.
"""

from __future__ import annotations

import base64
import hmac
import re
from typing import Any

import msgspec

from syncline.core import Clock, Ids, Vault, arns, call
from syncline.store import Collection, Snapshot, Store, Transaction
from syncline.userpools import attributes, passwords
from syncline.userpools.errors import GroupTaken, NoSuchThing, NotAuthorized, NotBuilt, ParameterInvalid, PoolProtected
from syncline.userpools.model import CLIENTS, GROUPS, POOLS, Client, Group, Pool
from syncline.userpools.tokens import Tokens

Members = dict[str, Any]
SEALED = "client secret"
FLOWS_DEFAULT = ["ALLOW_REFRESH_TOKEN_AUTH", "ALLOW_USER_SRP_AUTH", "ALLOW_CUSTOM_AUTH"]
PLAIN_POOL = (
    *("Policies", "AutoVerifiedAttributes", "AliasAttributes", "UsernameAttributes", "UsernameConfiguration"),
    *("LambdaConfig", "AdminCreateUserConfig", "MfaConfiguration", "DeletionProtection", "AccountRecoverySetting"),
    *("EmailVerificationMessage", "EmailVerificationSubject", "SmsVerificationMessage", "SmsAuthenticationMessage"),
    *("VerificationMessageTemplate", "EmailConfiguration", "SmsConfiguration", "UserAttributeUpdateSettings"),
    *("DeviceConfiguration", "UserPoolAddOns", "UserPoolTier"),
)
PLAIN_CLIENT = (
    *("ClientName", "RefreshTokenValidity", "AccessTokenValidity", "IdTokenValidity", "TokenValidityUnits"),
    *("ReadAttributes", "WriteAttributes", "ExplicitAuthFlows", "SupportedIdentityProviders", "CallbackURLs"),
    *("LogoutURLs", "DefaultRedirectURI", "AllowedOAuthFlows", "AllowedOAuthScopes"),
    *("AllowedOAuthFlowsUserPoolClient", "AnalyticsConfiguration", "PreventUserExistenceErrors"),
    *("EnableTokenRevocation", "EnablePropagateAdditionalUserContextData", "AuthSessionValidity"),
    "RefreshTokenRotation",
)


class Catalog:
    """What user pools there are."""

    def __init__(
        self, store: Store, vault: Vault, tokens: Tokens, clock: Clock, ids: Ids, *, region: str, account: str
    ) -> None:
        self._store, self._vault, self._tokens, self._clock, self._ids = store, vault, tokens, clock, ids
        self._region, self._account = region, account
        self.pools: dict[str, Pool] = {}
        self.clients: dict[str, Client] = {}
        self.groups: dict[tuple[str, str], Group] = {}

    async def load(self) -> None:
        """Take in what the store holds: once, at start."""

        def body(snapshot: Snapshot) -> None:
            self.pools = {pool.id: pool for pool in POOLS.list(snapshot)}
            self.clients = {client.id: client for client in CLIENTS.list(snapshot)}
            self.groups = {(group.pool, group.name): group for group in GROUPS.list(snapshot)}

        await self._store.read(body)

    # --- finding

    def pool(self, pool_id: str) -> Pool:
        """The pool. Raises NoSuchThing."""
        found = self.pools.get(pool_id)
        if found is None:
            raise NoSuchThing(f"User pool {pool_id} does not exist.")
        return found

    def client(self, client_id: str, pool_id: str | None = None) -> Client:
        """The client, of this pool if one is named. Raises NoSuchThing."""
        found = self.clients.get(client_id)
        if found is None or (pool_id is not None and found.pool != pool_id):
            raise NoSuchThing(f"User pool client {client_id} does not exist.")
        return found

    def group(self, pool_id: str, name: str) -> Group:
        """The group. Raises NoSuchThing."""
        self.pool(pool_id)
        found = self.groups.get((pool_id, name))
        if found is None:
            raise NoSuchThing("Group not found.")
        return found

    def groups_of(self, pool_id: str, names: tuple[str, ...]) -> tuple[Group, ...]:
        """These groups, the most important first."""
        found = [self.groups[pool_id, name] for name in names if (pool_id, name) in self.groups]
        return tuple(sorted(found, key=lambda g: (g.precedence is None, g.precedence or 0, g.name)))

    def secret_of(self, client: Client) -> str | None:
        """The client's secret, if it has one."""
        return self._vault.open_text(SEALED, client.sealed_secret) if client.sealed_secret else None

    def is_secret(self, client: Client, given: str) -> bool:
        """Whether a client has no secret, or just this one."""
        secret = self.secret_of(client)
        return secret is None or hmac.compare_digest(secret.encode(), given.encode())

    def check_secret_hash(self, client: Client, username: str, given: str | None) -> None:
        """Raise unless SECRET_HASH is right for a client with a secret."""
        secret = self.secret_of(client)
        if secret is None:
            return
        if not given:
            raise NotAuthorized(f"Client {client.id} is configured with secret but SECRET_HASH was not received")
        wanted = base64.b64encode(hmac.digest(secret.encode(), (username + client.id).encode(), "sha256"))
        if not hmac.compare_digest(wanted, given.encode()):
            raise NotAuthorized(f"SecretHash does not match for the client: {client.id}")

    # --- pools

    async def create_pool(self, request: Members) -> Pool:
        """A new pool, with its signing keys."""
        pool_id, now = f"{self._region}_{self._ids.short(9)}", self._clock.now()
        arn = str(arns.Arn("cognito-idp", self._region, self._account, f"userpool/{pool_id}"))
        config = self._pool_config(request)
        config["Name"] = request["PoolName"]
        config["SchemaAttributes"] = attributes.schema_of(request.get("Schema") or ())
        keys = await self._tokens.new_keys()
        pool = Pool(pool_id, arn, now, now, config, keys, dict(request.get("UserPoolTags") or {}))
        return await self.keep_pool(pool)

    async def update_pool(self, request: Members) -> Pool:
        """A pool described anew: what the request leaves out is reset, but for what never changes."""
        pool = self.pool(request["UserPoolId"])
        config = self._pool_config(request)
        for member in ("SchemaAttributes", "AliasAttributes", "UsernameAttributes", "UsernameConfiguration"):
            if member in pool.config:
                config[member] = pool.config[member]
        config["Name"] = request.get("PoolName") or pool.config["Name"]
        tags = pool.tags if request.get("UserPoolTags") is None else dict(request["UserPoolTags"])
        return await self.keep_pool(msgspec.structs.replace(pool, config=config, tags=tags, modified=self._clock.now()))

    async def keep_pool(self, pool: Pool) -> Pool:
        """Write a pool."""
        await self._put(POOLS, pool, pool.id)
        self.pools[pool.id] = pool
        return pool

    async def delete_pool(self, pool_id: str) -> None:
        """Forget a pool and everything of it but its users, who are removed by the caller."""
        pool = self.pool(pool_id)
        if pool.config.get("DeletionProtection") == "ACTIVE":
            raise PoolProtected
        clients = [client.id for client in self.clients.values() if client.pool == pool_id]
        groups = [key for key in self.groups if key[0] == pool_id]

        def body(txn: Transaction) -> None:
            POOLS.delete(txn, pool_id)
            for client_id in clients:
                CLIENTS.delete(txn, client_id)
            for key in groups:
                GROUPS.delete(txn, *key)

        call.committed((await self._store.write(body)).position)
        del self.pools[pool_id]
        for client_id in clients:
            del self.clients[client_id]
        for key in groups:
            del self.groups[key]

    def _pool_config(self, request: Members) -> Members:
        config = {name: request[name] for name in PLAIN_POOL if request.get(name) is not None}
        if config.setdefault("MfaConfiguration", "OFF") != "OFF":
            raise NotBuilt(what="Multi-factor authentication (MfaConfiguration other than OFF)")
        policies = dict(config.get("Policies") or {})
        given = policies.get("PasswordPolicy")
        policies["PasswordPolicy"] = passwords.POLICY if given is None else {**NOTHING_ASKED, **given}
        if not 6 <= policies["PasswordPolicy"]["MinimumLength"] <= 99:
            raise ParameterInvalid("The minimum length of a password is from 6 to 99.")
        config["Policies"] = policies
        config.setdefault("LambdaConfig", {})
        config.setdefault("DeletionProtection", "INACTIVE")
        config["AdminCreateUserConfig"] = {"AllowAdminCreateUserOnly": False, "UnusedAccountValidityDays": 7} | (
            config.get("AdminCreateUserConfig") or {}
        )
        return config

    # --- clients

    async def create_client(self, request: Members) -> Client:
        """A new client, with a secret when it asks for one."""
        pool, now = self.pool(request["UserPoolId"]), self._clock.now()
        client_id = self._ids.short(26)
        secret = request.get("ClientSecret")
        if request.get("GenerateSecret") and not secret:
            secret = base64.b32encode(self._ids.bytes(32)).decode().lower().rstrip("=")[:51]
        sealed = self._vault.seal_text(SEALED, secret) if secret else None
        return await self.keep_client(Client(client_id, pool.id, now, now, self._client_config(request), sealed))

    async def update_client(self, request: Members) -> Client:
        """A client described anew; its secret stays."""
        client = self.client(request["ClientId"], request["UserPoolId"])
        config = self._client_config({"ClientName": client.config["ClientName"], **request})
        return await self.keep_client(msgspec.structs.replace(client, config=config, modified=self._clock.now()))

    async def keep_client(self, client: Client) -> Client:
        """Write a client."""
        await self._put(CLIENTS, client, client.id)
        self.clients[client.id] = client
        return client

    async def delete_client(self, request: Members) -> None:
        """Forget a client: its tokens are refused by Cognito's operations from then on."""
        client = self.client(request["ClientId"], request["UserPoolId"])
        call.committed((await self._store.write(lambda txn: CLIENTS.delete(txn, client.id))).position)
        del self.clients[client.id]

    def _client_config(self, request: Members) -> Members:
        config = {name: request[name] for name in PLAIN_CLIENT if request.get(name) is not None}
        flows = config.setdefault("ExplicitAuthFlows", list(FLOWS_DEFAULT))
        if any(flow.startswith("ALLOW_") for flow in flows) and not all(flow.startswith("ALLOW_") for flow in flows):
            raise ParameterInvalid("ExplicitAuthFlows may not mix flows with and without the prefix ALLOW_.")
        if "ALLOW_USER_AUTH" in flows:
            raise NotBuilt(what="The flow USER_AUTH")
        if config.get("AllowedOAuthFlowsUserPoolClient"):
            raise NotBuilt(what="OAuth at the hosted pages (AllowedOAuthFlowsUserPoolClient)")
        config.setdefault("RefreshTokenValidity", 30)
        config.setdefault("EnableTokenRevocation", True)
        config.setdefault("AuthSessionValidity", 3)
        config.setdefault("PreventUserExistenceErrors", "LEGACY")
        return config

    # --- groups

    async def create_group(self, request: Members) -> Group:
        """A new group."""
        pool, now = self.pool(request["UserPoolId"]), self._clock.now()
        if (pool.id, request["GroupName"]) in self.groups:
            raise GroupTaken
        group = Group(
            request["GroupName"],
            pool.id,
            now,
            now,
            request.get("Description"),
            request.get("RoleArn"),
            request.get("Precedence"),
        )
        return await self._keep_group(group)

    async def update_group(self, request: Members) -> Group:
        """A group with what the request names changed."""
        group = self.group(request["UserPoolId"], request["GroupName"])
        changed = msgspec.structs.replace(
            group,
            modified=self._clock.now(),
            description=request.get("Description", group.description),
            role_arn=request.get("RoleArn", group.role_arn),
            precedence=request.get("Precedence", group.precedence),
        )
        return await self._keep_group(changed)

    async def delete_group(self, request: Members) -> None:
        """Forget a group."""
        group = self.group(request["UserPoolId"], request["GroupName"])
        call.committed((await self._store.write(lambda txn: GROUPS.delete(txn, group.pool, group.name))).position)
        del self.groups[group.pool, group.name]

    async def _keep_group(self, group: Group) -> Group:
        await self._put(GROUPS, group, group.pool, group.name)
        self.groups[group.pool, group.name] = group
        return group

    async def _put(self, collection: Collection[Any], record: msgspec.Struct, *key: str) -> None:
        committed = await self._store.write(lambda txn: collection.put(txn, record, *key))
        call.committed(committed.position)

    def by_arn(self, arn: str) -> Pool:
        """The pool of an ARN. Raises NoSuchThing."""
        found = re.fullmatch(r"arn:aws:cognito-idp:[^:]*:[^:]*:userpool/([\w-]+)", arn)
        return self.pool(found[1] if found else arn)


NOTHING_ASKED: Members = {
    "MinimumLength": 8,
    **dict.fromkeys(("RequireUppercase", "RequireLowercase", "RequireNumbers", "RequireSymbols"), False),
    "TemporaryPasswordValidityDays": 7,
}
"""What a policy that is given in part asks for besides."""
