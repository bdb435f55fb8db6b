"""From the text that a template wrote to the JSON value it means, as strictly as AppSync reads it.

Owns: the refusals of duplicate keys and trailing characters. Uses the standard library's parser: it is the one that
shows an object's pairs before they collapse, which the refusal of duplicates needs.
Never: on the path of documents that are built without text.
"""

from __future__ import annotations

import json
import re
from typing import Any

from syncline.vtl.errors import EmptyOutput, NotJson, OutputError

DUPLICATE = "Duplicate field '{}' detected on Object. Duplicate JSON keys are not allowed."
TRAILING = "Trailing characters at the end of the JSON string are not allowed."
TRAILING_COMMA = re.compile(r'("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])', re.DOTALL)


class _Duplicate(ValueError):
    """The name of a key that came twice."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        names = [name for name, _ in pairs]
        raise _Duplicate(next(name for name in names if names.count(name) > 1))
    return found


def _constant(name: str) -> Any:
    raise json.JSONDecodeError(name, name, 0)


_read = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant).raw_decode


def decode(text: str) -> Any:
    """The one JSON value in `text`. Raises OutputError: empty, not JSON, a key twice, something behind it."""
    document = text.strip()
    if not document:
        raise EmptyOutput("Template transformation yielded an empty response.", text)
    try:
        value, end = _read_leniently(document)
    except _Duplicate as duplicate:
        raise OutputError(DUPLICATE.format(duplicate), text) from None
    except (json.JSONDecodeError, RecursionError):
        raise NotJson(f"Unable to convert {document} to class java.lang.Object.", text) from None
    if end != len(document):
        raise OutputError(TRAILING, text)
    return value


def _read_leniently(document: str) -> tuple[Any, int]:
    """AWS's own samples have commas before a closing brace: they are let pass (VTL-8)."""
    try:
        value, end = _read(document)
    except json.JSONDecodeError:
        mended = TRAILING_COMMA.sub(lambda found: found[1] or "", document)
        if mended == document:
            raise
        value, end = _read(mended)
        return value, end + len(document) - len(mended)
    return value, end
