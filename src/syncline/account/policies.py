"""Policies: managed ones with versions, and what hangs on roles and users. Bodies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from syncline.account import documents, roles, users
from syncline.account.ask import Ask, tag_list
from syncline.account.errors import DeleteConflict, EntityAlreadyExists, InvalidInput, LimitExceeded, NoSuchEntity
from syncline.account.managed import CREATED, MANAGED, PREFIX
from syncline.account.model import POLICIES, ROLES, USERS, Policy, PolicyVersion, Role, User
from syncline.account.paging import page
from syncline.store import Snapshot, Transaction

VERSIONS_MAX = 5
ATTACHED_MAX = 20
"""IAM's quotas: versions kept of one policy, policies attached to one role or user."""


class Holder(NamedTuple):
    """What policies and tags hang on: how to find the one the request names, and how to write it back."""

    noun: str
    member: str
    find: Callable[[Snapshot, Ask], Any]
    keep: Callable[..., Any]


ROLE = Holder("role", "RoleName", roles.role_of, roles.keep)
USER = Holder("user", "UserName", users.user_of, users.keep)


def create(txn: Transaction, ask: Ask) -> dict[str, Any]:
    """Make a managed policy."""
    name, arn = ask["PolicyName"], ask.arn("policy", ask["PolicyName"])
    _check_managed(ask["PolicyDocument"])
    if POLICIES.get(txn, ask.account, arn) is not None:
        raise EntityAlreadyExists(f"A policy called {name} already exists. Duplicate names are not allowed.")
    policy = Policy(
        name=name,
        id=ask.id("ANPA"),
        path=ask.path,
        arn=arn,
        created=ask.now,
        updated=ask.now,
        versions=(PolicyVersion("v1", ask["PolicyDocument"], ask.now),),
        default="v1",
        description=ask.get("Description"),
        tags=ask.tags,
    )
    POLICIES.put(txn, policy, ask.account, arn)
    return {"Policy": view(policy, attachments=0)}


def get(snapshot: Snapshot, ask: Ask) -> dict[str, Any]:
    """One policy."""
    policy = policy_of(snapshot, ask)
    return {"Policy": view(policy, attachments=len(_holders(snapshot, ask, policy.arn)))}


def listing(snapshot: Snapshot, ask: Ask) -> dict[str, Any]:
    """The policies of a scope."""
    scope, prefix = ask.get("Scope", "All"), ask.get("PathPrefix", "/")
    found = [] if scope == "AWS" else POLICIES.list(snapshot, ask.account)
    found += [] if scope == "Local" else [_of_aws(arn) for arn in MANAGED]
    count = {policy.arn: len(_holders(snapshot, ask, policy.arn)) for policy in found}
    kept = [p for p in found if p.path.startswith(prefix) and (count[p.arn] or not ask.get("OnlyAttached"))]
    return page(ask.request, "Policies", kept, lambda p: p.arn, lambda p: view(p, attachments=count[p.arn]))


def delete(txn: Transaction, ask: Ask) -> dict[str, Any]:
    """Delete a policy that hangs nowhere and has one version. Raises DeleteConflict."""
    policy = _ownpolicy_of(txn, ask)
    if _holders(txn, ask, policy.arn):
        raise DeleteConflict("Cannot delete a policy attached to entities.")
    if len(policy.versions) > 1:
        raise DeleteConflict(
            "This policy has more than one version. Before you delete a policy, you must delete the"
            " policy's versions. The default version is deleted with the policy."
        )
    POLICIES.delete(txn, ask.account, policy.arn)
    return {}


def create_version(txn: Transaction, ask: Ask) -> dict[str, Any]:
    """Add a version."""
    policy = _ownpolicy_of(txn, ask)
    _check_managed(ask["PolicyDocument"])
    if len(policy.versions) >= VERSIONS_MAX:
        raise LimitExceeded(
            "A managed policy can have up to 5 versions. Before you create a new version, you must"
            " delete an existing version."
        )
    version = PolicyVersion(f"v{policy.drawn + 1}", ask["PolicyDocument"], ask.now)
    changed = msgspec.structs.replace(
        policy,
        versions=(*policy.versions, version),
        drawn=policy.drawn + 1,
        updated=ask.now,
        default=version.id if ask.get("SetAsDefault") else policy.default,
    )
    POLICIES.put(txn, changed, ask.account, policy.arn)
    return {"PolicyVersion": _version_view(changed, version, document=False)}


