"""Coming back: what a subscription is called when it comes again, and positions in its messages.

For: `subscribe`. Never: trusts an id that another client could have.

A client that knows nothing of this starts again with the same id, document, variables and identity after it lost
its connection; that is its name here. A client that knows names a position.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

from syncline.auth import Identity
from syncline.hub import Name, Start, named


def name_of(start: Start, identity: Identity) -> Name | None:
    """What a start is called when it comes again; None for one that could be anybody's."""
    document = start.payload.get("query"), start.payload.get("operationName"), start.payload.get("variables")
    return named(start.id, document, identity.caller)


@lru_cache(maxsize=64)
def stamp(epoch: str) -> Callable[[bytes, int], bytes]:
    """Puts the position into a payload, a JSON object with members. One for each epoch, so that groups share it."""
    before = b',"extensions":{"syncline":{"position":"' + epoch.encode() + b":"

    def stamped(payload: bytes, position: int) -> bytes:
        return b'%b%b%d"}}}' % (payload[:-1], before, position)

    return stamped
