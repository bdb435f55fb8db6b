"""The nouns of authorisation: modes, what an API accepts, and who a caller turned out to be.

For: `authenticate`, and the rooms with a data plane. Owns: nothing that changes, but the map of keys an API hands in.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any, Literal, Protocol

import msgspec

from syncline.core.json import JSON

Mode = Literal["API_KEY", "AWS_IAM", "AMAZON_COGNITO_USER_POOLS", "OPENID_CONNECT", "AWS_LAMBDA"]
NEVER = float("inf")
CALLER_CLAIMS = (
    "sub",
    "issuer",
    "accountId",
    "userArn",
    "cognitoIdentityId",
    "username",
    "resolverContext",
    "handlerContext",
)
"""What makes a caller the same one with a fresh credential."""


class FieldRule(Protocol):
    """What stands in `grants` beside the mode when single fields are refused to a caller. Hashable, by value."""

    def admits_field(self, type_name: str, field_name: str) -> bool:
        """Whether the caller may see this field."""
        ...


class Identity(msgspec.Struct, frozen=True):
    """A caller who was let in.

    `claims` is what resolvers see as `ctx.identity` (None for an API key). `grants` is equal for callers whom
    the same directives let pass: plans and subscription groups are shared by it. It is the mode, then groups, then
    at most one FieldRule. `expires` is when the credential is over; `credential` is an API key, or a sign-in.
    """

    mode: Mode
    claims: JSON
    grants: Hashable
    source_ip: tuple[str, ...] = ()
    expires: float = NEVER
    credential: str = ""

    @property
    def caller(self) -> tuple[str, ...]:
        """Equal for the same caller with a fresh credential; equal for all who have none but a key."""
        claims = self.claims
        who = [str(claims.get(claim)) for claim in CALLER_CLAIMS] if isinstance(claims, Mapping) else []
        return (self.mode, *who)


class Provider(msgspec.Struct, frozen=True):
    """One way in besides keys and signatures, with its configuration as AppSync's members."""

    mode: Mode
    config: dict[str, Any]


class ApiAuth(msgspec.Struct):
    """What one API accepts: its default mode first, and its keys with the instant each expires.

    `keys` is the API's own live map, so that a deleted key is refused from then on. `groups` are those that the
    schema names: others make no difference to what a caller may see. A signer needs a policy that allows `action`:
    on the fields that it comes to ask for, or with a `resource` on that, at once.
    """

    api: str
    modes: tuple[Mode, ...]
    keys: Mapping[str, float]
    providers: tuple[Provider, ...] = ()
    groups: frozenset[str] = frozenset()
    arn: str = ""
    action: str = "appsync:GraphQL"
    resource: str = ""

    @property
    def default(self) -> Mode:
        """The mode of fields without a directive."""
        return self.modes[0]


class DeniedFields(msgspec.Struct, frozen=True):
    """The fields that an authorizer function refuses, as `Type.field`."""

    fields: frozenset[str]

    def admits_field(self, type_name: str, field_name: str) -> bool:
        """Whether the function left it out."""
        return f"{type_name}.{field_name}" not in self.fields


class SignedFields(msgspec.Struct, frozen=True):
    """The root fields that a signer's policies allow."""

    api_arn: str
    rule: Any

    def admits_field(self, type_name: str, field_name: str) -> bool:
        """Whether the policies allow `appsync:GraphQL` on it. Only root fields are asked for, as AWS does."""
        if type_name not in ("Query", "Mutation", "Subscription") or field_name.startswith("__"):
            return True
        return bool(self.rule.admits(f"{self.api_arn}/types/{type_name}/fields/{field_name}"))