def get_version(snapshot: Snapshot, ask: Ask) -> dict[str, Any]:
    """One version, with its document."""
    policy = policy_of(snapshot, ask)
    return {"PolicyVersion": _version_view(policy, _version_of(policy, ask["VersionId"]), document=True)}


def list_versions(snapshot: Snapshot, ask: Ask) -> dict[str, Any]:
    """The versions, newest first."""
    policy = policy_of(snapshot, ask)
    newest_first = {version.id: f"{9999 - int(version.id[1:]):04}" for version in policy.versions}
    return page(
        ask.request,
        "Versions",
        policy.versions,
        lambda version: newest_first[version.id],
        lambda version: _version_view(policy, version, document=False),
    )


def set_default_version(txn: Transaction, ask: Ask) -> dict[str, Any]:
    """Choose the version in force."""
    policy = _ownpolicy_of(txn, ask)
    version = _version_of(policy, ask["VersionId"])
    POLICIES.put(txn, msgspec.structs.replace(policy, default=version.id, updated=ask.now), ask.account, policy.arn)
    return {}


def delete_version(txn: Transaction, ask: Ask) -> dict[str, Any]:
    """Delete a version that is not in force."""
    policy = _ownpolicy_of(txn, ask)
    version = _version_of(policy, ask["VersionId"])
    if version.id == policy.default:
        raise DeleteConflict("Cannot delete the default version of a policy.")
    kept = tuple(other for other in policy.versions if other != version)
    POLICIES.put(txn, msgspec.structs.replace(policy, versions=kept), ask.account, policy.arn)
    return {}


def list_entities(snapshot: Snapshot, ask: Ask) -> dict[str, Any]:
    """Who has the policy attached. All at once: an account has few."""
    holders = _holders(snapshot, ask, policy_of(snapshot, ask).arn)
    return {
        "PolicyGroups": [],
        "PolicyRoles": [{"RoleName": one.name, "RoleId": one.id} for one in holders if isinstance(one, Role)],
        "PolicyUsers": [{"UserName": one.name, "UserId": one.id} for one in holders if isinstance(one, User)],
        "IsTruncated": False,
    }


def put_inline(txn: Transaction, ask: Ask, holder: Holder) -> dict[str, Any]:
    """Write an inline policy."""
    found = holder.find(txn, ask)
    documents.check_permissions(
        ask["PolicyDocument"],
        limit=documents.INLINE_BYTES_MAX,
        quota=f"Maximum policy size of {{limit}} bytes exceeded for {holder.noun} {found.name}",
    )
    holder.keep(txn, ask, found, inline=found.inline | {ask["PolicyName"]: ask["PolicyDocument"]})
    return {}


def get_inline(snapshot: Snapshot, ask: Ask, holder: Holder) -> dict[str, Any]:
    """One inline policy."""
    found, name = holder.find(snapshot, ask), ask["PolicyName"]
    _check_inline(found, name, holder)
    document = documents.encoded(found.inline[name])
    return {holder.member: found.name, "PolicyName": name, "PolicyDocument": document}


def list_inline(snapshot: Snapshot, ask: Ask, holder: Holder) -> dict[str, Any]:
    """The names of the inline policies."""
    names = list(holder.find(snapshot, ask).inline)
    return page(ask.request, "PolicyNames", names, lambda name: name, lambda name: name)


def delete_inline(txn: Transaction, ask: Ask, holder: Holder) -> dict[str, Any]:
    """Delete an inline policy."""
    found, name = holder.find(txn, ask), ask["PolicyName"]
    _check_inline(found, name, holder)
    holder.keep(txn, ask, found, inline={key: text for key, text in found.inline.items() if key != name})
    return {}


def attach(txn: Transaction, ask: Ask, holder: Holder) -> dict[str, Any]:
    """Attach a managed policy; once is enough."""
    found, arn = holder.find(txn, ask), ask["PolicyArn"]
    _check_arn(arn)
    if arn not in MANAGED and POLICIES.get(txn, ask.account, arn) is None:
        raise NoSuchEntity(f"Policy {arn} does not exist or is not attachable.")
    if arn in found.attached:
        return {}
    if len(found.attached) >= ATTACHED_MAX:
        raise LimitExceeded(f"Cannot exceed quota for PoliciesPer{holder.noun.capitalize()}: {ATTACHED_MAX}")
    holder.keep(txn, ask, found, attached=(*found.attached, arn))
    return {}


