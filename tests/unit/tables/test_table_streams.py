"""Change streams: which records there are, what they show, and how they are read."""

from __future__ import annotations

from typing import Any

import pytest

from syncline.store import Space
from syncline.tables import StreamRecord
from syncline.wire.operations import resolved

V = "ValidationException: "


async def place(room: Any, kind: str = "TRIM_HORIZON", **more: Any) -> dict[str, Any]:
    """What GetShardIterator asks, for the room's last stream."""
    arn = (await room.changes.list_streams({}))["Streams"][-1]["StreamArn"]
    shards = (await room.changes.describe_stream({"StreamArn": arn}))["StreamDescription"]["Shards"]
    return {"StreamArn": arn, "ShardId": shards[0]["ShardId"], "ShardIteratorType": kind, **more}


async def ids_from(room: Any, kind: str, **more: Any) -> list[str]:
    iterator = await room.changes.get_shard_iterator(await place(room, kind, **more))
    found = resolved((await room.changes.get_records(iterator))["Records"])
    return [record["dynamodb"]["Keys"]["id"]["S"] for record in found]


@pytest.mark.rule("TBL-60")
async def test_every_change_leaves_one_record_and_nothing_else_does(things: Any) -> None:
    one, two = {"id": {"S": "a"}, "m": {"M": {"x": {"N": "1"}, "y": {"SS": ["p", "q"]}}}}, {"id": {"S": "a"}}
    delete = {"TableName": "things", "Key": {"id": {"S": "a"}}}
    await things.put(one)
    await things.put({"m": {"M": {"y": {"SS": ["q", "p"]}, "x": {"N": "1.0"}}}, "id": {"S": "a"}})
    await things.update("a", "SET m.x = :one", one={"N": "1"})
    await things.update("a", "REMOVE nix")
    await things.put(two)
    await things.engine.delete_item(delete)
    await things.engine.delete_item(delete)
    await things.update("a", "SET v = :one", one={"N": "1"})
    shown = [
        (record["eventName"], record["dynamodb"].get("OldImage"), record["dynamodb"].get("NewImage"))
        for record in await things.records()
    ]
    three = {"id": {"S": "a"}, "v": {"N": "1"}}
    assert shown == [("INSERT", None, one), ("MODIFY", one, two), ("REMOVE", two, None), ("INSERT", None, three)]


@pytest.mark.rule("TBL-60")
async def test_item_and_record_are_one_commit(things: Any) -> None:
    commits: list[int] = []
    things.store.watch(lambda shards: commits.append(len(shards)))
    await things.put({"id": {"S": "a"}})
    keys = {space for space, _ in things.store.disk.values if space in (Space.ITEM, Space.STREAM)}
    assert (commits, keys) == ([1], {Space.ITEM, Space.STREAM})


@pytest.mark.rule("TBL-61")
@pytest.mark.parametrize(
    ("view", "images"),
    [
        ("KEYS_ONLY", set()),
        ("NEW_IMAGE", {"NewImage"}),
        ("OLD_IMAGE", {"OldImage"}),
        ("NEW_AND_OLD_IMAGES", {"NewImage", "OldImage"}),
    ],
)
async def test_a_record_shows_its_view(room: Any, view: str, images: set[str]) -> None:
    await room.create(view=view)
    await room.put({"id": {"S": "a"}})
    await room.put({"id": {"S": "a"}, "b": {"B": b"\x00"}})
    insert, modify = await room.records()
    assert {name for name in insert["dynamodb"] if name.endswith("Image")} == images - {"OldImage"}
    assert {name for name in modify["dynamodb"] if name.endswith("Image")} == images
    assert modify["dynamodb"]["Keys"] == {"id": {"S": "a"}}
    assert modify["dynamodb"]["StreamViewType"] == view
    assert modify["dynamodb"]["SizeBytes"] == 3 + 5 * ("NewImage" in images) + 3 * ("OldImage" in images)
    assert modify["dynamodb"]["ApproximateCreationDateTime"] <= room.clock.now()
    assert modify["awsRegion"] == "us-east-1"
    assert len({insert["eventID"], modify["eventID"]}) == 2
    assert all(len(record["eventID"]) == 32 for record in (insert, modify))


