"""Tumbling windows, and destinations of records given up: real tables, real streams, real processes."""

import asyncio
from pathlib import Path

import pytest

from support.functions import House, until
from syncline.core import Invalid, Throttled, Unsupported, json
from syncline.functions.windows import Window

# Counts in the window's state and writes down every call.
COUNTER = """
import json, os
def handler(event, context):
    with open(os.environ["LEDGER"], "a") as ledger: ledger.write(json.dumps(event) + "\\n")
    images = [record["dynamodb"]["NewImage"] for record in event["Records"]]
    if os.path.exists(os.environ["LEDGER"] + ".broken"): raise RuntimeError("broken")
    if any("forget" in image for image in images): return {}
    padding = "x" * max([int(image["padding"]["N"]) for image in images if "padding" in image], default=0)
    return {"state": {"count": event["state"].get("count", 0) + len(images), "padding": padding}}
"""
KEEPER = """
import json, os
def handler(event, context):
    with open(os.environ["LEDGER"], "a") as ledger: ledger.write(json.dumps(event) + "\\n")
"""
FAILER = "def handler(event, context): raise ValueError('always')"
ARN = "arn:aws:lambda:us-east-1:000000000000:function:"


class Counted:
    """A table whose stream a counter reads."""

    def __init__(self, house: House, source: str, ledger: Path) -> None:
        self.house, self.source, self.ledger = house, source, ledger

    async def map(self, function: str = "counter", **more: object) -> dict:
        given = {"FunctionName": function, "EventSourceArn": self.source, "StartingPosition": "TRIM_HORIZON"}
        return await self.house.service.create_event_source_mapping(given | more)

    async def put(self, number: int, **more: dict) -> None:
        item = {"id": {"S": f"k{number}"}, "n": {"N": str(number)}} | more
        await self.house.tables.put_item({"TableName": "items", "Item": item})

    def calls(self) -> list[dict]:
        # The function may be in the midst of a line.
        whole = self.ledger.read_text().rpartition("\n")[0] if self.ledger.exists() else ""
        return [json.decode(line) for line in whole.splitlines()]

    def finals(self) -> list[dict]:
        return [call for call in self.calls() if call.get("isFinalInvokeForWindow")]


