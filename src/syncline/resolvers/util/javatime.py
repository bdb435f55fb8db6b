"""Java's DateTimeFormatter patterns: dates to text and back.

Owns: the letters of a pattern. Never: asks what time it is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from syncline.vtl import MethodFailed

TOKEN = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|(\[|\])|(.)", re.DOTALL)
OFFSET = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2}):?(\d{2})?:?(\d{2})?$")
DAYS: tuple[str, ...] = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
MONTHS: tuple[str, ...] = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
)
MONTHS += ("November", "December")


def zone(name: str | None) -> tzinfo:
    """A zone by offset (`+08:00`) or region (`Australia/Perth`); None is UTC."""
    if name is None or name in ("Z", "UTC", "GMT"):
        return UTC
    found = OFFSET.match(name)
    if found:
        hours, minutes, seconds = (int(found[n] or 0) for n in (2, 3, 4))
        offset = timedelta(hours=hours, minutes=minutes, seconds=seconds)
        return timezone(-offset if found[1] == "-" else offset)
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise MethodFailed(f"Unknown time-zone ID: {name}") from None


@lru_cache(maxsize=256)
def _tokens(form: str) -> tuple[tuple[str, str], ...]:
    """(kind, text) of each part: `text`, `letter` or `bracket`."""
    parts: list[tuple[str, str]] = []
    for found in TOKEN.finditer(form):
        if found[1] is not None:
            parts.append(("text", found[1].replace("''", "'") or "'"))
        elif found[2]:
            parts.append(("letter", found[0]))
        else:
            parts.append(("bracket", found[0]) if found[3] else ("text", found[0]))
    return tuple(parts)


def written(moment: datetime, form: str) -> str:
    """`moment` as `form` says. Raises MethodFailed for a letter that is not supported."""
    return "".join(
        text if kind == "text" else "" if kind == "bracket" else _letter(moment, text) for kind, text in _tokens(form)
    )


def _letter(moment: datetime, letters: str) -> str:
    writer = WRITERS.get(letters[0])
    if writer is None:
        raise MethodFailed(f"the pattern letter {letters[0]} is not supported")
    return writer(moment, len(letters))


def _padded(number: int, width: int) -> str:
    return f"{number:0{width}d}"


def _year(moment: datetime, width: int) -> str:
    return _padded(moment.year % 100, 2) if width == 2 else _padded(moment.year, width)


def _month(moment: datetime, width: int) -> str:
    name = MONTHS[moment.month - 1]
    return _padded(moment.month, width) if width < 3 else (name[:3], name, name[:1])[min(width, 5) - 3]


def _day_name(moment: datetime, width: int) -> str:
    name = DAYS[moment.weekday()]
    return name[:3] if width < 4 else name if width == 4 else name[:1]


def _fraction(moment: datetime, width: int) -> str:
    return f"{moment.microsecond:06d}000000"[:width]


def _offset(moment: datetime, width: int, zero: str) -> str:
    seconds = int((moment.utcoffset() or timedelta()).total_seconds())
    if not seconds and zero:
        return zero
    sign, rest = "-" if seconds < 0 else "+", abs(seconds)
    hours, minutes, rest = rest // 3600, rest // 60 % 60, rest % 60
    colon = ":" if width in (3, 5) else ""
    text = f"{sign}{hours:02d}" + (f"{colon}{minutes:02d}" if width > 1 or minutes else "")
    return text + (f"{colon}{rest:02d}" if rest and width > 3 else "")


def _offset_z(moment: datetime, width: int) -> str:
    if width < 4:
        return _offset(moment, 2, "")
    return "GMT" + _offset(moment, 3, "Z").replace("Z", "") if width == 4 else _offset(moment, 5, "Z")


def _zone_name(moment: datetime, width: int) -> str:
    return moment.tzname() or ""


def _zone_id(moment: datetime, width: int) -> str:
    return getattr(moment.tzinfo, "key", None) or _offset(moment, 5, "Z")


WRITERS: dict[str, Callable[[datetime, int], str]] = {
    "y": _year,
    "u": _year,
    "Y": lambda moment, width: _year(moment.replace(year=moment.isocalendar().year, day=1), width),
    "M": _month,
    "L": _month,
    "d": lambda moment, width: _padded(moment.day, width),
    "D": lambda moment, width: _padded(moment.timetuple().tm_yday, width),
    "E": _day_name,
    "e": lambda moment, width: _padded(moment.isoweekday() % 7 + 1, width),
    "w": lambda moment, width: _padded(moment.isocalendar().week, width),
    "Q": lambda moment, width: _padded((moment.month + 2) // 3, width),
    "a": lambda moment, width: "AM" if moment.hour < 12 else "PM",
    "H": lambda moment, width: _padded(moment.hour, width),
    "k": lambda moment, width: _padded(moment.hour or 24, width),
    "h": lambda moment, width: _padded(moment.hour % 12 or 12, width),
    "K": lambda moment, width: _padded(moment.hour % 12, width),
    "m": lambda moment, width: _padded(moment.minute, width),
    "s": lambda moment, width: _padded(moment.second, width),
    "S": _fraction,
    "n": lambda moment, width: _padded(moment.microsecond * 1000, width),
    "Z": _offset_z,
    "X": lambda moment, width: _offset(moment, width, "Z"),
    "x": lambda moment, width: _offset(moment, width, ""),
    "z": _zone_name,
    "V": _zone_id,
}
READERS = {
    "y": (r"\d{4}", "%Y"),
    "u": (r"\d{4}", "%Y"),
    "M": (r"\d{1,2}", "%m"),
    "MMM": (r"[A-Za-z]{3}", "%b"),
    "MMMM": (r"[A-Za-z]+", "%B"),
    "d": (r"\d{1,2}", "%d"),
    "D": (r"\d{1,3}", "%j"),
    "E": (r"[A-Za-z]{3}", "%a"),
    "EEEE": (r"[A-Za-z]+", "%A"),
    "H": (r"\d{1,2}", "%H"),
    "h": (r"\d{1,2}", "%I"),
    "a": (r"[AaPp][Mm]", "%p"),
    "m": (r"\d{1,2}", "%M"),
    "s": (r"\d{1,2}", "%S"),
    "S": (r"\d{1,6}", "%f"),
    "Z": (r"[+-]\d{4}|Z", "%z"),
    "X": (r"[+-]\d{2}(?::?\d{2}(?::?\d{2})?)?|Z", "%z"),
    "x": (r"[+-]\d{2}(?::?\d{2}(?::?\d{2})?)?", "%z"),
}


def read(text: str, form: str, default: tzinfo) -> datetime:
    """The moment that `text` names in `form`; `default` is its zone when it has none."""
    regex, directives = _reader(form)
    found = re.fullmatch(regex, text)
    if found is None:
        raise MethodFailed(f"Text '{text}' could not be parsed at index 0")
    pairs = [(directive, part) for directive, part in zip(directives, found.groups(), strict=True) if part is not None]
    joined = "\x00".join(part + "00" if directive == "%z" and len(part) == 3 else part for directive, part in pairs)
    try:
        moment = datetime.strptime(joined, "\x00".join(directive for directive, _ in pairs))  # noqa: DTZ007
    except ValueError:
        raise MethodFailed(f"Text '{text}' could not be parsed") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=default)


@lru_cache(maxsize=256)
def _reader(form: str) -> tuple[str, tuple[str, ...]]:
    regex, directives = "", []
    for kind, text in _tokens(form):
        if kind == "text":
            regex += re.escape(text)
        elif kind == "bracket":
            regex += "(?:" if text == "[" else ")?"
        else:
            found = READERS.get(text) or READERS.get(text[0])
            if found is None:
                raise MethodFailed(f"the pattern letter {text[0]} is not supported")
            regex += f"({found[0]})"
            directives.append(found[1])
    if form.count("[") != form.count("]"):
        raise MethodFailed(f"the pattern {form} has an unpaired bracket")
    return regex, tuple(directives)
