"""IAM's pages: `Marker` and `MaxItems` in, `IsTruncated` and `Marker` out."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from syncline.account.errors import ValidationError

T = TypeVar("T")
ITEMS_DEFAULT = 100


def page(
    request: dict[str, Any], member: str, entries: Sequence[T], name: Callable[[T], str], view: Callable[[T], Any]
) -> dict[str, Any]:
    """The part of `entries` that `request` asks for, ordered by `name`, as the answer's `member`."""
    after = _name_in(request["Marker"]) if "Marker" in request else None
    rest = sorted((entry for entry in entries if after is None or name(entry) > after), key=name)
    count = request.get("MaxItems", ITEMS_DEFAULT)
    answer: dict[str, Any] = {member: [view(entry) for entry in rest[:count]], "IsTruncated": len(rest) > count}
    if answer["IsTruncated"]:
        answer["Marker"] = base64.urlsafe_b64encode(name(rest[count - 1]).encode()).decode()
    return answer


def _name_in(marker: str) -> str:
    try:
        return base64.urlsafe_b64decode(marker).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise ValidationError(f"Invalid Marker: {marker}") from None
