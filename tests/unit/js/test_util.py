"""`util` and what differs from plain JavaScript: what AppSync documents or was recorded to give."""

from collections.abc import Callable
from typing import Any

import pytest

Value = Callable[..., Any]


@pytest.mark.rule("JS-8")
@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("util.urlEncode('a b&c=d/é~*-_.+')", "a+b%26c%3Dd%2F%C3%A9%7E*-_.%2B"),
        ('util.urlEncode("!\'()")', "%21%27%28%29"),
        ("util.urlDecode('a+b%26c')", "a b&c"),
        ("util.base64Encode('abc')", "YWJj"),
        ("util.base64Encode('é😀')", "w6nwn5iA"),
        ("util.base64Decode('YWJj')", "abc"),
        ("util.base64Decode(util.base64Encode('é😀a'))", "é😀a"),
        ("util.escapeJavaScript('He said \"hi\"\\n/é')", 'He said \\"hi\\"\\n\\/\\u00E9'),
        ("util.matches('a*b', 'aaaaab')", True),
        ("util.str.normalize('é', 'nfd').length", 2),
        ("util.math.roundNum(2.5)", 3),
        ("util.math.roundNum(-2.5)", -2),
        ("[util.math.minVal(1, 2), util.math.maxVal(1, 2)]", [1, 2]),
        ("util.http.copyHeaders({ Host: 'a', 'x-a': 'b' })", {"x-a": "b"}),
        ("util.time.nowISO8601()", "2018-02-06T19:01:35.758Z"),
        ("util.time.nowEpochSeconds()", 1517943695),
        ("util.time.nowEpochMilliSeconds()", 1517943695758),
        ("util.time.epochMilliSecondsToSeconds(1517943695758)", 1517943695),
        ("util.time.epochMilliSecondsToISO8601(1517943695758)", "2018-02-06T19:01:35.758Z"),
        ("util.time.parseISO8601ToEpochMilliSeconds('2018-02-01T17:21:05.180+08:00')", 1517476865180),
        ("util.dynamodb.toDynamoDB('foo')", {"S": "foo"}),
        ("util.dynamodb.toDynamoDB(12345)", {"N": 12345}),
        ("util.dynamodb.toDynamoDB(null)", {"NULL": None}),
        ("util.dynamodb.toNull()", {"NULL": None}),
        (
            "util.dynamodb.toDynamoDB(['foo', 123, { bar: 'baz' }, true])",
            {"L": [{"S": "foo"}, {"N": 123}, {"M": {"bar": {"S": "baz"}}}, {"BOOL": True}]},
        ),
        ("util.dynamodb.toString('a')", {"S": "a"}),
        ("util.dynamodb.toString(null)", None),
        ("util.dynamodb.toStringSet(['foo', 'bar'])", {"SS": ["foo", "bar"]}),
        ("util.dynamodb.toNumberSet([1, 23, 4.56])", {"NS": [1, 23, 4.56]}),
        ("util.dynamodb.toMap({ a: 1 })", {"M": {"a": {"N": 1}}}),
        (
            "util.dynamodb.toMapValues({ foo: 'bar', baz: 1234, beep: ['boop'] })",
            {"foo": {"S": "bar"}, "baz": {"N": 1234}, "beep": {"L": [{"S": "boop"}]}},
        ),
        (
            "util.dynamodb.toS3Object('foo', 'bar', 'baz', 'beep')",
            {"S": '{"s3":{"key":"foo","bucket":"bar","region":"baz","version":"beep"}}'},
        ),
        (
            "util.dynamodb.fromS3ObjectJson(util.dynamodb.toS3Object('foo', 'bar', 'baz').S)",
            {"key": "foo", "bucket": "bar", "region": "baz"},
        ),
        (
            "util.transform.toDynamoDBFilterExpression({ title: { contains: 'Hello World' } })",
            '{"expression":"(contains(#title,:title_contains))","expressionNames":{"#title":"title"},'
            '"expressionValues":{":title_contains":{"S":"Hello World"}}}',
        ),
        (
            "util.transform.toDynamoDBConditionExpression({ id: { attributeExists: true }, version: { eq: 10 } })",
            '{"expression":"(attribute_exists(#id)) AND (#version = :version_eq)","expressionNames":'
            '{"#id":"id","#version":"version"},"expressionValues":{":version_eq":{"N":10}}}',
        ),
        (
            "util.transform.toSubscriptionFilter({ a: { eq: 1, ge: 5 }, b: { eq: 2 } })",
            {
                "filterGroup": [
                    {
                        "filters": [
                            {"fieldName": "a", "operator": "eq", "value": 1},
                            {"fieldName": "b", "operator": "eq", "value": 2},
                        ]
                    },
                    {
                        "filters": [
                            {"fieldName": "a", "operator": "ge", "value": 5},
                            {"fieldName": "b", "operator": "eq", "value": 2},
                        ]
                    },
                ]
            },
        ),
        (
            "JSON.parse(util.transform.toElasticsearchQueryDSL({ upvotes: { ne: 15, range: [10, 20] }, "
            "title: { eq: 'hihihi', wildcard: 'h*i' } }))",
            {
                "bool": {
                    "must": [
                        {
                            "bool": {
                                "must": [
                                    {"bool": {"must_not": {"term": {"upvotes": 15}}}},
                                    {"range": {"upvotes": {"gte": 10, "lte": 20}}},
                                ]
                            }
                        },
                        {"bool": {"must": [{"term": {"title": "hihihi"}}, {"wildcard": {"title": "h*i"}}]}},
                    ]
                }
            },
        ),
    ],
)
def test_util(value: Value, expression: str, expected: Any) -> None:
    assert value(expression) == expected


