"""Roles: bodies that make, read, change and delete them."""

from __future__ import annotations

from typing import Any

import msgspec

from syncline.account import documents
from syncline.account.ask import Ask, tag_list
from syncline.account.errors import DeleteConflict, EntityAlreadyExists, NoSuchEntity
from syncline.account.model import ROLES, Role
from syncline.account.paging import page
from syncline.store import Snapshot, Transaction


def role_of(snapshot: Snapshot, ask: Ask) -> Role:
    """The role that the request names. Raises NoSuchEntity."""
    role = ROLES.get(snapshot, ask.account, ask["RoleName"])
    if role is None:
        raise NoSuchEntity(f"The role with name {ask['RoleName']} cannot be found.")
    return role


def keep(txn: Transaction, ask: Ask, role: Role, **changes: Any) -> Role:
    """Write `role` with `changes`."""
    changed = msgspec.structs.replace(role, **changes)
    ROLES.put(txn, changed, ask.account, changed.name)
    return changed


def create(txn: Transaction, ask: Ask) -> dict[str, Any]:
    """Make a role."""
    name = ask["RoleName"]
    documents.check_trust(ask["AssumeRolePolicyDocument"])
    if ROLES.get(txn, ask.account, name) is not None:
        raise EntityAlreadyExists(f"Role with name {name} already exists.")
    role = Role(
        name=name,
        id=ask.id("AROA"),
        path=ask.path,
        arn=ask.arn("role", name),
        created=ask.now,
        trust=ask["AssumeRolePolicyDocument"],
        description=ask.get("Description"),
        session_seconds_max=ask.get("MaxSessionDuration", 3600),
        boundary=ask.get("PermissionsBoundary"),
        tags=ask.tags,
    )
    keep(txn, ask, role)
    return {"Role": view(role, whole=False)}


def get(snapshot: Snapshot, ask: Ask) -> dict[str, Any]:
    """One role, whole."""
    return {"Role": view(role_of(snapshot, ask))}


def listing(snapshot: Snapshot, ask: Ask) -> dict[str, Any]:
    """The roles under a path."""
    prefix = ask.get("PathPrefix", "/")
    roles = [role for role in ROLES.list(snapshot, ask.account) if role.path.startswith(prefix)]
    return page(ask.request, "Roles", roles, lambda role: role.name, lambda role: view(role, whole=False))


def update(txn: Transaction, ask: Ask) -> dict[str, Any]:
    """Change what the request names."""
    role = role_of(txn, ask)
    keep(
        txn,
        ask,
        role,
        description=ask.get("Description", role.description),
        session_seconds_max=ask.get("MaxSessionDuration", role.session_seconds_max),
    )
    return {}


def update_description(txn: Transaction, ask: Ask) -> dict[str, Any]:
    """Change the description."""
    return {"Role": view(keep(txn, ask, role_of(txn, ask), description=ask["Description"]))}


def update_trust(txn: Transaction, ask: Ask) -> dict[str, Any]:
    """Change the trust policy."""
    role = role_of(txn, ask)
    documents.check_trust(ask["PolicyDocument"])
    keep(txn, ask, role, trust=ask["PolicyDocument"])
    return {}


def delete(txn: Transaction, ask: Ask) -> dict[str, Any]:
    """Delete a role without policies. Raises DeleteConflict."""
    role = role_of(txn, ask)
    if role.attached:
        raise DeleteConflict("Cannot delete entity, must detach all policies first.")
    if role.inline:
        raise DeleteConflict("Cannot delete entity, must delete policies first.")
    ROLES.delete(txn, ask.account, role.name)
    return {}


def list_instance_profiles(snapshot: Snapshot, ask: Ask) -> dict[str, Any]:
    """No role has one: there are no machines to have profiles."""
    role_of(snapshot, ask)
    return {"InstanceProfiles": [], "IsTruncated": False}


def view(role: Role, *, whole: bool = True) -> dict[str, Any]:
    """The role as IAM shows it: `whole` by GetRole, without tags and use in lists."""
    shown: dict[str, Any] = {
        "Path": role.path,
        "RoleName": role.name,
        "RoleId": role.id,
        "Arn": role.arn,
        "CreateDate": role.created,
        "AssumeRolePolicyDocument": documents.encoded(role.trust),
        "MaxSessionDuration": role.session_seconds_max,
    }
    if role.description is not None:
        shown["Description"] = role.description
    if role.boundary is not None:
        shown["PermissionsBoundary"] = {"PermissionsBoundaryType": "Policy", "PermissionsBoundaryArn": role.boundary}
    if role.tags:
        shown["Tags"] = tag_list(role.tags)
    if whole:
        shown["RoleLastUsed"] = {}
    return shown
