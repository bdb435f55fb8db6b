"""Java's regular expressions in Python.

For: `constraints.py`. Owns: the translation of what Python does not know, and the list of what was left out.
Never: fails: a pattern that cannot be translated is skipped, so a value is then accepted that AWS would refuse.

Translated: `\\p{…}` classes (in two cases only approximately, towards accepting more: letters and digits share one
class, and so do marks, punctuation and symbols beyond ASCII), a literal `-` next to a class inside brackets, and
`\\uD800`-`\\uDFFF` pairs, which Python strings never hold.
"""

from __future__ import annotations

import re
import warnings
from functools import cache

CLASSES = {
    "L": r"\w",
    "N": r"\w",
    "Nd": r"\d",
    "M": "\u0300-\u036f\u0483-\u0489\u0591-\u05c7\u0610-\u061a\u064b-\u065f\u0900-\u0903\u093a-\u094f"
    "\u1ab0-\u1aff\u1dc0-\u1dff\u200d\u20d0-\u20ff\ufe00-\ufe0f\ufe20-\ufe2f\U000e0100-\U000e01ef",
    "P": "!-#%-*,-/:;?@\\[-\\]_{}\u00a1\u00a7\u00ab\u00b6\u00b7\u00bb\u00bf\u2010-\u2027\u2030-\u205e\u3001-\u3003"
    "\u3008-\u3011\u3014-\u301f\ufe30-\ufe6b\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65",
    "S": "$+<->\\^`|~\u00a2-\u00a9\u00ac\u00ae-\u00b1\u00b4\u00b8\u00d7\u00f7\u02c2-\u02ff\u2044\u2052\u207a-\u207c"
    "\u208a-\u208c\u20a0-\u20cf\u2100-\u23ff\u2500-\u2bff\ufffc\ufffd\U0001f000-\U0001faff",
    "Z": " \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000",
    "Zs": " \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000",
    "ASCII": "\\x00-\\x7f",
    "Print": "\\x20-\\x7e",
    "Graph": "\\x21-\\x7e",
    "Alnum": "a-zA-Z0-9",
    "Alpha": "a-zA-Z",
    "Digit": "0-9",
    "Lower": "a-z",
    "Upper": "A-Z",
    "Punct": "!-/:-@\\[-`{-~",
    "Space": r"\s",
    "Cntrl": "\\x00-\\x1f\\x7f",
}
"""What stands inside brackets for `\\p{name}`."""

_ESCAPE = re.compile(r"\\p\{(?:Is|gc=)?(\w+)\}|\\(?:u\{?[0-9A-Fa-f]{4}\}?|.)|\[|\]|-", re.DOTALL)
_SURROGATES = re.compile(r"\\u[dD][89aAbB]\w\w(\\u[dD][c-fC-F]\w\w)?-\\u[dD][bB]\w\w(\\u[dD][fF]\w\w)?|\\u[dD][fF]\w\w")


@cache
def compile(pattern: str) -> re.Pattern[str] | None:
    """The pattern, to be matched against the whole value; None when Python cannot know it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # "possible set difference" and the like: Java means the plain characters
        for text in (pattern, translate(pattern)):
            try:
                # AWS does this: `^.*$` takes a mapping template of many lines, so `.` means any character (WIRE-4).
                return re.compile(text, re.DOTALL)
            except re.error:
                continue
    return None


def translate(pattern: str) -> str:
    """`pattern` with Java's classes written out and the literal hyphens of its brackets escaped."""
    pattern = _SURROGATES.sub("\U00010000-\U0010ffff", pattern)
    depth = 0
    after_class = False
    parts: list[str] = []
    end = 0
    for found in _ESCAPE.finditer(pattern):
        parts.append(pattern[end : found.start()])
        after_class = after_class and found.start() == end
        end = found.end()
        token = found.group()
        if found.group(1) is not None:
            inner = CLASSES.get(found.group(1), token)
            parts.append(inner if depth else f"[{inner}]")
            after_class = True
            continue
        if token == "-" and depth and after_class and pattern[end : end + 1] != "]":
            parts.append("\\-")
        else:
            parts.append(token)
            depth += (token == "[") - (token == "]" and depth > 0)
        after_class = token in ("\\w", "\\d", "\\s")
    return "".join(parts) + pattern[end:]
