"""Secrets: bodies that make, read, change and delete them.

A secret's versions carry stages; moving AWSCURRENT leaves AWSPREVIOUS where it was (ACC-15). Values are sealed before a
body runs, since that takes chance; bodies only open them.
"""

from __future__ import annotations

import hmac
import re
from typing import Any

import msgspec

from syncline.account.ask import Ask, tag_list
from syncline.account.errors import (
    SecretExists,
    SecretNameInvalid,
    SecretNotFound,
    SecretParameterInvalid,
    SecretRequestInvalid,
)
from syncline.account.model import SECRETS, Secret, SecretVersion
from syncline.core import Vault, arns
from syncline.store import Snapshot, Transaction

CURRENT, PREVIOUS = "AWSCURRENT", "AWSPREVIOUS"
VERSIONS_MAX = 100
"""Versions kept of one secret; the oldest without a stage go first."""
SEALED = "secret value"
DAY_S = 86_400
RECOVERY_DAYS = range(7, 31)
_NAME = re.compile(r"[\w/+=.@!-]+", re.ASCII)
SUFFIX_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


class Place(msgspec.Struct, frozen=True):
    """Whose secrets: they belong to an account and a region. The vault opens them."""

    account: str
    region: str
    vault: Vault


class Written(msgspec.Struct, frozen=True):
    """The version that a request may make: its id, and its value, if any: plain to compare, sealed to keep."""

    id: str
    plain: bytes | None = None
    binary: bool = False
    sealed: bytes = b""


def written(request: dict[str, Any], token: str, vault: Vault) -> Written:
    """What a request writes. Raises SecretParameterInvalid for one with two values."""
    text, blob = request.get("SecretString"), request.get("SecretBinary")
    if text is not None and blob is not None:
        raise SecretParameterInvalid("You can't specify both a binary secret value and a string secret value.")
    plain = text.encode() if text is not None else blob
    return Written(token) if plain is None else Written(token, plain, blob is not None, vault.seal(SEALED, plain))


def create(txn: Transaction, ask: Ask, place: Place, new: Written) -> dict[str, Any]:
    """Make a secret, with the value the request has, if any."""
    name = _valid(ask["Name"])
    there = SECRETS.get(txn, place.account, place.region, name)
    if there is not None and not _gone(there, ask.now):
        if there.deleted is not None:
            raise SecretRequestInvalid(
                "You can't create this secret because a secret with this name is already scheduled for deletion."
            )
        if not _repeated(there, new, place):
            raise SecretExists(name=name)
        return _named(there, new.id)
    secret = Secret(
        name, _new_arn(name, ask, place), ask.now, ask.now, (), ask.get("Description"), ask.get("KmsKeyId"), ask.tags
    )
    if new.plain is not None:
        secret = _with_version(secret, ask, new, (CURRENT,))
    _keep(txn, place, secret)
    return _named(secret, new.id)


def get_value(snapshot: Snapshot, ask: Ask, place: Place) -> dict[str, Any]:
    """A version's value."""
    secret = _living(snapshot, ask, place)
    version = _version_asked(secret, ask)
    plain = place.vault.open(SEALED, version.sealed)
    value = {"SecretBinary": plain} if version.binary else {"SecretString": plain.decode()}
    stages = list(version.stages)
    return _named(secret, version.id) | value | {"VersionStages": stages, "CreatedDate": version.created}


def put_value(txn: Transaction, ask: Ask, place: Place, new: Written) -> dict[str, Any]:
    """Add a version."""
    secret = _living(txn, ask, place)
    if new.plain is None:
        raise SecretParameterInvalid("You must provide either SecretString or SecretBinary.")
    stages = tuple(ask.get("VersionStages", (CURRENT,)))
    if not secret.versions:
        # AWS does this: the first version is the current one, whatever else it is.
        stages = tuple(dict.fromkeys((*stages, CURRENT)))
    if not _repeated(secret, new, place):
        secret = _with_version(secret, ask, new, stages)
        _keep(txn, place, secret)
    return _named(secret, new.id) | {"VersionStages": list(stages)}


