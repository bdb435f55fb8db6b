"""What a model demands of a value, and AWS's words when the value does not comply.

For: `readers.py`. Owns: the constraint texts and how a value is shown in them.
Never: converts a value; knows where on the wire it came from.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from syncline.core import Invalid
from syncline.wire import patterns
from syncline.wire.models import Shape

REPORTED_MAX = 10
"""AWS lists no more violations than this in one message."""

PATTERN_CHARACTERS_MAX = 65_536
"""Longer text is not matched against a pattern: models bound what they give a pattern to far below."""

LENGTH_MAX = 2**40
"""Longer than anything that comes in."""
SHOWN_CHARACTERS_MAX = 4096
"""A longer value is cut in a message, all but what closes it: an answer must not echo megabytes."""

NOT_NULL = "Member must not be null"


class ConstraintsViolated(Invalid):
    """The request breaks the model's own rules; the message lists where."""

    code = "ValidationException"


class Violation:
    """One broken rule. `path` grows from the inside out as readers return."""

    __slots__ = ("constraint", "path", "shown", "whole")

    def __init__(self, shown: str, constraint: str, whole: str = "") -> None:
        self.shown = shown
        self.constraint = constraint
        self.path = ""
        self.whole = whole

    def under(self, name: str) -> None:
        """Note that what was checked stands below `name`."""
        self.path = f"{name}.{self.path}" if self.path else name

    def __str__(self) -> str:
        return f"Value{self.shown} at '{self.path}' failed to satisfy constraint: {self.constraint}"


def refusal(violations: list[Violation]) -> ConstraintsViolated:
    """The error that tells of `violations`, in AWS's words."""
    for violation in violations:
        if violation.whole:
            return ConstraintsViolated(violation.whole)
    count = min(len(violations), REPORTED_MAX)
    noun = "error" if count == 1 else "errors"
    listed = "; ".join(str(violation) for violation in violations[:count])
    return ConstraintsViolated(f"{count} validation {noun} detected: {listed}")


class Constraints:
    """The rules of one shape. `texts` are all of them; `broken` are those that a value breaks."""

    __slots__ = ("_enum", "_high", "_low", "_measure", "_pattern", "safe_length", "sensitive", "texts")

    def __init__(self, shape: Shape) -> None:
        noun = "value" if shape.type in _NUMBERS else "length"
        self._measure: Callable[[Any], float] = _itself if noun == "value" else len
        self._low, self._high = shape.min, shape.max
        self._pattern = patterns.compile(shape.pattern) if shape.pattern else None
        self._enum = frozenset(shape.enum)
        lengths_only = noun == "length" and not shape.pattern and not shape.enum and (shape.min or 0) <= 1
        self.safe_length = int(LENGTH_MAX if shape.max is None else shape.max) if lengths_only else 0
        """Values from 1 to so long break no rule: not worth a question. 0: ask always."""
        self.sensitive = shape.sensitive
        self.texts = {
            "high": f"Member must have {noun} less than or equal to {_plain(shape.max)}",
            "low": f"Member must have {noun} greater than or equal to {_plain(shape.min)}",
            "pattern": f"Member must satisfy regular expression pattern: {shape.pattern}",
            "enum": f"Member must satisfy enum value set: [{', '.join(shape.enum)}]",
        }

    def broken(self, value: Any) -> list[str]:
        """The texts of the rules that `value` breaks; empty when it complies."""
        size = self._measure(value)
        texts: list[str] = []
        if self._high is not None and size > self._high:
            texts.append(self.texts["high"])
        if self._low is not None and size < self._low:
            texts.append(self.texts["low"])
        if self._pattern is not None and not _matches(self._pattern, value):
            texts.append(self.texts["pattern"])
        if self._enum and value not in self._enum:
            texts.append(self.texts["enum"])
        return texts

    def all_texts(self) -> list[str]:
        """Every rule of the shape, in the order AWS lists them for elements and map entries."""
        present = {
            "high": self._high is not None,
            "low": self._low is not None,
            "pattern": self._pattern is not None,
            "enum": bool(self._enum),
        }
        return [self.texts[name] for name, there in present.items() if there]

    def violations(self, value: Any) -> Iterable[Violation]:
        """One violation for each rule that `value` breaks."""
        return [Violation(shown(value, self.sensitive), text) for text in self.broken(value)]


def constraints_of(shape: Shape) -> Constraints | None:
    """The rules of `shape`, or None when it has none."""
    if shape.type in ("structure", "timestamp", "boolean"):
        return None
    if shape.min is None and shape.max is None and not shape.pattern and not shape.enum:
        return None
    return Constraints(shape)


def shown(value: Any, sensitive: bool = False) -> str:
    """How AWS shows a value in a message: ` 'text'`, ` null`, or nothing for what is secret."""
    if sensitive:
        return ""
    if value is None:
        return " null"
    text = java(value)
    if len(text) > SHOWN_CHARACTERS_MAX:
        text = text[: SHOWN_CHARACTERS_MAX - 1] + text[-1]
    return f" '{text}'"


def java(value: Any) -> str:
    """A value as Java's toString prints it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}={java(inner)}" for name, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(java(inner) for inner in value) + "]"
    if isinstance(value, bytes):
        return f"java.nio.HeapByteBuffer[pos=0 lim={len(value)} cap={len(value)}]"
    return "null" if value is None else str(value)


def lower_first(name: str) -> str:
    """A member's name as AWS's messages write it."""
    return name[:1].lower() + name[1:]


_NUMBERS = frozenset({"integer", "long", "float", "double", "short", "bigInteger", "bigDecimal"})


def _itself(value: Any) -> float:
    return float(value)


def _plain(bound: float | None) -> str:
    return "" if bound is None else str(int(bound) if bound == int(bound) else bound)


def _matches(pattern: re.Pattern[str], value: Any) -> bool:
    return len(value) > PATTERN_CHARACTERS_MAX or pattern.fullmatch(value) is not None
