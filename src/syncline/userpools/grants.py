"""What a user gets who has proved everything: a sign-in and its tokens, shaped by the pool's functions.

For: `signin`. Owns: nothing. Never: checks a proof.
"""

from __future__ import annotations

from typing import Any

import msgspec

from syncline.userpools.asking import Asking
from syncline.userpools.catalog import Catalog
from syncline.userpools.model import SignIn, User
from syncline.userpools.sign_ins import SignIns
from syncline.userpools.tokens import TokenParts, Tokens
from syncline.userpools.triggers import Triggers, attributes_event

Members = dict[str, Any]


class Grants:
    """Gives tokens."""

    def __init__(self, catalog: Catalog, sign_ins: SignIns, tokens: Tokens, triggers: Triggers) -> None:
        self._catalog, self._sign_ins, self._tokens, self._triggers = catalog, sign_ins, tokens, triggers

    async def grant(self, asking: Asking, user: User, *, source: str = "Authentication") -> Members:
        """A new sign-in, when PostAuthentication has nothing against it."""
        await self._triggers.fire(
            asking.pool,
            "PostAuthentication",
            "Authentication",
            user=user,
            client=asking.client,
            userAttributes=attributes_event(user),
            newDeviceUsed=False,
            clientMetadata=dict(asking.metadata),
        )
        sign_in, refresh = await self._sign_ins.begin(user, asking.client)
        result = await self._issued(asking, user, sign_in, source)
        return {"AuthenticationResult": result | {"RefreshToken": refresh}, "ChallengeParameters": {}}

    async def refresh(self, asking: Asking, user: User, sign_in: SignIn) -> Members:
        """Fresh tokens of a sign-in, and, where they rotate, a fresh refresh token."""
        result = await self._issued(asking, user, sign_in, "RefreshTokens")
        if asking.client.rotation is not None:
            result["RefreshToken"] = await self._sign_ins.turned(sign_in)
        return {"AuthenticationResult": result, "ChallengeParameters": {}}

    async def _issued(self, asking: Asking, user: User, sign_in: SignIn, source: str) -> Members:
        groups = self._catalog.groups_of(asking.pool.id, user.groups)
        parts = TokenParts(tuple(group.name for group in groups), groups)
        parts = await self._shaped(asking, user, parts, source)
        return self._tokens.issue(asking.pool, asking.client, user, sign_in, more=parts)

    async def _shaped(self, asking: Asking, user: User, parts: TokenParts, source: str) -> TokenParts:
        """What a PreTokenGeneration function makes of the tokens: version 1 shapes the ID token, version 2 both."""
        setting = (asking.pool.config.get("LambdaConfig") or {}).get("PreTokenGenerationConfig") or {}
        version = setting.get("LambdaVersion", "V1_0")
        second = version != "V1_0"
        roles = [group.role_arn for group in parts.all_groups if group.role_arn]
        group_event = {"groupsToOverride": list(parts.groups), "iamRolesToOverride": roles, "preferredRole": None}
        found = await self._triggers.fire(
            asking.pool,
            "PreTokenGeneration",
            source,
            user=user,
            client=asking.client,
            version=version[1],
            userAttributes=attributes_event(user),
            groupConfiguration=group_event,
            clientMetadata=dict(asking.metadata),
            **({"scopes": ["aws.cognito.signin.user.admin"]} if second else {}),
        )
        if not found:
            return parts
        member = "claimsAndScopeOverrideDetails" if second else "claimsOverrideDetails"
        details = found.get(member) or {}
        by_use = {"id": details.get("idTokenGeneration"), "access": details.get("accessTokenGeneration")}
        if not second:
            by_use = {"id": details}
        named = (details.get("groupOverrideDetails") or {}).get("groupsToOverride")
        return msgspec.structs.replace(
            parts,
            groups=parts.groups if named is None else tuple(str(each) for each in named),
            add={use: dict((given or {}).get("claimsToAddOrOverride") or {}) for use, given in by_use.items()},
            suppress={use: frozenset((given or {}).get("claimsToSuppress") or ()) for use, given in by_use.items()},
        )
