"""IAM's policies at the doors: what a call is an action on, and what becomes of one that no policy allows.

For: `app.rooms`. Owns: the mode (enforce, warn, off), and which warnings were given.
"""

from __future__ import annotations

from typing import Any

from syncline.account import ALLOWED, Permissions, is_control, rule_of, targets
from syncline.auth import FieldAllowance
from syncline.core import Denied, Meter, Settings, call
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


class NotPermitted(Denied):
    """User: {caller} is not authorized to perform: {action} on resource: {resource} because {reason}"""

    code = "AccessDeniedException"


REASONS = {
    "explicitDeny": "an explicit deny in an identity-based policy",
    "implicitDeny": "no identity-based policy allows the {action} action",
}
WARNINGS_MAX = 10_000
FREE = frozenset({"sts:GetCallerIdentity", "sts:AssumeRole"})
"""What no policy is asked for: who one is, and roles, whose trust policy is."""


class Gate:
    """Stands before every AWS operation: an audit line, and the caller's policies."""

    def __init__(self, permissions: Permissions, settings: Settings, meter: Meter) -> None:
        self._permissions, self._meter = permissions, meter
        self._mode = aws_mode(settings)
        self._region, self._account = settings.region, settings.account
        self._warned: set[tuple[str, str, str]] = set()

    async def check(self, service: str, operation: str, request: dict[str, Any], entered: call.Call) -> None:
        """Return when the call may be made. Raises NotPermitted."""
        caller = entered.caller
        if is_control(service, operation):
            self._note(service, operation, entered)
        if caller is None or caller.kind == "root" or self._mode == OFF:
            return
        found = targets(service, operation, request, region=self._region, account=self._account)
        context = {"aws:sourceip": entered.source_ip, "aws:requestedregion": entered.region}
        for action, resource in found:
            if action in FREE:
                continue
            decision = await self._permissions.decide(caller, action, resource, context=context)
            if decision != ALLOWED:
                self._refused(caller, action, resource, decision)

    def _refused(self, caller: Caller, action: str, resource: str, decision: str) -> None:
        if self._mode == ENFORCE:
            reason = REASONS[decision].format(action=action)
            raise NotPermitted(caller=caller.arn, action=action, resource=resource, reason=reason)
        key = (caller.arn, action, resource)
        if key in self._warned or len(self._warned) >= WARNINGS_MAX:
            return
        self._warned.add(key)
        statement = {"Effect": "Allow", "Action": action, "Resource": resource}
        self._meter.event("permission missing", room="account", caller=caller.arn, statement=statement)

    def _note(self, service: str, operation: str, entered: call.Call) -> None:
        self._meter.event(
            "audit",
            service=service,
            operation=operation,
            caller=entered.caller.arn if entered.caller else "anonymous",
            key=entered.caller.access_key_id if entered.caller else "",
            source_ip=entered.source_ip,
            request_id=entered.request_id,
        )
