"""Hosts and the custom domains that they are of.

For: `engine` and `live_api`. Owns: wildcards.
"""

from __future__ import annotations

from collections.abc import Container


def host_of(authority: str) -> str:
    """The host of a `Host` header, in lower case and without its port."""
    return authority.partition(":")[0].rstrip(".").lower()


def pattern_of(host: str, known: Container[str]) -> str | None:
    """Of the known domain names that which this host is of: itself, else the longest wildcard."""
    if host in known:
        return host
    _, dot, rest = host.partition(".")
    while dot:
        if f"*.{rest}" in known:
            return f"*.{rest}"
        _, dot, rest = rest.partition(".")
    return None
