"""The AWS scalars as values and as results: what each takes, what it refuses, and in which words."""

from __future__ import annotations

from typing import Any

import pytest

from syncline.core import json

TAKEN: dict[str, list[Any]] = {
    "AWSDate": [
        "1970-01-01",
        "1970-01-01Z",
        "1970-01-01-07:00",
        "1970-01-01+05:30",
        "2024-02-29",
        "2020-01-01+05:30:12",
    ],
    "AWSTime": [
        "12:30",
        "12:30Z",
        "12:30:24",
        "12:30:24.500+05:30",
        "12:30:24.500-07:00:30",
        "12:00:34.",
        "23:59:59.999",
    ],
    "AWSDateTime": [
        "1970-01-01T12:30:24.500Z",
        "2020-01-01T00:00+00:00",
        "1970-01-01T12:30:24-07:00",
        "1970-01-01T12:30:24.500+05:30:12",
    ],
    "AWSTimestamp": [0, -123, 1609459200, 2**40],
    "AWSEmail": ["user@example.com", "user+tag@example.com", "a.b-c@mail.example.org"],
    "AWSJSON": ['{"a": 1}', "[1,2]", '"quoted"', "1", "true", "null"],
    "AWSURL": ["https://a.b/c", "mailto:x@y.z", "http://a.b:8080/c?d=//e#f", "ftp://a.b"],
    "AWSPhone": ["+1 555-222-3333", "2065550100", "206-555-0100", "+44 20 7946 0958", "+882 1234 5678"],
    "AWSIPAddress": ["123.12.34.56", "123.45.67.89/16", "1a2b:3c4b::1234:4567", "1a2b:3c4b::1234:4567/64", "::1"],
}
REFUSED: dict[str, tuple[str, list[Any]]] = {
    "AWSDate": (
        "date",
        ["1970-13-01", "2023-02-29", "1970-1-1", "01/01/1970", "1970-01-01T00:00Z", "", 5, "١٩٧٠-01-01"],
    ),
    "AWSTime": ("time", ["24:00", "12:60", "12:30:61", "1:30", "12", "12:30+5:30", 5, ""]),
    "AWSDateTime": (
        "DateTime",
        ["1970-01-01", "1970-01-01T11:5:29Z", "1970-01-01 11:05:29Z", "1970-01-01T11:05:29", ""],
    ),
    "AWSTimestamp": ("timestamp", ["0", 1.5, True, 2**63, ""]),
    "AWSEmail": ("email", ["user", "@example.com", "user@", "a b@c.d", "a@b@c", ""]),
    "AWSURL": ("URL", ["a.b/c", "https://a.b//c", "", "https://a b/c", 7]),
    "AWSPhone": ("phone number", ["1110004444", "911", "abc", "+", "+1 111-000-4444", 2065550100, ""]),
    "AWSIPAddress": (
        "IP address",
        ["123.456.1.1", "1.2.3", "[::1]", "1.2.3.4/33", "1.2.3.4/255.0.0.0", "fe80::1%eth0", 7],
    ),
}
RESULT_NOUNS = {
    "AWSDate": "Date",
    "AWSTime": "Time",
    "AWSDateTime": "DateTime",
    "AWSTimestamp": "timestamp",
    "AWSEmail": "Email",
    "AWSURL": "URL",
    "AWSPhone": "Phone",
    "AWSIPAddress": "IPAddress",
}


async def echo(world: Any, kind: str) -> None:
    await world.create(f"type Query {{ echo(v: {kind}): {kind} raw(v: AWSJSON): {kind} }}")
    for field in ("echo", "raw"):
        request = '{"version": "2018-05-29", "payload": {"v": $util.toJson($ctx.args.v)}}'
        await world.local("Query", field, request, "$util.toJson($ctx.result.v)")


@pytest.mark.rule("GQL-71")
@pytest.mark.parametrize("kind", TAKEN)
async def test_what_a_scalar_takes_comes_back_as_it_was(world: Any, kind: str) -> None:
    await echo(world, kind)
    for value in TAKEN[kind]:
        answer = await world.ask(f"query($v: {kind}) {{echo(v: $v)}}", v=value)
        same = json.encode(json.decode(value)).decode() if kind == "AWSJSON" and value != "null" else value
        assert answer == {"data": {"echo": None if value == "null" else same}}, value
        literal = json.encode(value).decode()
        assert await world.ask(f"{{echo(v: {literal})}}") == answer, literal


@pytest.mark.rule("GQL-71")
@pytest.mark.parametrize("kind", REFUSED)
async def test_what_a_scalar_refuses(world: Any, kind: str) -> None:
    await echo(world, kind)
    noun, values = REFUSED[kind]
    for value in values:
        answer = await world.ask(f"query($v: {kind}) {{echo(v: $v)}}", v=value)
        assert answer["errors"][0]["message"] == (
            f"Variable 'v' has an invalid value. Unable to parse `{value}` as a valid {noun}."
        )
        answer = await world.ask(f"{{echo(v: {json.encode(value).decode()})}}")
        assert answer["data"] is None
        assert "WrongType" in answer["errors"][0]["message"]
        answer = await world.ask("query($v: AWSJSON) {raw(v: $v)}", v=json.encode(value).decode())
        shown = "true" if value is True else value
        assert answer["errors"][0]["message"].replace("True", "true") == (
            f"Can't serialize value (/raw) : Unable to serialize `{shown}` as a valid {RESULT_NOUNS[kind]} Object."
        )


@pytest.mark.rule("GQL-71")
async def test_awsjson_is_text_that_holds_json(world: Any) -> None:
    await echo(world, "AWSJSON")
    for value in ("abc", "{a: 1}", "", {"a": 1}, [1], 5):
        answer = await world.ask("query($v: AWSJSON) {echo(v: $v)}", v=value)
        assert answer["errors"][0]["message"].endswith("as valid JSON."), value
    assert "WrongType" in (await world.ask("{echo(v: {a: 1})}"))["errors"][0]["message"]


RESULTS = [
    ("Int", '"x"', "Expected type 'Int' but was 'String'."),
    ("Int", "2147483648", "Expected type 'Int' but was 'Integer'."),
    ("Int", "1.5", "Expected type 'Int' but was 'Double'."),
    ("Float", "{}", "Expected type 'Float' but was 'LinkedHashMap'."),
    ("Boolean", '"x"', "Expected type 'Boolean' but was 'String'."),
    ("ID", "[1]", "Expected type 'ID' but was 'ArrayList'."),
    ("Color", '"BLUE"', "Invalid input for Enum 'Color'. Unknown value 'BLUE'"),
]


@pytest.mark.rule("GQL-71")
@pytest.mark.parametrize(("kind", "value", "words"), RESULTS)
async def test_a_result_that_is_not_of_its_type(world: Any, kind: str, value: str, words: str) -> None:
    await world.create(f"enum Color {{ RED }} type Query {{ a: {kind} c: Color }}")
    await world.local(
        "Query", "a", f'{{"version": "2018-05-29", "payload": {{"v": {value}}}}}', "$util.toJson($ctx.result.v)"
    )
    (entry,) = (await world.ask("{a}"))["errors"]
    assert entry == {"path": ["a"], "locations": None, "message": f"Can't serialize value (/a) : {words}"}


@pytest.mark.rule("GQL-71")
async def test_a_scalar_that_the_schema_does_not_use_is_not_there(world: Any) -> None:
    await world.create("type Query { a(n: Int): Int }")
    (entry,) = (await world.ask("query($t: AWSTimestamp) {a(n: $t)}", t=1))["errors"]
    assert "UnknownType: Unknown type AWSTimestamp" in entry["message"]
