"""Every protocol against botocore's own serialisers and parsers, over random values of real operations."""

from functools import cache
from typing import Any

import botocore.session
import pytest
from botocore.awsrequest import AWSRequest, AWSRequestPreparer
from botocore.model import OperationModel
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support import shapes
from support.aws import as_request
from syncline.core import Response
from syncline.wire import models
from syncline.wire.exchange import Arrival
from syncline.wire.json_rpc import JsonRpc
from syncline.wire.query import Query
from syncline.wire.rest_json import RestJson

LINES = [
    ("dynamodb", "json", JsonRpc),
    ("logs", "json", JsonRpc),
    ("secretsmanager", "json", JsonRpc),
    ("cloudwatch", "json", JsonRpc),
    ("cloudwatch", "query", Query),
    ("iam", "query", Query),
    ("sts", "query", Query),
    ("appsync", "rest-json", RestJson),
    ("lambda", "rest-json", RestJson),
]
NAMES = [f"{service} in {protocol}" for service, protocol, _ in LINES]
SOME = settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))


@cache
def vendor(service: str) -> Any:
    return botocore.session.get_session().get_service_model(service)


@cache
def speech(service: str, kind: type) -> Any:
    """The codec over the model without its constraints: random values need not comply."""
    model = models._decode(_raw(service))
    for shape in model.shapes.values():
        shape.min = shape.max = None
        shape.pattern, shape.enum, shape.required = "", [], []
    return kind(service, model)


def _raw(service: str) -> bytes:
    folder = models._data_folder() / service
    return models._text(sorted(folder.glob("*/service-2.json*"))[-1])


def operations(service: str, *, output: bool) -> list[str]:
    found = []
    for name in vendor(service).operation_names:
        operation = vendor(service).operation_model(name)
        shape = operation.output_shape if output else operation.input_shape
        streams = operation.has_event_stream_input or operation.has_event_stream_output
        # The bare parser decodes raw bodies as text; test_door.py has what whole clients make of them.
        raw = output and shape is not None and shape.serialization.get("payload") in _blobs(shape)
        if shape is not None and not streams and not raw:
            found.append(name)
    return found


def _blobs(shape: Any) -> set[str]:
    return {name for name, member in shape.members.items() if member.type_name == "blob"}


def sent(protocol: str, operation: OperationModel, parameters: dict[str, Any]) -> Any:
    """The request that botocore's own serialiser makes of `parameters`."""
    made = create_serializer(protocol, include_validation=False).serialize_to_request(parameters, operation)
    url = "http://localhost:4000" + made["url_path"]
    request = AWSRequest(
        method=made["method"], url=url, headers=made["headers"], data=made["body"], params=made["query_string"]
    )
    return as_request(AWSRequestPreparer().prepare(request))


@pytest.mark.rule("WIRE-1")
@pytest.mark.parametrize(("service", "protocol", "kind"), LINES, ids=NAMES)
@given(data=st.data())
@SOME
def test_a_method_gets_what_the_client_was_given(service: str, protocol: str, kind: type, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(operations(service, output=False)))
    operation = vendor(service).operation_model(name)
    wanted = data.draw(shapes.values(operation.input_shape))
    request = sent(protocol, operation, shapes.for_client(operation.input_shape, wanted))
    line = speech(service, kind)
    found, labels = line.operation_of(request, request.body)
    assert found == name
    read = line.exchange(name).read(Arrival(request, request.body, labels, "r"))
    body = operation.input_shape.serialization.get("payload")
    # botocore sends an absent structure that is the whole body as {}.
    assert {member: value for member, value in read.items() if member != body or value or member in wanted} == wanted


@pytest.mark.rule("WIRE-2")
@pytest.mark.parametrize(("service", "protocol", "kind"), LINES, ids=NAMES)
@given(data=st.data())
@SOME
def test_the_client_returns_what_a_method_gave(service: str, protocol: str, kind: type, data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(operations(service, output=True)))
    operation = vendor(service).operation_model(name)
    given_answer = data.draw(shapes.values(operation.output_shape))
    request = Arrival(None, b"", {}, "the-request")  # type: ignore[arg-type]
    response: Response = speech(service, kind).exchange(name).write(given_answer, request)
    raw = {
        "status_code": response.status,
        "headers": {**dict(response.headers), "content-type": response.content_type},
        "body": response.body,
    }
    parsed = create_parser(protocol).parse(raw, operation.output_shape)
    assert parsed.pop("ResponseMetadata")["RequestId"] == "the-request"
    body = operation.output_shape.serialization.get("payload")
    expected = shapes.for_client(operation.output_shape, given_answer)
    unseen = {member for member, shape in operation.output_shape.members.items() if "location" in shape.serialization}
    assert {key: value for key, value in parsed.items() if key in expected or key not in unseen | {body}} == expected
