"""Policies evaluated: the order of allow and deny, wildcards, negations, conditions, variables."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncline.account.evaluate import ALLOWED, EXPLICIT, IMPLICIT, Statement, decide, matches, statements
from syncline.account.permissions import Holding, rule_of

TABLE = "arn:aws:dynamodb:us-east-1:000000000000:table/notes"


def allow(**members: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": "dynamodb:GetItem", "Resource": "*", **members}


def deny(**members: Any) -> dict[str, Any]:
    return {**allow(**members), "Effect": "Deny"}


def decided(
    *given: dict[str, Any],
    action: str = "dynamodb:GetItem",
    resource: str = TABLE,
    context: dict[str, Any] | None = None,
) -> str:
    return decide(statements(json.dumps({"Statement": list(given)})), action, resource, context or {})


@pytest.mark.rule("ACC-18")
def test_an_explicit_deny_wins_and_nothing_is_no() -> None:
    assert decided() == IMPLICIT
    assert decided(allow()) == ALLOWED
    assert decided(allow(), deny()) == EXPLICIT
    assert decided(deny(), allow()) == EXPLICIT
    assert decided(allow(), deny(Resource="arn:aws:dynamodb:*:*:table/other")) == ALLOWED


@pytest.mark.rule("ACC-18")
@pytest.mark.parametrize(
    ("pattern", "action", "fits"),
    [
        ("dynamodb:*", "dynamodb:GetItem", True),
        ("DynamoDB:getitem", "dynamodb:GetItem", True),
        ("dynamodb:Get*", "dynamodb:PutItem", False),
        ("dynamodb:?etItem", "dynamodb:GetItem", True),
        ("*", "s3:GetObject", True),
        ("dynamodb:*Item", "dynamodb:BatchGetItem", True),
    ],
)
def test_actions_match_by_wildcards_whatever_their_case(pattern: str, action: str, fits: bool) -> None:
    assert (decided(allow(Action=pattern), action=action) == ALLOWED) is fits


@pytest.mark.rule("ACC-18")
def test_negations_speak_of_everything_else() -> None:
    statement = {"Effect": "Allow", "NotAction": ["iam:*"], "Resource": "*"}
    assert decided(statement) == ALLOWED
    assert decided(statement, action="iam:CreateUser") == IMPLICIT
    statement = {"Effect": "Deny", "Action": "*", "NotResource": [TABLE]}
    assert decided(allow(), statement) == ALLOWED
    assert decided(allow(), statement, resource=TABLE + "2") == EXPLICIT


@pytest.mark.rule("ACC-18")
@pytest.mark.parametrize(
    ("condition", "context", "holds"),
    [
        ({"StringEquals": {"aws:username": "ada"}}, {"aws:username": "ada"}, True),
        ({"StringEquals": {"aws:username": "ada"}}, {}, False),
        ({"StringEqualsIfExists": {"aws:username": "ada"}}, {}, True),
        ({"StringNotEquals": {"aws:username": "ada"}}, {}, True),
        ({"StringNotEquals": {"aws:username": ["ada", "bob"]}}, {"aws:username": "bob"}, False),
        ({"StringLike": {"aws:username": "a*"}}, {"aws:username": "ada"}, True),
        ({"Bool": {"aws:SecureTransport": True}}, {"aws:securetransport": "true"}, True),
        ({"NumericLessThan": {"s3:max-keys": "10"}}, {"s3:max-keys": "9"}, True),
        ({"NumericLessThan": {"s3:max-keys": "10"}}, {"s3:max-keys": "many"}, False),
        ({"DateGreaterThan": {"aws:CurrentTime": "2026-01-01T00:00:00Z"}}, {"aws:currenttime": "1790000000"}, True),
        ({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, {"aws:sourceip": "10.1.2.3"}, True),
        ({"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}, {"aws:sourceip": "10.1.2.3"}, False),
        (
            {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/a*"}},
            {"aws:principalarn": "arn:aws:iam::1:role/ab"},
            True,
        ),
        ({"Null": {"aws:username": "true"}}, {}, True),
        ({"ForAllValues:StringEquals": {"dynamodb:Attributes": ["a", "b"]}}, {"dynamodb:attributes": ["a", "b"]}, True),
        ({"ForAllValues:StringEquals": {"dynamodb:Attributes": ["a"]}}, {"dynamodb:attributes": ["a", "b"]}, False),
        ({"ForAnyValue:StringEquals": {"dynamodb:Attributes": ["a"]}}, {"dynamodb:attributes": ["a", "b"]}, True),
        ({"ForAnyValue:StringEquals": {"dynamodb:Attributes": ["a"]}}, {}, False),
        ({"StringAlike": {"aws:username": "ada"}}, {"aws:username": "ada"}, False),
    ],
)
def test_conditions(condition: Any, context: dict[str, Any], holds: bool) -> None:
    assert (decided(allow(Condition=condition), context=context) == ALLOWED) is holds


@pytest.mark.rule("ACC-18")
def test_variables_are_the_callers_and_one_without_value_fits_nothing() -> None:
    own = allow(Resource="arn:aws:dynamodb:us-east-1:000000000000:table/${aws:username}-*")
    assert decided(own, resource=TABLE.replace("notes", "ada-notes"), context={"aws:username": "ada"}) == ALLOWED
    assert decided(own, resource=TABLE.replace("notes", "bob-notes"), context={"aws:username": "ada"}) == IMPLICIT
    assert decided(own, resource=TABLE.replace("notes", "-notes")) == IMPLICIT


def test_a_hostile_pattern_takes_no_time() -> None:
    assert not matches("*a" * 50 + "b", "a" * 2000)


ACTIONS = st.sampled_from(["dynamodb:GetItem", "dynamodb:PutItem", "lambda:InvokeFunction"])
RESOURCES = st.sampled_from([f"arn:aws:dynamodb:r:a:table/{name}" for name in ("a", "b", "ab")])
PATTERNS = st.sampled_from(["*", "arn:aws:dynamodb:r:a:table/a*", "arn:aws:dynamodb:r:a:table/?", "*/${aws:username}"])
CONDITIONS = st.sampled_from(
    [None, {"StringEquals": {"aws:username": "a"}}, {"StringNotEquals": {"aws:username": "a"}}, {"Bool": {"x": "true"}}]
)
STATEMENTS = st.builds(
    Statement,
    st.booleans(),
    st.lists(st.sampled_from(["*", "dynamodb:*", "dynamodb:Get*", "lambda:InvokeFunction"]), min_size=1).map(tuple),
    st.none(),
    st.lists(PATTERNS, min_size=1).map(tuple),
    st.none(),
    CONDITIONS,
)
HOLDINGS = st.builds(
    Holding,
    st.lists(STATEMENTS, max_size=4).map(tuple),
    st.one_of(st.none(), st.lists(STATEMENTS, max_size=3).map(tuple)),
)


@pytest.mark.rule("ACC-21")
@given(HOLDINGS, ACTIONS, RESOURCES, st.sampled_from(["a", "b"]))
def test_a_rule_decides_as_the_policies_it_is_made_from(
    holding: Holding, action: str, resource: str, name: str
) -> None:
    context = {"aws:username": name}
    decision = holding.decide(action, resource, context)
    assert rule_of(holding, action, context).admits(resource) is (decision == ALLOWED)


@pytest.mark.rule("ACC-25")
@given(HOLDINGS, ACTIONS, RESOURCES)
def test_what_is_remembered_of_a_role_is_the_same_in_every_context(
    holding: Holding, action: str, resource: str
) -> None:
    if holding.lasting(action):
        seen = {holding.decide(action, resource, context) for context in ({}, {"aws:username": "a"}, {"x": "true"})}
        assert len(seen) == 1
