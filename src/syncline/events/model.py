"""The records of Event APIs as they are kept: their member names are AppSync's own.

For: `catalog`. Owns: which members a record has. Never: checks one.
"""

from __future__ import annotations

from typing import Any

import msgspec

Config = dict[str, Any]
"""A nested configuration as it was given: AppSync's member names."""


class Api(msgspec.Struct, frozen=True, rename="camel"):
    """An Event API, as CreateApi described it."""

    api_id: str
    name: str
    api_arn: str
    created: int
    event_config: Config
    owner_contact: str | None = None
    tags: dict[str, str] = {}
    xray_enabled: bool = False


class Namespace(msgspec.Struct, frozen=True, rename="camel"):
    """A channel namespace. Modes that are None are the API's defaults."""

    api_id: str
    name: str
    channel_namespace_arn: str
    created: int
    last_modified: int
    subscribe_auth_modes: list[Config] | None = None
    publish_auth_modes: list[Config] | None = None
    code_handlers: str | None = None
    handler_configs: Config | None = None
    tags: dict[str, str] = {}
