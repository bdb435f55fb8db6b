"""Java's regular expressions, with an end: one whose repeats multiply is stopped instead of holding up the server.

For: the methods of text, and `$util.matches`. Owns: how long an expression may run. Never: knows templates.

A backtracking expression such as `(a+)+b` takes time that doubles with every character of the text, and Python's `re`
holds the interpreter meanwhile. What can stop it is a signal: `re` asks for them as it goes. The timer counts this
process's own time, so a busy machine changes nothing, and nothing asks what time it is.
"""

from __future__ import annotations

import re
import signal
from collections.abc import Callable
from functools import lru_cache
from typing import TypeVar

from syncline.vtl.errors import LimitExceeded, MethodFailed

T = TypeVar("T")

SECONDS_MAX = 0.25
"""Of processor time for one call. AppSync's own limit is not known; a sensible expression takes microseconds."""

_CLASSES = {
    "Alpha": "a-zA-Z",
    "Digit": "0-9",
    "Alnum": "a-zA-Z0-9",
    "Upper": "A-Z",
    "Lower": "a-z",
    "Space": r"\s",
    "Punct": r"!-/:-@\[-`{-~",
}
_POSIX = re.compile(r"\\p\{(" + "|".join(_CLASSES) + r")\}")
_REPEAT = re.compile(r"\\.|\[(?:\\.|[^\]\\])*\]|([*+?]|\{\d+,?\d*\})", re.DOTALL)


class _Late(BaseException):
    """The timer has run down. No handler of ours may take it for a failure of its own."""


class Regex:
    """A compiled expression. Each method raises LimitExceeded when it takes too long."""

    __slots__ = ("_pattern", "_risky")

    def __init__(self, pattern: re.Pattern[str]) -> None:
        self._pattern = pattern
        # Without a repeat the time grows with the text only; the timer costs more than such a match.
        self._risky = any(found[1] for found in _REPEAT.finditer(pattern.pattern))

    def search(self, text: str) -> re.Match[str] | None:
        """The first place where the expression fits."""
        return self._pattern.search(text) if not self._risky else _in_time(lambda: self._pattern.search(text))

    def fullmatch(self, text: str) -> re.Match[str] | None:
        """Whether the whole text fits."""
        return self._pattern.fullmatch(text) if not self._risky else _in_time(lambda: self._pattern.fullmatch(text))

    def findall(self, text: str) -> list[re.Match[str]]:
        """Every place where the expression fits, from the left, none overlapping."""
        return _in_time(lambda: list(self._pattern.finditer(text)))

    def sub(self, expand: Callable[[re.Match[str]], str], text: str, count: int) -> str:
        """The text with what `expand` makes of every place, or of the first `count`."""
        return _in_time(lambda: self._pattern.sub(expand, text, count))


@lru_cache(maxsize=512)
def pattern(regex: str) -> Regex:
    """A Java regular expression, compiled. Raises MethodFailed for one Python cannot read."""
    try:
        return Regex(re.compile(_POSIX.sub(lambda found: _CLASSES[found[1]], regex)))
    except (re.error, RecursionError, OverflowError) as mistake:
        raise MethodFailed(f"{regex} is not a regular expression: {mistake}") from None


def _in_time(match: Callable[[], T]) -> T:
    """What `match` returns. Raises LimitExceeded when it takes too long."""
    try:
        before = signal.signal(signal.SIGVTALRM, _too_late)
    except (ValueError, AttributeError):  # Only the main thread hears signals, and Windows has no timer.
        return match()
    try:
        signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS_MAX)
        try:
            return match()
        finally:
            signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    except _Late:
        raise LimitExceeded(f"A regular expression may run for at most {SECONDS_MAX} seconds.") from None
    finally:
        signal.signal(signal.SIGVTALRM, before)


def _too_late(*_: object) -> None:
    raise _Late
