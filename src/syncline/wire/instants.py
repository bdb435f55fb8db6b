"""Timestamps on the wire: epoch seconds in the house, three notations outside.

For: the codecs and signature checks of this room. Owns: the notations. Never: asks what time it is.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from functools import lru_cache


def to_iso8601(instant: float) -> str:
    """`2026-11-21T08:00:00Z`, with milliseconds when there are some."""
    when = datetime.fromtimestamp(instant, UTC)
    precision = "milliseconds" if round(instant, 3) % 1 else "seconds"
    return when.replace(tzinfo=None).isoformat(timespec=precision) + "Z"


def to_rfc822(instant: float) -> str:
    """`Sat, 21 Nov 2026 08:00:00 GMT`."""
    return format_datetime(datetime.fromtimestamp(int(instant), UTC), usegmt=True)


def to_unix(instant: float) -> str:
    """Epoch seconds in digits, without a fraction of zero."""
    return str(int(instant) if instant == int(instant) else instant)


def to_basic(instant: float) -> str:
    """`20261121T080000Z`, as signatures write it."""
    return datetime.fromtimestamp(instant, UTC).strftime("%Y%m%dT%H%M%SZ")


def from_text(text: str) -> float:
    """Epoch seconds of any notation that AWS accepts. Raises ValueError."""
    try:
        return float(text)
    except ValueError:
        pass
    if "," in text:
        return parsedate_to_datetime(text).timestamp()
    when = datetime.fromisoformat(text.strip())
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


@lru_cache(maxsize=256)  # a client signs many requests in one second, and strptime is slow
def from_basic(text: str) -> float:
    """Epoch seconds of `20261121T080000Z`. Raises ValueError."""
    return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()


FORMATS = {"iso8601": to_iso8601, "rfc822": to_rfc822, "unixTimestamp": to_unix}
"""The writer of each `timestampFormat`."""
