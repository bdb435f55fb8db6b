"""What a resolver raises: one entry of a GraphQL answer's `errors`, without its path; and how code ends early."""

from __future__ import annotations

from typing import Any

from syncline.core import Failed
from syncline.vtl import Return


class ResolverError(Failed):
    """A field failed. `graphql` adds path and locations, and filters `data` by the selection set.

    `handler`, `line` and `column` tell the developer, and nobody else, where, and `reason` why when the message does
    not; a line of 0 is not known.
    """

    data: Any
    handler = ""
    line = 0
    column = 0
    reason = ""

    def __init__(self, message: str | None, error_type: str | None, data: Any = None, error_info: Any = None) -> None:
        super().__init__("" if message is None else message)
        self.error_type = error_type
        self.data = data
        self.error_info = error_info

    def at(self, handler: str, line: int = 0, column: int = 0, *, reason: str = "") -> ResolverError:
        """This failure, with the place where it arose, unless a place nearer to it is known."""
        if not self.handler:
            self.handler, self.line, self.column, self.reason = handler, line, column, reason
        return self


class EarlyReturn(Return):
    """`runtime.earlyReturn`: as a template's `#return`; `to_end` leaves the rest of a pipeline's functions out."""

    def __init__(self, value: Any, to_end: bool) -> None:
        super().__init__(value)
        self.to_end = to_end
