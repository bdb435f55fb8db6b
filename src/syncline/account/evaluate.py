"""Whether policies allow a call: statements, wildcards, conditions and variables, as IAM evaluates them. Pure.

For: `permissions`, which knows whose policies count. Owns: the order: an explicit deny, then an allow, else no.
Never: reads a store; a condition operator or a member it does not know allows nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Any

import msgspec

from syncline.core import json

ALLOWED, EXPLICIT, IMPLICIT = "allowed", "explicitDeny", "implicitDeny"
"""Decisions, by the names of SimulatePrincipalPolicy."""
Context = Mapping[str, Any]
"""By lower-case condition key: a text, or a list of texts."""
VARIABLE = re.compile(r"\$\{([^},]+)(?:,\s*'([^']*)')?\}")
LITERALS = {"*": "*", "?": "?", "$": "$"}


class Statement(msgspec.Struct, frozen=True):
    """One statement of a policy. A pattern list that is None was not given."""

    allow: bool
    actions: tuple[str, ...] | None
    not_actions: tuple[str, ...] | None
    resources: tuple[str, ...] | None
    not_resources: tuple[str, ...] | None
    conditions: Any = None
    principal: Any = None
    sid: str = ""

    @property
    def unconditional(self) -> bool:
        """Whether it says the same in every context."""
        patterns = (*(self.resources or ()), *(self.not_resources or ()))
        return not self.conditions and not any("${" in pattern for pattern in patterns)

    def about(self, action: str) -> bool:
        """Whether it speaks of this action."""
        lowered = action.lower()
        if self.actions is not None:
            return any(matches(pattern.lower(), lowered) for pattern in self.actions)
        return not any(matches(pattern.lower(), lowered) for pattern in self.not_actions or ())

    def covers(self, resource: str, context: Context) -> bool:
        """Whether it speaks of this resource."""
        if self.resources is None and self.not_resources is None:
            return True  # a trust policy
        if self.resources is not None:
            return any(_fits(pattern, resource, context) for pattern in self.resources)
        return not any(_fits(pattern, resource, context) for pattern in self.not_resources or ())

    def holds(self, context: Context) -> bool:
        """Whether its conditions are met."""
        return all(
            _condition(operator, key, values, context)
            for operator, keys in (self.conditions or {}).items()
            for key, values in keys.items()
        )


@lru_cache(maxsize=4096)
def statements(document: str) -> tuple[Statement, ...]:
    """The statements of a policy document that was checked when it was written."""
    found = json.decode(document).get("Statement", [])
    return tuple(
        Statement(
            allow=each["Effect"] == "Allow",
            actions=_texts(each, "Action"),
            not_actions=_texts(each, "NotAction"),
            resources=_texts(each, "Resource"),
            not_resources=_texts(each, "NotResource"),
            conditions=each.get("Condition"),
            principal=each.get("Principal"),
            sid=each.get("Sid", ""),
        )
        for each in (found if isinstance(found, list) else [found])
    )


def decide(every: Iterable[Statement], action: str, resource: str, context: Context) -> str:
    """The decision over all statements that count."""
    decision = IMPLICIT
    for statement in every:
        if statement.about(action) and statement.covers(resource, context) and statement.holds(context):
            if not statement.allow:
                return EXPLICIT
            decision = ALLOWED
    return decision


def matches(pattern: str, text: str) -> bool:
    """Whether `text` fits a pattern of `*` and `?`. Takes no longer than both lengths multiplied."""
    at, here, star, mark = 0, 0, -1, 0
    while here < len(text):
        if at < len(pattern) and pattern[at] == "*":
            star, mark, at = at, here, at + 1
        elif at < len(pattern) and pattern[at] in ("?", text[here]):
            at, here = at + 1, here + 1
        elif star >= 0:
            mark += 1
            at, here = star + 1, mark
        else:
            return False
    return all(rest == "*" for rest in pattern[at:])


def filled(pattern: str, context: Context) -> str | None:
    """The pattern with its variables; None when one has no value, which then fits nothing."""
    missing = False

    def value(match: re.Match[str]) -> str:
        nonlocal missing
        name = match[1].strip()
        if name in LITERALS:
            return name
        found = context.get(name.lower(), match[2])
        if found is None or isinstance(found, list):
            missing = True
            return ""
        return str(found)

    shown = VARIABLE.sub(value, pattern) if "${" in pattern else pattern
    return None if missing else shown


def _fits(pattern: str, text: str, context: Context) -> bool:
    shown = filled(pattern, context)
    return shown is not None and matches(shown, text)


def _texts(statement: Mapping[str, Any], member: str) -> tuple[str, ...] | None:
    found = statement.get(member)
    if found is None:
        return None
    return tuple(found) if isinstance(found, list) else (found,)


# --- conditions


def _condition(operator: str, key: str, wanted: Any, context: Context) -> bool:
    name, each = operator, ""
    if name.startswith(("ForAllValues:", "ForAnyValue:")):
        each, _, name = name.partition(":")
    optional = name.endswith("IfExists")
    name = name.removesuffix("IfExists")
    values = [str(one).lower() if isinstance(one, bool) else str(one) for one in _listed(wanted)]
    given = context.get(key.lower())
    if name == "Null":
        return (given is None) == (values[0].lower() == "true")
    if given is None:
        return optional or each == "ForAllValues" or (name in NEGATIVE and not each)
    test = OPERATORS.get(NEGATIVE.get(name, name))
    if test is None:
        return False
    positive = name not in NEGATIVE
    shown = [text for text in (filled(value, context) for value in values) if text is not None]
    results = [any(_safely(test, str(one), value) for value in shown) is positive for one in _listed(given)]
    return all(results) if each == "ForAllValues" or (not each and not positive) else any(results)


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, (list, tuple)) else [value]


def _safely(test: Callable[[str, str], bool], given: str, wanted: str) -> bool:
    try:
        return test(given, wanted)
    except ValueError:
        return False


def _instant(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _arn_like(given: str, wanted: str) -> bool:
    left, right = given.split(":", 5), wanted.split(":", 5)
    return len(left) == len(right) == 6 and all(matches(b, a) for a, b in zip(left, right, strict=True))


OPERATORS: dict[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda a, b: a == b,
    "StringEqualsIgnoreCase": lambda a, b: a.lower() == b.lower(),
    "StringLike": lambda a, b: matches(b, a),
    "NumericEquals": lambda a, b: float(a) == float(b),
    "NumericLessThan": lambda a, b: float(a) < float(b),
    "NumericLessThanEquals": lambda a, b: float(a) <= float(b),
    "NumericGreaterThan": lambda a, b: float(a) > float(b),
    "NumericGreaterThanEquals": lambda a, b: float(a) >= float(b),
    "DateEquals": lambda a, b: _instant(a) == _instant(b),
    "DateLessThan": lambda a, b: _instant(a) < _instant(b),
    "DateLessThanEquals": lambda a, b: _instant(a) <= _instant(b),
    "DateGreaterThan": lambda a, b: _instant(a) > _instant(b),
    "DateGreaterThanEquals": lambda a, b: _instant(a) >= _instant(b),
    "Bool": lambda a, b: a.lower() == b.lower(),
    "BinaryEquals": lambda a, b: a == b,
    "IpAddress": lambda a, b: ip_address(a) in ip_network(b, strict=False),
    "ArnEquals": _arn_like,
    "ArnLike": _arn_like,
}
NEGATIVE = {
    "StringNotEquals": "StringEquals",
    "StringNotEqualsIgnoreCase": "StringEqualsIgnoreCase",
    "StringNotLike": "StringLike",
    "NumericNotEquals": "NumericEquals",
    "DateNotEquals": "DateEquals",
    "NotIpAddress": "IpAddress",
    "ArnNotEquals": "ArnEquals",
    "ArnNotLike": "ArnLike",
}
"""Operators that are another's opposite: true where the key is absent."""