@pytest.mark.rule("TBL-64")
async def test_sequence_numbers_grow_as_text_and_as_numbers(things: Any) -> None:
    for n in range(12):
        await things.put({"id": {"S": str(n)}})
    texts = [record["dynamodb"]["SequenceNumber"] for record in await things.records()]
    assert all(21 <= len(text) <= 40 and text.isdigit() for text in texts)
    assert texts == sorted(texts)
    assert [int(text) for text in texts] == sorted({int(text) for text in texts})


@pytest.mark.rule("TBL-62")
async def test_iterators_begin_where_they_say(things: Any, refusal: Any) -> None:
    for name in "abc":
        await things.put({"id": {"S": name}})
    number = (await things.records())[1]["dynamodb"]["SequenceNumber"]
    latest = await things.changes.get_shard_iterator(await place(things, "LATEST"))
    assert await ids_from(things, "TRIM_HORIZON") == ["a", "b", "c"]
    assert await ids_from(things, "AT_SEQUENCE_NUMBER", SequenceNumber=number) == ["b", "c"]
    assert await ids_from(things, "AFTER_SEQUENCE_NUMBER", SequenceNumber=number) == ["c"]
    first = await things.changes.get_records(latest)
    assert first["Records"] == []
    await things.put({"id": {"S": "d"}})
    following = {"ShardIterator": first["NextShardIterator"]}
    second = await things.changes.get_records(following)
    assert [record["dynamodb"]["Keys"]["id"]["S"] for record in second["Records"]] == ["d"]
    get = things.changes.get_shard_iterator
    assert (await refusal(get(await place(things, "AT_SEQUENCE_NUMBER")))).startswith(V)
    assert (await refusal(get(await place(things, "LATEST", SequenceNumber=number)))).startswith(V)


@pytest.mark.rule("TBL-62")
async def test_records_come_in_pages_and_iterators_expire(things: Any, refusal: Any) -> None:
    for n in range(5):
        await things.put({"id": {"S": str(n)}})
    start = await things.changes.get_shard_iterator(await place(things))
    page = await things.changes.get_records({**start, "Limit": 2})
    rest = await things.changes.get_records({"ShardIterator": page["NextShardIterator"]})
    assert (len(page["Records"]), len(rest["Records"])) == (2, 3)
    for limit in (0, 1001):
        assert (await refusal(things.changes.get_records({**start, "Limit": limit}))).startswith(V)
    things.clock.move(15 * 60 + 1)
    assert (await refusal(things.changes.get_records(start))).startswith("ExpiredIteratorException")
    for broken in ("", "x", "a|1|!!", start["ShardIterator"][:-9]):
        assert await refusal(things.changes.get_records({"ShardIterator": broken})) == V + "Invalid ShardIterator"


@pytest.mark.rule("TBL-62")
async def test_a_page_of_records_is_at_most_1_mb(things: Any) -> None:
    for n in range(8):
        await things.put({"id": {"S": str(n)}, "v": {"S": "x" * 300_000}})
    iterator = await things.changes.get_shard_iterator(await place(things))
    sizes = []
    while True:
        page = await things.changes.get_records(iterator)
        if not page["Records"]:
            break
        sizes.append(len(page["Records"]))
        iterator = {"ShardIterator": page["NextShardIterator"]}
    assert sizes == [3, 3, 2]


async def test_what_is_unknown_is_not_found_and_what_is_malformed_is_refused(things: Any, refusal: Any) -> None:
    known = await place(things)
    arn = known["StreamArn"] + "0"
    unknown = f"ResourceNotFoundException: Requested resource not found: Stream: {arn} not found"
    assert await refusal(things.changes.describe_stream({"StreamArn": arn})) == unknown
    assert (await refusal(things.changes.describe_stream({"StreamArn": "x"}))).startswith(V)
    other = things.changes.get_shard_iterator(known | {"ShardId": "shardId-00000000000000000000-00000000"})
    assert await refusal(other) == "ResourceNotFoundException: Requested resource not found: Shard does not exist"
    after = {"StreamArn": known["StreamArn"], "ExclusiveStartShardId": known["ShardId"]}
    assert (await things.changes.describe_stream(after))["StreamDescription"]["Shards"] == []


