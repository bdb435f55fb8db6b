"""The AppSync handshake: which dialect is asked for, and the authorization that came with it.

For: `appsync` and `edge`. Never: judges a credential.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote

import msgspec

from syncline.core import Invalid, json
from syncline.subprotocols.port import Handshake

GRAPHQL_WS = "graphql-ws"
"""AppSync's dialect; the name is that of the older subscriptions-transport-ws."""

HEADER_PREFIX = "header-"
"""A second offered subprotocol of this prefix carries the authorization as base64url JSON."""

CREDENTIAL_HEADERS = ("authorization", "x-api-key")


class Undecodable(Invalid):
    """The connection's {part} is no base64 of a JSON object."""

    code = "BadRequestException"


def offered(headers: Iterable[tuple[str, str]]) -> list[str]:
    """The subprotocols that the client offers, in its order; they may come in several header lines."""
    lines = [value for name, value in headers if name == "sec-websocket-protocol"]
    return [name.strip() for name in ",".join(lines).split(",") if name.strip()]


def authorization_of(subprotocols: Sequence[str], query: str) -> dict[str, str] | None:
    """The header object of the handshake, from a subprotocol or the query; None when there is neither.

    Raises Undecodable.
    """
    for name in subprotocols:
        if name.startswith(HEADER_PREFIX):
            return texts(decoded(name[len(HEADER_PREFIX) :], "header"))
    members = query_members(query)
    if "header" not in members:
        return None
    decoded(members.get("payload", "e30="), "payload")
    return texts(decoded(members["header"], "header"))


def brings_credential(handshake: Handshake) -> bool:
    """Does the handshake carry a credential in any of AppSync's ways, readable or not?"""
    if any(name in handshake.index for name in CREDENTIAL_HEADERS) or "header" in query_members(handshake.query):
        return True
    return any(name.startswith(HEADER_PREFIX) for name in offered(handshake.headers))


def headers_of_init(handshake: Handshake, payload: Mapping[str, Any]) -> dict[str, str]:
    """The headers that the payload of a `connection_init` amounts to, beside those of the upgrade."""
    own = {name: value for name, value in handshake.index.items() if name in (*CREDENTIAL_HEADERS, "host")}
    # A client that names its headers within `headers`, as Apollo's do, means the same.
    nested = payload.get("headers")
    return {**own, **texts(payload), **(texts(nested) if isinstance(nested, dict) else {})}


def query_members(query: str) -> dict[str, str]:
    """The query's members, of repeated ones the first. `+` stays: clients leave base64 unescaped."""
    members: dict[str, str] = {}
    for member in query.split("&"):
        name, _, value = member.partition("=")
        members.setdefault(unquote(name), unquote(value))
    return members


def decoded(text: str, part: str) -> dict[str, Any]:
    """A JSON object from base64 or base64url, padded or not. Raises Undecodable."""
    plain = text.replace(" ", "+").replace("-", "+").replace("_", "/").rstrip("=")
    try:
        found = json.decode(base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True))
    except (binascii.Error, ValueError, msgspec.DecodeError, RecursionError):
        raise Undecodable(part=part) from None
    if not isinstance(found, dict):
        raise Undecodable(part=part)
    return found


def texts(members: Mapping[str, Any]) -> dict[str, str]:
    """The members that are text: headers are nothing else."""
    return {name: value for name, value in members.items() if isinstance(value, str)}
