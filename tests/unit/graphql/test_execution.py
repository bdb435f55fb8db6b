"""Fields that fail: partial answers, error entries in AppSync's shape, limits."""

from __future__ import annotations

from typing import Any

import pytest

from syncline.core import Unavailable

SDL = """
interface Pet { name: String! }
type Dog implements Pet { name: String! barks: Boolean }
type Cat implements Pet { name: String! lives: Int }
type Project { id: ID! title: String budget: Int owner: Owner! }
type Owner { name: String! secret: String @aws_iam }
type Hidden { a: String }
type Query {
  project: Project
  projects: [Project!]
  fails: Project
  many: Project
  pets: [Pet]
  env: String
  info(x: Int): AWSJSON
  hidden: Hidden
  open: String @aws_api_key @aws_iam
  closed: String! @aws_iam
  at: AWSDateTime
  data: AWSJSON
}
type Mutation { one: Int two: Int }
"""
PROJECT = '{"id": "p", "title": "t", "budget": 5, "owner": {"name": "ada", "secret": "s"}}'


def payload(json_text: str) -> str:
    return f'{{"version": "2018-05-29", "payload": {json_text}}}'


@pytest.mark.rule("GQL-8")
async def test_a_resolvers_error_is_an_entry_of_its_own_beside_the_data(world: Any) -> None:
    await world.create(SDL)
    await world.local("Query", "fails", '$util.error("boom", "Mine", {"id": "p", "title": "t"}, {"why": 1})')
    await world.local("Query", "project", payload(PROJECT))
    answer = await world.ask("{\n  bad: fails { id }\n  project { title }\n}")
    assert answer == {
        "data": {"bad": None, "project": {"title": "t"}},
        "errors": [
            {
                "path": ["bad"],
                "data": {"id": "p"},
                "errorType": "Mine",
                "errorInfo": {"why": 1},
                "locations": [{"line": 2, "column": 3, "sourceName": None}],
                "message": "boom",
            }
        ],
    }
    assert list(answer["errors"][0]) == ["path", "data", "errorType", "errorInfo", "locations", "message"]


@pytest.mark.rule("GQL-8")
async def test_appended_errors_leave_the_value(world: Any) -> None:
    await world.create(SDL)
    await world.local(
        "Query",
        "many",
        payload(PROJECT),
        '$util.appendError("one", "A")$util.appendError("two")$util.toJson($ctx.result)',
    )
    answer = await world.ask("{many {id}}")
    assert answer["data"] == {"many": {"id": "p"}}
    assert [(entry["message"], entry["path"]) for entry in answer["errors"]] == [("one", ["many"]), ("two", ["many"])]


@pytest.mark.rule("GQL-9")
async def test_a_null_where_none_may_be_goes_up_and_is_named(world: Any) -> None:
    await world.create(SDL)
    await world.local("Query", "projects", payload('[{"id": "p", "owner": {"name": "n"}}, {"id": null, "owner": {}}]'))
    answer = await world.ask("{projects {id owner {name}}}")
    assert answer["data"] == {"projects": None}
    assert answer["errors"] == [
        {
            "path": ["projects", 1, "id"],
            "locations": None,
            "message": "Cannot return null for non-nullable type: 'ID' within parent 'Project' (/projects[1]/id)",
        },
        {
            "path": ["projects", 1, "owner", "name"],
            "locations": None,
            "message": "Cannot return null for non-nullable type: 'String' "
            "within parent 'Owner' (/projects[1]/owner/name)",
        },
    ]


@pytest.mark.rule("GQL-10")
async def test_a_value_that_is_not_of_its_scalar(world: Any) -> None:
    await world.create(SDL)
    await world.local("Query", "at", payload('"yesterday"'))
    answer = await world.ask("{at}")
    assert answer["errors"][0]["message"] == (
        "Can't serialize value (/at) : Unable to serialize `yesterday` as a valid DateTime Object."
    )
    assert answer["errors"][0]["locations"] is None


@pytest.mark.rule("GQL-10")
async def test_awsjson_is_encoded_once(world: Any) -> None:
    await world.create(SDL)
    await world.local("Query", "data", payload('{"a": [1, "x"]}'))
    assert (await world.ask("{data}"))["data"] == {"data": '{"a":[1,"x"]}'}


@pytest.mark.rule("GQL-11")
async def test_abstract_values_by_their_typename(world: Any) -> None:
    await world.create(SDL)
    pets = '[{"__typename": "Dog", "name": "d", "barks": true}, {"__typename": "Cat", "name": "c", "lives": 9}]'
    await world.local("Query", "pets", payload(pets))
    answer = await world.ask(
        "query($y: Boolean!) {pets {t: __typename name ...D ... on Cat @include(if: $y) {lives}}} "
        "fragment D on Dog {barks}",
        y=True,
    )
    assert answer["data"]["pets"] == [
        {"t": "Dog", "name": "d", "barks": True},
        {"t": "Cat", "name": "c", "lives": 9},
    ]


@pytest.mark.rule("GQL-12")
async def test_what_a_mode_may_not_see_is_null_and_named(world: Any) -> None:
    await world.create(SDL, additionalAuthenticationProviders=[{"authenticationType": "AWS_IAM"}])
    await world.local("Query", "project", payload(PROJECT))
    await world.local("Query", "open", payload('"yes"'))
    answer = await world.ask("{open project {owner {name secret}}}")
    assert answer["data"] == {"open": "yes", "project": {"owner": {"name": "ada", "secret": None}}}
    (entry,) = answer["errors"]
    assert entry == {
        "path": ["project", "owner", "secret"],
        "data": None,
        "errorType": "Unauthorized",
        "errorInfo": None,
        "locations": [{"line": 1, "column": 28, "sourceName": None}],
        "message": "Not Authorized to access secret on type Owner",
    }
    assert (await world.ask("{closed open}"))["data"] is None


