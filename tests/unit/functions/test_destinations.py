"""Asynchronous invocations that tell another function how they ended."""

from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from support.aws import called, client
from support.functions import House, until
from syncline.core import json

ARN = "arn:aws:lambda:us-east-1:000000000000:function:"
KEEPER = """
import json, os
def handler(event, context):
    with open(os.environ["LEDGER"], "a") as ledger: ledger.write(json.dumps(event) + "\\n")
"""
WORKER = """
def handler(event, context):
    if event.get("fail"): raise ValueError("no")
    return {"done": event}
"""


@pytest.fixture
async def told(house: House, tmp_path: Path):
    ledger = tmp_path / "ledger"
    await house.create("keeper", KEEPER, Environment={"Variables": {"LEDGER": str(ledger)}})
    await house.create("worker", WORKER)
    return lambda: [json.decode(line) for line in ledger.read_text().splitlines()] if ledger.exists() else []


@pytest.fixture
def boto(house: House):
    return client({"lambda": house.service}, "lambda")


def to_keeper(*sides: str) -> dict:
    return {"FunctionName": "worker", "DestinationConfig": {side: {"Destination": ARN + "keeper"} for side in sides}}


@pytest.mark.rule("FN-36")
async def test_success_and_failure_reach_their_destination_once(house, boto, told) -> None:
    await called(boto.put_function_event_invoke_config, **to_keeper("OnSuccess", "OnFailure"), MaximumRetryAttempts=1)
    async with house.running():
        await called(boto.invoke, FunctionName="worker", InvocationType="Event", Payload=b'{"a": 1}')
        (success,) = await until(told)
        assert success["requestContext"]["condition"] == "Success"
        assert success["requestContext"]["functionArn"] == ARN + "worker:$LATEST"
        assert success["requestContext"]["approximateInvokeCount"] == 1
        assert success["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST"}
        assert (success["requestPayload"], success["responsePayload"]) == ({"a": 1}, {"done": {"a": 1}})
        await called(boto.invoke, FunctionName="worker", InvocationType="Event", Payload=b'{"fail": true}')
        _, failure = await until(lambda: len(told()) > 1 and told())
        assert failure["requestContext"]["condition"] == "RetriesExhausted"
        assert failure["requestContext"]["approximateInvokeCount"] == 2
        assert failure["responseContext"]["functionError"] == "Unhandled"
        assert failure["responsePayload"]["errorType"] == "ValueError"


@pytest.mark.rule("FN-36")
async def test_a_function_that_may_not_run_tells_so_without_a_run(house, boto, told) -> None:
    await called(boto.put_function_event_invoke_config, **to_keeper("OnFailure"))
    await called(boto.put_function_concurrency, FunctionName="worker", ReservedConcurrentExecutions=0)
    async with house.running():
        await called(boto.invoke, FunctionName="worker", InvocationType="Event")
        (record,) = await until(told)
    assert record["requestContext"]["condition"] == "ZeroReservedConcurrency"
    assert record["requestContext"]["approximateInvokeCount"] == 0
    assert "responseContext" not in record


@pytest.mark.rule("FN-36")
async def test_a_destination_that_is_gone_is_counted(house, boto, told) -> None:
    await called(boto.put_function_event_invoke_config, **to_keeper("OnSuccess"))
    await called(boto.delete_function, FunctionName="keeper")
    figures = house.engine.invoker.figures.of("worker")
    async with house.running():
        await called(boto.invoke, FunctionName="worker", InvocationType="Event")
        await until(lambda: figures.destination_failures.value)


@pytest.mark.rule("FN-36")
async def test_configurations_are_put_merged_listed_and_deleted(boto, told, reopen) -> None:
    name = "FunctionEventInvokeConfigs"

    async def refused(method, **parameters) -> str:
        with pytest.raises(ClientError) as refusal:
            await called(method, **parameters)
        return refusal.value.response["Error"]["Code"] + ": " + refusal.value.response["Error"]["Message"]

    assert await refused(boto.get_function_event_invoke_config, FunctionName="worker") == (
        f"ResourceNotFoundException: The function {ARN}worker:$LATEST doesn't have an EventInvokeConfig"
    )
    assert "You must specify at least one" in await refused(
        boto.put_function_event_invoke_config, FunctionName="worker"
    )
    itself = {"OnFailure": {"Destination": ARN + "worker"}}
    assert "for itself" in await refused(
        boto.put_function_event_invoke_config, FunctionName="worker", DestinationConfig=itself
    )
    queue = {"OnFailure": {"Destination": "arn:aws:sqs:us-east-1:000000000000:q"}}
    assert (
        await refused(boto.put_function_event_invoke_config, FunctionName="worker", DestinationConfig=queue)
    ).startswith("UnsupportedOperation: A destination of sqs")
    await called(boto.put_function_event_invoke_config, **to_keeper("OnSuccess"), MaximumEventAgeInSeconds=60)
    await called(boto.update_function_event_invoke_config, FunctionName="worker", MaximumRetryAttempts=0)
    again = client({"lambda": (await reopen()).service}, "lambda")
    (shown,) = (await called(again.list_function_event_invoke_configs, FunctionName="worker"))[name]
    assert shown["DestinationConfig"] == {"OnSuccess": {"Destination": ARN + "keeper"}, "OnFailure": {}}
    assert (shown["MaximumRetryAttempts"], shown["MaximumEventAgeInSeconds"]) == (0, 60)
    assert shown["FunctionArn"] == ARN + "worker:$LATEST"
    await called(again.put_function_event_invoke_config, FunctionName="worker", MaximumRetryAttempts=2)
    shown = await called(again.get_function_event_invoke_config, FunctionName="worker", Qualifier="$LATEST")
    assert shown["DestinationConfig"] == {"OnSuccess": {}, "OnFailure": {}}
    assert "MaximumEventAgeInSeconds" not in shown
    await called(again.delete_function_event_invoke_config, FunctionName="worker")
    assert (await called(again.list_function_event_invoke_configs, FunctionName="worker"))[name] == []
