"""Lambda and NONE data sources, and what cannot be built."""

from typing import Any

import pytest

from syncline.core import Throttled, Unsupported, json
from syncline.datasources import Context, DataSource, DataSourceError, DataSourceRecord, Engines, Info, build
from syncline.datasources.build import ConfigurationMissing

CONTEXT = Context(arguments={}, info=Info("field", "Query"))
ARN = "arn:aws:lambda:us-east-1:000000000000:function:f"


class Answer:
    """An invocation that left this behind."""

    def __init__(self, value: Any, function_error: str | None = None) -> None:
        self.payload = value if type(value) is bytes else json.encode(value)
        self.function_error = function_error


class Functions:
    """A function engine that answers as told and remembers what it was asked."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[tuple[str, Any, str]] = []

    async def invoke(self, name_or_arn: str, payload: bytes, *, kind: str = "RequestResponse") -> Answer:
        self.asked.append((name_or_arn, json.decode(payload), kind))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer if isinstance(self.answer, Answer) else Answer(self.answer)


def function(functions: Functions) -> DataSource:
    spec = DataSourceRecord("f", "AWS_LAMBDA", lambda_config={"lambdaFunctionArn": ARN})
    return build(spec, Engines(functions=functions))


@pytest.mark.rule("DS-10")
async def test_the_payload_is_the_event_and_the_answer_the_result() -> None:
    functions = Functions({"ok": True})
    request = {"version": "2018-05-29", "operation": "Invoke", "payload": {"a": [1]}}
    assert await function(functions).invoke(request, CONTEXT) == {"ok": True}
    assert functions.asked == [(ARN, {"a": [1]}, "RequestResponse")]


@pytest.mark.rule("DS-10")
async def test_an_event_is_not_waited_for() -> None:
    functions = Functions(Answer(b""))
    request = {"operation": "Invoke", "payload": 1, "invocationType": "Event"}
    assert await function(functions).invoke(request, CONTEXT) is None
    assert functions.asked == [(ARN, 1, "Event")]


@pytest.mark.rule("DS-10")
async def test_a_batch_is_a_list_of_one() -> None:
    functions = Functions([7])
    assert await function(functions).invoke({"operation": "BatchInvoke", "payload": {"a": 1}}, CONTEXT) == 7
    assert functions.asked[0][1] == [{"a": 1}]
    with pytest.raises(DataSourceError, match="one entry per request"):
        await function(Functions([1, 2])).invoke({"operation": "BatchInvoke", "payload": 1}, CONTEXT)


@pytest.mark.rule("DS-11")
@pytest.mark.parametrize(
    ("answer", "message", "kind", "cause"),
    [
        (
            Answer({"errorMessage": "boom", "errorType": "ValueError"}, "Unhandled"),
            "boom",
            "Lambda:Unhandled",
            "ValueError",
        ),
        (
            Answer({"errorMessage": "2026 x Task timed out after 3.00 seconds"}, "Unhandled"),
            "Execution timed out.",
            "Lambda:ExecutionTimeoutException",
            None,
        ),
        (Answer(None, "Unhandled"), "Unhandled", "Lambda:Unhandled", None),
        (Throttled("Rate exceeded"), "Rate exceeded", "Lambda:ThrottlingException", None),
        (Answer(b"{nope"), "The function's answer is not JSON.", "Lambda:IllegalArgument", None),
    ],
)
async def test_a_functions_failures_have_their_types(answer: Any, message: str, kind: str, cause: str | None) -> None:
    with pytest.raises(DataSourceError) as failed:
        await function(Functions(answer)).invoke({"operation": "Invoke", "payload": 1}, CONTEXT)
    assert (failed.value.message, failed.value.error_type, failed.value.cause_type) == (message, kind, cause)


@pytest.mark.rule("DS-7")
@pytest.mark.parametrize(
    ("request_document", "message"),
    [
        (1, "Expected a JSON object as the request of a Lambda data source."),
        ({}, "Value for field '$[operation]' not found."),
        ({"operation": "Run"}, "Unsupported operation 'Run'. Supported operations are: Invoke, BatchInvoke."),
        ({"operation": "Invoke", "invocationType": "X"}, "Unsupported invocation type 'X'. Supported types are: "),
    ],
)
async def test_a_request_it_cannot_read_is_refused(request_document: Any, message: str) -> None:
    with pytest.raises(DataSourceError) as refused:
        await function(Functions(1)).invoke(request_document, CONTEXT)
    assert refused.value.message.startswith(message)
    assert refused.value.error_type == "MappingTemplate"


@pytest.mark.rule("DS-12")
async def test_none_gives_the_payload_back() -> None:
    source = build(DataSourceRecord("n", "NONE"), Engines())
    assert await source.invoke({"version": "2018-05-29", "payload": {"a": 1}}, CONTEXT) == {"a": 1}
    assert await source.invoke({"version": "2018-05-29"}, CONTEXT) is None
    with pytest.raises(DataSourceError):
        await source.invoke("text", CONTEXT)


@pytest.mark.rule("DS-13")
@pytest.mark.parametrize("kind", ["RELATIONAL_DATABASE", "AMAZON_EVENTBRIDGE", "AMAZON_OPENSEARCH_SERVICE", "X"])
def test_types_that_are_not_built_are_refused_at_creation(kind: str) -> None:
    with pytest.raises(Unsupported, match=f"Data sources of type {kind} are not supported"):
        build(DataSourceRecord("x", kind), Engines())


@pytest.mark.rule("DS-13")
def test_a_configuration_that_lacks_a_member_is_refused() -> None:
    with pytest.raises(ConfigurationMissing, match=r"needs lambdaConfig\.lambdaFunctionArn"):
        build(DataSourceRecord("f", "AWS_LAMBDA"), Engines(functions=Functions(1)))
