"""The door as clients meet it: boto3 in memory, and requests no SDK would send."""

import gzip
import io
import json
import re
import zlib
from typing import Any, ClassVar
from urllib.parse import urlencode, urlsplit

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.aws import ACCOUNT, KEY, ROOT, OneKey, called, client, door
from syncline.core import Meter, Request
from syncline.core.call import Caller
from syncline.wire import AwsDoor, Credential, NotConvertible, Operations, OperationUnsupported, identify
from syncline.wire.models import load

JSON_10 = [("content-type", "application/x-amz-json-1.0")]


def target(operation: str, body: bytes = b"{}", service: str = "DynamoDB_20120810") -> Request:
    return Request("POST", "/", "", [*JSON_10, ("x-amz-target", f"{service}.{operation}")], body)


def form(body: str) -> Request:
    return Request("POST", "/", "", [("content-type", "application/x-www-form-urlencoded")], body.encode())


def dev(services: Any, **options: Any) -> AwsDoor:
    return door(services, verify=False, **options)


class Everything:
    """A service that has every operation."""

    coverage: ClassVar[dict[str, Any]] = {}

    def __getattr__(self, name: str) -> Any:
        async def respond(request: dict[str, Any]) -> dict[str, Any]:
            return {}

        return respond


async def refusal(method: Any, **parameters: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        await called(method, **parameters)
    return {**caught.value.response["Error"], "status": caught.value.response["ResponseMetadata"]["HTTPStatusCode"]}


@pytest.mark.rule("WIRE-1")
async def test_null_and_unknown_members_are_absent(services: Any) -> None:
    body = b'{"TableName":"t","Limit":null,"Hint":1,"ExclusiveStartTableName":"abc"}'
    response = await dev(services).respond(target("ListTables", body))
    assert response.status == 200
    assert services["dynamodb"].asked == [{"ExclusiveStartTableName": "abc"}]


@pytest.mark.rule("WIRE-2")
async def test_raw_bodies_are_not_touched(services: Any) -> None:
    payload = b"\x80\x00 no text"
    services["lambda"].answer = {
        "StatusCode": 200,
        "Payload": payload,
        "LogResult": "bG9n",
        "FunctionError": "Unhandled",
    }
    answer = await called(client(services, "lambda").invoke, FunctionName="f", Payload=payload, LogType="Tail")
    assert answer["Payload"].read() == payload
    assert (answer["LogResult"], answer["FunctionError"]) == ("bG9n", "Unhandled")
    assert services["lambda"].asked == [{"FunctionName": "f", "LogType": "Tail", "Payload": payload}]


@pytest.mark.rule("WIRE-2")
async def test_a_status_member_is_the_answers_status(services: Any) -> None:
    services["lambda"].answer = {"StatusCode": 202}
    answer = await called(client(services, "lambda").invoke, FunctionName="f", InvocationType="Event")
    assert answer["StatusCode"] == 202
    services["lambda"].answer = {"StatusCode": 204}
    response = await dev(services).respond(Request("DELETE", "/2015-03-31/functions/f", "", []))
    assert (response.status, response.body) == (204, b"")


@pytest.mark.rule("WIRE-5")
@pytest.mark.parametrize(
    "request_",
    [
        target("PutItem", b"{"),
        target("PutItem", b"[1]"),
        target("PutItem", b"\xff\xfe"),
        target("PutItem", b'{"Item":' + b'{"M":{"a":' * 100_000 + b"1"),
        target("PutItem", b'{"TableName":"abc","Item":{"a":' + b'{"L":[' * 900 + b"]}" * 900 + b"}}"),
        target("PutItem", b'{"TableName":"abc","Item":{"a":{"B":"?"}}}'),
        target("", b"{}"),
        form("Action=CreateRole&Version=2010-05-08&RoleName=%FF"),
        form("Version=2010-05-08&Action="),
        form("Action=CreateRole&Version=2010-05-08&Tags.member.x.Key=1&RoleName=a&AssumeRolePolicyDocument=b"),
        form("Action=CreateRole&Version=2010-05-08&" + "a." * 5000 + "b=1"),
        Request("POST", "/2015-03-31/functions/%FF/invocations", "Qualifier=%FF", [], b"\xff"),
        Request("POST", "/v1/apis", "", [], b"nonsense"),
        Request("GET", "/v1/apis", "maxResults=many", []),
        Request("GET", "/v1/apis", "maxResults=" + "9" * 5000, []),
        Request("PATCH", "/v1/apis", "", []),
    ],
    ids=range(16),
)
async def test_malformed_requests_are_client_errors(services: Any, request_: Request) -> None:
    response = await dev(services).respond(request_)
    assert 400 <= response.status < 500, response.body
    assert b"InternalFailure" not in response.body


@pytest.mark.rule("WIRE-5")
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
async def test_no_body_makes_a_service_fail(data: st.DataObject) -> None:
    service = data.draw(st.sampled_from(["dynamodb", "logs", "cloudwatch"]))
    model = load(service)
    operation = data.draw(st.sampled_from(sorted(model.operations)))
    shape = model.operations[operation].input
    names = sorted(model.shapes[shape.shape].members) if shape else []
    leaf = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
    value = st.recursive(
        leaf, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner), max_leaves=5
    )
    body = data.draw(st.dictionaries(st.sampled_from(names) if names else st.text(), value, max_size=6))
    request = target(operation, json.dumps(body).encode(), model.metadata.target_prefix)
    response = await dev({service: Everything()}).respond(request)
    assert response.status < 500, response.body
    assert b"UnsupportedOperation" not in response.body


