"""`util` gives the same in VTL and in JavaScript: what is written twice is compared."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from syncline.core import Meter, SystemClock, SystemIds, json
from syncline.js import Run, read
from syncline.resolvers import Library

LIBRARY = Library(SystemClock(), SystemIds(), Meter(out=None)).for_api()
MODULES: dict[str, Any] = {}

NAMES = st.sampled_from(["a", "b", "title", "x_1"])
SCALARS = st.one_of(st.integers(-(2**40), 2**40), st.text(max_size=5), st.booleans())
OPERATORS = st.one_of(
    st.dictionaries(
        st.sampled_from(["eq", "ne", "le", "lt", "ge", "gt", "contains", "notContains", "beginsWith"]),
        SCALARS,
        min_size=1,
        max_size=3,
    ),
    st.fixed_dictionaries({"attributeExists": st.booleans()}),
    st.fixed_dictionaries({"attributeType": st.sampled_from(["_null", "string", "map", "S"])}),
    st.fixed_dictionaries({"between": st.lists(SCALARS, min_size=2, max_size=2)}),
    st.fixed_dictionaries({"in": st.lists(SCALARS, min_size=1, max_size=3)}),
    st.fixed_dictionaries({"size": st.fixed_dictionaries({"gt": st.integers(0, 9)})}),
)
CONDITIONS = st.recursive(
    st.dictionaries(NAMES, OPERATORS, min_size=1, max_size=2),
    lambda inner: st.one_of(
        st.fixed_dictionaries({"or": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"and": st.lists(inner, min_size=1, max_size=3)}),
        st.fixed_dictionaries({"not": inner}),
    ),
    max_leaves=5,
)
VALUES = st.recursive(
    st.one_of(st.none(), SCALARS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=8,
)
FILTERS = st.recursive(
    st.dictionaries(NAMES, st.dictionaries(st.sampled_from(["eq", "ge", "in"]), SCALARS, min_size=1, max_size=2)),
    lambda inner: st.fixed_dictionaries({"or": st.lists(inner, min_size=1, max_size=2)}),
    max_leaves=4,
)


def in_javascript(name: str, *operands: Any) -> Any:
    if name not in MODULES:
        code = f"export function request(ctx) {{ return util.{name}(...ctx.args.operands) }}"
        MODULES[name] = read(code, required=("request",))
    run = Run(json.encode({"arguments": {"operands": operands}}).decode(), 0.0)
    outcome = LIBRARY.engine.run(MODULES[name], "request", run, LIBRARY.answer)
    assert outcome.failure is None, outcome.failure
    return outcome.value


def in_python(name: str, *operands: Any) -> Any:
    return json.decode(json.encode(LIBRARY.functions[name].call(*operands)))


@pytest.mark.rule("RES-12")
@settings(max_examples=150, deadline=None)
@given(CONDITIONS)
def test_expressions(condition: Any) -> None:
    text = in_javascript("transform.toDynamoDBFilterExpression", condition)
    assert json.decode(text.encode()) == in_python("transform.toDynamoDBFilterExpression", condition)


@pytest.mark.rule("RES-12")
@settings(max_examples=60, deadline=None)
@given(FILTERS)
def test_subscription_filters(condition: Any) -> None:
    name = "transform.toSubscriptionFilter"
    assert in_javascript(name, condition) == in_python(name, condition)


@pytest.mark.rule("RES-12")
@settings(max_examples=60, deadline=None)
@given(VALUES)
def test_typed_values(value: Any) -> None:
    assert in_javascript("dynamodb.toDynamoDB", value) == in_python("dynamodb.toDynamoDB", value)


@pytest.mark.rule("RES-12")
@settings(max_examples=100, deadline=None)
@given(st.text(max_size=20))
def test_codecs_of_text(text: str) -> None:
    for name in ("urlEncode", "base64Encode", "escapeJavaScript"):
        assert in_javascript(name, text) == in_python(name, text)
    assert in_javascript("urlDecode", in_python("urlEncode", text)) == text
    assert in_javascript("base64Decode", in_python("base64Encode", text)) == text


@pytest.mark.rule("RES-12")
@settings(max_examples=60, deadline=None)
@given(st.integers(-(10**12), 4 * 10**12))
def test_instants(milliseconds: int) -> None:
    text = in_python("time.epochMilliSecondsToISO8601", milliseconds)
    assert in_javascript("time.epochMilliSecondsToISO8601", milliseconds) == text
    name = "time.parseISO8601ToEpochMilliSeconds"
    assert in_javascript(name, text) == in_python(name, text) == milliseconds
