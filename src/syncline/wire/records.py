"""What the control planes of AppSync have in common: records picked from requests, shown in answers, listed in pages.

For: `graphql` and `events`. Owns: the form of a page token. Never: knows what a record means.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable
from typing import Any, TypeVar

import msgspec

from syncline.core import Invalid

PAGE_MAX = 25
"""AppSync's largest page."""

T = TypeVar("T", bound=msgspec.Struct)


class PageTokenInvalid(Invalid):
    """Invalid nextToken."""

    code = "BadRequestException"


def record_from(kind: type[T], request: dict[str, Any], **fixed: Any) -> T:
    """A record of the request's members that the kind has, over its defaults; `fixed` are its own, in snake case."""
    given = {
        field.name: request[field.encode_name]
        for field in msgspec.structs.fields(kind)
        if field.encode_name in request and request[field.encode_name] is not None
    }
    return kind(**{**given, **fixed})


def shown(record: msgspec.Struct) -> dict[str, Any]:
    """The record as members of an answer, absent ones left out."""
    members: dict[str, Any] = msgspec.to_builtins(record)
    return {name: value for name, value in members.items() if value is not None}


def page(key: str, records: Iterable[msgspec.Struct], request: dict[str, Any]) -> dict[str, Any]:
    """One page of a list answer: `{key: [...], "nextToken": ...}`."""
    return page_of(key, [shown(record) for record in records], request)


def page_of(key: str, members: list[dict[str, Any]], request: dict[str, Any]) -> dict[str, Any]:
    """One page of members that are ready to be shown."""
    size = min(int(request.get("maxResults") or PAGE_MAX), PAGE_MAX)
    start = _start(request.get("nextToken"))
    answer: dict[str, Any] = {key: members[start : start + size]}
    if start + size < len(members):
        answer["nextToken"] = base64.urlsafe_b64encode(f"{start + size}".encode()).decode()
    return answer


def _start(token: str | None) -> int:
    if not token:
        return 0
    try:
        return int(base64.urlsafe_b64decode(token))
    except (ValueError, binascii.Error):
        raise PageTokenInvalid from None
