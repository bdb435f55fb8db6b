"""One port for all services: who gets a request."""

from typing import Any

import pytest

from support.aws import called, client, door
from syncline.core import Request
from syncline.wire import models
from syncline.wire.rest_json import RestJson
from syncline.wire.services import SERVICES, identify


def signed(scope: str, method: str = "GET", path: str = "/", **headers: str) -> Request:
    credential = f"Credential=AKIA/20260101/us-east-1/{scope}/aws4_request"
    authorization = f"AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=0"
    named = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Request(method, path, "", [("authorization", authorization), *named])


@pytest.mark.rule("WIRE-22")
@pytest.mark.parametrize("row", SERVICES, ids=[row.name for row in SERVICES])
def test_the_table_agrees_with_the_models(row: Any) -> None:
    metadata = models.load(row.name).metadata
    assert row.signing == (metadata.signing_name or metadata.endpoint_prefix)
    assert row.target == (metadata.target_prefix if "json" in [metadata.protocol, *metadata.protocols] else "")
    if row.version:
        assert row.version == metadata.api_version


@pytest.mark.rule("WIRE-22")
@pytest.mark.parametrize(
    ("request_", "service"),
    [
        (signed("dynamodb", "POST", x_amz_target="DynamoDB_20120810.PutItem"), "dynamodb"),
        (signed("dynamodb", "POST", x_amz_target="DynamoDBStreams_20120810.GetRecords"), "dynamodbstreams"),
        (signed("monitoring", "POST"), "cloudwatch"),
        (signed("states", "POST", x_amz_target="AWSStepFunctions.StartExecution"), "stepfunctions"),
        (signed("appsync", "POST", "/v2/apis"), "appsync"),
        (signed("apigateway", "POST", "/v2/apis"), "apigatewayv2"),
        (signed("apigateway", "GET", "/restapis"), "apigateway"),
        (signed("s3", "PUT", "/v1/apis"), "s3"),
        (signed("s3", "PUT", "/graphql"), "s3"),
        (signed("execute-api", "POST", "/@connections/abc%3D"), "apigatewaymanagementapi"),
        (signed("frobnicate"), "frobnicate"),
        (Request("GET", "/v1/apis", "X-Amz-Credential=A%2F2026%2Fr%2Fs3%2Faws4_request", []), "s3"),
        (Request("POST", "/", "", [("x-amz-target", "AWSCognitoIdentityProviderService.InitiateAuth")]), "cognito-idp"),
        (Request("POST", "/", "", [("x-amz-target", "Frobnicator_20260101.Frob")]), "Frobnicator_20260101"),
        (Request("POST", "/2015-03-31/functions/f/invocations", "", []), "lambda"),
        (Request("GET", "/v1/apis", "", []), "appsync"),
        (Request("GET", "/", "Action=GetCallerIdentity&Version=2011-06-15", []), "sts"),
    ],
)
def test_signs_are_read_in_order(request_: Request, service: str) -> None:
    assert identify(request_) == service


@pytest.mark.rule("WIRE-22")
async def test_a_service_of_two_protocols_answers_in_the_one_it_was_asked_in(services: Any) -> None:
    aws = door(services, verify=False)
    body = b"Action=DescribeAlarms&Version=2010-08-01"
    headers = [("content-type", "application/x-www-form-urlencoded; charset=utf-8")]
    response = await aws.respond(Request("POST", "/", "", headers, body))
    assert response.content_type == "text/xml"
    assert b"<DescribeAlarmsResult>" in response.body
    seen: list[Request] = []
    assert "MetricAlarms" not in await called(client(aws, "cloudwatch", on_request=seen.append).describe_alarms)
    assert seen[0].header("x-amz-target") == "GraniteServiceVersion20100801.DescribeAlarms"


@pytest.mark.rule("WIRE-23")
@pytest.mark.parametrize(
    "request_",
    [
        signed("appsync", "POST", "/graphql"),
        signed("appsync", "POST", "/graphql/abc/connect"),
        signed("appsync", "POST", "/event"),
        signed("execute-api", "POST", "/prod/orders"),
        Request("POST", "/graphql", "", [("x-api-key", "da2-x")]),
        Request("POST", "/v1/apis", "", [("authorization", "Bearer token")]),
        Request("GET", "/", "", []),
        Request("GET", "/graphql", "query=%7Ba%7D&Action=x", []),
        Request("POST", "/", "", [("content-type", "application/x-www-form-urlencoded")], b"\xff&Action=%"),
    ],
)
def test_the_data_plane_is_left_alone(services: Any, request_: Request) -> None:
    assert identify(request_) is None


@pytest.mark.rule("WIRE-22")
@pytest.mark.parametrize(
    ("service", "method", "path", "operation", "labels"),
    [
        ("lambda", "POST", "/2015-03-31/functions", "CreateFunction", {}),
        ("lambda", "GET", "/2015-03-31/functions/", "ListFunctions", {}),
        ("lambda", "GET", "/2015-03-31/functions/arn%3Aaws%3Af%2Fx", "GetFunction", {"FunctionName": "arn:aws:f/x"}),
        ("lambda", "GET", "/2015-03-31/event-source-mappings/", "ListEventSourceMappings", {}),
        ("lambda", "GET", "/2017-03-31/tags/arn:aws:lambda:r:0:function:f", "ListTags",
         {"Resource": "arn:aws:lambda:r:0:function:f"}),
        ("appsync", "POST", "/v1/apis/a/ApiCaches/update", "UpdateApiCache", {"apiId": "a"}),
        ("appsync", "POST", "/v1/apis/a/types/Query/resolvers/f", "UpdateResolver",
         {"apiId": "a", "typeName": "Query", "fieldName": "f"}),
        ("appsync", "DELETE", "/v1/apis/a%2Fb", "DeleteGraphqlApi", {"apiId": "a/b"}),
    ],
)  # fmt: skip
def test_paths_lead_to_operations(service: str, method: str, path: str, operation: str, labels: Any) -> None:
    found = RestJson(service, models.load(service)).operation_of(Request(method, path, "", []), b"")
    assert found == (operation, labels)


@pytest.mark.rule("WIRE-25")
def test_nothing_is_loaded_before_it_is_needed(services: Any) -> None:
    models.load.cache_clear()
    door(services)
    assert models.load.cache_info().currsize == 0


@pytest.mark.rule("WIRE-9")
def test_a_name_that_is_no_service_has_no_model() -> None:
    for name in ("", "..", "nothing", "../data", "a/b"):
        with pytest.raises(models.ServiceUnknown):
            models.load(name)