def detach(txn: Transaction, ask: Ask, holder: Holder) -> dict[str, Any]:
    """Detach a managed policy."""
    found, arn = holder.find(txn, ask), ask["PolicyArn"]
    _check_arn(arn)
    if arn not in found.attached:
        raise NoSuchEntity(f"Policy {arn} was not found.")
    holder.keep(txn, ask, found, attached=tuple(other for other in found.attached if other != arn))
    return {}


def list_attached(snapshot: Snapshot, ask: Ask, holder: Holder) -> dict[str, Any]:
    """The managed policies that hang there."""
    prefix = ask.get("PathPrefix", "/")
    arns = [arn for arn in holder.find(snapshot, ask).attached if arn.partition(":policy")[2].startswith(prefix)]
    shown = [{"PolicyName": arn.rpartition("/")[2], "PolicyArn": arn} for arn in arns]
    return page(ask.request, "AttachedPolicies", shown, lambda policy: policy["PolicyArn"], lambda policy: policy)


def view(policy: Policy, *, attachments: int) -> dict[str, Any]:
    """The policy as IAM shows it."""
    shown: dict[str, Any] = {
        "PolicyName": policy.name,
        "PolicyId": policy.id,
        "Arn": policy.arn,
        "Path": policy.path,
        "DefaultVersionId": policy.default,
        "AttachmentCount": attachments,
        "PermissionsBoundaryUsageCount": 0,
        "IsAttachable": True,
        "CreateDate": policy.created,
        "UpdateDate": policy.updated,
    }
    if policy.description is not None:
        shown["Description"] = policy.description
    if policy.tags:
        shown["Tags"] = tag_list(policy.tags)
    return shown


def _version_view(policy: Policy, version: PolicyVersion, *, document: bool) -> dict[str, Any]:
    shown = {"Document": documents.encoded(version.document)} if document else {}
    default = version.id == policy.default
    return shown | {"VersionId": version.id, "IsDefaultVersion": default, "CreateDate": version.created}


def policy_of(snapshot: Snapshot, ask: Ask) -> Policy:
    """The managed policy that the request names. Raises NoSuchEntity."""
    arn = ask["PolicyArn"]
    _check_arn(arn)
    policy = _of_aws(arn) if arn in MANAGED else POLICIES.get(snapshot, ask.account, arn)
    if policy is None:
        raise NoSuchEntity(f"Policy {arn} was not found.")
    return policy


def _ownpolicy_of(snapshot: Snapshot, ask: Ask) -> Policy:
    """The policy that the request names, which is to change: AWS's never do."""
    if ask["PolicyArn"].startswith(PREFIX):
        raise InvalidInput(f"Scope of {ask['PolicyArn']} is not valid: policies of AWS cannot be changed.")
    return policy_of(snapshot, ask)


def _of_aws(arn: str) -> Policy:
    managed = MANAGED[arn]
    version = PolicyVersion(managed.version, managed.document, CREATED)
    # AWS's own ids are opaque; the name gives each policy one of its own that stays.
    identity = "ANPA" + managed.name.upper().replace("_", "")[:17].ljust(17, "A")
    return Policy(
        managed.name, identity, managed.path, arn, CREATED, CREATED, versions=(version,), default=managed.version
    )


def _version_of(policy: Policy, wanted: str) -> PolicyVersion:
    for version in policy.versions:
        if version.id == wanted:
            return version
    raise NoSuchEntity(f"Policy {policy.arn} version {wanted} does not exist or is not attachable.")


def _holders(snapshot: Snapshot, ask: Ask, arn: str) -> list[Role | User]:
    every: list[Role | User] = [*ROLES.list(snapshot, ask.account), *USERS.list(snapshot, ask.account)]
    return [one for one in every if arn in one.attached]


def _check_arn(arn: str) -> None:
    if not arn.startswith("arn:aws:iam::") or ":policy/" not in arn:
        raise InvalidInput(f"ARN {arn} is not valid.")


def _check_inline(found: Role | User, name: str, holder: Holder) -> None:
    if name not in found.inline:
        raise NoSuchEntity(f"The {holder.noun} policy with name {name} cannot be found.")


def _check_managed(document: str) -> None:
    limit = documents.MANAGED_BYTES_MAX
    documents.check_permissions(document, limit=limit, quota="Cannot exceed quota for PolicySize: {limit}")
