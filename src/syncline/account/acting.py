"""Services that act under a role: what AppSync asks of tables and functions is asked with a data source's role.

For: `datasources`, through `app`. Owns: what was found allowed, until a policy changes.
Never: does what it is asked about.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from syncline.account.actions import targets
from syncline.account.enforcement import Enforcement
from syncline.account.evaluate import ALLOWED, IMPLICIT
from syncline.account.permissions import Holding, Permissions
from syncline.core import arns
from syncline.core.call import Caller

APPSYNC = "appsync.amazonaws.com"
SESSION = "APPSYNC_ASSUME_ROLE"
"""What AppSync calls its sessions."""
REMEMBERED_MAX = 10_000


class Acting:
    """AppSync, as whom its data sources say. `role` gives each its own."""

    def __init__(self, permissions: Permissions, enforcement: Enforcement, *, region: str, account: str) -> None:
        self.permissions, self.enforcement = permissions, enforcement
        self.region, self.account = region, account

    def role(self, arn: str | None, *, source: str, api_id: str) -> ActingRole:
        """The service role of a data source of an API."""
        return ActingRole(self, arn, source, str(arns.Arn("appsync", self.region, self.account, f"apis/{api_id}")))


class ActingRole:
    """One role in use. What it may is remembered, unless it depends on conditions or variables."""

    def __init__(self, acting: Acting, role_arn: str | None, source: str, api_arn: str) -> None:
        self._acting, self._role_arn, self._api_arn = acting, role_arn, api_arn
        name = (role_arn or "").rpartition("/")[2]
        session = arns.Arn("sts", "", acting.account, f"assumed-role/{name}/{SESSION}")
        self._caller = Caller("role", acting.account, str(session))
        self._shown = str(session) if role_arn else f"data source {source} without serviceRoleArn"
        self._allowed: set[Hashable] = set()
        self._version = -1

    def knows(self, asked: Hashable) -> bool:
        """Whether `asked` was found allowed, and no policy has changed since."""
        return asked in self._allowed and self._version == self._acting.permissions.version

    async def check(self, asked: Hashable, service: str, operation: str, request: dict[str, Any]) -> None:
        """Return when the role may make this request; `asked` is what it may be known by. Raises NotPermitted."""
        acting = self._acting
        version = acting.permissions.version
        holding = await acting.permissions.holding(self._caller)
        self._check_trust(holding)
        lasting = True
        context = acting.permissions.context(self._caller, holding)
        for action, resource in targets(service, operation, request, region=acting.region, account=acting.account):
            decision = holding.decide(action, resource, context)
            acting.enforcement.settle(self._shown, action, resource, decision)
            lasting = lasting and holding.lasting(action)
        if lasting and asked is not None:
            self._remember(asked, version)

    def _check_trust(self, holding: Holding) -> None:
        """Raise NotPermitted when AppSync may not even assume the role."""
        if self._role_arn is None:
            return
        acting = self._acting
        context = {"aws:sourceaccount": acting.account, "aws:sourcearn": self._api_arn}
        decision = ALLOWED if holding.trusts_service(APPSYNC, context) else IMPLICIT
        acting.enforcement.settle(APPSYNC, "sts:AssumeRole", self._role_arn, decision)

    def _remember(self, asked: Hashable, version: int) -> None:
        if version != self._version or len(self._allowed) >= REMEMBERED_MAX:
            self._allowed.clear()
            self._version = version
        self._allowed.add(asked)
