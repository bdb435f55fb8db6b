"""What a resolver raises: one entry of a GraphQL answer's `errors`, without its path."""

from __future__ import annotations

from typing import Any

from syncline.core import Failed


class ResolverError(Failed):
    """A field failed. `graphql` adds path and locations, and filters `data` by the selection set."""

    data: Any

    def __init__(self, message: str | None, error_type: str | None, data: Any = None, error_info: Any = None) -> None:
        super().__init__("" if message is None else message)
        self.error_type = error_type
        self.data = data
        self.error_info = error_info
