"""Amazon Resource Names: written and read in one place."""

from __future__ import annotations

from typing import NamedTuple

ACCOUNT = "000000000000"
"""The account of a server that was not told another (setting `account`)."""


class Arn(NamedTuple):
    """`arn:aws:service:region:account:resource`; `resource` keeps its own `/` and `:`."""

    service: str
    region: str
    account: str
    resource: str

    def __str__(self) -> str:
        return f"arn:aws:{self.service}:{self.region}:{self.account}:{self.resource}"


def arn(service: str, region: str, account: str, resource: str) -> str:
    """An ARN as text."""
    return str(Arn(service, region, account, resource))


def parse(text: str) -> Arn:
    """Read an ARN. Raises ValueError when `text` is none."""
    parts = text.split(":", 5)
    if len(parts) != 6 or parts[0] != "arn":
        raise ValueError(f"{text!r} is not an ARN (arn:partition:service:region:account:resource)")
    return Arn(*parts[2:])
