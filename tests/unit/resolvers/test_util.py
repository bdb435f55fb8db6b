"""`$util`, function by function: what AppSync documents, or was recorded to give."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from syncline.core import SeededIds
from syncline.datasources import Context, Info
from syncline.resolvers import Library, ResolverError, ResolverSpec, compile_resolver
from syncline.resolvers.util import functions
from syncline.vtl import MethodFailed

Resolve = Callable[..., Awaitable[Any]]
NOW = 1517943695.749


class StoppedClock:
    """A clock that stands still."""

    def now(self) -> Any:
        return NOW

    def monotonic(self) -> float:
        return 0.0

    processor = monotonic

    async def sleep(self, seconds: float) -> None: ...


def call(path: str, *arguments: Any) -> Any:
    return functions(StoppedClock(), SeededIds(1))[path].call(*arguments)


RDS = {
    "sqlStatementResults": [
        {
            "records": [
                [
                    {"stringValue": "ada"},
                    {"longValue": 2},
                    {"arrayValue": {"arrayValues": [{"stringValues": ["a"]}, {"stringValues": ["b"]}]}},
                ],
                [{"stringValue": "bob"}, {"isNull": True}],
            ],
            "columnMetadata": [{"label": "author"}, {"name": "n", "label": ""}, {"label": "tags"}],
        },
        {"numberOfRecordsUpdated": 1},
    ]
}
RDS_TEXT = '{"sqlStatementResults":[{"records":[[{"stringValue":"ada"}]],"columnMetadata":[{"label":"author"}]}]}'

CASES: list[tuple[str, tuple[Any, ...], Any]] = [
    ("xml.toMap", ("<p><id>1</id><id>2</id></p>",), {"p": {"id": [1, 2]}}),
    ("xml.toMap", ("<posts><post><id>1</id></post></posts>",), {"posts": {"post": {"id": 1}}}),
    ("xml.toMap", ('<a b="x">t<c>1.5</c><d/></a>',), {"a": {"b": "x", "c": 1.5, "d": "", "content": "t"}}),
    ("xml.toJsonString", ("<a><b>007</b></a>",), '{"a":{"b":"007"}}'),
    ("xml.toJsonString", ("<a>1</a>", True), '"{\\"a\\":1}"'),
    ("rds.toJsonObject", (RDS,), [[{"author": "ada", "n": 2, "tags": [["a"], ["b"]]}, {"author": "bob"}], [{}]]),
    ("rds.toJsonObject", ("nope",), None),
    ("rds.toJsonString", (RDS_TEXT,), '[[{"author":"ada"}]]'),
    (
        "transform.toElasticsearchQueryDSL",
        ({"upvotes": {"ne": 15, "range": [10, 20]}, "title": {"eq": "hihihi", "wildcard": "h*i"}},),
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
    ("transform.toElasticsearchQueryDSL", ({"n": {"gt": 5}},), {"range": {"n": {"gt": 5}}}),
    (
        "transform.toElasticsearchQueryDSL",
        ({"or": [{"a": {"matchPhrase": "x"}}, {"not": {"b": {"exists": False}}}]},),
        {
            "bool": {
                "should": [
                    {"match_phrase": {"a": "x"}},
                    {"bool": {"must_not": {"bool": {"must_not": {"exists": {"field": "b"}}}}}},
                ],
                "minimum_should_match": 1,
            }
        },
    ),
    ("parseJson", ('{"a":1}',), {"a": 1}),
    ("escapeJavaScript", ('He said "hi"',), 'He said \\"hi\\"'),
    ("escapeJavaScript", ("é/\n'",), "\\u00E9\\/\\n\\'"),
    ("urlEncode", ("a b&c",), "a+b%26c"),
    ("urlEncode", ("a b&c=d/é~*-_.+",), "a+b%26c%3Dd%2F%C3%A9%7E*-_.%2B"),
    ("urlDecode", ("a+b%26c",), "a b&c"),
    ("base64Encode", ("abc",), "YWJj"),
    ("base64Decode", ("YWJj",), "abc"),
    ("isNull", (None,), True),
    ("isNullOrEmpty", ("",), True),
    ("isNullOrEmpty", (" ",), False),
    ("isNullOrBlank", (" ",), True),
    ("defaultIfNull", (None, 1), 1),
    ("defaultIfNullOrEmpty", ("", "x"), "x"),
    ("defaultIfNullOrBlank", (" ", "x"), "x"),
    ("isString", (None,), False),
    ("isNumber", (True,), False),
    ("isNumber", (1.5,), True),
    ("isBoolean", (False,), True),
    ("isList", ([],), True),
    ("isMap", ({},), True),
    ("typeOf", ([1],), "List"),
    ("typeOf", (None,), "Null"),
    ("typeOf", (True,), "Boolean"),
    ("matches", ("a*b", "aaaaab"), True),
    ("time.nowISO8601", (), "2018-02-06T19:01:35.749Z"),
    ("time.nowEpochSeconds", (), 1517943695),
    ("time.nowEpochMilliSeconds", (), 1517943695749),
    ("time.nowFormatted", ("yyyy-MM-dd",), "2018-02-06"),
    ("time.epochMilliSecondsToSeconds", (1517943695758,), 1517943695),
    ("time.epochMilliSecondsToISO8601", (1517943695758,), "2018-02-06T19:01:35.758Z"),
    ("time.epochMilliSecondsToFormatted", (1517943695758, "yyyy-MM-dd HH:mm:ssZ"), "2018-02-06 19:01:35+0000"),
    (
        "time.epochMilliSecondsToFormatted",
        (1517943695758, "yyyy-MM-dd HH:mm:ssZ", "+08:00"),
        "2018-02-07 03:01:35+0800",
    ),
    (
        "time.epochMilliSecondsToFormatted",
        (1517943695758, "yyyy-MM-dd HH:mm:ssZ", "Australia/Perth"),
        "2018-02-07 03:01:35+0800",
    ),
    ("time.epochMilliSecondsToFormatted", (1517943695758, "yyyy-MM-dd[XXX]", "-07:00:30"), "2018-02-06-07:00"),
    (
        "time.epochMilliSecondsToFormatted",
        (1517943695758, "yyyy-MM-dd'T'HH:mm:ss[XXXXX]", "-07:00:30"),
        "2018-02-06T12:01:05-07:00:30",
    ),
    (
        "time.epochMilliSecondsToFormatted",
        (1517943695758, "EEE, d MMM yyyy HH:mm:ss z"),
        "Tue, 6 Feb 2018 19:01:35 UTC",
    ),
    ("time.epochMilliSecondsToFormatted", (1517943695758, "hh:mm a", "America/New_York"), "02:01 PM"),
    ("time.epochMilliSecondsToFormatted", (1517943695758, "DDD"), "037"),
    ("time.parseISO8601ToEpochMilliSeconds", ("2018-02-01T17:21:05.180+08:00",), 1517476865180),
    ("time.parseFormattedToEpochMilliSeconds", ("2018-02-02 01:19:22+0800", "yyyy-MM-dd HH:mm:ssZ"), 1517505562000),
    (
        "time.parseFormattedToEpochMilliSeconds",
        ("2018-02-02 01:19:22", "yyyy-MM-dd HH:mm:ss", "+08:00"),
        1517505562000,
    ),
    ("list.copyAndRetainAll", ([1, 2, 3], [2, 3, 9]), [2, 3]),
    ("list.copyAndRemoveAll", ([1, 2, 3], [2]), [1, 3]),
    ("list.sortList", ([{"n": "y"}, {"n": "m"}], False, "n"), [{"n": "m"}, {"n": "y"}]),
    ("list.sortList", ([3, 1, 2], True, ""), [3, 2, 1]),
    ("list.sortList", ([3, "a"], False, ""), [3, "a"]),
    ("map.copyAndRetainAllKeys", ({"a": 1, "b": 2}, ["a"]), {"a": 1}),
    ("map.copyAndRemoveAllKeys", ({"a": 1, "b": 2}, ["a"]), {"b": 2}),
    ("str.toUpper", ("abC",), "ABC"),
    ("str.toReplace", ("hello world", "hello", "mellow"), "mellow world"),
    ("str.normalize", ("e\u0301", "nfc"), "é"),
    ("math.roundNum", (2.5,), 3),
    ("math.minVal", (1, 2), 1.0),
    ("http.copyHeaders", ({"Host": "x", "a": "b"},), {"a": "b"}),
    ("dynamodb.toDynamoDB", ("foo",), {"S": "foo"}),
    ("dynamodb.toDynamoDB", (12345,), {"N": 12345}),
    ("dynamodb.toDynamoDB", (True,), {"BOOL": True}),
    ("dynamodb.toDynamoDB", (None,), {"NULL": None}),
    (
        "dynamodb.toDynamoDB",
        (["foo", 123, {"bar": "baz"}],),
        {"L": [{"S": "foo"}, {"N": 123}, {"M": {"bar": {"S": "baz"}}}]},
    ),
    ("dynamodb.toDynamoDB", ({"foo": "bar"},), {"M": {"foo": {"S": "bar"}}}),
    ("dynamodb.toString", (None,), None),
    ("dynamodb.toStringSet", (["foo", "bar"],), {"SS": ["foo", "bar"]}),
    ("dynamodb.toNumberSet", ([1, 23, 4.56],), {"NS": [1, 23, 4.56]}),
    ("dynamodb.toBinary", ("foo",), {"B": "foo"}),
    ("dynamodb.toNull", (), {"NULL": None}),
    ("dynamodb.toMapValues", ({"foo": "bar", "n": [1]},), {"foo": {"S": "bar"}, "n": {"L": [{"N": 1}]}}),
    (
        "dynamodb.toS3Object",
        ("foo", "bar", "baz", "beep"),
        {"S": '{"s3":{"key":"foo","bucket":"bar","region":"baz","version":"beep"}}'},
    ),
    ("dynamodb.fromS3ObjectJson", ('{"s3":{"key":"foo"}}',), {"key": "foo"}),
    (
        "transform.toDynamoDBFilterExpression",
        ({"title": {"contains": "Hello World"}},),
        {
            "expression": "(contains(#title,:title_contains))",
            "expressionNames": {"#title": "title"},
            "expressionValues": {":title_contains": {"S": "Hello World"}},
        },
    ),
    (
        "transform.toDynamoDBConditionExpression",
        ({"id": {"attributeExists": True}, "version": {"eq": 10}},),
        {
            "expression": "(attribute_exists(#id)) AND (#version = :version_eq)",
            "expressionNames": {"#id": "id", "#version": "version"},
            "expressionValues": {":version_eq": {"N": 10}},
        },
    ),
    (
        "transform.toSubscriptionFilter",
        ({"a": {"eq": 1, "ge": 5}, "b": {"eq": 2}},),
        {
            "filterGroup": [
                {
                    "filters": [
                        {"fieldName": "a", "operator": operator, "value": value},
                        {"fieldName": "b", "operator": "eq", "value": 2},
                    ]
                }
                for operator, value in (("eq", 1), ("ge", 5))
            ]
        },
    ),
]


@pytest.mark.rule("RES-12")
@pytest.mark.parametrize(("path", "arguments", "result"), CASES)
def test_a_function_gives_what_appsync_gives(path: str, arguments: tuple[Any, ...], result: Any) -> None:
    found = call(path, *arguments)
    assert (found, type(found)) == (result, type(result))


@pytest.mark.rule("RES-12")
@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("$util.dynamodb.toDynamoDBJson($ctx.args.n)", {"N": 5}),
        ("$util.dynamodb.toNullJson()", {"NULL": None}),
        ('$util.dynamodb.toStringSetJson(["foo","bar"])', {"SS": ["foo", "bar"]}),
        ('$util.toJson($util.map.copyAndRetainAllKeys({"a":1,"b":2},["a"]))', {"a": 1}),
        ("$util.toJson($util.list.copyAndRemoveAll([1,2,3],[2]))", [1, 3]),
        ('$util.toJson({"a":[1,"x"],"b":$nope})', {"a": [1, "x"], "b": None}),
        ("#set($text = $util.toJson([1]))$text.length()", 3),
        ("$util.parseJson('{\"a\":1}').a", 1),
        ('"$util.time.epochMilliSecondsToISO8601(0)"', "1970-01-01T00:00:00.000Z"),
    ],
)
async def test_functions_as_templates_call_them(library: Library, template: str, value: Any) -> None:
    assert await through_template(library, template) == value


async def through_template(library: Library, template: str) -> Any:
    class Nothing:
        async def invoke(self, request: Any, context: Context) -> Any:
            return None

    spec = ResolverSpec("Query", "field", "UNIT", "s", '{"version": "2018-05-29"}', template)
    ctx = Context(arguments={"n": 5}, info=Info("field", "Query"))
    return await compile_resolver(spec, {"s": Nothing()}, library).resolve(ctx)


@pytest.mark.rule("RES-12")
def test_ids_have_their_shapes() -> None:
    assert len(call("autoId")) == 36
    assert len(call("autoKsuid")) == 27
    ulid = call("autoUlid")
    stamp = sum("0123456789ABCDEFGHJKMNPQRSTVWXYZ".index(digit) * 32**at for at, digit in enumerate(ulid[9::-1]))
    assert (len(ulid), stamp) == (26, 1517943695749)


@pytest.mark.rule("RES-12")
@pytest.mark.parametrize(
    "template",
    [
        "$util.time.nowFormatted('yyyy', 'Nowhere/Land')",
        "$util.time.parseISO8601ToEpochMilliSeconds('soon')",
        "$util.time.nowFormatted('qqq')",
        "$util.base64Decode('%')",
        "$util.parseJson('{')",
        "$util.matches('(', 'x')",
        "$util.toJson()",
        "$util.error()",
        "$util.list.sortList(1, 2, 3)",
        "$util.dynamodb.toListJson(1)",
        "$util.transform.toDynamoDBFilterExpression({'a': {'like': 1}})",
    ],
)
async def test_arguments_a_function_cannot_use_are_an_error_with_a_place(library: Library, template: str) -> None:
    with pytest.raises(ResolverError, match=r"at velocity\[line 1, column \d+\]$") as failed:
        await through_template(library, template)
    assert failed.value.error_type == "MappingTemplate"


@pytest.mark.rule("RES-12")
@pytest.mark.parametrize(
    ("path", "arguments", "message"),
    [
        ("xml.toMap", ("<a>",), "Unable to parse XML: no element found: line 1, column 3"),
        ("xml.toMap", ("<a>" * 200,), "XML may nest at most 100 levels deep"),
        (
            "xml.toMap",
            ('<!DOCTYPE x [<!ENTITY a "b"><!ENTITY c "&a;&a;">]><x>&c;</x>',),
            "XML with entities of its own is not read",
        ),
        ("transform.toElasticsearchQueryDSL", ({"a": {"near": 1}},), "Unsupported condition a.near."),
        ("transform.toElasticsearchQueryDSL", ({"a": 1},), "the condition of a must be a map of operators"),
    ],
)
def test_what_a_function_cannot_take_is_said(path: str, arguments: Any, message: str) -> None:
    with pytest.raises(MethodFailed) as failed:
        call(path, *arguments)
    assert str(failed.value) == message
