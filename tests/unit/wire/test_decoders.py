"""The quick way to read a request against the one that words refusals."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from syncline.core import Invalid, json
from syncline.wire import models
from syncline.wire.decoders import Decode, Decoders, Refused
from syncline.wire.exchange import checked
from syncline.wire.models import Member, Shape
from syncline.wire.readers import Reader, Readers
from syncline.wire.scalars import JSON

SERVICES = ("dynamodb", "dynamodbstreams", "secretsmanager", "logs", "cloudwatch")
ODD = st.sampled_from(
    [None, True, "", "true", "YQ==", "YQ", "Y Q=", "é", 0, -1, 1.0, 2.5, 2**31, 2**63, [], [None], {}, {"S": "s"}]
)


@cache
def operations() -> list[tuple[str, str, Decode, Reader]]:
    """Service, input, decoder and reader of every operation that has a decoder."""
    found = []
    for service in SERVICES:
        model = models.load(service)
        decoders, readers = Decoders(model.shapes), Readers(model.shapes, JSON)
        for operation in model.operations.values():
            name = operation.input.shape if operation.input else ""
            decode = decoders.of(name) if name else None
            if decode is not None:
                found.append((service, name, decode, readers.of(name)))
    return found


def values(shapes: dict[str, Shape], shape: Shape, depth: int) -> st.SearchStrategy[Any]:
    """JSON for a shape: mostly as it should be, at times odd."""
    return st.integers(0, 15).flatmap(lambda chance: ODD if chance == 0 else right(shapes, shape, depth))


def right(shapes: dict[str, Shape], shape: Shape, depth: int) -> st.SearchStrategy[Any]:
    if shape.enum:
        return st.sampled_from([*shape.enum, shape.enum[0].lower()])
    if shape.type == "structure":
        names = list(shape.members) if depth > 0 else list(shape.required)
        members = {name: values(shapes, shapes[shape.members[name].shape], depth - 1) for name in names}
        needed = {name: members[name] for name in shape.required}
        some = st.sets(st.sampled_from(names), max_size=4) if names else st.just(set())
        more = some.flatmap(lambda chosen: st.fixed_dictionaries({n: members[n] for n in {*chosen, *needed}}))
        return st.tuples(more, st.booleans()).map(lambda found: {**found[0], **({"Unknown": [1]} if found[1] else {})})
    if shape.type == "list" and shape.member is not None:
        return st.lists(values(shapes, shapes[shape.member.shape], depth - 1), max_size=3)
    if shape.type == "map" and shape.value is not None:
        return st.dictionaries(st.text(max_size=3), values(shapes, shapes[shape.value.shape], depth - 1), max_size=3)
    if shape.type in ("integer", "long"):
        return st.integers(-2, 12) | st.floats(0, 3)
    if shape.type == "boolean":
        return st.booleans()
    if shape.type == "blob":
        return st.sampled_from(["", "YQ==", "YR==", "+/+=", "YQ", "YQ==\n", "_-==", "AAAA"])
    return st.text(max_size=4) | st.sampled_from(
        ["table-1", "arn:aws:dynamodb:us-east-1:000000000000:table/t", "a" * 30]
    )


@pytest.mark.rule("WIRE-3")
@given(st.data())
def test_what_a_decoder_accepts_its_reader_accepts_and_reads_alike(data: st.DataObject) -> None:
    service, name, decode, reader = data.draw(st.sampled_from(operations()))
    shapes = models.load(service).shapes
    body = json.encode(data.draw(values(shapes, shapes[name], 4)))
    try:
        found = decode(body)
    except Refused:
        return
    try:
        expected = checked(reader, json.decode(body))
    except Invalid as refusal:
        raise AssertionError(f"{name}: {body!r} is refused by the reader alone: {refusal.message}") from refusal
    assert repr(found) == repr(expected)


@pytest.mark.parametrize(
    ("name", "request_"),
    [
        ("GetItemInput", {"TableName": "t", "Key": {"id": {"S": "a"}}, "ConsistentRead": True}),
        ("PutItemInput", {"TableName": "t", "Item": {"id": {"S": "a"}, "m": {"M": {"l": {"L": [{"B": "YWJj"}]}}}}}),
        ("UpdateItemInput", {"TableName": "t", "Key": {"id": {"N": "1"}}, "UpdateExpression": "REMOVE a"}),
        ("QueryInput", {"TableName": "t", "IndexName": "by-name", "Limit": 1, "KeyConditionExpression": "a = :a"}),
        ("ScanInput", {"TableName": "t", "Segment": 0, "TotalSegments": 1}),
        ("BatchWriteItemInput", {"RequestItems": {"t": [{"PutRequest": {"Item": {"id": {"NULL": True}}}}]}}),
        ("TransactWriteItemsInput", {"TransactItems": [{"Put": {"TableName": "t", "Item": {}}}]}),
    ],
)
def test_usual_requests_are_read_the_quick_way(name: str, request_: dict[str, Any]) -> None:
    decode = next(decode for service, found, decode, _ in operations() if found == name)
    assert decode(json.encode(request_)).keys() == request_.keys()


@pytest.mark.parametrize("body", [b'{"a": "YR=="}', b'{"a": "+/+\\u003d"}', b'{"a": "YR\\u003D\\u003d"}'])
def test_base64_with_bits_of_no_byte_is_left_to_the_reader(body: bytes) -> None:
    decode = Decoders({"In": Shape(type="structure", members={"a": Member(shape="Blob")}), "Blob": Shape(type="blob")})
    quick = decode.of("In")
    assert quick is not None
    with pytest.raises(Refused):
        quick(body)
