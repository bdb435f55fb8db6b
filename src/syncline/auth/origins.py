"""Which web pages may ask an API: those of every origin, as with AppSync, unless a tag of the API's names some.

For: `graphql` and `events`, which keep the tags; the edge compares. Owns: the tag. Never: sees a request.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from syncline.core import Invalid

ORIGINS_TAG = "syncline:origins"
"""`https://app.example.com https://admin.example.com:8443`. A tag: CDK, Terraform and the CLI can set it."""

ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?")


class OriginsInvalid(Invalid):
    """The tag syncline:origins lists origins (scheme://host[:port], lower case) between spaces; {text} is none."""

    code = "BadRequestException"


def origins_of(tags: Mapping[str, str]) -> frozenset[str] | None:
    """The origins whose pages may ask; None for all."""
    text = tags.get(ORIGINS_TAG)
    return None if text is None else frozenset(text.split())


def check_origins(tags: Mapping[str, str]) -> None:
    """Raise OriginsInvalid when the tag is there and names something else than origins."""
    for each in origins_of(tags) or ():
        if not ORIGIN.fullmatch(each):
            raise OriginsInvalid(text=each)
