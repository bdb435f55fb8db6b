"""STS: who the caller is, and roles assumed.

Where policies are enforced, a role's trust policy says who may assume it; elsewhere every authenticated caller may.
"""

from __future__ import annotations

import re
from typing import Any

from syncline.account.coverage import STS_OPERATIONS
from syncline.account.credentials import Credentials
from syncline.account.errors import AccessDenied, ValidationError
from syncline.account.model import ROLES, Role
from syncline.account.permissions import Permissions
from syncline.core import arns, call
from syncline.core.call import Caller
from syncline.store import Store

SECONDS_DEFAULT = 3600
_ROLE_ARN = re.compile(r"arn:aws[\w-]*:[\w-]+:[^:]*:\d{12}:.+")


class Sts:
    """The operations of AWS STS."""

    coverage = STS_OPERATIONS

    def __init__(
        self, store: Store, credentials: Credentials, *, account: str, permissions: Permissions | None = None
    ) -> None:
        self._permissions = permissions
        self._store = store
        self._credentials = credentials
        self._account = account

    async def get_caller_identity(self, request: dict[str, Any]) -> dict[str, Any]:
        """Who signed the request."""
        caller = self._caller()
        return {"UserId": caller.user_id or caller.account, "Account": caller.account, "Arn": caller.arn}

    async def get_access_key_info(self, request: dict[str, Any]) -> dict[str, Any]:
        """The account of an access key: there is one."""
        return {"Account": self._account}

    async def assume_role(self, request: dict[str, Any]) -> dict[str, Any]:
        """Temporary credentials of a role. They are durable and verify until they expire."""
        seconds = request.get("DurationSeconds", SECONDS_DEFAULT)
        if not _ROLE_ARN.match(request["RoleArn"]):
            raise ValidationError(f"{request['RoleArn']} is invalid")
        role = await self._role(request["RoleArn"])
        if role is None or not await self._trusted(role, request.get("ExternalId")):
            caller = self._caller().arn
            raise AccessDenied(
                f"User: {caller} is not authorized to perform: sts:AssumeRole on resource: {request['RoleArn']}"
            )
        if seconds > role.session_seconds_max:
            raise ValidationError("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
        session = await self._credentials.issue(role, request["RoleSessionName"], seconds=seconds)
        answer = {
            "Credentials": {
                "AccessKeyId": session.id,
                "SecretAccessKey": session.secret,
                "SessionToken": session.token,
                "Expiration": session.expires,
            },
            "AssumedRoleUser": {"AssumedRoleId": session.user_id, "Arn": session.arn},
        }
        if "SourceIdentity" in request:
            answer["SourceIdentity"] = request["SourceIdentity"]
        return answer

    async def _trusted(self, role: Role, external_id: str | None) -> bool:
        """Whether the role's trust policy lets the caller in; everybody, where policies are not enforced."""
        given = {} if external_id is None else {"sts:externalid": external_id}
        return self._permissions is None or await self._permissions.trusts(role, self._caller(), context=given)

    async def _role(self, arn: str) -> Role | None:
        try:
            parsed = arns.parse(arn)
        except ValueError:
            raise ValidationError(f"{arn} is invalid") from None
        name = parsed.resource.rpartition("/")[2]
        role = await self._store.read(lambda snapshot: ROLES.get(snapshot, self._account, name))
        return role if role is not None and role.arn == arn else None

    def _caller(self) -> Caller:
        """Who signed the call under way; root where nobody is told apart."""
        try:
            return call.current().caller or self._credentials.root_caller
        except LookupError:
            return self._credentials.root_caller
