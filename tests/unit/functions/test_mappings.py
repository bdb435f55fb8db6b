"""Event source mappings: real tables, real streams, real processes."""

import asyncio
import time

import msgspec
import pytest
from botocore.exceptions import ClientError

from support.aws import called, client
from support.functions import House, until
from syncline.core import Meter, json
from syncline.streams import Cursors

# Writes what it is sent to a file; fails as the item or the environment says. With a report, says which record failed.
RECORDER = """
import json, os
def handler(event, context):
    images = [record["dynamodb"].get("NewImage", {}) for record in event["Records"]]
    with open(os.environ["LEDGER"], "a") as ledger:
        ledger.write(json.dumps([image.get("n", {}).get("N") for image in images]) + "\\n")
    for record, image in zip(event["Records"], images):
        until = image.get("until", {}).get("S")
        if until and not os.path.exists(until):
            if os.environ.get("REPORT"):
                return {"batchItemFailures": [{"itemIdentifier": record["dynamodb"]["SequenceNumber"]}]}
            raise RuntimeError("not yet")
    return {"statusCode": 200}
"""


class Fed:
    """A table with a stream, and a function that writes down what it gets."""

    def __init__(self, house: House, ledger, source: str) -> None:
        self.house, self.ledger, self.source = house, ledger, source
        self.boto = client({"lambda": house.service}, "lambda")

    async def map(self, **more: object) -> dict:
        given = {"FunctionName": "recorder", "EventSourceArn": self.source, "StartingPosition": "LATEST"}
        return await self.house.service.create_event_source_mapping(given | more)

    async def put(self, *numbers: int, key: str = "k", until: str | None = None) -> None:
        for number in numbers:
            item = {"id": {"S": key}, "n": {"N": str(number)}}
            await self.house.tables.put_item(
                {"TableName": "items", "Item": item | ({"until": {"S": until}} if until else {})}
            )

    def batches(self) -> list[list[str]]:
        return [json.decode(line) for line in self.ledger.read_text().splitlines()] if self.ledger.exists() else []

    def seen(self) -> list[int]:
        return [int(number) for batch in self.batches() for number in batch]


