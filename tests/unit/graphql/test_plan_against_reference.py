"""The compiled plan gives the data that graphql-core gives: generated schemas, queries and values, wrong ones too.

SYNCLINE_DIFFERENTIAL_EXAMPLES=5000 runs it for long.
"""

from __future__ import annotations

import asyncio
import os
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from syncline.auth import Identity
from syncline.core import json
from syncline.datasources import Context
from syncline.graphql import schema as schemas
from syncline.graphql.documents import Document, Documents
from syncline.graphql.execute import Run, Surroundings
from syncline.graphql.plan import Settled
from syncline.graphql.reference import Reference
from syncline.resolvers import ResolverError

EXAMPLES = int(os.environ.get("SYNCLINE_DIFFERENTIAL_EXAMPLES", "120"))
LEAVES = ["String", "Int", "Float", "Boolean", "ID", "Color", "AWSDate", "AWSJSON", "AWSTimestamp"]
TYPES = ["A", "B", "C"]
ABSTRACT = {"Named": ["A", "B"], "Any": ["B", "C"]}


class Field:
    """A generated field: its type's name and wrappers, and whether a resolver is attached."""

    def __init__(self, named: str, wrappers: str, resolved: bool) -> None:
        self.named, self.wrappers, self.resolved = named, wrappers, resolved

    @property
    def sdl(self) -> str:
        text = self.named
        for wrapper in self.wrappers:
            text = f"[{text}]" if wrapper == "[" else f"{text}!"
        return text


wrappers = st.sampled_from(["", "", "!", "[", "![", "[!", "![!", "[["])
fields = st.builds(
    Field, st.sampled_from(LEAVES + TYPES + list(ABSTRACT)), wrappers, st.sampled_from([False, False, False, True])
)


@st.composite
def shapes(draw: Any) -> dict[str, dict[str, Field]]:
    """Object types by name. `n` is the interface's field and never resolved."""
    found = {name: {f"f{n}": draw(fields) for n in range(draw(st.integers(1, 4)))} for name in [*TYPES, "Query"]}
    named = Field(draw(st.sampled_from(["String", "Int"])), draw(st.sampled_from(["", "!"])), False)
    found["A"]["n"] = found["B"]["n"] = named
    return found


def sdl_of(types: dict[str, dict[str, Field]]) -> str:
    lines = ["enum Color { RED GREEN }", "union Any = B | C", f"interface Named {{ n: {types['A']['n'].sdl} }}"]
    for name, members in types.items():
        suffix = " implements Named" if name in ABSTRACT["Named"] else ""
        body = " ".join(f"{field}(x: Int = 3, y: [String!]): {kind.sdl}" for field, kind in members.items())
        body = body.replace("n(x: Int = 3, y: [String!])", "n")
        lines.append(f"type {name}{suffix} {{ {body} }}")
    return "\n".join(lines)


LEAF_VALUES: dict[str, list[Any]] = {
    "String": ["s", "", 5, True, 1.5],
    "Int": [1, -7, 2**31 - 1, 2**31, 3.0, 2.5, "9", True],
    "Float": [1.5, 2, 0.0, "x"],
    "Boolean": [True, False, 1, "no"],
    "ID": ["id", 7, 1.5],
    "Color": ["RED", "GREEN", "BLUE"],
    "AWSDate": ["2026-01-31", "2026-02-31", 5],
    "AWSJSON": [{"a": [1]}, "text", 3, [None]],
    "AWSTimestamp": [0, -5, "12"],
}


@st.composite
def values(draw: Any, types: dict[str, dict[str, Field]], kind: Field, depth: int, wrapped: str) -> Any:
    if draw(st.integers(0, 9)) == 0:
        return None
    outer, inner = wrapped[-1:], wrapped[:-1]
    if outer == "!":
        return draw(values(types, kind, depth, inner))
    if outer == "[":
        if draw(st.integers(0, 19)) == 0:
            return "not a list"
        size = draw(st.integers(0, 3)) if depth < 3 else 0
        return [draw(values(types, kind, depth, inner)) for _ in range(size)]
    if kind.named in LEAF_VALUES:
        usual = draw(st.integers(0, 3)) != 0
        return LEAF_VALUES[kind.named][0] if usual else draw(st.sampled_from(LEAF_VALUES[kind.named]))
    name = draw(st.sampled_from(ABSTRACT[kind.named])) if kind.named in ABSTRACT else kind.named
    if depth >= 3:
        return None
    members = {
        field: draw(values(types, each, depth + 1, each.wrappers))
        for field, each in types[name].items()
        if not each.resolved and draw(st.integers(0, 19)) != 0
    }
    if draw(st.integers(0, 19)) != 0:
        members["__typename"] = name
    return members


@st.composite
def selections(draw: Any, types: dict[str, dict[str, Field]], name: str, depth: int, keys: set[str]) -> str:
    parts = []
    for _ in range(draw(st.integers(1, 3))):
        choice = draw(st.integers(0, 9))
        if choice == 0:
            parts.append("__typename")
        elif choice == 1 and depth < 3:
            inner = name if name not in ABSTRACT else draw(st.sampled_from([name, *ABSTRACT[name]]))
            parts.append(f"... on {inner} {draw(directives())} {{ {draw(selections(types, inner, depth, keys))} }}")
        else:
            parts.append(draw(selected(types, name, depth, keys)))
    return " ".join(parts)


