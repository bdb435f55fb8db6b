"""Policy documents: what makes one well formed, in IAM's words.

For: roles, policies, users. Never: decides whether a call is allowed (nothing evaluates policies yet).
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from syncline.account.errors import LimitExceeded, MalformedPolicyDocument
from syncline.core import json

VERSIONS = ("2012-10-17", "2008-10-17")
STATEMENT_MEMBERS = {
    *("Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition")
}

TRUST_BYTES_MAX = 2048
MANAGED_BYTES_MAX = 6144
INLINE_BYTES_MAX = 10240
"""IAM's quotas; white space does not count."""


def check_trust(document: str) -> None:
    """Raise unless `document` can be a role's trust policy."""
    for statement in _statements(document, bad_json="This policy contains invalid Json"):
        if "Resource" in statement or "NotResource" in statement:
            raise MalformedPolicyDocument("Has prohibited field Resource")
        if "Principal" not in statement and "NotPrincipal" not in statement:
            raise MalformedPolicyDocument("Missing required field Principal")
        for action in _texts(statement, "Action"):
            if not action.lower().startswith("sts:") and action != "*":
                raise MalformedPolicyDocument("AssumeRole policy may only specify STS AssumeRole actions.")
    _check_size(document, TRUST_BYTES_MAX, "Cannot exceed quota for ACLSizePerRole: {limit}")


def check_permissions(document: str, *, limit: int, quota: str) -> None:
    """Raise unless `document` can grant permissions. `quota` is the text for one over `limit`."""
    for statement in _statements(document, bad_json="Syntax errors in policy."):
        if "Principal" in statement or "NotPrincipal" in statement:
            raise MalformedPolicyDocument("Policy document should not specify a principal.")
        for action in _texts(statement, "Action"):
            if action != "*" and ":" not in action:
                raise MalformedPolicyDocument(
                    "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc."
                )
        resources = _texts(statement, "Resource")
        if not resources:
            raise MalformedPolicyDocument("Policy statement must contain resources.")
        for resource in resources:
            if resource != "*" and not resource.startswith(("arn:", "${")) and not resource.startswith("*"):
                raise MalformedPolicyDocument(f'Resource {resource} must be in ARN format or "*".')
    _check_size(document, limit, quota)


def encoded(document: str) -> str:
    """The document as IAM's answers carry it: percent-encoded (RFC 3986)."""
    return quote(document, safe="-_.~")


def _statements(document: str, *, bad_json: str) -> list[dict[str, Any]]:
    """The statements of `document`, each with an effect and an action."""
    try:
        policy = json.decode(document)
    except json.NotJson:
        raise MalformedPolicyDocument(bad_json) from None
    if not isinstance(policy, dict):
        raise MalformedPolicyDocument("Syntax errors in policy.")
    if policy.get("Version", VERSIONS[0]) not in VERSIONS:
        raise MalformedPolicyDocument("The policy must contain a valid version string.")
    if "Statement" not in policy:
        raise MalformedPolicyDocument("Missing required field Statement")
    found = policy["Statement"]
    statements = found if isinstance(found, list) else [found]
    if not statements:
        raise MalformedPolicyDocument("Missing required field Statement cannot be empty!")
    for statement in statements:
        _check_statement(statement)
    sids = [statement["Sid"] for statement in statements if statement.get("Sid")]
    if len(sids) != len(set(sids)):
        raise MalformedPolicyDocument("Statement IDs (SID) in a single policy must be unique.")
    return statements


def _check_statement(statement: Any) -> None:
    if not isinstance(statement, dict):
        raise MalformedPolicyDocument("Syntax errors in policy.")
    for member in statement:
        if member not in STATEMENT_MEMBERS:
            raise MalformedPolicyDocument("Syntax errors in policy.")
    if "Effect" not in statement:
        raise MalformedPolicyDocument("Missing required field Effect")
    if statement["Effect"] not in ("Allow", "Deny"):
        raise MalformedPolicyDocument(f"Invalid effect: {statement['Effect']}")
    if not _texts(statement, "Action"):
        raise MalformedPolicyDocument("Policy statement must contain actions.")


def _texts(statement: dict[str, Any], member: str) -> list[str]:
    """`member` or its negation as a list of texts; empty when neither is there."""
    found = statement.get(member, statement.get("Not" + member, []))
    texts = found if isinstance(found, list) else [found]
    if not all(isinstance(text, str) for text in texts):
        raise MalformedPolicyDocument("Syntax errors in policy.")
    return texts


def _check_size(document: str, limit: int, quota: str) -> None:
    if len("".join(document.split())) > limit:
        raise LimitExceeded(quota.format(limit=limit))
