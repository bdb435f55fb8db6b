"""Enhanced subscription filters and invalidation: operators, limits, and what a publication costs."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncline.core import LoopClock, Meter, json
from syncline.core import settings as limits
from syncline.graphql.filters import FilterRefused, compile_filter, hints_of
from syncline.graphql.projection import matching
from syncline.graphql.subscribe import Refused
from syncline.hub import Hub, Subscription, Topic
from unit.graphql.conftest import Outbox

LIMITS = limits.Hub()


def group(*entries: list[tuple[str, str, Any]]) -> dict[str, Any]:
    return {
        "filterGroup": [{"filters": [{"fieldName": f, "operator": o, "value": v} for f, o, v in e]} for e in entries]
    }


def holds(operator: str, value: Any, body: Any) -> bool:
    found = compile_filter(group([("a", operator, value)]), LIMITS)
    assert found is not None
    return found.matches(body)


@pytest.mark.rule("GQL-32")
@pytest.mark.parametrize(
    ("operator", "value", "yes", "no"),
    [
        ("eq", 1, [1, 1.0], [2, "1", True, None, [1]]),
        ("eq", "x", ["x"], ["X", None]),
        ("eq", True, [True], [False, 1]),
        ("ne", 1, [2, "1", None], [1]),
        ("le", 3, [3, 2.5], [4, "2", None]),
        ("lte", 3, [3], [4]),
        ("lt", 3, [2], [3]),
        ("ge", "b", ["b", "c"], ["a", 5]),
        ("gte", "b", ["b"], ["a"]),
        ("gt", 3, [4], [3, True]),
        ("contains", "bc", ["abcd", ["bc"]], ["b", ["abcd"], 5]),
        ("contains", 2, [[1, 2]], [[1], "2"]),
        ("notContains", "bc", ["b", None], ["abc", ["bc"]]),
        ("beginsWith", "ab", ["abc"], ["cab", 5, None]),
        ("in", ["a", 2], ["a", 2], ["b", None]),
        ("notIn", ["a", 2], ["b", None], ["a", 2]),
        ("between", [1, 5], [1, 3, 5], [0, 6, "3"]),
        ("containsAny", ["a", "b"], [["b"], ["x", "a"]], [["x"], "a", None]),
    ],
)
def test_every_operator(operator: str, value: Any, yes: list[Any], no: list[Any]) -> None:
    assert [each for each in yes if not holds(operator, value, {"a": each})] == []
    assert [each for each in no if holds(operator, value, {"a": each})] == []


@pytest.mark.rule("GQL-32")
def test_filters_are_anded_groups_are_ored_and_paths_go_down() -> None:
    found = compile_filter(group([("a.b", "eq", 1), ("c", "gt", 2)], [("c", "eq", 0)]), LIMITS)
    assert found is not None
    bodies = [{"a": {"b": 1}, "c": 3}, {"a": {"b": 1}, "c": 2}, {"c": 0}, {"a": 5, "c": 0}, [], None]
    assert [found.matches(body) for body in bodies] == [True, False, True, True, False, False]
    deep = compile_filter(group([("a.b.c.d.e.f", "eq", 1), ("x", "eq", 1)]), LIMITS)
    assert deep is not None
    assert deep.matches({"x": 1})


@pytest.mark.rule("GQL-32")
@pytest.mark.parametrize(
    ("given", "message"),
    [
        (group([("a", "in", [1, 2, 3, 4, 5, 6])]), "subscription exceeds maximum value limit 5 for operator `in`."),
        (
            group([("a", "containsAny", list(range(21)))]),
            "subscription exceeds maximum value limit 20 for operator `containsAny`.",
        ),
        (group([(name, "eq", 1) for name in "abcdef"]), "Filters exceed maximum attributes limit 5 for subscription"),
        (group(*[[("a", "eq", n)] for n in range(11)]), "Filters exceed maximum groups limit 10 for subscription"),
        (
            group([("a", "in", [1, 2, 3]), ("b", "in", [1, 2, 3, 4])]),
            "Filters exceed maximum groups limit 10 for subscription",
        ),
        (group([("a", "eq", "x" * 257)]), "subscription exceeds maximum length 256 of a value."),
        (group([("a", "like", 1)]), "Invalid subscription filter: fieldName `a`, operator `like`."),
        ({"filterGroup": []}, "Invalid subscription filter: filterGroup is a list of filters."),
        ([], "Invalid subscription filter: filterGroup is a list of filters."),
    ],
)
def test_what_is_over_a_limit_is_refused_in_appsyncs_words(given: Any, message: str) -> None:
    with pytest.raises(FilterRefused) as refused:
        compile_filter(given, LIMITS)
    assert refused.value.data["errors"] == [{"message": message, "errorCode": 400}]


JSONISH = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(allow_nan=False) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)


@pytest.mark.rule("GQL-29")
@given(given=JSONISH | st.fixed_dictionaries({"filterGroup": JSONISH}), body=JSONISH)
def test_no_filter_and_no_value_raise_anything_else(given: Any, body: Any) -> None:
    try:
        found = compile_filter(given, LIMITS)
    except (FilterRefused, json.NotJson):
        return
    if found is not None:
        found.matches(body)


CONDITION = st.tuples(st.sampled_from("ab"), st.sampled_from(["eq", "ne", "gt"]), st.integers(0, 2)) | st.tuples(
    st.sampled_from("ab"), st.just("in"), st.lists(st.sampled_from([0, 1, "x"]), min_size=1, max_size=2)
)


@pytest.mark.rule("GQL-33")
@given(
    groups=st.lists(st.lists(CONDITION, min_size=1, max_size=2), min_size=1, max_size=3),
    body=st.dictionaries(st.sampled_from("ab"), st.sampled_from([0, 1, 2, 1.0, "x", "1", None, True, [1]])),
)
def test_what_an_index_leaves_out_does_not_match(groups: Any, body: Any) -> None:
    found = compile_filter(group(*groups), limits.Hub(filter_groups_max=100))
    assert found is not None
    hints = found.hints()
    if hints is not None and not any(hint.read(body) == hint.wanted for hint in hints):
        assert not found.matches(body)


@pytest.mark.rule("GQL-33")
@given(
    arguments=st.dictionaries(st.sampled_from("ab"), st.sampled_from([0, 1, 1.0, "x", "1", None]), min_size=1),
    body=st.dictionaries(st.sampled_from("ab"), st.sampled_from([0, 1, 2, 1.0, "x", "1", None, [1]])),
)
def test_what_the_index_of_arguments_leaves_out_does_not_match(arguments: Any, body: Any) -> None:
    hints, matches = hints_of(arguments.items()), matching(arguments)
    if hints is not None and not any(hint.read(body) == hint.wanted for hint in hints):
        assert matches is not None
        assert not matches(body)


async def cost(filters: int) -> float:
    """Seconds for a thousand publications, each of which one of the filters wants."""
    hub, topic = Hub(LoopClock(), LIMITS, Meter(out=None)), Topic("api", "x")
    boxes = []
    for n in range(filters):
        found = compile_filter(group([("room", "eq", f"r{n}"), ("size", "gt", n % 7)]), LIMITS)
        assert found is not None
        box = Outbox()
        hub.subscribe(
            Subscription((topic,), found.name, found.matches, json.encode, box, b"<", b">", index=found.hints())
        )
        boxes.append(box)
    started = time.process_time()
    for n in range(1000):
        hub.publish(topic, {"room": f"r{n % filters}", "size": 9}, commit=0)
        await hub.drained()
    seconds = time.process_time() - started
    assert sum(box.data.count(b"<") for box in boxes) == 1000
    return seconds


@pytest.mark.rule("GQL-33")
async def test_ten_thousand_filters_cost_a_publication_what_ten_do() -> None:
    few, many = min([await cost(10) for _ in range(3)]), min([await cost(10_000) for _ in range(2)])
    assert many < few * 3, f"{many * 1000:.0f} µs a publication, {few * 1000:.0f} with ten filters"


SDL = """
type Note { id: ID! room: String n: Int tags: [String] }
type Query { note: Note }
type Mutation { put(id: ID!, room: String, n: Int, tags: [String]): Note  expel(room: String): Note }
type Subscription { onPut(room: String): Note @aws_subscribe(mutations: ["put"]) }
"""
PUT = "mutation P($id: ID!, $room: String, $n: Int) {put(id: $id, room: $room, n: $n) {id room n}}"


@pytest.fixture
async def api(world: Any) -> Any:
    await world.create(SDL)
    await world.local("Mutation", "put")
    return world


async def guarded(api: Any, calls: str) -> None:
    await api.local("Subscription", "onPut", '{"version": "2018-05-29", "payload": null}', f"{calls}null")


def installing(filter: Any, name: str = "setSubscriptionFilter") -> str:
    return f"$extensions.{name}($util.parseJson('{json.encode(filter).decode()}'))\n"


@pytest.mark.rule("GQL-32")
async def test_a_filter_replaces_the_arguments(api: Any, outbox: Any) -> None:
    await guarded(api, installing(group([("n", "gt", 5)], [("room", "eq", "any")])))
    await (await api.connect()).subscribe(api.start('subscription {onPut(room: "r") {id}}', outbox))
    for id, room, n in (("1", "r", 5), ("2", "other", 6), ("3", "any", 0)):
        await api.ask(PUT, id=id, room=room, n=n)
    await api.hub.drained()
    assert [payload["data"]["onPut"]["id"] for payload in outbox.payloads] == ["2", "3"]


@pytest.mark.rule("GQL-32")
async def test_a_filter_over_a_limit_refuses_the_start(api: Any, outbox: Any) -> None:
    await guarded(api, installing(group([("n", "in", [1, 2, 3, 4, 5, 6])])))
    with pytest.raises((Refused, FilterRefused), match="maximum value limit 5"):
        await (await api.connect()).subscribe(api.start("subscription {onPut {id}}", outbox))


@pytest.mark.rule("GQL-34")
async def test_an_invalidation_ends_whom_its_filter_names_and_nobody_else(api: Any) -> None:
    condition = '{"fieldName": "room", "operator": "eq", "value": $ctx.args.room}'
    calls = f'#set($filter = {{"filterGroup": [{{"filters": [{condition}]}}]}})\n'
    await guarded(api, calls + "$extensions.setSubscriptionInvalidationFilter($filter)\n")
    call = '$extensions.invalidateSubscriptions({"subscriptionField": "onPut", "payload": {"room": $ctx.args.room}})\n'
    await api.local("Mutation", "expel", response=call + "null")
    endpoint, left, stays = await api.connect(), Outbox(), Outbox()
    await endpoint.subscribe(api.start("subscription S($r: String) {onPut(room: $r) {id}}", left, id="a", r="a"))
    await endpoint.subscribe(api.start("subscription S($r: String) {onPut(room: $r) {id}}", stays, id="b", r="b"))
    await api.ask('mutation {expel(room: "a") {id}}')
    assert left.messages == [
        {"id": "a", "type": "error", "payload": {"errors": [{"message": "Subscription complete."}]}},
        {"id": "a", "type": "complete"},
    ]
    assert left.closed
    for room in "ab":
        await api.ask(PUT, id="1", room=room)
    await api.hub.drained()
    assert (len(left.messages), len(stays.payloads)) == (2, 1)
    assert api.meter.counter("syncline_graphql_invalidations_total", api=api.api_id).value == 1