def update(txn: Transaction, ask: Ask, place: Place, new: Written) -> dict[str, Any]:
    """Change what the request names; a value becomes a version."""
    secret = msgspec.structs.replace(_living(txn, ask, place), changed=ask.now)
    if "Description" in ask.request:
        secret = msgspec.structs.replace(secret, description=ask["Description"])
    if "KmsKeyId" in ask.request:
        secret = msgspec.structs.replace(secret, kms_key=ask["KmsKeyId"])
    if new.plain is not None and not _repeated(secret, new, place):
        secret = _with_version(secret, ask, new, (CURRENT,))
    _keep(txn, place, secret)
    return _named(secret, None if new.plain is None else new.id)


def describe(snapshot: Snapshot, ask: Ask, place: Place) -> dict[str, Any]:
    """Everything but the values."""
    return view(_secret(snapshot, ask, place))


def listing(snapshot: Snapshot, place: Place, now: float, *, planned: bool) -> list[Secret]:
    """The secrets in order of name; with those marked for deletion when `planned`."""
    every = SECRETS.list(snapshot, place.account, place.region)
    return [secret for secret in every if not _gone(secret, now) and (planned or secret.deleted is None)]


def delete(txn: Transaction, ask: Ask, place: Place) -> dict[str, Any]:
    """Mark for deletion, or delete at once."""
    days, forced = ask.get("RecoveryWindowInDays"), ask.get("ForceDeleteWithoutRecovery", False)
    if forced and days is not None:
        raise SecretParameterInvalid(
            "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays."
        )
    if days is not None and days not in RECOVERY_DAYS:
        raise SecretParameterInvalid("The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).")
    try:
        secret = _secret(txn, ask, place)
    except SecretNotFound:
        if not forced:
            raise
        # AWS does this: what is to be deleted by force need not be there.
        wanted = ask["SecretId"]
        arn = wanted if wanted.startswith("arn:") else _new_arn(wanted, ask, place)
        return {"ARN": arn, "Name": wanted, "DeletionDate": ask.now}
    if forced:
        SECRETS.delete(txn, place.account, place.region, secret.name)
        return {"ARN": secret.arn, "Name": secret.name, "DeletionDate": ask.now}
    if secret.deleted is not None:
        raise _marked()
    purge = ask.now + (days or RECOVERY_DAYS[-1]) * DAY_S
    _keep(txn, place, msgspec.structs.replace(secret, deleted=ask.now, purge=purge))
    return {"ARN": secret.arn, "Name": secret.name, "DeletionDate": purge}


def restore(txn: Transaction, ask: Ask, place: Place) -> dict[str, Any]:
    """Take back the mark."""
    secret = msgspec.structs.replace(_secret(txn, ask, place), deleted=None, purge=None)
    _keep(txn, place, secret)
    return {"ARN": secret.arn, "Name": secret.name}


def tag(txn: Transaction, ask: Ask, place: Place) -> dict[str, Any]:
    """Add tags."""
    secret = _living(txn, ask, place)
    _keep(txn, place, msgspec.structs.replace(secret, tags=secret.tags | ask.tags))
    return {}


def untag(txn: Transaction, ask: Ask, place: Place) -> dict[str, Any]:
    """Take tags away."""
    secret = _living(txn, ask, place)
    kept = {key: value for key, value in secret.tags.items() if key not in ask["TagKeys"]}
    _keep(txn, place, msgspec.structs.replace(secret, tags=kept))
    return {}


def list_versions(snapshot: Snapshot, ask: Ask, place: Place) -> dict[str, Any]:
    """The versions and their stages."""
    secret = _secret(snapshot, ask, place)
    shown = [
        {"VersionId": version.id, "CreatedDate": version.created}
        | ({"VersionStages": list(version.stages)} if version.stages else {})
        for version in secret.versions
        if version.stages or ask.get("IncludeDeprecated")
    ]
    return {"ARN": secret.arn, "Name": secret.name, "Versions": shown}


def view(secret: Secret) -> dict[str, Any]:
    """The secret as DescribeSecret shows it; ListSecrets nearly so."""
    shown: dict[str, Any] = {"ARN": secret.arn, "Name": secret.name}
    optional = {
        "Description": secret.description,
        "KmsKeyId": secret.kms_key,
        "LastAccessedDate": secret.accessed,
        "DeletedDate": secret.deleted,
    }
    shown |= {member: value for member, value in optional.items() if value is not None}
    shown |= {"CreatedDate": secret.created, "LastChangedDate": secret.changed}
    shown |= {"Tags": tag_list(secret.tags)} if secret.tags else {}
    stages = {version.id: list(version.stages) for version in secret.versions if version.stages}
    return shown | ({"VersionIdsToStages": stages} if stages else {})