async def test_streams_are_listed_by_table_and_in_pages(room: Any) -> None:
    for name in ("one", "two", "three"):
        await room.create(name, view="KEYS_ONLY")
    everything = (await room.changes.list_streams({}))["Streams"]
    assert [entry["TableName"] for entry in everything] == ["one", "three", "two"]
    page = await room.changes.list_streams({"Limit": 2})
    start = page["LastEvaluatedStreamArn"]
    rest = await room.changes.list_streams({"ExclusiveStartStreamArn": start})
    assert page["Streams"] + rest["Streams"] == everything
    assert (await room.changes.list_streams({"TableName": "two"}))["Streams"] == everything[2:]


@pytest.mark.rule("TBL-62")
async def test_an_iterator_begins_at_an_instant(things: Any, refusal: Any) -> None:
    instants = []
    for n in range(9):
        instants.append(things.clock.now())
        await things.put({"id": {"S": str(n)}})
        things.clock.move(10)
    arn = (await things.changes.list_streams({}))["Streams"][0]["StreamArn"]
    shard = (await things.changes.describe_stream({"StreamArn": arn}))["StreamDescription"]["Shards"][0]["ShardId"]

    async def first(instant: Any) -> Any:
        place = {"StreamArn": arn, "ShardId": shard, "ShardIteratorType": "AT_TIMESTAMP", "Timestamp": instant}
        iterator = await things.changes.get_shard_iterator(place)
        records = (await things.changes.get_records(iterator))["Records"]
        return [record["dynamodb"]["Keys"]["id"]["S"] for record in records[:1]]

    for n, instant in enumerate(instants):
        assert await first(instant) == [str(n)]
        assert await first(instant + 5) == [str(n + 1)][: 8 - n]
    assert await first(0) == ["0"]
    assert (await refusal(first(things.clock.now() + 60))).startswith("ValidationException")
    assert (await refusal(first(None))).startswith("ValidationException")


@pytest.mark.rule("TBL-63")
async def test_a_closed_stream_is_readable_until_it_is_forgotten(things: Any, refusal: Any) -> None:
    await things.put({"id": {"S": "a"}})
    asked = await place(things)
    await things.api.delete_table({"TableName": "things"})
    shown = (await things.changes.describe_stream({"StreamArn": asked["StreamArn"]}))["StreamDescription"]
    assert shown["StreamStatus"] == "DISABLED"
    numbers = shown["Shards"][0]["SequenceNumberRange"]
    assert numbers["EndingSequenceNumber"] == numbers["StartingSequenceNumber"]
    page = await things.changes.get_records(await things.changes.get_shard_iterator(asked))
    assert len(page["Records"]) == 1
    assert "NextShardIterator" not in page
    things.clock.move(24 * 3600 + 1)
    await things.engine.housekeeping.round()
    assert "not found" in await refusal(things.changes.describe_stream({"StreamArn": asked["StreamArn"]}))
    assert things.store.disk.order[Space.STREAM] == []


@pytest.mark.rule("TBL-63")
async def test_a_trimmed_place_is_refused(things: Any, refusal: Any) -> None:
    await things.put({"id": {"S": "a"}})
    number = (await things.records())[0]["dynamodb"]["SequenceNumber"]
    await things.streams.trim()
    things.clock.move(24 * 3600 + 1)
    await things.streams.trim()
    assert await things.records() == []
    old = things.changes.get_shard_iterator(await place(things, "AT_SEQUENCE_NUMBER", SequenceNumber=number))
    assert (await refusal(old)).startswith("TrimmedDataAccessException")


async def test_a_record_as_lambda_sees_it(things: Any) -> None:
    await things.put({"id": {"S": "a"}})
    stream = things.engine.stream((await place(things))["StreamArn"])
    (kept,) = await things.streams.read(stream.shard, after=0, limit=10)
    event = StreamRecord.decode(kept.value).as_event(kept.sequence)
    assert event["eventSourceARN"] == stream.arn
    assert (event["eventVersion"], event["eventSource"], event["eventName"]) == ("1.1", "aws:dynamodb", "INSERT")
    assert event["dynamodb"] == (await things.records())[0]["dynamodb"]
