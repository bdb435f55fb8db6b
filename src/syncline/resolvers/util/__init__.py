"""The `util` library: what AppSync offers to resolver code, as plain functions over plain JSON."""

from syncline.resolvers.util.catalog import UNSUPPORTED, Function, functions
from syncline.resolvers.util.effects import (
    EXTENSIONS,
    add_response_header,
    add_response_headers,
    evict_from_api_cache,
)

__all__ = [
    "EXTENSIONS",
    "UNSUPPORTED",
    "Function",
    "add_response_header",
    "add_response_headers",
    "evict_from_api_cache",
    "functions",
]
