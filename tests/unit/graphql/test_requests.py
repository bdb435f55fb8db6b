"""Requests that do not get as far as a field: statuses and wordings of graphql-api reference 1.4 and 1.5."""

from __future__ import annotations

from typing import Any

import pytest

from syncline.core import Request, json

SDL = """
enum Color { RED GREEN }
input In { title: String! n: Int when: AWSDate tags: [String!] color: Color deep: In }
type Item { id: ID! title: String }
type Query {
  item(id: ID!): Item
  add(in: In, n: Int, phone: AWSPhone, data: AWSJSON, on: AWSDate, color: Color): String
  plain: String
}
type Subscription { onItem: Item @aws_subscribe(mutations: ["put"]) }
type Mutation { put(id: ID!): Item }
"""


def refusal(response: Any) -> tuple[int, str, str]:
    body = json.decode(response.body)
    assert list(body) == ["errors"]
    (entry,) = body["errors"]
    assert list(entry) == ["errorType", "message"]
    assert dict(response.headers)["x-amzn-errortype"] == entry["errorType"]
    return response.status, entry["errorType"], entry["message"]


@pytest.mark.rule("GQL-3")
@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", (400, "MalformedHttpRequestException", "Request body is empty.")),
        (b"{}", (400, "MalformedHttpRequestException", "Unable to parse GraphQL query.")),
        (b"[]", (400, "MalformedHttpRequestException", "Unable to parse GraphQL query.")),
        (b"{}}", (400, "MalformedHttpRequestException", "Unable to parse GraphQL query.")),
        (b"\xff\x00", (400, "MalformedHttpRequestException", "Unable to parse GraphQL query.")),
        (b'{"query": 5}', (400, "MalformedHttpRequestException", "Unable to parse GraphQL query.")),
        (b'{"query": "{ a( }"}', (400, "MalformedHttpRequestException", "Unable to parse GraphQL query.")),
        (b'{"query": "query A {plain} query B {plain}"}', (400, "BadRequestException", "Missing operation name.")),
        (
            b'{"query": "query A {plain}", "operationName": "C"}',
            (400, "BadRequestException", "Unknown operation named 'C'."),
        ),
        (
            b'{"query": "subscription {onItem {id}}"}',
            (400, "UnsupportedOperation", "subscription is only supported through the realtime channel"),
        ),
    ],
)
async def test_malformed_requests(world: Any, body: bytes, expected: tuple[int, str, str]) -> None:
    await world.create(SDL)
    assert refusal(await world.post(body)) == expected


@pytest.mark.rule("GQL-3")
async def test_credentials(world: Any) -> None:
    await world.create(SDL)
    query = {"query": "{plain}"}
    assert refusal(await world.post(query, {})) == (
        401,
        "UnauthorizedException",
        "Valid authorization header not provided.",
    )
    assert refusal(await world.post(query, {"x-api-key": "da2-x"})) == (
        401,
        "UnauthorizedException",
        "You are not authorized to make this call.",
    )


@pytest.mark.rule("GQL-3")
async def test_an_api_without_a_schema(world: Any) -> None:
    await world.create()
    expected = 502, "GraphQLSchemaException", "No schema definition exists."
    assert refusal(await world.post({"query": "{plain}"})) == expected


@pytest.mark.rule("GQL-3")
async def test_an_api_that_is_not_there(world: Any) -> None:
    response = await world.engine.respond("nothere", Request("POST", "/graphql/nothere", "", []))
    assert response.status == 404


@pytest.mark.rule("GQL-4")
async def test_headers_and_shape_of_an_answer(world: Any) -> None:
    await world.create(SDL)
    response = await world.post({"query": "{plain}", "extensions": {"clientLibrary": {}}})
    assert (response.status, response.content_type) == (200, "application/json;charset=UTF-8")
    assert dict(response.headers)["x-amzn-appsync-tokensconsumed"] == "1"
    assert response.body == b'{"data":{"plain":null}}'


@pytest.mark.rule("GQL-4")
async def test_get_with_a_query_string(world: Any) -> None:
    await world.create(SDL)
    query = (
        "query=query%20Q(%24id%3AID!)%7Bitem(id%3A%24id)%7Bid%7D%7D&variables=%7B%22id%22%3A%221%22%7D&operationName=Q"
    )
    request = Request("GET", f"/graphql/{world.api_id}", query, [("x-api-key", world.key)])
    assert json.decode((await world.engine.respond(world.api_id, request)).body) == {"data": {"item": None}}


