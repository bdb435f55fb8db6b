"""An API's own regular expressions over what clients send: none may hold up the server; one that fails fits nothing."""

from __future__ import annotations

from syncline.core import SynclineError
from syncline.vtl import MethodFailed, pattern


def fits(expression: str, text: str) -> bool:
    """Whether the whole text fits the expression."""
    try:
        return pattern(expression).fullmatch(text)
    except (SynclineError, MethodFailed, UnicodeError):
        return False
