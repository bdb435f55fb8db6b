"""Query bombs, resolvers of the wrong shape, documents nobody would write: an answer in AppSync's shape, soon."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncline.core import json

SDL = """
interface Named { name: String }
type Node implements Named { id: ID name: String next: Node many: [Node!] n(of: [Int], to: Deep): Int! }
type Leaf implements Named { name: String }
union Any = Node | Leaf
input Deep { in: Deep n: Int = 1 list: [Deep!] }
type Query { node: Node any: [Any] named: Named take(in: Deep): String numbers: [Int!] }
type Mutation { put(id: ID): Node }
"""
SECONDS_MAX = 3.0
"""On a machine that is busy; most take milliseconds."""


def payload(value: str) -> str:
    return f'{{"version": "2018-05-29", "payload": {value}}}'


def cycle(length: int) -> str:
    names = range(length)
    return "{node {...F0}} " + " ".join(f"fragment F{n} on Node {{id ...F{(n + 1) % length}}}" for n in names)


def declared(count: int) -> dict[str, Any]:
    names = ", ".join(f"$v{n}: Int" for n in range(count))
    used = ", ".join(f"$v{n}" for n in range(count))
    return {
        "query": f"query({names}) {{node {{n(of: [{used}])}}}}",
        "variables": {f"v{n}": n for n in range(count)},
    }


BOMBS: dict[str, Any] = {
    "depth": {"query": "{node " + "{next " * 1000 + "{id}" + "}" * 1001},
    "aliases": {"query": "{" + " ".join(f"a{n}: node {{id}}" for n in range(2000)) + "}"},
    "aliases of one field": {"query": "{node {" + " ".join(f"a{n}: id" for n in range(3000)) + "}}"},
    "one name many times": {"query": "{node {" + "id " * 4000 + "}}"},
    "arguments that conflict": {"query": "{node {" + " ".join(f"n(of: [{n}])" for n in range(1000)) + "}}"},
    "a cycle of one fragment": {"query": cycle(1)},
    "a cycle of many": {"query": cycle(300)},
    "a megabyte of spaces": {"query": "{node {id}}" + " " * 1_000_000},
    "a megabyte of a string": {"query": '{node {n(to: {n: "' + "x" * 1_000_000 + '"})}}'},
    "a megabyte of fields": {"query": "{" + "node{id} " * 110_000 + "}"},
    "a megabyte of comments": {"query": "# \n" * 330_000 + "{node {id}}"},
    "ten thousand variables": declared(10_000),
    "a thousand variables": declared(1000),
    "variables nobody declared": {"query": "{node {id}}", "variables": {f"v{n}": n for n in range(10_000)}},
    "a deep variable": {
        "query": "query($d: Deep) {take(in: $d)}",
        "variables": {"d": json.decode('{"in":' * 400 + "{}" + "}" * 400)},
    },
    "directives": {"query": "{node {id " + "@include(if: true) " * 2000 + "}}"},
    "unknown fields": {"query": "{" + " ".join(f"nobody{n}" for n in range(3000)) + "}"},
    "operations": {"query": " ".join(f"query Q{n} {{node {{id}}}}" for n in range(1000)), "operationName": "Q7"},
}


@pytest.mark.rule("GQL-29")
@pytest.mark.parametrize("bomb", BOMBS)
async def test_a_bomb_is_answered_soon(world: Any, bomb: str) -> None:
    await world.create(SDL)
    began = time.process_time()
    response = await world.post(BOMBS[bomb])
    seconds = time.process_time() - began
    answer = json.decode(response.body)
    assert response.status in (200, 400)
    for entry in answer.get("errors", ())[:10]:
        assert isinstance(entry["message"], str)
        assert len(entry["message"]) < 2000, "an answer does not repeat what was sent"
    assert seconds < SECONDS_MAX, f"{bomb}: {seconds:.1f} s"
    assert await world.ask("{node {id}}") == {"data": {"node": None}}


SHAPES = [
    "1",
    '"text"',
    "true",
    "[]",
    "[[]]",
    "{}",
    "[null]",
    '[1, "x", {}]',
    '{"next": 5, "many": {"a": 1}}',
    '{"id": {}}',
]
SHAPES += [
    '{"__typename": 5}',
    '[{"__typename": "Query"}]',
    '{"__typename": {}}',
    '{"id": 1e400}',
    '{"many": [[{}]]}',
    '"\\ud800"',
]
PARTS = "... on Node {id name next {id} many {id n}} ... on Leaf {name}"
QUERY = f"{{node {{id name next {{id}} many {{id n}}}} numbers any {{{PARTS}}} named {{{PARTS}}}}}"


@pytest.mark.rule("GQL-29")
@pytest.mark.parametrize("shape", SHAPES)
async def test_a_resolver_may_give_anything(world: Any, shape: str) -> None:
    await world.create(SDL)
    for field in ("node", "any", "named", "numbers"):
        await world.local("Query", field, payload(shape))
    answer = await world.ask(QUERY)
    assert set(answer) <= {"data", "errors"}
    for entry in answer.get("errors", ()):
        assert {"path", "locations", "message"} <= set(entry)


NAMES = st.sampled_from(
    ["node", "any", "named", "take", "numbers", "id", "name", "next", "many", "n", "__typename", "zz"]
)
TYPES = st.sampled_from(["Node", "Leaf", "Any", "Named", "Query", "Deep", "Zz"])
VALUES: Any = st.recursive(
    st.sampled_from(["1", '"a"', "null", "true", "RED", "$v", "1.5", "{}"]),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(lambda each: f"[{', '.join(each)}]"),
        st.lists(inner, max_size=2).map(lambda each: "{" + " ".join(f"in: {value}" for value in each) + "}"),
    ),
    max_leaves=5,
)
ARGUMENTS = st.one_of(
    st.just(""), st.builds("({}: {})".format, st.sampled_from(["of", "to", "in", "id", "zz"]), VALUES)
)
DIRECTIVES = st.sampled_from(["", "", "", " @skip(if: $v)", " @include(if: true)", " @zz", " @deprecated"])
SELECTIONS: Any = st.recursive(
    st.builds("{}{}{}{}".format, st.sampled_from(["", "", "x: "]), NAMES, ARGUMENTS, DIRECTIVES),
    lambda inner: st.one_of(
        st.builds("{}{} {{{}}}".format, NAMES, ARGUMENTS, st.lists(inner, min_size=1, max_size=4).map(" ".join)),
        st.builds(
            "... on {}{} {{{}}}".format, TYPES, DIRECTIVES, st.lists(inner, min_size=1, max_size=3).map(" ".join)
        ),
        st.sampled_from(["...F", "...G", "...Zz"]),
    ),
    max_leaves=12,
)
DOCUMENTS = st.builds(
    "{}{{{}}} fragment F on Node {{{}}}".format,
    st.sampled_from(["", "query", "query($v: Boolean)", "query($v: Boolean! = true)", "mutation", "query($v: Deep)"]),
    SELECTIONS,
    SELECTIONS,
)
HALF_BROKEN = st.builds(
    lambda text, at, junk: text[:at] + junk + text[at:], DOCUMENTS, st.integers(0, 40), st.text(max_size=3)
)


@pytest.mark.rule("GQL-29")
async def test_any_document_gets_an_answer(world: Any) -> None:
    await world.create(SDL)
    tree = '{"__typename": "Node", "id": 1, "name": 2, "many": [{"id": 3}, null], "next": {"n": 4, "next": []}}'
    for field, value in {"node": tree, "named": tree, "any": f"[{tree}, 7]", "numbers": "[1, null]"}.items():
        await world.local("Query", field, payload(value))

    async def answered(text: str, variables: Any) -> None:
        response = await world.post({"query": text, "variables": variables})
        assert response.status in (200, 400), (text, response)
        answer = json.decode(response.body)
        assert set(answer) <= {"data", "errors"}, (text, answer)
        assert all(isinstance(entry["message"], str) for entry in answer.get("errors", ())), (text, answer)

    @settings(max_examples=250, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(st.one_of(DOCUMENTS, HALF_BROKEN), st.sampled_from([None, {}, {"v": True}, {"v": None}, {"v": {"in": 1}}]))
    def each(text: str, variables: Any) -> None:
        step = answered(text, variables).__await__()
        for _ in range(100):
            try:
                next(step)
            except StopIteration:
                return
        raise AssertionError(f"waits for something: {text}")

    each()
