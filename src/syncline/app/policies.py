"""IAM's policies at the doors: what a call is an action on, and what becomes of one that no policy allows.

For: `app.rooms`. Owns: the mode (enforce, warn, off), and which warnings were given.
"""

from __future__ import annotations

from syncline.account import Permissions, rule_of
from syncline.auth import FieldAllowance
from syncline.core import Settings
from syncline.core.call import Caller

ENFORCE, WARN, OFF = "enforce", "warn", "off"


def aws_mode(settings: Settings) -> str:
    """What policies do on this server."""
    return settings.aws_mode or (WARN if settings.mode == "dev" else ENFORCE)


def enforced(settings: Settings) -> bool:
    """Whether what no policy allows is refused."""
    return aws_mode(settings) == ENFORCE


class PolicyRules:
    """`auth.Rules` over the account's policies."""

    def __init__(self, permissions: Permissions) -> None:
        self._permissions = permissions

    async def rule(self, caller: Caller, action: str, *, source_ip: str) -> FieldAllowance | None:
        """What a signer's policies say of one action; None for root."""
        if caller.kind == "root":
            return None
        holding = await self._permissions.holding(caller)
        return rule_of(holding, action, self._permissions.context(caller, holding, source_ip=source_ip))
