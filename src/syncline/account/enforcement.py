"""What becomes of a call that no policy allows: refused, told of, or let pass.

For: the doors (AWS operations, GraphQL fields) and services that act under a role. Owns: which warnings were given.
Never: decides what policies say.
"""

from __future__ import annotations

from syncline.account.evaluate import ALLOWED, EXPLICIT, IMPLICIT
from syncline.core import Denied, Meter

ENFORCE, WARN, OFF = "enforce", "warn", "off"
REASONS = {
    EXPLICIT: "an explicit deny in an identity-based policy",
    IMPLICIT: "no identity-based policy allows the {action} action",
}
WARNINGS_MAX = 10_000


class NotPermitted(Denied):
    """User: {caller} is not authorized to perform: {action} on resource: {resource} because {reason}"""

    code = "AccessDeniedException"


class Enforcement:
    """One server's way with policies: `mode` is enforce, warn or off."""

    def __init__(self, mode: str, meter: Meter) -> None:
        self.mode = mode
        self._meter = meter
        self._warned: set[tuple[str, str, str]] = set()

    @property
    def enforced(self) -> bool:
        """Whether what no policy allows is refused."""
        return self.mode == ENFORCE

    @property
    def off(self) -> bool:
        """Whether policies are not even asked."""
        return self.mode == OFF

    def settle(self, caller: str, action: str, resource: str, decision: str) -> None:
        """Return when the call may go on; log, once, the statement that is missing. Raises NotPermitted."""
        if decision == ALLOWED or self.off:
            return
        if self.enforced:
            reason = REASONS[decision].format(action=action)
            raise NotPermitted(caller=caller, action=action, resource=resource, reason=reason)
        key = (caller, action, resource)
        if key in self._warned or len(self._warned) >= WARNINGS_MAX:
            return
        self._warned.add(key)
        statement = {"Effect": "Allow", "Action": action, "Resource": resource}
        self._meter.event("permission missing", room="account", caller=caller, decision=decision, statement=statement)
