"""What control planes have in common: records picked from requests, shown in answers, listed in pages.

For: services. Owns: the form of a page token: how many entries came before. Never: knows what a record means.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

import msgspec

from syncline.core import Invalid, SynclineError

PAGE_MAX = 25
"""AppSync's largest page."""

TOKEN_DIGITS_MAX = 9

T = TypeVar("T", bound=msgspec.Struct)
Each = TypeVar("Each")


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
    found, following = cut(members, request.get("nextToken"), size, PageTokenInvalid)
    return {key: found} if following is None else {key: found, "nextToken": following}


def cut(
    entries: list[Each], token: str | None, size: int, refusal: Callable[[], SynclineError]
) -> tuple[list[Each], str | None]:
    """The entries of the page that `token` begins, and the token of the next, if there is one.

    Raises what `refusal` makes for a token that this did not give.
    """
    if token and not (token.isascii() and token.isdecimal() and len(token) <= TOKEN_DIGITS_MAX):
        raise refusal()
    begin = int(token or 0)
    end = begin + size
    return entries[begin:end], str(end) if end < len(entries) else None