def _secret(snapshot: Snapshot, ask: Ask, place: Place) -> Secret:
    """The secret that `SecretId` names: by name, whole ARN, or ARN without its last six characters."""
    wanted = ask["SecretId"]
    name = wanted if wanted.startswith("arn:") else _valid(wanted)
    if wanted.startswith("arn:"):
        tail = wanted.partition(":secret:")[2]
        name = tail[:-7] if SECRETS.get(snapshot, place.account, place.region, tail[:-7]) else tail
    secret = SECRETS.get(snapshot, place.account, place.region, name)
    if secret is None or _gone(secret, ask.now):
        raise SecretNotFound
    if wanted.startswith("arn:") and not (secret.arn == wanted or secret.arn[:-7] == wanted):
        raise SecretNotFound
    return secret


def _living(snapshot: Snapshot, ask: Ask, place: Place) -> Secret:
    """The secret that the request names, which must not be marked for deletion."""
    secret = _secret(snapshot, ask, place)
    if secret.deleted is not None:
        raise _marked()
    return secret


def _marked() -> SecretRequestInvalid:
    return SecretRequestInvalid("You can't perform this operation on the secret because it was marked for deletion.")


def _gone(secret: Secret, now: float) -> bool:
    return secret.purge is not None and secret.purge <= now


def _valid(name: str) -> str:
    """The name. Raises SecretNameInvalid for one that no secret can have."""
    if not _NAME.fullmatch(name):
        raise SecretNameInvalid
    return name


def _new_arn(name: str, ask: Ask, place: Place) -> str:
    """The ARN of a new secret: six characters of chance tell it from an earlier one of its name."""
    suffix = "".join(SUFFIX_ALPHABET[byte % 62] for byte in ask.entropy[:6])
    return str(arns.Arn("secretsmanager", place.region, place.account, f"secret:{name}-{suffix}"))


def _repeated(secret: Secret, new: Written, place: Place) -> bool:
    """Whether the secret has this version already. Raises SecretExists when it has another value."""
    version = next((version for version in secret.versions if version.id == new.id), None)
    if version is None:
        return False
    same = new.plain is not None and hmac.compare_digest(place.vault.open(SEALED, version.sealed), new.plain)
    if not same or version.binary != new.binary:
        raise SecretExists(
            f"You can't use ClientRequestToken {new.id} because that value is already in use for a version of"
            f" secret {secret.arn}."
        )
    return True


def _with_version(secret: Secret, ask: Ask, new: Written, stages: tuple[str, ...]) -> Secret:
    """The secret with a new version that takes `stages` from the others."""
    held = [version for version in secret.versions if CURRENT in version.stages]
    previous = held[0].id if held and CURRENT in stages else None
    taken = {*stages, *((PREVIOUS,) if previous else ())}
    older = []
    for version in secret.versions:
        kept = tuple(stage for stage in version.stages if stage not in taken)
        older.append(msgspec.structs.replace(version, stages=(*kept, PREVIOUS) if version.id == previous else kept))
    made = SecretVersion(new.id, ask.now, stages, new.sealed, new.binary)
    while len(older) >= VERSIONS_MAX:
        older.remove(next(version for version in older if not version.stages))
    return msgspec.structs.replace(secret, versions=(*older, made), changed=ask.now)


def _version_asked(secret: Secret, ask: Ask) -> SecretVersion:
    wanted, stage = ask.get("VersionId"), ask.get("VersionStage")
    if wanted is None and stage is None:
        stage = CURRENT
    for version in secret.versions:
        if (wanted is None or version.id == wanted) and (stage is None or stage in version.stages):
            return version
    what = f"staging label: {stage}" if wanted is None else f"VersionId: {wanted}"
    raise SecretNotFound(f"Secrets Manager can't find the specified secret value for {what}")


def _named(secret: Secret, version: str | None) -> dict[str, Any]:
    named = {"ARN": secret.arn, "Name": secret.name}
    known = any(found.id == version for found in secret.versions)
    return named | ({"VersionId": version} if version is not None and known else {})


def _keep(txn: Transaction, place: Place, secret: Secret) -> None:
    SECRETS.put(txn, secret, place.account, place.region, secret.name)
