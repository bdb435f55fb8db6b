"""The figures Syncline must reach, and what it reaches on this machine: `run.py [PART …]`.

Parts: fanout, get, mutations, function, realtime, resolvers, startup, tables, streams, auth; big and connections, only
when named.
Every figure is of this run, peers included: trust the ratios. The server is pinned to core 0, the load to core 1.
Fails nothing.
"""

from __future__ import annotations

import argparse
import subprocess
from collections.abc import Callable

import auth
import big
import connections
import emulators
import fanout
import functions
import graphql_http
import peers
import realtime
import resolvers
import starting
import streams
import tables
from processes import prepare
from rows import Row

PARTS: dict[str, Callable[[bool], list[Row]]] = {
    "startup": starting.rows,
    "get": graphql_http.get,
    "mutations": graphql_http.mutations,
    "fanout": fanout.rows,
    "function": functions.rows,
    "realtime": realtime.rows,
    "connections": connections.rows,
    "resolvers": resolvers.rows,
    "tables": tables.rows,
    "auth": auth.rows,
    "streams": streams.rows,
    "big": big.rows,
}
ONLY_NAMED = {"big", "connections"}
NEEDS_PEERS = {"get", "fanout", "resolvers"}
NEEDS_MINISTACK = {"fanout", "resolvers"}


def show(rows: list[Row]) -> None:
    """Print rows with their bars and marks."""
    for row in rows:
        mark = "   " if row.good is None else "ok " if row.good else "NO "
        print(f"{mark} {row.what:<58} {row.measured:<68} {row.bar}".rstrip(), flush=True)


def main() -> None:
    """Run the parts named on the command line, or all of them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"any of {', '.join(PARTS)}; all without one")
    parser.add_argument("--quick", action="store_true", help="one repeat of each: a first impression")
    chosen = parser.parse_args()
    unknown = set(chosen.parts) - set(PARTS)
    if unknown:
        parser.error(f"no such part: {', '.join(sorted(unknown))}")
    prepare()
    names = chosen.parts or [name for name in PARTS if name not in ONLY_NAMED]
    if NEEDS_PEERS & set(names):
        peers.install()
    if NEEDS_MINISTACK & set(names):
        emulators.install_ministack()
    if "resolvers" in names:
        emulators.install_simulator()
    for name in names:
        try:
            show(PARTS[name](chosen.quick))
        except (RuntimeError, subprocess.SubprocessError, OSError) as failure:
            print(f"??  {name}: {failure}", flush=True)


if __name__ == "__main__":
    main()