VALIDATION = [
    ("{item(id: 1) {zz}}", "FieldUndefined: Field 'zz' in type 'Item' is undefined @ 'item/zz'"),
    ("{a: item(id: 1) {b: zz}}", "FieldUndefined: Field 'zz' in type 'Item' is undefined @ 'a/b'"),
    ("{item(id: 1, q: 2) {id}}", "UnknownArgument: Unknown field argument q @ 'item'"),
    ("{item {id}}", "MissingFieldArgument: Missing field argument id @ 'item'"),
    ("query($t: AWSTimestamp) {add(n: $t)}", "UnknownType: Unknown type AWSTimestamp"),
    ("query($t: Int) {plain}", "UnusedVariable: Unused variable t"),
    ("{item(id: $id) {id}}", "UndefinedVariable: Undefined variable id @ 'item'"),
    ("{item(id: 1)}", "SubSelectionRequired: Sub selection required for type Item of field item @ 'item'"),
    ("{plain {x}}", "SubSelectionNotAllowed: Sub selection not allowed on leaf type String of field plain @ 'plain'"),
    ("{...F}", "UndefinedFragment: Undefined fragment F"),
    ("{plain} fragment F on Item {id}", "UnusedFragment: Unused fragment F @ 'F'"),
    ("{plain @zz}", "UnknownDirective: Unknown directive zz @ 'plain'"),
    (
        '{add(data: {a: "x"})}',
        "WrongType: argument 'data' with value 'ObjectValue{objectFields=[ObjectField{name='a', "
        "value=StringValue{value='x'}}]}' is not a valid 'AWSJSON' @ 'add'",
    ),
    ('{add(n: "x")}', "WrongType: argument 'n' with value 'StringValue{value='x'}' is not a valid 'Int' @ 'add'"),
    (
        "{add(in: {n: 1})}",
        "WrongType: argument 'in' with value 'ObjectValue{objectFields=[ObjectField{name='n', "
        "value=IntValue{value=1}}]}' is missing required fields '[title]' @ 'add'",
    ),
    (
        "{add(color: BLUE)}",
        "WrongType: argument 'color' with value 'EnumValue{name='BLUE'}' is not a valid 'Color' @ 'add'",
    ),
    (
        "query($i: String) {item(id: $i) {id}}",
        "VariableTypeMismatch: Variable type 'String' doesn't match expected type 'ID!' @ 'item'",
    ),
]


@pytest.mark.rule("GQL-5")
@pytest.mark.parametrize(("query", "message"), VALIDATION)
async def test_validation_errors_in_graphql_javas_words(world: Any, query: str, message: str) -> None:
    await world.create(SDL)
    answer = await world.ask(query)
    assert answer["data"] is None
    (entry,) = answer["errors"]
    assert list(entry) == ["path", "locations", "message"]
    assert entry["path"] is None
    assert list(entry["locations"][0]) == ["line", "column", "sourceName"]
    assert entry["message"] == f"Validation error of type {message}"


VARIABLES = [
    ("query($id: ID!) {item(id: $id) {id}}", {}, "Variable 'id' has coerced Null value for NonNull type 'ID!'"),
    (
        "query($p: AWSPhone) {add(phone: $p)}",
        {"p": "1110004444"},
        "Variable 'p' has an invalid value. Unable to parse `1110004444` as a valid phone number.",
    ),
    (
        "query($d: AWSDate) {add(on: $d)}",
        {"d": "2026-02-30"},
        "Variable 'd' has an invalid value. Unable to parse `2026-02-30` as a valid date.",
    ),
    (
        "query($i: In) {add(in: $i)}",
        {"i": {"n": 1}},
        "Variable 'i' has coerced Null value for NonNull type 'String!'",
    ),
    (
        "query($i: In) {add(in: $i)}",
        {"i": {"title": "t", "not": 1}},
        "The variables input contains a field name 'not' that is not defined for input object type 'In' ",
    ),
    (
        "query($c: Color) {add(color: $c)}",
        {"c": "BLUE"},
        "Variable 'c' has an invalid value. Invalid input for Enum 'Color'. No value found for name 'BLUE'.",
    ),
    (
        "query($n: Int) {add(n: $n)}",
        {"n": "x"},
        "Variable 'n' has an invalid value. Expected type 'Int' but was 'String'.",
    ),
]


@pytest.mark.rule("GQL-6")
@pytest.mark.parametrize(("query", "variables", "message"), VARIABLES)
async def test_variables_that_do_not_fit(world: Any, query: str, variables: dict[str, Any], message: str) -> None:
    await world.create(SDL)
    answer = await world.ask(query, **variables)
    (entry,) = answer["errors"]
    assert (answer["data"], entry["message"]) == (None, message)
    assert entry["locations"][0]["column"] == 7


@pytest.mark.rule("GQL-7")
async def test_introspection_can_be_switched_off(world: Any) -> None:
    await world.create(SDL)
    assert (await world.ask('{__type(name: "Item") {name}}'))["data"] == {"__type": {"name": "Item"}}
    await world.call("UpdateGraphqlApi", name="t", authenticationType="API_KEY", introspectionConfig="DISABLED")
    assert (await world.ask("{__typename}"))["data"] == {"__typename": "Query"}
    (entry,) = (await world.ask("{__schema {types {name}}}"))["errors"]
    assert entry["message"] == (
        "Validation error of type FieldUndefined: Field '__schema' in type 'Query' is undefined @ '__schema'"
    )
