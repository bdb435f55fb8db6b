"""The nouns of authorisation: modes, what an API accepts, and who a caller turned out to be.

For: `authenticate`, and the rooms with a data plane. Owns: nothing that changes, but the map of keys an API hands in.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Literal

import msgspec

from syncline.core.json import JSON

Mode = Literal["API_KEY", "AWS_IAM", "AMAZON_COGNITO_USER_POOLS", "OPENID_CONNECT", "AWS_LAMBDA"]


class Identity(msgspec.Struct, frozen=True):
    """A caller who was let in.

    `claims` is what resolvers see as `ctx.identity` (None for an API key). `grants` is equal for callers whom
    the same directives let pass: plans and subscription groups are shared by it.
    """

    mode: Mode
    claims: JSON
    grants: Hashable
    source_ip: tuple[str, ...] = ()


class ApiAuth(msgspec.Struct):
    """What one API accepts: its default mode first, and its keys with the instant each expires.

    `keys` is the API's own live map, so that a deleted key is refused from then on.
    """

    api: str
    modes: tuple[Mode, ...]
    keys: Mapping[str, float]

    @property
    def default(self) -> Mode:
        """The mode of fields without a directive."""
        return self.modes[0]