@pytest.fixture
async def counted(house: House, tmp_path: Path) -> Counted:
    ledger = tmp_path / "ledger"
    variables = {"Environment": {"Variables": {"LEDGER": str(ledger)}}}
    await house.create("counter", COUNTER, **variables)
    await house.create("keeper", KEEPER, **variables)
    await house.create("failer", FAILER)
    table = await house.tables.create_table(
        {
            "TableName": "items",
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "BillingMode": "PAY_PER_REQUEST",
            "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        }
    )
    return Counted(house, table["TableDescription"]["LatestStreamArn"], ledger)


@pytest.mark.rule("FN-40")
async def test_a_window_carries_its_state_and_ends_with_a_last_call(counted: Counted) -> None:
    shape = await counted.map(TumblingWindowInSeconds=2, BatchSize=2)
    assert shape["TumblingWindowInSeconds"] == 2
    for number in range(5):
        await counted.put(number)
    async with counted.house.running():
        await until(lambda: counted.finals())
        await asyncio.sleep(0.05)
        await counted.put(9)
        await until(lambda: len(counted.finals()) == 2)
    calls = counted.calls()
    first, last = calls[0], counted.finals()[0]
    assert first["state"] == {}
    assert (first["isFinalInvokeForWindow"], first["isWindowTerminatedEarly"]) == (False, False)
    assert first["eventSourceARN"] == counted.source
    assert first["shardId"].startswith("shardId-")
    assert all(call["window"]["end"] > call["window"]["start"] for call in calls)
    assert last["Records"] == []
    windows = {call["window"]["start"] for call in calls}
    counts = [final["state"]["count"] for final in counted.finals()]
    assert sum(counts) == 6
    assert len(counts) == len(windows)


@pytest.mark.rule("FN-40")
async def test_a_windows_state_survives_a_restart_with_the_cursor(counted: Counted, reopen) -> None:
    mapping = await counted.map(TumblingWindowInSeconds=900)
    await counted.put(1)
    async with counted.house.running():
        await until(lambda: len(counted.calls()) == 1)
        windows = counted.house.engine.mappings
        await until(lambda: windows.result(windows.get(mapping["UUID"])) == "OK")
        await asyncio.sleep(0.05)
    await counted.put(2)
    again = await reopen()
    async with again.running():
        await until(lambda: len(counted.calls()) == 2)
    second = counted.calls()[1]
    assert second["state"]["count"] == 1
    assert [record["dynamodb"]["NewImage"]["n"]["N"] for record in second["Records"]] == ["2"]


@pytest.mark.rule("FN-40")
async def test_without_a_state_the_call_has_failed_and_a_large_one_ends_the_window_early(counted: Counted) -> None:
    await counted.map(TumblingWindowInSeconds=900, MaximumRetryAttempts=0, BatchSize=1)
    await counted.put(1, forget={"BOOL": True})
    await counted.put(2, padding={"N": "1100000"})
    await counted.put(3)
    async with counted.house.running():
        await until(lambda: len(counted.calls()) == 4)
    _, second, final, third = counted.calls()
    assert second["state"] == {}, "the first call gave none"
    assert (final["isFinalInvokeForWindow"], final["isWindowTerminatedEarly"]) == (True, True)
    assert final["state"]["count"] == 1
    assert third["state"] == {}


@pytest.mark.rule("FN-40")
async def test_a_last_call_that_fails_is_repeated_before_anything_else(counted: Counted) -> None:
    mapping = await counted.map(TumblingWindowInSeconds=1)
    await counted.put(1)
    broken = Path(f"{counted.ledger}.broken")
    async with counted.house.running():
        await until(lambda: counted.calls())
        broken.touch()
        await until(lambda: len(counted.finals()) >= 2)
        await counted.put(2)
        broken.unlink()
        await until(lambda: counted.calls()[-1]["Records"])
        end = counted.calls()[-1]
    assert end["state"] == {}
    with pytest.raises(Invalid, match="ParallelizationFactor"):
        await counted.house.service.update_event_source_mapping({"UUID": mapping["UUID"], "ParallelizationFactor": 2})
    await counted.house.service.delete_event_source_mapping({"UUID": mapping["UUID"]})
    assert Window(0, 1).state == b"{}"


@pytest.mark.rule("FN-41")
async def test_records_given_up_are_told_to_the_destination_by_their_place(counted: Counted) -> None:
    destination = {"OnFailure": {"Destination": ARN + "keeper"}}
    shape = await counted.map("failer", MaximumRetryAttempts=1, DestinationConfig=destination)
    assert shape["DestinationConfig"] == destination
    await counted.put(1)
    await counted.put(2)
    async with counted.house.running():
        (told,) = await until(counted.calls)
    context, info = told["requestContext"], told["DDBStreamBatchInfo"]
    assert (context["condition"], context["approximateInvokeCount"]) == ("RetryAttemptsExhausted", 2)
    assert context["functionArn"] == ARN + "failer"
    assert told["responseContext"] == {
        "statusCode": 200,
        "executedVersion": "$LATEST",
        "functionError": "Unhandled",
    }
    assert (info["batchSize"], info["streamArn"]) == (2, counted.source)
    assert info["startSequenceNumber"] < info["endSequenceNumber"]


@pytest.mark.rule("FN-41")
async def test_a_destination_with_no_room_is_told_later_and_a_missing_one_counted(
    counted: Counted, monkeypatch
) -> None:
    await counted.map(
        "failer", MaximumRetryAttempts=0, DestinationConfig={"OnFailure": {"Destination": ARN + "keeper"}}
    )
    events = counted.house.engine.events
    accept, refusals = events.accept, [Throttled("full"), Throttled("full")]

    async def crowded(*given: object, **more: object) -> None:
        if refusals:
            raise refusals.pop()
        await accept(*given, **more)

    monkeypatch.setattr(events, "accept", crowded)
    await counted.put(1)
    async with counted.house.running():
        await until(counted.calls)
        await counted.house.service.delete_function({"FunctionName": "keeper"})
        await counted.put(2)
        await until(lambda: counted.house.engine.invoker.figures.of("failer").destination_failures.value)


@pytest.mark.rule("FN-41")
async def test_destinations_that_are_not_there_are_refused_at_creation(counted: Counted) -> None:
    for service in ("sqs", "sns", "s3"):
        with pytest.raises(Unsupported, match=f"A destination of {service}"):
            await counted.map(DestinationConfig={"OnFailure": {"Destination": f"arn:aws:{service}:::x"}})
    with pytest.raises(Invalid, match="is invalid"):
        await counted.map(DestinationConfig={"OnFailure": {"Destination": ARN + "nobody"}})
    assert (await counted.house.service.list_event_source_mappings({}))["EventSourceMappings"] == []