@pytest.mark.rule("JS-11")
@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("'a1b2'.replaceAll('[0-9]', '')", "ab"),
        ("'a1b2'.replace('[0-9]', '-')", "a-b2"),
        ("'a.b.c'.replaceAll('.', '-')", "-----"),
        ("'a.b'.replaceAll('\\\\.', '-')", "a-b"),
        ("'John Smith'.replace('(\\\\w+) (\\\\w+)', '$2 $1')", "Smith John"),
        ("'a-b'.replaceAll('\\\\Q-\\\\E', '\\\\$')", "a$b"),
        ("'ABC'.replaceAll('(?i)b', 'x')", "AxC"),
        ("'a b'.replaceAll('\\\\p{Space}+', '')", "ab"),
        ("'ab'.replaceAll('b', (found) => found + found)", "abb"),
        ("JSON.parse('nope')", ""),
        ("JSON.parse('{\"a\":1}')", {"a": 1}),
        ("[3, 1, 2].sort()", [1, 2, 3]),
        ("[1, [2, [3]]].flat()", [1, 2, [3]]),
        ("({ a: undefined, b: NaN, c: [undefined] })", {"b": None, "c": [None]}),
        ("undefined", None),
    ],
)
def test_what_differs_from_plain_javascript(value: Value, expression: str, expected: Any) -> None:
    assert value(expression) == expected


@pytest.mark.rule("JS-8")
@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("util.math.roundNum('x')", "x is not a number"),
        ("util.base64Decode('*')", "Illegal base64: *"),
        ("util.str.normalize('a', 'x')", "X is no normalization form: nfc, nfd, nfkc or nfkd is"),
        ("util.transform.toDynamoDBFilterExpression({ a: { nope: 1 } })", "Unsupported condition a.nope."),
        ("util.xml.toMap('<')", "util.xml.toMap is not supported"),
    ],
)
def test_input_that_a_helper_cannot_take_is_rejected(
    rejected: Callable[[str], str], expression: str, message: str
) -> None:
    assert rejected(expression) == message


@pytest.mark.rule("JS-8")
def test_the_host_is_asked_once_and_the_handler_runs_again(execute: Any) -> None:
    asked: list[Any] = []

    def answers(name: str, operands: list[Any]) -> Any:
        asked.append((name, operands))
        return f"day {len(asked)}"

    body = (
        "console.log('once'); ctx.stash.n = (ctx.stash.n || 0) + 1;"
        "const of = (t) => util.time.epochMilliSecondsToFormatted(t, 'dd');\n"
        "return [of(1), of(2), of(1), util.time.nowFormatted('dd', '+08:00')]"
    )
    outcome = execute(body, answers=answers)
    assert outcome.value == ["day 1", "day 2", "day 1", "day 3"]
    assert outcome.stash == {"n": 1}
    assert len(outcome.logs) == 1
    assert asked[2] == ("time.epochMilliSecondsToFormatted", [1517943695758, "dd", "+08:00"])
