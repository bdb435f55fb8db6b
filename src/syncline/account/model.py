"""The nouns of an account: roles, policies, users, access keys, sessions and secrets.

All frozen; instants are epoch seconds.
"""

from __future__ import annotations

import msgspec

from syncline.store import Collection

Tags = dict[str, str]


class Role(msgspec.Struct, frozen=True):
    """A role, with its inline policies by name and the ARNs of the managed ones, in the order they were attached."""

    name: str
    id: str
    path: str
    arn: str
    created: float
    trust: str
    description: str | None = None
    session_seconds_max: int = 3600
    boundary: str | None = None
    tags: Tags = {}
    inline: dict[str, str] = {}
    attached: tuple[str, ...] = ()


class PolicyVersion(msgspec.Struct, frozen=True):
    """One version of a managed policy's document."""

    id: str
    document: str
    created: float


class Policy(msgspec.Struct, frozen=True):
    """A managed policy. `versions` is oldest first; `drawn` counts all there ever were."""

    name: str
    id: str
    path: str
    arn: str
    created: float
    updated: float
    versions: tuple[PolicyVersion, ...]
    default: str
    drawn: int = 1
    description: str | None = None
    tags: Tags = {}


class User(msgspec.Struct, frozen=True):
    """A user, with policies as a role has them."""

    name: str
    id: str
    path: str
    arn: str
    created: float
    tags: Tags = {}
    inline: dict[str, str] = {}
    attached: tuple[str, ...] = ()


class AccessKey(msgspec.Struct, frozen=True):
    """A user's long-term key."""

    id: str
    secret: str
    user: str
    created: float
    active: bool = True


class Session(msgspec.Struct, frozen=True):
    """Temporary credentials of an assumed role, good until `expires`."""

    id: str
    secret: str
    token: str
    arn: str
    user_id: str
    expires: float


class SecretVersion(msgspec.Struct, frozen=True):
    """One version of a secret: a sealed text, or sealed bytes."""

    id: str
    created: float
    stages: tuple[str, ...]
    sealed: bytes
    binary: bool = False


class Secret(msgspec.Struct, frozen=True):
    """A secret and its versions, oldest first. `deleted` is when it was marked; it goes for good at `purge`."""

    name: str
    arn: str
    created: float
    changed: float
    versions: tuple[SecretVersion, ...] = ()
    description: str | None = None
    kms_key: str | None = None
    tags: Tags = {}
    accessed: float | None = None
    deleted: float | None = None
    purge: float | None = None


ROLES = Collection("iam.role", Role)
POLICIES = Collection("iam.policy", Policy)
USERS = Collection("iam.user", User)
ACCESS_KEYS = Collection("iam.access-key", AccessKey)
SESSIONS = Collection("sts.session", Session)
SECRETS = Collection("secretsmanager.secret", Secret)
