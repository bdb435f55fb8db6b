"""How a function is referred to: a name, a partial ARN or a whole one, with or without a qualifier."""

from __future__ import annotations

import re
from typing import NamedTuple

from syncline.functions.errors import FunctionNotFound, ParameterInvalid

NAME_LENGTH_MAX = 64
ALIAS = re.compile(r"(?!\d+$)[\w-]+")
"""What an alias may be called; a number is a version's."""
_REFERENCE = re.compile(
    r"(?:arn:(?:aws[\w-]*):lambda:(?P<region>[a-z]{2}[\w-]*-\d):(?P<account>\d{12}):function:"
    r"|(?:\d{12}:)?function:|\d{12}:)?(?P<name>[\w-]+)(?::(?P<qualifier>\$LATEST|[\w-]+))?"
)


class Reference(NamedTuple):
    """A function's name, and the version or alias that was asked for."""

    name: str
    qualifier: str | None


def parse_reference(text: str, region: str, qualifier: str | None = None) -> Reference:
    """Read a reference; `qualifier` is the parameter beside it. Raises when they disagree."""
    found = _REFERENCE.fullmatch(text)
    if found is None:
        raise ParameterInvalid(
            f"1 validation error detected: Value '{text}' at 'functionName' failed to satisfy constraint: "
            r"Member must satisfy regular expression pattern: (arn:(aws[a-zA-Z-]*)?:lambda:)?([a-z]{2}(-gov)?-[a-z]+-"
            r"\d{1}:)?(\d{12}:)?(function:)?([a-zA-Z0-9-_]+)(:(\$LATEST|[a-zA-Z0-9-_]+))?"
        )
    if found["region"] and found["region"] != region:
        raise FunctionNotFound(f"Functions from '{found['region']}' are not reachable in this region ('{region}')")
    if qualifier and found["qualifier"] and qualifier != found["qualifier"]:
        raise ParameterInvalid("The derived qualifier from the function name does not match the specified qualifier.")
    return Reference(found["name"], found["qualifier"] or qualifier)
