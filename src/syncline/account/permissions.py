"""What a caller may do: whose policies count, and what is asked of them.

For: the AWS door, `auth` on the data plane, SimulatePrincipalPolicy. Owns: the cache of principals' statements.
Never: lets root be refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from syncline.account.errors import NoSuchEntity
from syncline.account.evaluate import (
    ALLOWED,
    EXPLICIT,
    IMPLICIT,
    Context,
    Statement,
    decide,
    filled,
    matches,
    statements,
)
from syncline.account.managed import MANAGED
from syncline.account.model import POLICIES, ROLES, USERS, Role, User
from syncline.core import Clock, arns
from syncline.core.call import Caller
from syncline.store import Snapshot, Store


class Holding(msgspec.Struct, frozen=True):
    """A principal's statements, and those of the boundary that limits them."""

    own: tuple[Statement, ...]
    boundary: tuple[Statement, ...] | None = None
    tags: dict[str, str] = {}
    trust: tuple[Statement, ...] = ()

    def decide(self, action: str, resource: str, context: Context) -> str:
        """The decision of both together."""
        own = decide(self.own, action, resource, context)
        if own != ALLOWED or self.boundary is None:
            return own
        return decide(self.boundary, action, resource, context)

    def lasting(self, action: str) -> bool:
        """Whether decisions about an action depend on nothing but the resource, until a policy changes."""
        return all(each.unconditional for each in (*self.own, *(self.boundary or ())) if each.about(action))

    def trusts_service(self, service: str, context: Context) -> bool:
        """Whether a role's trust policy lets one of AWS's services assume it."""
        named = [
            each for each in self.trust if each.about("sts:AssumeRole") and _names_service(each.principal, service)
        ]
        relevant = [each for each in named if each.holds(context)]
        return bool(relevant) and all(each.allow for each in relevant)


NOBODY = Holding(())
KNOWN_MAX = 10_000


class Permissions:
    """Asks the policies of this account."""

    def __init__(self, store: Store, clock: Clock, *, account: str) -> None:
        self._store, self._clock, self._account = store, clock, account
        self._known: dict[tuple[str, str], Holding] = {}
        self.version = 0
        """Counts the changes of policies: what was decided under an older one may be wrong."""

    def changed(self) -> None:
        """A policy, a role or a user has changed: look again."""
        self.version += 1
        self._known.clear()

    async def decide(self, caller: Caller, action: str, resource: str, *, context: Context | None = None) -> str:
        """allowed, explicitDeny or implicitDeny."""
        if caller.kind == "root":
            return ALLOWED
        holding = await self.holding(caller)
        return holding.decide(action, resource, {**self.context(caller, holding), **(context or {})})

    async def holding(self, caller: Caller) -> Holding:
        """What the caller's policies say, as they are now."""
        kind, name = key = principal_of(caller)
        found = self._known.get(key)
        if found is not None:
            return found
        version = self.version
        found = await self._store.read(lambda snapshot: self._held(snapshot, kind, name))
        if version == self.version:  # What was read before a change must not outlive it.
            if len(self._known) >= KNOWN_MAX:
                self._known.clear()
            self._known[key] = found
        return found

    async def holding_of(self, arn: str) -> Holding | None:
        """What hangs on a user or role by its ARN; None when there is none."""
        kind, name = principal_of(Caller("", self._account, arn))
        found = await self._store.read(lambda snapshot: self._principal(snapshot, kind, name))
        return None if found is None else await self._store.read(lambda snapshot: self._held(snapshot, kind, name))

    def context(self, caller: Caller, holding: Holding = NOBODY, *, source_ip: str = "") -> dict[str, Any]:
        """The condition keys that a call has, whatever is called."""
        kind, name = principal_of(caller)
        found: dict[str, Any] = {
            "aws:principalarn": caller.arn if kind == "user" else arns.arn("iam", "", caller.account, f"role/{name}"),
            "aws:principalaccount": caller.account,
            "aws:principaltype": {"user": "User", "role": "AssumedRole"}.get(kind, "Account"),
            "aws:userid": caller.user_id or caller.account,
            "aws:currenttime": str(self._clock.now()),
            "aws:epochtime": str(int(self._clock.now())),
            "aws:viaawsservice": "false",
        }
        if source_ip:
            found["aws:sourceip"] = source_ip
        if kind == "user":
            found["aws:username"] = name
        return found | {f"aws:principaltag/{key.lower()}": value for key, value in holding.tags.items()}

    async def trusts(self, role: Role, caller: Caller, *, context: Context | None = None) -> bool:
        """Whether a role's trust policy lets `caller` assume it. `context` holds condition keys of the call itself."""
        holding = await self.holding(caller) if caller.kind != "root" else NOBODY
        context = {**self.context(caller, holding), **(context or {})}
        named = [each for each in statements(role.trust) if each.about("sts:AssumeRole")]
        relevant = [each for each in named if _names(each.principal, caller, context) and each.holds(context)]
        if any(not each.allow for each in relevant):
            return False
        direct = [each for each in relevant if each.allow and not _by_account(each.principal, caller)]
        if direct or caller.kind == "root":
            return any(each.allow for each in relevant)
        # A role that trusts the account leaves it to the caller's own policies.
        allowed = holding.decide("sts:AssumeRole", role.arn, context)
        return bool(relevant) and allowed == ALLOWED

    def _principal(self, snapshot: Snapshot, kind: str, name: str) -> User | Role | None:
        if kind == "user":
            return USERS.get(snapshot, self._account, name)
        return ROLES.get(snapshot, self._account, name) if kind == "role" else None

    def _held(self, snapshot: Snapshot, kind: str, name: str) -> Holding:
        found = self._principal(snapshot, kind, name)
        if found is None:
            return NOBODY
        documents = [*found.inline.values(), *(self._document(snapshot, arn) for arn in found.attached)]
        boundary = found.boundary if isinstance(found, Role) else None
        return Holding(
            tuple(each for document in documents for each in statements(document)),
            statements(self._document(snapshot, boundary)) if boundary else None,
            found.tags,
            statements(found.trust) if isinstance(found, Role) else (),
        )

    def _document(self, snapshot: Snapshot, arn: str) -> str:
        if arn in MANAGED:
            return MANAGED[arn].document
        policy = POLICIES.get(snapshot, self._account, arn)
        if policy is None:
            return '{"Statement":[]}'
        return next(version.document for version in policy.versions if version.id == policy.default)


