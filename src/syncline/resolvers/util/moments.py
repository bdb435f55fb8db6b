"""`util.time.*`, over the clock that was handed in."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from syncline.core import Clock
from syncline.resolvers.util import javatime
from syncline.vtl import MethodFailed, text_of

JSON = Any
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _moment(milliseconds: JSON, zone_name: JSON = None) -> datetime:
    if type(milliseconds) not in (int, float):
        raise MethodFailed(f"{text_of(milliseconds)} is not a number of milliseconds")
    zone = javatime.zone(None if zone_name is None else text_of(zone_name))
    try:
        return (EPOCH + timedelta(milliseconds=milliseconds)).astimezone(zone)
    except OverflowError:
        raise MethodFailed(f"{milliseconds} milliseconds are outside of the years 1 to 9999") from None


def _milliseconds(moment: datetime) -> int:
    return (moment - EPOCH) // timedelta(milliseconds=1)


def iso8601(milliseconds: JSON) -> str:
    """`2018-02-06T19:01:35.749Z`."""
    moment = _moment(milliseconds)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def formatted(milliseconds: JSON, form: JSON, zone: JSON = None) -> str:
    """The moment in a Java pattern and a zone."""
    return javatime.written(_moment(milliseconds, zone), text_of(form))


def parse_iso8601(text: JSON) -> int:
    """Milliseconds of an ISO 8601 text."""
    try:
        moment = datetime.fromisoformat(text_of(text))
    except ValueError:
        raise MethodFailed(f"Text '{text_of(text)}' could not be parsed at index 0") from None
    return _milliseconds(moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def parse_formatted(text: JSON, form: JSON, zone: JSON = None) -> int:
    """Milliseconds of a text in a Java pattern."""
    default = javatime.zone(None if zone is None else text_of(zone))
    return _milliseconds(javatime.read(text_of(text), text_of(form), default))


def functions(clock: Clock) -> dict[str, Callable[..., JSON]]:
    """The functions by name. "Now" is whole milliseconds, as Java's clock has it."""

    def now() -> int:
        return int(clock.now() * 1000)

    second, stamp = -1, ""

    def now_iso8601() -> str:
        # The date part is written once a second: this function is on the path of nearly every mutation.
        nonlocal second, stamp
        milliseconds = now()
        if milliseconds // 1000 != second:
            second = milliseconds // 1000
            stamp = iso8601(milliseconds)[:-4]
        return f"{stamp}{milliseconds % 1000:03d}Z"

    return {
        "nowISO8601": now_iso8601,
        "nowEpochSeconds": lambda: now() // 1000,
        "nowEpochMilliSeconds": now,
        "nowFormatted": lambda form, zone=None: formatted(now(), form, zone),
        "parseFormattedToEpochMilliSeconds": parse_formatted,
        "parseISO8601ToEpochMilliSeconds": parse_iso8601,
        "epochMilliSecondsToSeconds": lambda milliseconds: _milliseconds(_moment(milliseconds)) // 1000,
        "epochMilliSecondsToISO8601": iso8601,
        "epochMilliSecondsToFormatted": formatted,
    }
