"""The nouns of user pools, as they are kept. Instants are epoch seconds; `config` keeps Cognito's member names.

What is secret is sealed by the vault: client secrets, password verifiers, private keys.
"""

from __future__ import annotations

from typing import Any

import msgspec

from syncline.store import Collection


class SigningKey(msgspec.Struct, frozen=True):
    """One RSA key. `use` is `id` or `access`; `retired` is when a younger one took over."""

    kid: str
    use: str
    created: float
    public: dict[str, str]
    sealed: bytes
    retired: float | None = None


class Pool(msgspec.Struct, frozen=True):
    """A user pool. `config` is what DescribeUserPool shows besides the members here."""

    id: str
    arn: str
    created: float
    modified: float
    config: dict[str, Any]
    keys: tuple[SigningKey, ...]
    tags: dict[str, str] = {}

    @property
    def short_name(self) -> str:
        """The id after its `_`: what a password's verifier is bound to."""
        return self.id.partition("_")[2]

    @property
    def case_sensitive(self) -> bool:
        """Whether `Ada` and `ada` are two users."""
        return bool((self.config.get("UsernameConfiguration") or {}).get("CaseSensitive", False))

    def fold(self, name: str) -> str:
        """The name as it is looked up."""
        return name if self.case_sensitive else name.lower()

    def trigger(self, name: str) -> str | None:
        """The function of a trigger, if there is one."""
        found = (self.config.get("LambdaConfig") or {}).get(name)
        return found if isinstance(found, str) and found else None


class Client(msgspec.Struct, frozen=True):
    """An app client. `config` is what DescribeUserPoolClient shows besides the members here."""

    id: str
    pool: str
    created: float
    modified: float
    config: dict[str, Any]
    sealed_secret: bytes | None = None

    @property
    def flows(self) -> frozenset[str]:
        """The sign-in flows it may use, by their short names."""
        given = self.config["ExplicitAuthFlows"]
        return frozenset(OLD_FLOWS.get(flow, flow.removeprefix("ALLOW_")) for flow in given)

    @property
    def discreet(self) -> bool:
        """Whether it must not tell that a user does not exist."""
        return bool(self.config.get("PreventUserExistenceErrors") == "ENABLED")

    @property
    def rotation(self) -> dict[str, Any] | None:
        """How refresh tokens rotate, if they do."""
        found: dict[str, Any] = self.config.get("RefreshTokenRotation") or {}
        return found if found.get("Feature") == "ENABLED" else None


OLD_FLOWS = {"ADMIN_NO_SRP_AUTH": "ADMIN_USER_PASSWORD_AUTH", "CUSTOM_AUTH_FLOW_ONLY": "CUSTOM_AUTH"}


class Group(msgspec.Struct, frozen=True):
    """A group of a pool."""

    name: str
    pool: str
    created: float
    modified: float
    description: str | None = None
    role_arn: str | None = None
    precedence: int | None = None


class Code(msgspec.Struct, frozen=True):
    """A code that was sent: its fingerprint, until when it is good, and to which attribute it went."""

    digest: bytes
    expires: float
    attribute: str = ""


class User(msgspec.Struct, frozen=True):
    """A user. `key` is the name as it is looked up; `verifier` is sealed; `codes` are by purpose."""

    pool: str
    key: str
    name: str
    sub: str
    attributes: dict[str, str]
    status: str
    created: float
    modified: float
    enabled: bool = True
    salt: str = ""
    verifier: bytes = b""
    temporary_until: float | None = None
    groups: tuple[str, ...] = ()
    codes: dict[str, Code] = {}


class SignIn(msgspec.Struct, frozen=True):
    """What a refresh token stands for. `turn` counts its rotations; `id` is the tokens' `origin_jti`."""

    id: str
    pool: str
    user: str
    client: str
    began: float
    expires: float
    event: str
    turn: int = 0
    turned: float = 0.0
    revoked: bool = False


POOLS = Collection("cognito.pool", Pool)
CLIENTS = Collection("cognito.client", Client)
GROUPS = Collection("cognito.group", Group)
USERS = Collection("cognito.user", User)
SIGN_INS = Collection("cognito.sign-in", SignIn)
REVOKED = Collection("cognito.revoked", float)
"""By `origin_jti`: until when a token of it could still be good."""
