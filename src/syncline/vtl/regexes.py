"""Java's regular expressions, with an end: no expression, however it is made, holds up the server.

For: the methods of text, and `$util.matches`. Owns: which engine runs an expression, and what it may take. Never: knows
templates.

RE2 runs them: its time grows with the text and nothing else. What it has not, for that very reason (looking ahead and
behind, back references, more than a thousand repeats), the JavaScript engine runs, which backtracks and is stopped.
Either works on any thread and any system. Decision record 24.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
import quickjs
import re2

from syncline.core import json
from syncline.vtl.errors import LimitExceeded, MethodFailed
from syncline.vtl.weights import tick

PATTERN_CHARACTERS_MAX = 2_000
"""Both engines compile in time that grows faster than the expression does."""
FOUND_MAX = 20_000
"""Places that one call looks at; each costs microseconds."""
SECONDS_MAX = 0.25
"""For one call that backtracks. AppSync's own limit is not known; a sensible expression takes microseconds."""
MEMORY_BYTES_MAX = 64 * 1024 * 1024

_CLASSES = {
    "Alpha": "a-zA-Z",
    "Digit": "0-9",
    "Alnum": "a-zA-Z0-9",
    "Upper": "A-Z",
    "Lower": "a-z",
    "Space": r"\s",
    "Punct": r"!-/:-@\[-`{-~",
}
_TOKEN = re.compile(r"\\p\{(\w+)\}|\\.|[\[\]]", re.DOTALL)
_OPTIONS = re2.Options()
_OPTIONS.log_errors = False

_FIND = """(source, text, most) => {
  const found = [];
  for (const each of text.matchAll(new RegExp(source, "gu"))) {
    if (found.length === most) break;
    found.push([each.index, [...each].map((group) => group ?? null), each.groups ?? {}]);
  }
  return JSON.stringify(found);
}"""


class Found(NamedTuple):
    """One place where an expression fits: what each group took, the whole first; None for one that took nothing."""

    start: int
    end: int
    groups: list[str | None]
    names: dict[str, str | None]


class Regex:
    """A compiled expression. Its methods raise LimitExceeded for what takes too much."""

    __slots__ = ("_linear", "_source")

    def __init__(self, source: str) -> None:
        self._source = source
        self._linear = _linear(source)

    def search(self, text: str) -> bool:
        """Whether the expression fits anywhere in the text."""
        if self._linear is not None:
            return self._linear.search(text) is not None
        return bool(_backtracked(self._source, text, 1))

    def fullmatch(self, text: str) -> bool:
        """Whether the whole text fits."""
        if self._linear is not None:
            return self._linear.fullmatch(text) is not None
        return bool(_backtracked(f"^(?:{self._source})$", text, 1))

    def places(self, text: str) -> Iterator[Found]:
        """Every place where the expression fits, from the left, none overlapping."""
        found = self._places(text) if self._linear is not None else _backtracked(self._source, text, FOUND_MAX + 1)
        for number, each in enumerate(found):
            if number == FOUND_MAX:
                raise LimitExceeded(f"A regular expression may be found at most {FOUND_MAX:,} times in a text.")
            yield each

    def _places(self, text: str) -> Iterator[Found]:
        assert self._linear is not None, "RE2 reads the expression"
        for each in self._linear.finditer(text):
            yield Found(each.start(), each.end(), [each[0], *each.groups()], each.groupdict())


@lru_cache(maxsize=512)
def pattern(regex: str) -> Regex:
    """A Java regular expression, compiled. Raises MethodFailed for what is none, or too long."""
    if len(regex) > PATTERN_CHARACTERS_MAX:
        raise MethodFailed(f"a regular expression may have at most {PATTERN_CHARACTERS_MAX:,} characters")
    return Regex(_translated(regex))


def _translated(regex: str) -> str:
    """Java's classes by name as what both engines read: `\\p{Alpha}` is `[a-zA-Z]`, within a class `a-zA-Z`."""
    within = False

    def token(found: re.Match[str]) -> str:
        nonlocal within
        if found[0] in "[]":
            within = found[0] == "["
        members = _CLASSES.get(found[1] or "")
        if members is None:
            return found[0]
        return members if within else f"[{members}]"

    return _TOKEN.sub(token, regex)


def _linear(source: str) -> Any:
    """The expression for RE2; None when it takes the other engine. Raises MethodFailed."""
    try:
        return re2.compile(source, _OPTIONS)
    except UnicodeEncodeError as refusal:
        raise MethodFailed(f"not a regular expression: {refusal}") from None
    except re2.error as refusal:
        reason = refusal.args[0].decode()
    try:
        _backtracked(source, "", 1)
    except MethodFailed:
        raise MethodFailed(f"{source} is not a regular expression: {reason}") from None
    return None


def _backtracked(source: str, text: str, most: int) -> list[Found]:
    """The first places where the expression fits, found in a sandbox of its own, on whatever thread this is."""
    tick()
    units = text.encode("utf-16-le")
    context = quickjs.Context()
    context.set_memory_limit(MEMORY_BYTES_MAX)
    find = context.eval(_FIND)
    context.set_time_limit(SECONDS_MAX)
    try:
        answer = find(source, text, most)
    except quickjs.JSException as failure:
        reason = str(failure).partition("\n")[0]
        if reason.startswith("SyntaxError"):
            raise MethodFailed(reason) from None
        raise LimitExceeded(f"A regular expression may run for at most {SECONDS_MAX} seconds.") from None
    return [_found(units, *each) for each in _decode(answer)]


def _found(units: bytes, index: int, groups: list[str | None], names: dict[str, str | None]) -> Found:
    # JavaScript counts in units of UTF-16.
    start = len(units[: 2 * index].decode("utf-16-le", "surrogatepass"))
    return Found(start, start + len(groups[0] or ""), groups, names)


_Places = list[tuple[int, list[str | None], dict[str, str | None]]]


def _decode(answer: str) -> _Places:
    return msgspec.convert(json.decode(answer), _Places)