@pytest.mark.rule("GQL-13")
async def test_depth_limit(world: Any) -> None:
    await world.create(SDL, queryDepthLimit=2)
    await world.local("Query", "project", payload(PROJECT))
    answer = await world.ask("{project {id owner {name}}}")
    assert answer["data"] == {"project": None}
    assert answer["errors"][0]["errorType"] == "QueryDepthLimitReached"


@pytest.mark.rule("GQL-13")
async def test_resolver_limit(world: Any) -> None:
    await world.create(SDL, resolverCountLimit=2)
    await world.local("Query", "project", payload(PROJECT))
    answer = await world.ask("{a: project {id} b: project {id} c: project {id}}")
    assert [value for value in answer["data"].values() if value] == [{"id": "p"}, {"id": "p"}]
    assert [entry["errorType"] for entry in answer["errors"]] == ["ResolverExecutionLimitReached"]


@pytest.mark.rule("GQL-14")
async def test_what_a_resolver_sees(world: Any) -> None:
    await world.create(SDL)
    await world.call("PutGraphqlApiEnvironmentVariables", environmentVariables={"STAGE": "test"})
    await world.local("Query", "env", payload("\"$ctx.env.STAGE $ctx.request.headers['x-mine'] $ctx.info.fieldName\""))
    response = await world.post({"query": "{env}"}, {"x-api-key": world.key, "x-mine": "m", "cookie": "c"})
    assert response.body == b'{"data":{"env":"test m env"}}'


@pytest.mark.rule("GQL-14")
async def test_resolvers_on_nested_fields_see_their_parent(world: Any) -> None:
    await world.create(SDL)
    await world.local("Query", "project", payload('{"id": "p", "owner": {"name": "x"}}'))
    await world.local("Project", "title", payload('"of $ctx.source.id"'))
    assert (await world.ask("{project {id title}}"))["data"] == {"project": {"id": "p", "title": "of p"}}


@pytest.mark.rule("GQL-14")
async def test_mutations_run_one_after_the_other(world: Any) -> None:
    await world.create(SDL)
    await world.local("Mutation", "one", '$util.error("first")')
    await world.local("Mutation", "two", payload("2"))
    answer = await world.ask("mutation {one two}")
    assert answer["data"] == {"one": None, "two": 2}


@pytest.mark.rule("GQL-8")
async def test_a_room_below_that_is_away_fails_its_field_only(world: Any) -> None:
    class Away:
        gives_rows = False

        async def resolve(self, context: Any) -> Any:
            raise Unavailable("The store is closed.")

    await world.create(SDL)
    await world.local("Query", "project", payload(PROJECT))
    live = world.engine.live(world.api_id)
    live._resolvers["Query", "env"] = Away()
    live.settle()
    answer = await world.ask("{env project {id}}")
    assert answer["data"] == {"env": None, "project": {"id": "p"}}
    assert (answer["errors"][0]["errorType"], answer["errors"][0]["message"]) == (
        "ServiceUnavailableException",
        "The store is closed.",
    )


@pytest.mark.rule("GQL-1")
async def test_selections_of_one_key_are_merged(world: Any) -> None:
    await world.create(SDL)
    await world.local("Query", "project", payload(PROJECT))
    query = "{project {id ...F owner {name}} ...G} fragment F on Project {title owner {n: name}} "
    answer = await world.ask(query + "fragment G on Query {project {budget}}")
    assert answer["data"] == {
        "project": {"id": "p", "title": "t", "owner": {"n": "ada", "name": "ada"}, "budget": 5},
    }


@pytest.mark.rule("GQL-14")
async def test_the_selection_set_as_resolvers_see_it(world: Any) -> None:
    await world.create(SDL)
    await world.local(
        "Query", "project", payload('{"id": "$ctx.info.selectionSetList", "title": "x", "owner": {"name": "n"}}')
    )
    answer = await world.ask("{project {id t: title owner {name}}}")
    assert answer["data"]["project"]["id"] == "[id, t, owner, owner/name]"


@pytest.mark.rule("GQL-35")
async def test_the_reference_runs_introspection_alone_and_is_counted(world: Any) -> None:
    await world.create(SDL)
    await world.local("Query", "project", payload(PROJECT))
    await world.local("Query", "projects", payload(f"[{PROJECT}, null]"))
    await world.local("Query", "fails", '$util.error("boom")')
    await world.local("Query", "pets", payload('[{"__typename": "Dog", "name": "a"}]'))
    await world.local("Mutation", "one", payload("1"))
    counted = world.meter.counter("syncline_graphql_fallbacks_total", api=world.api_id)
    for query in (
        "query ($b: Boolean = true) { __typename project { ...P @include(if: $b) } b: projects { ...P } }"
        " fragment P on Project { id title @skip(if: $b) owner { name } }",
        "{ fails { id } closed hidden { a } open }",
        "{ pets { __typename name ... on Dog { barks } ... on Cat { lives } } }",
        "mutation { one two }",
        "{ nothing }",
    ):
        await world.ask(query)
    assert counted.value == 0
    await world.ask("{ __schema { queryType { name } } project { id } }")
    assert counted.value == 1
