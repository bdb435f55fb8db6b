"""One step of a sign-in as it is asked for: whose pool and client, what is given, and what goes to the triggers.

For: `signin` and its parts. Owns: nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from syncline.userpools.errors import ParameterInvalid
from syncline.userpools.model import Client, Pool


class Asking(msgspec.Struct, frozen=True):
    """`given` are AuthParameters or ChallengeResponses, `metadata` is ClientMetadata."""

    pool: Pool
    client: Client
    given: Mapping[str, str]
    metadata: Mapping[str, str] = {}
    session: str = ""

    def required(self, name: str) -> str:
        """A parameter. Raises ParameterInvalid when it is missing or empty."""
        found = self.given.get(name)
        if not found:
            raise ParameterInvalid(f"Missing required parameter {name}")
        return found