def principal_of(caller: Caller) -> tuple[str, str]:
    """The kind and name behind a caller's ARN: a session's is its role's."""
    resource = caller.arn.rpartition(":")[2]
    kind, _, rest = resource.partition("/")
    if kind == "assumed-role":
        return "role", rest.partition("/")[0]
    return kind, rest.rpartition("/")[2]


async def simulate(permissions: Permissions, request: dict[str, Any]) -> dict[str, Any]:
    """SimulatePrincipalPolicy. Raises NoSuchEntity for a principal that is not there."""
    arn = request["PolicySourceArn"]
    holding = await permissions.holding_of(arn)
    if holding is None:
        raise NoSuchEntity(f"Policy source {arn} does not exist.")
    more = tuple(each for document in request.get("PolicyInputList") or () for each in statements(document))
    holding = msgspec.structs.replace(holding, own=(*holding.own, *more))
    caller = Caller(principal_of(Caller("", "", arn))[0], arn.split(":")[4], arn)
    context = permissions.context(caller, holding)
    for entry in request.get("ContextEntries") or ():
        values = entry.get("ContextKeyValues") or []
        context[entry["ContextKeyName"].lower()] = values[0] if len(values) == 1 else values
    results = [
        {
            "EvalActionName": action,
            "EvalResourceName": resource,
            "EvalDecision": holding.decide(action, resource, context),
            "MatchedStatements": [],
            "MissingContextValues": [],
        }
        for action in request["ActionNames"]
        for resource in request.get("ResourceArns") or ["*"]
    ]
    return {"EvaluationResults": results, "IsTruncated": False}


class Rule(msgspec.Struct, frozen=True):
    """What is left of a principal's policies for one action and one context: equal rules admit the same resources."""

    own: tuple[tuple[bool, tuple[str, ...] | None, tuple[str, ...] | None], ...]
    boundary: tuple[tuple[bool, tuple[str, ...] | None, tuple[str, ...] | None], ...] | None = None

    def admits(self, resource: str) -> bool:
        """Whether the action is allowed on this resource."""
        return _admitted(self.own, resource) and (self.boundary is None or _admitted(self.boundary, resource))


def rule_of(holding: Holding, action: str, context: Context) -> Rule:
    """The principal's policies reduced to patterns of resources."""
    boundary = None if holding.boundary is None else _reduced(holding.boundary, action, context)
    return Rule(_reduced(holding.own, action, context), boundary)


def _reduced(
    every: Iterable[Statement], action: str, context: Context
) -> tuple[tuple[bool, tuple[str, ...] | None, tuple[str, ...] | None], ...]:
    def shown(patterns: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if patterns is None:
            return None
        return tuple(text for text in (filled(pattern, context) for pattern in patterns) if text is not None)

    relevant = [each for each in every if each.about(action) and each.holds(context)]
    return tuple((each.allow, shown(each.resources), shown(each.not_resources)) for each in relevant)


def _admitted(reduced: Iterable[tuple[bool, tuple[str, ...] | None, tuple[str, ...] | None]], resource: str) -> bool:
    allowed = False
    for allow, named, excepted in reduced:
        if named is not None:
            covers = any(matches(pattern, resource) for pattern in named)
        else:
            covers = not any(matches(pattern, resource) for pattern in excepted or ())
        if covers and not allow:
            return False
        allowed = allowed or covers
    return allowed


def _names(principal: Any, caller: Caller, context: Context) -> bool:
    """Whether a trust statement's principal is this caller, its role, or its account."""
    if principal == "*":
        return True
    if not isinstance(principal, dict):
        return False
    named = principal.get("AWS", ())
    texts: Iterable[str] = named if isinstance(named, list) else [named] if named else ()
    own = {caller.arn, str(context["aws:principalarn"]), caller.account, _root(caller), "*"}
    return any(text in own or matches(text, caller.arn) for text in texts)


def _root(caller: Caller) -> str:
    return arns.arn("iam", "", caller.account, "root")


def _names_service(principal: Any, service: str) -> bool:
    named = principal.get("Service", ()) if isinstance(principal, dict) else ()
    return service in (named if isinstance(named, list) else [named]) or principal == "*"


def _by_account(principal: Any, caller: Caller) -> bool:
    """Whether the principal is only the caller's account."""
    if not isinstance(principal, dict):
        return bool(principal != "*")
    named = principal.get("AWS", ())
    texts = named if isinstance(named, list) else [named]
    return all(str(text) in (caller.account, _root(caller)) for text in texts)


__all__ = ["ALLOWED", "EXPLICIT", "IMPLICIT", "Holding", "Permissions", "Rule", "principal_of", "rule_of"]
