"""What must not be shown: secrets by the name they have or the look of them, and too much of anything.

For: `traces` and `logs`, which show what passed through a request. Owns: the rule. Never: changes what it is given.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

TEXT_MAX = 2_000
ELEMENTS_MAX = 50
NODES_MAX = 2_000
DEPTH_MAX = 12
HIDDEN = "***"
SECRET_NAME = re.compile(r"authorization|api[-_]?key|token|secret|password|passwd|credential|cookie|signature", re.I)
SECRET_TEXT = re.compile(
    r"da2-[a-z0-9]{8,}|(?:AKIA|ASIA)[A-Z0-9]{12,}|eyJ[\w-]{8,}\.[\w-]+\.[\w-]*|AWS4-HMAC-SHA256 .*|Bearer \S+"
)


class Redaction:
    """Copies values without what must not be shown: secrets by the name they have or the look of them, and too much of
    anything."""

    def __init__(self) -> None:
        self._left = NODES_MAX

    def plain(self, value: Any, depth: int = 0) -> Any:
        """A copy that may be shown."""
        self._left -= 1
        if type(value) is str:
            return _text(value)
        if value is None or type(value) in (bool, int, float):
            return value
        if depth > DEPTH_MAX or self._left <= 0:
            return "…"
        if isinstance(value, dict):
            return {
                _text(str(name)): HIDDEN if SECRET_NAME.search(str(name)) and inner else self.plain(inner, depth + 1)
                for name, inner in _first(value.items())
            }
        if isinstance(value, (list, tuple)):
            return [self.plain(each, depth + 1) for each in _first(value)]
        return type(value).__name__


def _first(values: Iterable[Any]) -> list[Any]:
    return [each for each, _ in zip(values, range(ELEMENTS_MAX), strict=False)]


def _text(text: str) -> str:
    shown = SECRET_TEXT.sub(HIDDEN, text[: TEXT_MAX + 200])
    return shown if len(text) <= TEXT_MAX else shown[:TEXT_MAX] + "…"
