"""CloudWatch Logs filter patterns: terms, phrases, `?or`, `-not`, and JSON conditions `{ $.a = "b*" && $.n > 1 }`.

Pure. Follows "Filter pattern syntax for metric filters, subscription filters, and filter log events". Patterns over
space-delimited fields `[ip, user, …]` and regular expressions `%…%` are not built and are refused by name.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fnmatch import fnmatchcase
from typing import Any

from syncline.core import Unsupported, json
from syncline.monitoring.errors import LogsInvalid

Matches = Callable[[str], bool]
Holds = Callable[[Any], bool]

PATTERN_LENGTH_MAX = 1024
_TERM = re.compile(r'\s*([?-]?)("(?:[^"\\]|\\.)*"|[^\s"]+)')
_TOKEN = re.compile(
    r'\s*(?:(?P<path>\$(?:\.[\w@$*-]+|\[\d+\]|\[\*\]|\.?\[\'[^\']*\'\]|\.?\["[^"]*"\])*)'
    r'|(?P<text>"(?:[^"\\]|\\.)*")|(?P<sign>&&|\|\||\(|\)|!=|<=|>=|=|<|>)|(?P<word>[^\s"()=<>!&|]+))'
)
_STEP = re.compile(r"\.?\['([^']*)'\]|\.?\[\"([^\"]*)\"\]|\[(\d+|\*)\]|\.([\w@$*-]+)")
_MISSING = object()


class PatternInvalid(LogsInvalid):
    """Invalid filter pattern"""


def compile_pattern(pattern: str) -> Matches:
    """The pattern as a test of a message. Raises PatternInvalid, or Unsupported for what is not built."""
    text = pattern.strip()
    if len(pattern) > PATTERN_LENGTH_MAX:
        raise PatternInvalid(f"The filter pattern has {len(pattern)} characters; the limit is {PATTERN_LENGTH_MAX}.")
    if text.startswith("{"):
        return _compile_condition(text)
    if text.startswith("["):
        raise Unsupported("Filter patterns over space-delimited fields ([a, b, …]) are not supported.")
    return _compile_terms(text)


def _compile_terms(text: str) -> Matches:
    wanted: list[str] = []
    either: list[str] = []
    unwanted: list[str] = []
    lists = {"": wanted, "?": either, "-": unwanted}
    at = 0
    while at < len(text):
        found = _TERM.match(text, at)
        if found is None:
            raise PatternInvalid()
        sign, term = found.groups()
        if term.startswith("%") and term.endswith("%") and len(term) > 1:
            raise Unsupported("Regular expressions in filter patterns are not supported.")
        lists[sign].append(_unquoted(term))
        at = found.end()

    def matches(message: str) -> bool:
        if any(term in message for term in unwanted) or not all(term in message for term in wanted):
            return False
        # AWS does this: beside required terms, the optional ones are ignored.
        return bool(wanted) or not either or any(term in message for term in either)

    return matches


def _compile_condition(text: str) -> Matches:
    if not text.endswith("}"):
        raise PatternInvalid()
    parser = _Condition(_tokens(text[1:-1]))
    holds = parser.either()
    if parser.rest():
        raise PatternInvalid()

    def matches(message: str) -> bool:
        if "{" not in message:
            return False
        try:
            return holds(json.decode(message.encode("utf-8", "replace")))
        except json.NotJson:
            return False

    return matches


def _tokens(text: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    at, text = 0, text.rstrip()
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None or found.lastgroup is None:
            raise PatternInvalid()
        tokens.append((found.lastgroup, found.group(found.lastgroup)))
        at = found.end()
    return tokens


class _Condition:
    """A recursive descent over tokens: either := both ("||" both)*, both := one ("&&" one)*."""

    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._at = 0

    def rest(self) -> bool:
        return self._at < len(self._tokens)

    def either(self) -> Holds:
        options = [self.both()]
        while self._take_if("||"):
            options.append(self.both())
        return options[0] if len(options) == 1 else lambda document: any(holds(document) for holds in options)

    def both(self) -> Holds:
        needs = [self.one()]
        while self._take_if("&&"):
            needs.append(self.one())
        return needs[0] if len(needs) == 1 else lambda document: all(holds(document) for holds in needs)

    def one(self) -> Holds:
        if self._take_if("("):
            inner = self.either()
            if not self._take_if(")"):
                raise PatternInvalid()
            return inner
        path = _path(self._take("path"))
        kind, operator = self._next()
        if kind == "word":
            return self._word_test(path, operator.upper())
        if kind != "sign" or operator not in _COMPARISONS:
            raise PatternInvalid()
        return _comparison(path, operator, *self._next())

    def _word_test(self, path: list[str | int], word: str) -> Holds:
        if word == "EXISTS":
            return lambda document: _found(document, path) is not _MISSING
        second = self._take("word").upper()
        if (word, second) == ("NOT", "EXISTS"):
            return lambda document: _found(document, path) is _MISSING
        wanted = {("IS", "NULL"): None, ("IS", "TRUE"): True, ("IS", "FALSE"): False}
        if (word, second) not in wanted:
            raise PatternInvalid()
        value = wanted[word, second]
        return lambda document: _found(document, path) is value

    def _next(self) -> tuple[str, str]:
        if not self.rest():
            raise PatternInvalid()
        self._at += 1
        return self._tokens[self._at - 1]

    def _take(self, kind: str) -> str:
        found, text = self._next()
        if found != kind:
            raise PatternInvalid()
        return text

    def _take_if(self, sign: str) -> bool:
        if self.rest() and self._tokens[self._at] == ("sign", sign):
            self._at += 1
            return True
        return False


_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": lambda left, right: left == right,
    "!=": lambda left, right: left != right,
    "<": lambda left, right: left < right,
    ">": lambda left, right: left > right,
    "<=": lambda left, right: left <= right,
    ">=": lambda left, right: left >= right,
}


def _comparison(path: list[str | int], operator: str, kind: str, text: str) -> Holds:
    if kind not in ("text", "word"):
        raise PatternInvalid()
    number = _number(text) if kind == "word" else None
    if number is not None:
        compare = _COMPARISONS[operator]
        return lambda document: _is_number(value := _found(document, path)) and compare(value, number)
    if operator not in ("=", "!="):
        raise PatternInvalid()
    wanted = _unquoted(text).replace("[", "[[]").replace("?", "[?]")  # `*` is the only wildcard
    return lambda document: (
        isinstance(value := _found(document, path), str) and fnmatchcase(value, wanted) == (operator == "=")
    )


def _path(text: str) -> list[str | int]:
    steps: list[str | int] = []
    for single, double, index, name in _STEP.findall(text):
        steps.append(int(index) if index.isdigit() else (index or single or double or name))
    return steps


def _found(document: Any, path: list[str | int]) -> Any:
    for step in path:
        inside = step < len(document) if isinstance(document, list) and isinstance(step, int) else False
        if inside or (isinstance(document, dict) and step in document):
            document = document[step]
        else:
            return _MISSING
    return document


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _unquoted(term: str) -> str:
    return re.sub(r"\\(.)", r"\1", term[1:-1]) if term.startswith('"') else term