async def make_table(house: House) -> str:
    table = await house.tables.create_table(
        {
            "TableName": "items",
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "BillingMode": "PAY_PER_REQUEST",
            "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        }
    )
    return table["TableDescription"]["LatestStreamArn"]


@pytest.fixture
async def fed(house: House, tmp_path) -> Fed:
    ledger = tmp_path / "ledger"
    await house.create("recorder", RECORDER, Timeout=5, Environment={"Variables": {"LEDGER": str(ledger)}})
    return Fed(house, ledger, await make_table(house))


@pytest.mark.rule("FN-20")
@pytest.mark.rule("FN-27")
async def test_nothing_written_after_the_answer_is_missed_and_nothing_before_it_comes(fed: Fed, reopen) -> None:
    await fed.put(1, 2)
    mapping = await fed.map()
    assert (mapping["State"], mapping["LastProcessingResult"]) == ("Creating", "No records processed")
    await fed.put(3, 4)  # nobody reads yet
    async with fed.house.running():
        await until(lambda: fed.seen() == [3, 4])
        shown = fed.house.service.get_event_source_mapping
        await asyncio.sleep(0.05)
        assert (await shown({"UUID": mapping["UUID"]}))["LastProcessingResult"] == "OK"
    await fed.put(5)
    again = await reopen()
    kept = await again.service.get_event_source_mapping({"UUID": mapping["UUID"]})
    assert kept["LastProcessingResult"] == "OK"
    async with again.running():
        await until(lambda: 5 in fed.seen())
    assert fed.seen() == [3, 4, 5]


async def test_a_mapping_counts_its_events_where_its_metrics_are_turned_on(fed: Fed, meter: Meter) -> None:
    unwanted = json.encode({"dynamodb": {"NewImage": {"n": {"N": [{"anything-but": ["9"]}]}}}}).decode()
    mapping = await fed.map(
        MetricsConfig={"Metrics": ["EventCount"]},
        FilterCriteria={"Filters": [{"Pattern": unwanted}]},
        MaximumRetryAttempts=1,
        BatchSize=1,
    )
    assert mapping["MetricsConfig"] == {"Metrics": ["EventCount"]}
    await fed.put(1, 9)
    await fed.put(2, until="/nowhere/ever")
    await fed.put(3)
    async with fed.house.running():
        await until(lambda: 3 in fed.seen())
        await asyncio.sleep(0.05)

    def counted(name: str) -> float:
        return meter.counter(f"syncline_functions_{name}_events_total", mapping=mapping["UUID"]).value

    kinds = ("polled", "filtered_out", "invoked", "failed", "dropped", "delivered")
    assert [counted(kind) for kind in kinds] == [4, 1, 4, 2, 1, 0]
    await fed.house.service.update_event_source_mapping({"UUID": mapping["UUID"], "MetricsConfig": {"Metrics": []}})
    assert "MetricsConfig" not in await fed.house.service.get_event_source_mapping({"UUID": mapping["UUID"]})


@pytest.mark.rule("FN-20")
async def test_trim_horizon_begins_with_the_oldest_record_in_lambdas_shape(fed: Fed, tmp_path) -> None:
    await fed.put(1, 2)
    code = "import json, os\ndef handler(e, c): open(os.environ['LEDGER'], 'w').write(json.dumps(e))"
    await fed.house.create("dump", code, Environment={"Variables": {"LEDGER": str(tmp_path / "dump")}})
    await fed.map(FunctionName="dump", StartingPosition="TRIM_HORIZON")
    async with fed.house.running():
        await until(lambda: (tmp_path / "dump").exists() and (tmp_path / "dump").read_bytes())
    first, second = json.decode((tmp_path / "dump").read_bytes())["Records"]
    assert (first["eventName"], second["eventName"]) == ("INSERT", "MODIFY")
    assert (first["eventSource"], first["eventVersion"], first["awsRegion"]) == ("aws:dynamodb", "1.1", "us-east-1")
    assert first["eventSourceARN"] == fed.source
    assert isinstance(first["dynamodb"]["ApproximateCreationDateTime"], float)
    assert second["dynamodb"]["OldImage"] == {"id": {"S": "k"}, "n": {"N": "1"}}
    assert first["dynamodb"]["SequenceNumber"] < second["dynamodb"]["SequenceNumber"]


@pytest.mark.rule("FN-21")
async def test_batches_close_at_their_size_and_at_the_windows_end(fed: Fed) -> None:
    await fed.map(BatchSize=3, MaximumBatchingWindowInSeconds=1)
    await fed.put(*range(7))
    began = time.monotonic()
    async with fed.house.running():
        await until(lambda: len(fed.batches()) == 2)
        assert time.monotonic() - began < 0.9
        await until(lambda: len(fed.batches()) == 3)
    assert time.monotonic() - began >= 1
    assert [len(batch) for batch in fed.batches()] == [3, 3, 1]


@pytest.mark.rule("FN-22")
async def test_a_failed_batch_holds_its_lane_until_it_succeeds(fed: Fed, tmp_path) -> None:
    await fed.map(BatchSize=2)
    gate = tmp_path / "gate"
    await fed.put(1, 2, until=str(gate))
    await fed.put(3)
    async with fed.house.running():
        await until(lambda: len(fed.batches()) >= 3)
        assert set(fed.seen()) == {1, 2}
        gate.touch()
        await until(lambda: 3 in fed.seen())
    assert fed.batches()[-2:] == [["1", "2"], ["3"]]


@pytest.mark.rule("FN-22")
async def test_retries_end_where_the_mapping_says_and_the_lane_goes_on(fed: Fed) -> None:
    await fed.map(MaximumRetryAttempts=1, BatchSize=1)
    await fed.put(1, until="/nowhere/ever")
    await fed.put(2)
    async with fed.house.running():
        await until(lambda: 2 in fed.seen())
    assert fed.seen() == [1, 1, 2]


@pytest.mark.rule("FN-24")
async def test_a_poisoned_batch_is_halved_until_the_poison_is_alone(fed: Fed) -> None:
    await fed.map(MaximumRetryAttempts=0, BisectBatchOnFunctionError=True)
    await fed.put(1, 2)
    await fed.put(3, until="/nowhere/ever")
    await fed.put(4)
    async with fed.house.running():
        await until(lambda: fed.batches()[-1:] == [["4"]])
    assert fed.batches() == [["1", "2", "3", "4"], ["1", "2"], ["3", "4"], ["3"], ["4"]]


@pytest.mark.rule("FN-25")
async def test_a_report_begins_again_at_the_lowest_failure(fed: Fed, tmp_path) -> None:
    environment = {"Variables": {"LEDGER": str(fed.ledger), "REPORT": "1"}}
    await fed.house.service.update_function_configuration({"FunctionName": "recorder", "Environment": environment})
    await fed.map(FunctionResponseTypes=["ReportBatchItemFailures"])
    gate = tmp_path / "gate"
    await fed.put(1, 2)
    await fed.put(3, until=str(gate))
    await fed.put(4)
    async with fed.house.running():
        await until(lambda: len(fed.batches()) >= 2)
        gate.touch()
        await asyncio.sleep(0.3)
    assert fed.batches()[0] == ["1", "2", "3", "4"]
    assert {tuple(batch) for batch in fed.batches()[1:]} == {("3", "4")}


@pytest.mark.rule("FN-23")
async def test_lanes_keep_each_keys_order_and_do_not_wait_for_each_other(fed: Fed, tmp_path) -> None:
    await fed.map(ParallelizationFactor=4, BatchSize=1)
    gate = tmp_path / "gate"
    await fed.put(0, key="stuck", until=str(gate))
    await fed.put(1, key="stuck")
    for number in range(10, 30):
        await fed.put(number, key=f"key-{number % 5}")
    async with fed.house.running():
        await until(lambda: len({one for one in fed.seen() if one >= 10}) >= 10)
        assert 1 not in fed.seen()
        gate.touch()
        await until(lambda: {1, *range(10, 30)} <= set(fed.seen()))
    for key in range(5):
        own = [one for one in fed.seen() if one >= 10 and one % 5 == key]
        assert own == sorted(own)


@pytest.mark.rule("FN-26")
async def test_filters_pass_what_nobody_wants_without_an_invocation(fed: Fed) -> None:
    wanted = json.encode({"eventName": ["MODIFY"], "dynamodb": {"NewImage": {"n": {"N": ["4"]}}}}).decode()
    mapping = await fed.map(FilterCriteria={"Filters": [{"Pattern": wanted}]})
    await fed.put(1, 2, 3, 4)
    async with fed.house.running():
        await until(lambda: fed.seen() == [4])
    assert fed.batches() == [["4"]]
    assert mapping["FilterCriteria"] == {"Filters": [{"Pattern": wanted}]}


@pytest.mark.rule("FN-27")
@pytest.mark.rule("FN-28")
async def test_a_mapping_is_disabled_enabled_changed_and_deleted_through_boto3(fed: Fed) -> None:
    async with fed.house.running():
        mapping = await called(
            fed.boto.create_event_source_mapping,
            FunctionName="recorder",
            EventSourceArn=fed.source,
            StartingPosition="LATEST",
            BatchSize=10,
            MaximumBatchingWindowInSeconds=0,
            ParallelizationFactor=1,
        )
        assert mapping["ResponseMetadata"]["HTTPStatusCode"] == 202
        uuid = mapping["UUID"]
        listed = await called(fed.boto.list_event_source_mappings, FunctionName="recorder")
        assert [(one["UUID"], one["State"]) for one in listed["EventSourceMappings"]] == [(uuid, "Enabled")]
        await fed.put(1)
        await until(lambda: fed.seen() == [1])
        changed = await called(fed.boto.update_event_source_mapping, UUID=uuid, Enabled=False)
        assert changed["State"] == "Disabling"
        assert (await called(fed.boto.get_event_source_mapping, UUID=uuid))["State"] == "Disabled"
        await fed.put(2)
        await asyncio.sleep(0.1)
        assert fed.seen() == [1]
        changed = await called(fed.boto.update_event_source_mapping, UUID=uuid, Enabled=True, ParallelizationFactor=3)
        assert changed["State"] == "Enabling"
        await until(lambda: fed.seen() == [1, 2])
        deleted = await called(fed.boto.delete_event_source_mapping, UUID=uuid)
        assert deleted["State"] == "Deleting"
        with pytest.raises(ClientError, match="The resource you requested does not exist"):
            await called(fed.boto.get_event_source_mapping, UUID=uuid)
        await fed.put(3)
        await asyncio.sleep(0.1)
        assert fed.seen() == [1, 2]


async def test_mappings_that_cannot_be_are_refused_in_lambdas_words(fed: Fed) -> None:
    async def refusal(**more: object) -> tuple[str, str]:
        given = {"FunctionName": "recorder", "EventSourceArn": fed.source, "StartingPosition": "LATEST"} | more
        given = {name: value for name, value in given.items() if value is not None}
        with pytest.raises(ClientError) as refused:
            await called(fed.boto.create_event_source_mapping, **given)
        error = refused.value.response["Error"]
        return error["Code"], error["Message"]

    invalid = "InvalidParameterValueException"
    gone = fed.source.replace("table/items", "table/gone")
    assert await refusal(EventSourceArn=gone) == (invalid, f"Stream not found: {gone}")
    assert await refusal(EventSourceArn="arn:aws:s3:us-east-1:000000000000:b") == (
        invalid,
        "Unrecognized event source.",
    )
    assert await refusal(FunctionName="nobody") == (invalid, "Function does not exist")
    assert (await refusal(StartingPosition=None))[0] == invalid
    assert await refusal(StartingPosition="AT_TIMESTAMP") == (
        invalid,
        f"Unsupported starting position for arn type: {fed.source}",
    )
    pattern = {"Filters": [{"Pattern": '{"eventName": "INSERT"}'}]}
    assert await refusal(FilterCriteria=pattern) == (invalid, "Invalid filter pattern definition.")
    destination = {"OnFailure": {"Destination": "arn:aws:sqs:us-east-1:000000000000:q"}}
    assert (await refusal(DestinationConfig=destination))[0] == "UnsupportedOperation"
    queue = "arn:aws:sqs:us-east-1:000000000000:q"
    assert (await refusal(EventSourceArn=queue, StartingPosition=None))[0] == "UnsupportedOperation"
    mapping = await fed.map()
    code, message = await refusal()
    assert code == "ResourceConflictException"
    assert message.endswith(f"with UUID {mapping['UUID']}")
    tags = {"Resource": mapping["EventSourceMappingArn"]}
    await called(fed.boto.tag_resource, **tags, Tags={"a": "1"})
    assert (await called(fed.boto.list_tags, **tags))["Tags"] == {"a": "1"}


@pytest.mark.rule("FN-22")
async def test_a_throttled_or_missing_function_costs_no_attempt(fed: Fed) -> None:
    mapping = await fed.map(MaximumRetryAttempts=0)
    await fed.house.service.put_function_concurrency({"FunctionName": "recorder", "ReservedConcurrentExecutions": 0})
    await fed.put(1)
    async with fed.house.running():
        shown = fed.house.engine.mappings
        await until(lambda: shown.result(shown.get(mapping["UUID"])) == "PROBLEM: Rate Exceeded.")
        await asyncio.sleep(0.3)
        await fed.house.service.delete_function_concurrency({"FunctionName": "recorder"})
        await until(lambda: fed.seen() == [1])


@pytest.mark.rule("FN-27")
async def test_the_cursor_also_moves_over_what_is_passed(fed: Fed, monkeypatch) -> None:
    monkeypatch.setattr("syncline.functions.lane.PASSED_RECORDS_MAX", 3)
    nobody = {"Filters": [{"Pattern": '{"eventName": ["NEVER"]}'}]}
    mapping = await fed.map(FilterCriteria=nobody)
    await fed.put(*range(10))
    mappings = fed.house.engine.mappings
    consumer = f"mapping/{mapping['UUID']}/1/0"
    async with fed.house.running():
        async with asyncio.timeout(5):
            while await Cursors(fed.house.store).load(consumer, mappings.shard_of(fed.source)) != 10:
                await asyncio.sleep(0.01)
    assert fed.seen() == []


@pytest.mark.rule("FN-21")
async def test_a_batch_never_grows_over_lambdas_payload(fed: Fed, monkeypatch) -> None:
    monkeypatch.setattr("syncline.functions.lane.BATCH_BYTES_MAX", 1200)
    await fed.map()
    await fed.put(*range(6))
    async with fed.house.running():
        await until(lambda: fed.seen() == list(range(6)))
    assert {len(batch) for batch in fed.batches()} <= {1, 2}


@pytest.mark.rule("FN-22")
async def test_records_over_the_mappings_age_are_given_up(fed: Fed) -> None:
    mapping = await fed.map()
    mappings = fed.house.engine.mappings
    await mappings.put(msgspec.structs.replace(mappings.get(mapping["UUID"]), age=1))
    await fed.put(1)
    await asyncio.sleep(1.1)
    await fed.put(2)
    async with fed.house.running():
        await until(lambda: fed.seen() == [2])


@pytest.mark.rule("FN-20")
@pytest.mark.rule("FN-27")
async def test_changes_while_records_flow_lose_none_and_keep_each_keys_order(fed: Fed) -> None:
    mapping = await fed.map(BatchSize=5)
    update = fed.house.service.update_event_source_mapping
    keys = {"a": 0, "b": 1000, "c": 2000}
    changes = [
        {"BatchSize": 3},
        {"ParallelizationFactor": 3},
        {"Enabled": False},
        {"Enabled": True, "ParallelizationFactor": 2},
        {"MaximumRetryAttempts": 1, "ParallelizationFactor": 1},
    ]
    async with fed.house.running():
        for number, change in enumerate(changes):
            for key, base in keys.items():
                await fed.put(*range(base + number * 20, base + number * 20 + 20), key=key)
            await update({"UUID": mapping["UUID"]} | change)
        await until(lambda: len(set(fed.seen())) == 300)
    for base in keys.values():
        firsts = list(dict.fromkeys(number for number in fed.seen() if base <= number < base + 100))
        assert firsts == list(range(base, base + 100))


@pytest.mark.rule("FN-34")
async def test_a_mapping_to_an_alias_runs_the_version_it_names_now(fed: Fed, tmp_path) -> None:
    house, service = fed.house, fed.house.service
    code = """
import os
def handler(event, context):
    with open(os.environ["SEEN"], "a") as seen:
        seen.write(f"{context.function_version} {context.invoked_function_arn[-5:]}\\n")
"""
    seen = tmp_path / "seen"
    await house.create("named", code, Environment={"Variables": {"SEEN": str(seen)}}, Publish=True)
    await service.create_alias({"FunctionName": "named", "Name": "live", "FunctionVersion": "1"})
    mapping = await fed.map(FunctionName="named:live")
    assert mapping["FunctionArn"].endswith(":function:named:live")
    async with house.running():
        await fed.put(1)
        await until(lambda: seen.exists() and seen.read_text() == "1 :live\n")
        await service.update_function_configuration({"FunctionName": "named", "Timeout": 9})
        await service.publish_version({"FunctionName": "named"})
        await service.update_alias({"FunctionName": "named", "Name": "live", "FunctionVersion": "2"})
        await fed.put(2)
        await until(lambda: seen.read_text() == "1 :live\n2 :live\n")
    found = await service.list_event_source_mappings({"FunctionName": "named:live"})
    assert [one["UUID"] for one in found["EventSourceMappings"]] == [mapping["UUID"]]
