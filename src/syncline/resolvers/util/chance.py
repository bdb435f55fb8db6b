"""`util.auto…` and `util.math.random…`: ids and chance, from what was handed in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from syncline.core import Clock, Ids
from syncline.vtl import MethodFailed

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
KSUID_EPOCH = 1_400_000_000


def functions(clock: Clock, ids: Ids) -> dict[str, Callable[..., Any]]:
    """The functions by name."""

    def ulid() -> str:
        number = int(clock.now() * 1000) << 80 | int.from_bytes(ids.bytes(10), "big")
        return _digits(number, CROCKFORD, 26)

    def ksuid() -> str:
        number = int(clock.now() - KSUID_EPOCH) << 128 | int.from_bytes(ids.bytes(16), "big")
        return _digits(number, BASE62, 27)

    def within(low: Any, high: Any) -> int:
        if type(low) not in (int, float) or type(high) not in (int, float) or high < low:
            raise MethodFailed("randomWithinRange takes two numbers, the smaller first")
        return int(low + ids.fraction() * (high - low))

    return {
        "autoId": ids.uuid,
        "autoUlid": ulid,
        "autoKsuid": ksuid,
        "math.randomDouble": ids.fraction,
        "math.randomWithinRange": within,
    }


def _digits(number: int, alphabet: str, width: int) -> str:
    found = []
    for _ in range(width):
        number, digit = divmod(number, len(alphabet))
        found.append(alphabet[digit])
    return "".join(reversed(found))