FIELD = st.lists(st.sampled_from(["member", "1", "2", "x", "entry", "key", ""]), max_size=4)


@pytest.mark.rule("WIRE-5")
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
async def test_no_form_makes_a_service_fail(data: st.DataObject) -> None:
    service = data.draw(st.sampled_from(["iam", "sts", "cloudwatch"]))
    model = load(service)
    operation = data.draw(st.sampled_from(sorted(model.operations)))
    shape = model.operations[operation].input
    name = st.sampled_from(sorted(model.shapes[shape.shape].members) or ["x"]) if shape else st.just("x")
    inner = st.sampled_from(["Key", "Value", "MetricName", "Dimensions"])
    fields = st.tuples(name, FIELD, inner).map(lambda parts: ".".join([parts[0], *parts[1], parts[2]])) | name
    form_fields = data.draw(st.dictionaries(fields, st.text(max_size=4), max_size=6))
    text = urlencode({**form_fields, "Action": operation, "Version": model.metadata.api_version})
    response = await dev({service: Everything()}).respond(form(text))
    assert response.status < 500, response.body
    assert b"UnsupportedOperation" not in response.body


@pytest.mark.rule("WIRE-5")
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
async def test_no_path_makes_a_service_fail(data: st.DataObject) -> None:
    service = data.draw(st.sampled_from(["lambda", "appsync"]))
    operation = data.draw(st.sampled_from(sorted(load(service).operations)))
    http = load(service).operations[operation].http
    label = st.sampled_from(["a", "%2F", "%FF", "a%00b", "..", "%", "é"])
    path = re.sub(r"\{[^}]+\}", lambda _: data.draw(label), http.request_uri.partition("?")[0])
    query = data.draw(
        st.sampled_from(["", "maxResults=x", "MaxItems=1&MaxItems=2", "tagKeys=a&tagKeys=%FF", "=&&=", "%"])
    )
    body = data.draw(st.sampled_from([b"", b"{}", b"null", b"[]", b"{", b'{"name":{}}', b'{"\\u0000":1}', b"\xff"]))
    response = await dev({service: Everything()}).respond(Request(http.method, path, query, [], body))
    assert response.status < 500, response.body


@pytest.mark.rule("WIRE-7")
@pytest.mark.parametrize(
    ("service", "method", "parameters", "name"),
    [
        ("dynamodb", "describe_endpoints", {}, "dynamodb:DescribeEndpoints"),
        ("lambda", "list_layers", {}, "lambda:ListLayers"),
        ("iam", "list_groups", {}, "iam:ListGroups"),
        ("cloudwatch", "list_dashboards", {}, "cloudwatch:ListDashboards"),
    ],
)
async def test_what_has_no_method_is_named(
    services: Any, service: str, method: str, parameters: dict[str, Any], name: str
) -> None:
    error = await refusal(getattr(client(services, service), method), **parameters)
    assert (error["Code"], error["status"]) == ("UnsupportedOperation", 400)
    assert name in error["Message"]


@pytest.mark.rule("WIRE-8")
async def test_what_the_model_does_not_have_is_unknown(services: Any) -> None:
    aws = dev(services)
    as_json = await aws.respond(target("MakeCoffee"))
    assert (as_json.status, json.loads(as_json.body)["__type"]) == (
        400,
        "com.amazon.coral.service#UnknownOperationException",
    )
    as_rest = await aws.respond(Request("GET", "/v1/coffee", "", []))
    assert (as_rest.status, dict(as_rest.headers)["x-amzn-errortype"]) == (404, "UnknownOperationException")
    as_query = await aws.respond(form("Action=MakeCoffee&Version=2010-05-08"))
    assert as_query.status == 400
    assert b"<Code>InvalidAction</Code>" in as_query.body


