"""IAM's policies at the doors: what a call is an action on, and whose policies are asked.

For: `app.rooms`. Owns: which mode a server has. Never: decides; `account` does.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

import msgspec

from syncline.account import Enforcement, Permissions, is_control, passed_roles, rule_of, targets
from syncline.auth import FieldAllowance
from syncline.core import Meter, Settings, call
from syncline.core.call import Caller

ENFORCE, WARN = "enforce", "warn"
FREE = frozenset({"sts:GetCallerIdentity", "sts:AssumeRole"})
"""What no policy is asked for: who one is, and roles, whose trust policy is."""
PASS_ROLE = "iam:PassRole"


def aws_mode(settings: Settings) -> str:
    """What policies do on this server."""
    return settings.aws_mode or (WARN if settings.mode == "dev" else ENFORCE)


class WarnedRule(msgspec.Struct, frozen=True):
    """A rule that lets everything pass and has it noted what it would have refused. Equal by what it says."""

    rule: FieldAllowance
    caller: str
    action: str
    enforcement: Enforcement

    def admits(self, resource: str) -> bool:
        """True."""
        if not self.rule.admits(resource):
            self.enforcement.settle(self.caller, self.action, resource, "implicitDeny")
        return True


class PolicyRules:
    """`auth.Rules` over the account's policies."""

    def __init__(self, permissions: Permissions, enforcement: Enforcement) -> None:
        self._permissions, self._enforcement = permissions, enforcement

    async def rule(self, caller: Caller, action: str, *, source_ip: str) -> FieldAllowance | None:
        """What a signer's policies say of one action; None for root."""
        if caller.kind == "root":
            return None
        holding = await self._permissions.holding(caller)
        found = rule_of(holding, action, self._permissions.context(caller, holding, source_ip=source_ip))
        return found if self._enforcement.enforced else WarnedRule(found, caller.arn, action, self._enforcement)


class Gate:
    """Stands before every AWS operation: an audit line, and the caller's policies."""

    def __init__(self, permissions: Permissions, enforcement: Enforcement, settings: Settings, meter: Meter) -> None:
        self._permissions, self._enforcement, self._meter = permissions, enforcement, meter
        self._region, self._account = settings.region, settings.account

    def check(
        self, service: str, operation: str, request: dict[str, Any], entered: call.Call
    ) -> Awaitable[None] | None:
        """None when the call may be made, or what to await before it is. Awaited, raises NotPermitted."""
        caller = entered.caller
        if is_control(service, operation):
            self._note(service, operation, entered)
        if caller is None or caller.kind == "root" or self._enforcement.off:
            return None
        return self._check(caller, service, operation, request, entered)

    async def _check(
        self, caller: Caller, service: str, operation: str, request: dict[str, Any], entered: call.Call
    ) -> None:
        context = {"aws:sourceip": entered.source_ip, "aws:requestedregion": entered.region}
        for action, resource in targets(service, operation, request, region=self._region, account=self._account):
            if action not in FREE:
                await self._ask(caller, action, resource, context)
        for role, receiver in passed_roles(service, operation, request):
            await self._ask(caller, PASS_ROLE, role, {**context, "iam:passedtoservice": receiver})

    async def _ask(self, caller: Caller, action: str, resource: str, context: dict[str, Any]) -> None:
        decision = await self._permissions.decide(caller, action, resource, context=context)
        self._enforcement.settle(caller.arn, action, resource, decision)

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
