"""Filter patterns, after EventBridge's guide and what was recorded of Lambda's event filtering."""

import pytest

from syncline.core import SynclineError, json
from syncline.functions.filters import compile_filter
from syncline.functions.responses import first_failure

RECORD = {
    "eventName": "INSERT",
    "list": [{"name": "first"}, {"name": "second"}],
    "dynamodb": {
        "ApproximateCreationDateTime": 1700000000.0,
        "NewImage": {
            "city": {"S": "us-Berlin"},
            "ip": {"S": "10.1.2.3"},
            "star": {"S": "a*bc"},
            "price": {"N": "10"},
            "tags": {"SS": ["a", "b"]},
            "gone": {"NULL": None},
        },
    },
}


def image(name: str, kind: str, *options: object) -> dict:
    return {"dynamodb": {"NewImage": {name: {kind: list(options)}}}}


@pytest.mark.rule("FN-26")
@pytest.mark.parametrize(
    ("pattern", "matches"),
    [
        ({}, True),
        ({"eventName": ["INSERT", "MODIFY"]}, True),
        ({"eventName": ["REMOVE"]}, False),
        (image("price", "N", "10"), True),
        (image("price", "N", 10), False),
        (image("price", "N", {"numeric": ["=", 10]}), False),
        ({"dynamodb": {"ApproximateCreationDateTime": [{"numeric": [">", 0, "<=", 1.8e9]}]}}, True),
        ({"dynamodb": {"ApproximateCreationDateTime": [{"numeric": [">", 1.8e9]}]}}, False),
        (image("city", "S", {"prefix": "us-"}), True),
        (image("city", "S", {"suffix": {"equals-ignore-case": "BERLIN"}}), True),
        (image("city", "S", {"equals-ignore-case": "US-berlin"}), True),
        (image("city", "S", {"anything-but": ["us-Paris"]}), True),
        (image("city", "S", {"anything-but": {"prefix": "us-"}}), False),
        (image("city", "S", {"wildcard": "us-*lin"}), True),
        (image("city", "S", {"wildcard": "us-*x"}), False),
        (image("city", "S", {"wildcard": "*"}), True),
        (image("city", "S", {"wildcard": "*us-B*r*in"}), True),
        (image("city", "S", {"wildcard": "us-Berlin*n"}), False),
        (image("city", "S", {"exists": True}), True),
        (image("state", "S", {"exists": False}), True),
        (image("state", "S", {"anything-but": ["x"]}), False),
        (image("gone", "NULL", None), True),
        (image("tags", "SS", "b"), True),
        (image("ip", "S", {"cidr": "10.1.0.0/16"}), True),
        (image("ip", "S", {"cidr": "10.2.0.0/16"}), False),
        (image("ip", "S", {"cidr": "2001:db8::/32"}), False),
        (image("city", "S", {"cidr": "0.0.0.0/0"}), False),
        (image("city", "S", {"anything-but": {"suffix": ["Paris", "Rome"]}}), True),
        (image("city", "S", {"anything-but": {"suffix": ["Paris", "Berlin"]}}), False),
        (image("city", "S", {"anything-but": {"equals-ignore-case": "US-BERLIN"}}), False),
        (image("city", "S", {"anything-but": {"wildcard": "*-B*"}}), False),
        (image("city", "S", {"wildcard": "us\\*Berlin"}), False),
        (image("star", "S", {"wildcard": "a\\*b*"}), True),
        ({"list": {"name": ["second"]}}, True),
        ({"list": {"name": ["third"]}}, False),
        ({"$or": [{"eventName": ["REMOVE"]}, image("price", "N", "10")]}, True),
        ({"$or": [{"eventName": ["REMOVE"]}], "eventName": ["INSERT"]}, False),
    ],
)
def test_a_pattern_wants_what_the_guide_says(pattern: dict, matches: bool) -> None:
    assert compile_filter(json.encode(pattern).decode())(RECORD) is matches


@pytest.mark.rule("FN-26")
@pytest.mark.parametrize(
    "text",
    ["", "no", "[]",
     '{"a": "b"}', '{"a": []}', '{"a": [[1]]}', '{"a": [{"prefix": 1}]}', '{"a": [{"numeric": ["~", 1]}]}',
     '{"a": [{"exists": "yes"}]}', '{"$or": []}', '{"a": [{"prefix": "x", "suffix": "y"}]}',
     '{"a": [{"cidr": "10.0.0.0"}]}', '{"a": [{"cidr": "10.0.0.0/33"}]}', '{"a": [{"like": "x"}]}', '{"a": [{}]}',
     '{"a": [{"wildcard": "a**b"}]}', '{"a": [{"numeric": ["<", 5, ">", 1]}]}',
     '{"a": [{"numeric": [">", 5, "<", 1]}]}',
     '{"a": [{"numeric": [">", 6000000000]}]}', '{"a": [{"anything-but": [1, "x"]}]}', '{"a": [{"anything-but": []}]}',
     '{"a": [{"anything-but": {"numeric": [">", 1]}}]}', '{"a": [{"anything-but": {"prefix": 1}}]}',
     '{"a": [{"anything-but": {"suffix": ""}}]}',
     '{"a": [{"anything-but": {"prefix": {"equals-ignore-case": "x"}}}]}'],
)  # fmt: skip
def test_a_pattern_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(SynclineError, match="Invalid filter pattern definition"):
        compile_filter(text)


@pytest.mark.rule("FN-25")
@pytest.mark.parametrize(
    ("payload", "place"),
    [
        (b"", None),
        (b"null", None),
        (b"{}", None),
        (b'""', None),
        (b'{"batchItemFailures": []}', None),
        (b'{"batchItemFailures": null}', None),
        (b'{"batchItemFailures": [{"itemIdentifier": "3"}, {"itemIdentifier": "2"}]}', 1),
        (b'{"batchItemFailures": [{"itemIdentifier": ""}]}', 0),
        (b'{"batchItemFailures": [{"itemIdentifier": null}]}', 0),
        (b'{"batchItemFailures": [{"foo": "2"}]}', 0),
        (b'{"batchItemFailures": [{"itemIdentifier": "9"}]}', 0),
        (b"not json", 0),
    ],
)
def test_a_report_of_failures_names_the_lowest_or_fails_all(payload: bytes, place: int | None) -> None:
    assert first_failure(payload, ["1", "2", "3"]) == place