@pytest.mark.rule("WIRE-9")
@pytest.mark.parametrize(
    ("service", "method"),
    [("sqs", "list_queues"), ("sns", "list_topics"), ("s3", "list_buckets"), ("kinesis", "list_streams")],
)
async def test_a_service_that_is_not_here_is_named(services: Any, service: str, method: str) -> None:
    error = await refusal(getattr(client(services, service), method))
    assert (error["Code"], error["status"]) == ("UnsupportedOperation", 400)
    assert service in error["Message"]


@pytest.mark.rule("WIRE-10")
async def test_a_call_by_name_is_checked(services: Any) -> None:
    operations = Operations(services)
    with pytest.raises(NotConvertible, match="NUMBER_VALUE cannot be converted to String"):
        await operations.call("dynamodb", "PutItem", {"TableName": 1, "Item": {}})
    with pytest.raises(OperationUnsupported, match="dynamodb:DescribeLimits"):
        await operations.call("dynamodb", "DescribeLimits", {})
    assert services["dynamodb"].asked == []


@pytest.mark.rule("WIRE-10")
async def test_coverage_compares_classes_with_models(services: Any) -> None:
    there, absent = Operations(services).coverage()["iam"]
    assert there == ["CreateRole", "GetRole", "ListRoles"]
    assert "DeleteRole" in absent
    assert len(there) + len(absent) == len(load("iam").operations)


@pytest.mark.rule("WIRE-11")
@pytest.mark.rule("WIRE-12")
@pytest.mark.parametrize(
    ("service", "method", "parameters", "kind", "expected"),
    [
        ("dynamodb", "get_item", {"TableName": "abc", "Key": {}}, "missing", ("ResourceNotFoundException", 400)),
        ("lambda", "get_function", {"FunctionName": "f"}, "missing", ("ResourceNotFoundException", 404)),
        ("iam", "get_role", {"RoleName": "r"}, "missing", ("ResourceNotFoundException", 404)),
        ("dynamodb", "list_tables", {}, "throttled", ("ThrottlingException", 400)),
        ("lambda", "list_functions", {}, "throttled", ("ThrottlingException", 429)),
        ("iam", "list_roles", {}, "throttled", ("Throttling", 400)),
        ("cloudwatch", "describe_alarms", {}, "throttled", ("Throttling", 400)),
    ],
)
async def test_errors_have_their_codes_and_statuses(
    services: Any, errors: Any, service: str, method: str, parameters: Any, kind: str, expected: tuple[str, int]
) -> None:
    services[service].answer = errors[kind]
    error = await refusal(getattr(client(services, service), method), **parameters)
    assert (error["Code"], error["status"]) == expected


@pytest.mark.rule("WIRE-12")
async def test_an_errors_data_are_members_and_dynamodb_names_carry_a_namespace(services: Any, errors: Any) -> None:
    services["dynamodb"].answer = errors["condition"]
    response = await dev(services).respond(target("PutItem", b'{"TableName":"abc","Item":{}}'))
    assert response.status == 400
    assert json.loads(response.body) == {
        "__type": "com.amazonaws.dynamodb.v20120810#ConditionalCheckFailedException",
        "message": "The conditional request failed",
        "Item": {"pk": {"S": "a"}},
    }
    broken = await dev(services).respond(target("PutItem", b"{}"))
    assert json.loads(broken.body)["__type"] == "com.amazon.coral.validate#ValidationException"


@pytest.mark.rule("WIRE-13")
@pytest.mark.parametrize(
    "request_",
    [
        target("ListTables"),
        Request("GET", "/2015-03-31/functions/", "", []),
        form("Action=ListRoles&Version=2010-05-08"),
    ],
    ids=["json", "rest-json", "query"],
)
async def test_a_bug_is_logged_and_answered(services: Any, errors: Any, request_: Request) -> None:
    log = io.StringIO()
    for service in services.values():
        service.answer = errors["bug"]
    request_.id = "the-request"
    response = await dev(services, meter=Meter(out=log)).respond(request_)
    assert response.status == 500
    assert b"InternalFailure" in response.body or ("x-amzn-errortype", "InternalFailure") in response.headers
    assert b"the-request" in response.body
    assert b"our own" not in response.body
    [event] = [json.loads(line) for line in log.getvalue().splitlines()]
    assert (event["request_id"], event["error"]) == ("the-request", "ZeroDivisionError: our own")
    assert "Traceback" in event["trace"]