@st.composite
def selected(draw: Any, types: dict[str, dict[str, Field]], name: str, depth: int, keys: set[str]) -> str:
    members = types.get(name) or ({"n": types["A"]["n"]} if name == "Named" else {})
    simple = {field: kind for field, kind in members.items() if kind.named in LEAF_VALUES or depth < 4}
    if not simple:
        return "__typename"
    field = draw(st.sampled_from(sorted(simple)))
    # A key of its own for each field keeps the document valid; merging has tests of its own.
    key = f"k{len(keys)}"
    keys.add(key)
    arguments = (
        draw(st.sampled_from(["", "", "(x: $x)", '(y: "one")', '(x: 1, y: ["a", "b"])'])) if field != "n" else ""
    )
    inner = ""
    if simple[field].named not in LEAF_VALUES:
        inner = f"{{ {draw(selections(types, simple[field].named, depth + 1, keys))} }}"
    return f"{key}: {field}{arguments} {draw(directives())} {inner}"


@st.composite
def directives(draw: Any) -> str:
    return draw(st.sampled_from(["", "", "", "", "@skip(if: $no)", "@include(if: $yes)", "@include(if: false)"]))


class Canned:
    """A resolver that gives a generated value, later or at once, or fails."""

    gives_rows = False

    def __init__(self, value: Any, mood: int) -> None:
        self.value, self.mood = value, mood
        self.seen: list[Any] = []
        self.ours: list[Any] = []

    async def resolve(self, context: Context) -> Any:
        self.seen.append(context.arguments)
        if self.mood % 2:
            await asyncio.sleep(0)
        if self.mood > 7:
            raise ResolverError("no", "Mood")
        return self.value


async def both(document: Document, variables: dict[str, Any]) -> tuple[Any, Any, Any, Any]:
    identity = Identity("API_KEY", None, ("API_KEY",))
    coerced = document.variables.coerce(variables)
    surroundings = Surroundings("api", identity, {}, {}, variables, coerced, 10_000)
    plan = document.plan(identity.grants, coerced)
    assert plan is not None, "no introspection was generated"
    run, reference = Run(plan, surroundings), Reference(document, surroundings)
    data = await run.data()
    for resolver in document.settled.resolvers.values():
        resolver.ours = resolver.seen.copy()
        resolver.seen.clear()
    return data, run.errors, await reference.data(), reference.errors


@pytest.mark.timeout(120 + EXAMPLES)
@pytest.mark.rule("GQL-1")
@settings(
    max_examples=EXAMPLES, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
@given(st.data())
def test_plan_and_reference_give_the_same_data(data: Any) -> None:
    types = data.draw(shapes())
    schema = schemas.build(sdl_of(types))
    resolvers = {
        (name, field): Canned(data.draw(values(types, kind, 0, kind.wrappers)), data.draw(st.integers(0, 8)))
        for name, members in types.items()
        for field, kind in members.items()
        if kind.resolved or name == "Query"
    }
    text = (
        f"query($x: Int, $no: Boolean!, $yes: Boolean = true) {{ {data.draw(selections(types, 'Query', 1, set()))} }}"
    )
    settled = Settled(schema, resolvers, default_mode="API_KEY", depth_max=0)
    document = Documents(settled, introspection=True).find(text, None)
    unused = [entry for entry in document.errors if "UnusedVariable" not in entry["message"]]
    assert not unused, (text, unused)
    if document.errors:
        for name in ("x: Int", "no: Boolean!", "yes: Boolean = true"):
            if f"${name.split(':')[0]}" not in text.partition(")")[2]:
                text = text.replace(f"${name}", "", 1)
        text = text.replace("query(, , )", "query").replace("(, , ", "(").replace("(, ", "(").replace(", )", ")")
        text = text.replace(", , ", ", ").replace(", )", ")")
        document = Documents(settled, introspection=True).find(text, None)
        assert not document.errors, (text, document.errors)
    given_variables: dict[str, Any] = {"no": data.draw(st.booleans())}
    if data.draw(st.booleans()):
        given_variables["x"] = 5
    ours, our_errors, theirs, their_errors = asyncio.run(both(document, given_variables))
    assert json.encode(ours) == json.encode(theirs), (text, our_errors, their_errors)
    assert bool(our_errors) == bool(their_errors)
    for resolver in resolvers.values():
        # graphql-core leaves a list at its first impossible null; we resolve its other items all the same.
        assert {repr(arguments) for arguments in resolver.seen} <= {repr(arguments) for arguments in resolver.ours}


@pytest.mark.rule("GQL-1")
@pytest.mark.parametrize("leaf", LEAVES)
@pytest.mark.parametrize("wrapped", ["{}", "{}!", "[{}]", "[{}!]!"])
async def test_every_leaf_of_every_value(leaf: str, wrapped: str) -> None:
    schema = schemas.build(f"enum Color {{ RED GREEN }} type A {{ f: {wrapped.format(leaf)} }} type Query {{ a: A }}")
    extremes = [None, 2**31, -(2**31), -(2**31) - 1, 2**63, float("inf"), float("nan"), "", {}, []]
    for value in [*LEAF_VALUES[leaf], *extremes]:
        canned = Canned({"f": [value] if "[" in wrapped else value}, 0)
        settled = Settled(schema, {("Query", "a"): canned}, default_mode="API_KEY", depth_max=0)
        document = Documents(settled, introspection=True).find("{a {f}}", None)
        ours, our_errors, theirs, their_errors = await both(document, {})
        assert json.encode(ours) == json.encode(theirs), (value, our_errors, their_errors)
        assert [entry["path"] for entry in our_errors] == [entry["path"] for entry in their_errors]
