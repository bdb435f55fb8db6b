"""Schema creation: what is accepted, what is refused and in which words, what serves meanwhile."""

from __future__ import annotations

from typing import Any

from syncline.core import json

SDL = """
type Note { id: ID! at: AWSDateTime }
type Query { note(id: ID!): Note }
type Mutation { addNote(id: ID!): Note }
type Subscription { onNote: Note @aws_subscribe(mutations: ["addNote"]) }
"""


async def test_an_api_without_a_schema_says_not_applicable(world: Any) -> None:
    await world.create()
    assert (await world.call("GetSchemaCreationStatus"))["status"] == "NOT_APPLICABLE"


async def test_aws_directives_and_scalars_need_no_declaration(world: Any) -> None:
    await world.create()
    status = await world.schema(SDL)
    assert status["status"] == "SUCCESS"


async def test_every_problem_is_named_with_its_place(world: Any) -> None:
    await world.create()
    status = await world.schema("type Query { a: Foo b(x: Bar): Int @zz }\nscalar Q")
    assert status == {
        "status": "FAILED",
        "details": "Found 4 problem(s) with the schema:\n"
        "User-defined scalars are not supported: 'Q'. at line 2, column 1\n"
        "Unknown type 'Foo'. at line 1, column 17\n"
        "Unknown type 'Bar'. at line 1, column 26\n"
        "Unknown directive '@zz'. at line 1, column 36",
    }


async def test_query_is_compulsory(world: Any) -> None:
    await world.create()
    status = await world.schema("type A { b: Int }")
    assert status["details"] == ("Found 1 problem(s) with the schema:\nThere is no top level schema object defined.")


async def test_a_failed_creation_leaves_the_earlier_schema_serving(world: Any) -> None:
    await world.create(SDL)
    assert (await world.schema("type Query {"))["status"] == "FAILED"
    assert await world.ask("{note(id: 1) {id}}") == {"data": {"note": None}}


async def test_every_place_that_does_not_parse_is_named(world: Any) -> None:
    await world.create()
    status = await world.schema(
        "type Query {\n  a: \n}\n\ntype A { b: Int }\n  input I {\n c Int }\nenum E { }\ntype B { c: Int }"
    )
    assert status["status"] == "FAILED"
    first, unparsable, *places = status["details"].split("\n")
    assert first == "Found 4 problem(s) with the schema:"
    assert unparsable.startswith("Failed to parse schema document")
    assert [place.partition(" at ")[2] for place in places] == [
        "line 3, column 1",
        "line 7, column 4",
        "line 8, column 10",
    ]


async def test_json_can_leave_out_the_declared_directives(world: Any) -> None:
    await world.create(SDL)
    for given, shown in ((True, True), (False, False)):
        answer = await world.call("GetIntrospectionSchema", format="JSON", includeDirectives=given)
        names = {each["name"] for each in json.decode(answer["schema"])["data"]["__schema"]["directives"]}
        assert {"include", "skip", "deprecated"} <= names
        assert ("aws_subscribe" in names) is shown