@pytest.mark.rule("WIRE-14")
async def test_dynamodb_answers_carry_their_checksum(services: Any) -> None:
    services["dynamodb"].answer = {"TableNames": ["é"]}
    response = await dev(services).respond(target("ListTables"))
    assert ("x-amz-crc32", str(zlib.crc32(response.body))) in response.headers


@pytest.mark.rule("WIRE-20")
async def test_gzip_bodies_are_unfolded_within_a_bound(services: Any) -> None:
    seen: list[Request] = []
    metrics = client(services, "cloudwatch", on_request=seen.append)
    data = [{"MetricName": "m" * 100, "Value": float(n)} for n in range(200)]
    await called(metrics.put_metric_data, Namespace="n", MetricData=data)
    assert seen[0].header("content-encoding") == "gzip"
    assert len(services["cloudwatch"].asked[0]["MetricData"]) == 200
    bomb = target("ListTables", gzip.compress(b" " * (17 * 1024 * 1024)))
    bomb.headers.append(("content-encoding", "gzip"))
    assert (await dev(services).respond(bomb)).status == 413
    cut = target("ListTables", gzip.compress(b"{}" * 1000)[:20])
    cut.headers.append(("content-encoding", "gzip"))
    assert (await dev(services).respond(cut)).status == 400


@pytest.mark.rule("WIRE-21")
async def test_dev_takes_any_credentials_and_knows_those_it_issued(services: Any) -> None:
    role = Caller(kind="role", account=ACCOUNT, arn="arn:aws:sts::000000000000:assumed-role/r/s")

    class Issued:
        def secret_of(self, access_key_id: str, session_token: str | None) -> Credential | None:
            return Credential("other", role) if access_key_id == "ASIAISSUED" else None

    aws = dev(services, credentials=Issued())
    for key in ("anything", "ASIAISSUED"):
        await called(client(aws, "sts", aws_access_key_id=key).get_caller_identity)
    await aws.respond(form("Action=GetCallerIdentity&Version=2011-06-15"))
    callers = [call.caller for call in services["sts"].calls]
    assert [caller and caller.arn for caller in callers] == [ROOT.arn, role.arn, ROOT.arn]


@pytest.mark.rule("WIRE-21")
async def test_only_what_needs_no_credentials_may_be_unsigned(services: Any) -> None:
    aws = door(services)
    role = "RoleArn=arn:aws:iam::000000000000:role/r&RoleSessionName=ses&WebIdentityToken=token"
    fields = "Action={}&Version=2011-06-15&" + role
    allowed = await aws.respond(form(fields.format("AssumeRoleWithWebIdentity")))
    assert allowed.status == 200, allowed.body
    refused = await aws.respond(form(fields.format("AssumeRole")))
    assert refused.status == 403
    assert b"<Code>MissingAuthenticationToken</Code>" in refused.body
    unsigned = await aws.respond(target("ListTables"))
    assert json.loads(unsigned.body)["__type"].endswith("#MissingAuthenticationTokenException")
    assert unsigned.status == 400


@pytest.mark.rule("WIRE-15")
async def test_a_presigned_call_needs_no_header(services: Any) -> None:
    url = client(services, "sts").generate_presigned_url("get_caller_identity", ExpiresIn=60, HttpMethod="GET")
    parts = urlsplit(url)
    request = Request("GET", parts.path, parts.query, [("host", parts.netloc)])
    aws = door(services)
    assert identify(request) is not None
    assert (await aws.respond(request)).status == 200
    request.query = request.query.replace("Action=GetCallerIdentity", "Action=AssumeRole")
    refused = await aws.respond(request)
    assert (refused.status, b"<Code>SignatureDoesNotMatch</Code>" in refused.body) == (403, True)


@pytest.mark.rule("WIRE-2")
async def test_an_operation_without_output_has_an_empty_body(services: Any) -> None:
    services["logs"].answer = None
    headers = [("x-amz-target", "Logs_20140328.CreateLogGroup")]
    response = await dev(services).respond(Request("POST", "/", "", headers, b'{"logGroupName":"a"}'))
    assert (response.status, response.body) == (200, b"")
    await called(client(services, "logs").create_log_group, logGroupName="a")


@pytest.mark.rule("WIRE-24")
async def test_a_method_finds_its_call(services: Any) -> None:
    await called(client(services, "dynamodb", region_name="eu-west-2").list_tables)
    [found] = services["dynamodb"].calls
    assert (found.region, found.account, found.caller) == ("eu-west-2", ACCOUNT, ROOT)
    assert found.request_id
    assert found.source_ip == "127.0.0.1"
    assert OneKey().secret_of(KEY, None) is not None
