"""Logs: what is put is read back in order, searched, and trimmed."""

import pytest

from syncline.monitoring import Logs, LogsService
from syncline.monitoring.errors import LogsExists, LogsInvalid, LogsNotFound
from syncline.monitoring.model import DAY_MS


async def fill(logs: Logs, stream: str, *events: tuple[int, str]) -> None:
    await logs.append("/aws/lambda/f", stream, events)


async def page(service: LogsService, **more: object) -> tuple[list[str], dict]:
    answer = await service.get_log_events({"logGroupName": "/aws/lambda/f", "logStreamName": "s", **more})
    return [event["message"] for event in answer["events"]], answer


@pytest.mark.rule("MON-1")
@pytest.mark.rule("MON-2")
async def test_appended_events_are_read_back_after_a_restart(store, hand) -> None:
    await fill(Logs(store, hand), "s", (10, "one"), (20, "two"))
    again = Logs(store, hand)
    await again.load()
    service = LogsService(again, region="us-east-1", account="000000000000")
    assert (await page(service, startFromHead=True))[0] == ["one", "two"]
    groups = (await service.describe_log_groups({"logGroupNamePrefix": "/aws/lambda"}))["logGroups"]
    assert groups[0]["arn"] == "arn:aws:logs:us-east-1:000000000000:log-group:/aws/lambda/f:*"
    assert groups[0]["storedBytes"] > 0


@pytest.mark.rule("MON-2")
async def test_put_log_events_needs_group_and_stream(logs_service) -> None:
    request = {"logGroupName": "g", "logStreamName": "s", "logEvents": [{"timestamp": 1, "message": "m"}]}
    with pytest.raises(LogsNotFound, match="The specified log group does not exist"):
        await logs_service.put_log_events(request)
    await logs_service.create_log_group({"logGroupName": "g"})
    with pytest.raises(LogsNotFound, match="The specified log stream does not exist"):
        await logs_service.put_log_events(request)
    await logs_service.create_log_stream({"logGroupName": "g", "logStreamName": "s"})
    assert "nextSequenceToken" in await logs_service.put_log_events(request)
    with pytest.raises(LogsExists, match="The specified log group already exists"):
        await logs_service.create_log_group({"logGroupName": "g"})


@pytest.mark.rule("MON-2")
async def test_events_far_from_now_are_told_and_left_out(logs_service, hand) -> None:
    names = {"logGroupName": "g", "logStreamName": "s"}
    await logs_service.create_log_group({"logGroupName": "g"})
    await logs_service.create_log_stream(names)
    now, hour, day = int(hand.now() * 1000), 3_600_000, 86_400_000

    async def put(*instants: int) -> dict:
        events = [{"timestamp": now + each, "message": str(each)} for each in instants]
        return (await logs_service.put_log_events({**names, "logEvents": events})).get("rejectedLogEventsInfo", {})

    assert await put(-15 * day, -14 * day, 0, 2 * hour, 3 * hour) == {
        "tooOldLogEventEndIndex": 1,
        "tooNewLogEventStartIndex": 4,
    }
    await logs_service.put_retention_policy({"logGroupName": "g", "retentionInDays": 3})
    assert await put(-4 * day, -2 * day) == {"expiredLogEventEndIndex": 1}
    assert await put(-20 * day) == {"tooOldLogEventEndIndex": 1, "expiredLogEventEndIndex": 1}
    shown = await logs_service.get_log_events({**names, "startFromHead": True})
    assert [int(event["message"]) for event in shown["events"]] == [-14 * day, -2 * day, 0, 2 * hour]


@pytest.mark.rule("MON-3")
async def test_the_newest_page_comes_first_and_goes_backward(logs, logs_service) -> None:
    await fill(logs, "s", *[(at, f"m{at}") for at in range(10)], (9, "also nine"))
    newest, answer = await page(logs_service, limit=3)
    assert newest == ["m8", "m9", "also nine"]
    older, answer = await page(logs_service, limit=3, nextToken=answer["nextBackwardToken"])
    assert older == ["m5", "m6", "m7"]
    newer, _ = await page(logs_service, limit=3, nextToken=answer["nextForwardToken"])
    assert newer == newest


@pytest.mark.rule("MON-4")
async def test_the_forward_token_waits_at_the_end_for_what_arrives_later(logs, logs_service) -> None:
    await fill(logs, "s", (5, "a"))
    _, first = await page(logs_service, startFromHead=True)
    nothing, second = await page(logs_service, nextToken=first["nextForwardToken"])
    assert (nothing, second["nextForwardToken"]) == ([], first["nextForwardToken"])
    await fill(logs, "s", (5, "same instant"), (7, "b"))
    assert (await page(logs_service, nextToken=second["nextForwardToken"]))[0] == ["same instant", "b"]


@pytest.mark.rule("MON-4")
async def test_a_token_from_an_empty_stream_still_finds_the_first_event(logs_service, hand) -> None:
    await logs_service.create_log_group({"logGroupName": "/aws/lambda/f"})
    await logs_service.create_log_stream({"logGroupName": "/aws/lambda/f", "logStreamName": "s"})
    _, empty = await page(logs_service)
    event = {"timestamp": int(hand.now() * 1000), "message": "first"}
    await logs_service.put_log_events({"logGroupName": "/aws/lambda/f", "logStreamName": "s", "logEvents": [event]})
    assert (await page(logs_service, nextToken=empty["nextForwardToken"]))[0] == ["first"]


@pytest.mark.rule("MON-5")
async def test_a_search_merges_streams_and_pages_without_gap_or_repeat(logs, logs_service) -> None:
    await fill(logs, "b", (1, "b1"), (2, "b2"), (2, "b2 again"))
    await fill(logs, "a", (2, "a2"), (3, "a3"))
    await fill(logs, "c", (2, "c2"))
    seen: list[str] = []
    ids: set[str] = set()
    request = {"logGroupName": "/aws/lambda/f", "limit": 1}
    while True:
        answer = await logs_service.filter_log_events(request)
        seen += [event["message"] for event in answer["events"]]
        ids |= {event["eventId"] for event in answer["events"]}
        if "nextToken" not in answer:
            break
        request["nextToken"] = answer["nextToken"]
    assert seen == ["b1", "a2", "b2", "b2 again", "c2", "a3"]
    assert len(ids) == 6


@pytest.mark.rule("MON-5")
async def test_a_search_obeys_range_streams_and_pattern(logs, logs_service) -> None:
    await fill(logs, "x/1", (1, "ERROR early"), (2, "ERROR x"), (3, "fine"))
    await fill(logs, "y/1", (2, "ERROR y"))
    request = {"logGroupName": "/aws/lambda/f", "startTime": 2, "endTime": 2, "filterPattern": "ERROR"}
    found = (await logs_service.filter_log_events(request))["events"]
    assert [event["message"] for event in found] == ["ERROR x", "ERROR y"]
    found = (await logs_service.filter_log_events(request | {"logStreamNamePrefix": "y/"}))["events"]
    assert [event["logStreamName"] for event in found] == ["y/1"]


@pytest.mark.rule("MON-9")
async def test_a_search_bounds_what_one_call_reads(logs, logs_service) -> None:
    await fill(logs, "s", *[(at, "x" * 200_000) for at in range(30)], (31, "last"))
    answer = await logs_service.filter_log_events({"logGroupName": "/aws/lambda/f", "filterPattern": "last"})
    assert answer["events"] == []
    again = await logs_service.filter_log_events(
        {"logGroupName": "/aws/lambda/f", "filterPattern": "last", "nextToken": answer["nextToken"]}
    )
    assert [event["message"] for event in again["events"]] == ["last"]
    got, _ = await page(logs_service, startFromHead=True)
    assert sum(map(len, got)) <= 1024 * 1024 + 200_000


@pytest.mark.rule("MON-7")
async def test_events_older_than_the_retention_are_deleted(logs, logs_service, hand) -> None:
    now = int(hand.now() * 1000)
    await fill(logs, "s", (now - 2 * DAY_MS, "old"), (now, "new"))
    await logs.append("kept", "s", [(now - 900 * DAY_MS, "ancient")])
    await logs_service.put_retention_policy({"logGroupName": "/aws/lambda/f", "retentionInDays": 1})
    await logs.trim()
    assert (await page(logs_service))[0] == ["new"]
    kept = await logs_service.get_log_events({"logGroupName": "kept", "logStreamName": "s"})
    assert [event["message"] for event in kept["events"]] == ["ancient"]
    with pytest.raises(LogsInvalid, match="'retentionInDays'"):
        await logs_service.put_retention_policy({"logGroupName": "kept", "retentionInDays": 2})


@pytest.mark.rule("MON-8")
async def test_a_group_made_again_is_empty(logs, logs_service) -> None:
    await fill(logs, "s", (1, "gone"))
    await logs_service.delete_log_group({"logGroupName": "/aws/lambda/f"})
    assert (await logs_service.describe_log_groups({}))["logGroups"] == []
    await logs_service.create_log_group({"logGroupName": "/aws/lambda/f"})
    await logs_service.create_log_stream({"logGroupName": "/aws/lambda/f", "logStreamName": "s"})
    assert (await page(logs_service))[0] == []


async def test_streams_are_listed_by_name_or_by_time(logs, logs_service) -> None:
    await fill(logs, "a", (30, "x"))
    await fill(logs, "b", (10, "x"))
    request = {"logGroupName": "/aws/lambda/f", "orderBy": "LastEventTime", "descending": True, "limit": 1}
    answer = await logs_service.describe_log_streams(request)
    assert [stream["logStreamName"] for stream in answer["logStreams"]] == ["a"]
    answer = await logs_service.describe_log_streams(request | {"nextToken": answer["nextToken"]})
    assert [stream["logStreamName"] for stream in answer["logStreams"]] == ["b"]
    assert answer["logStreams"][0]["lastEventTimestamp"] == 10


async def test_tags_by_arn_and_by_name(logs, logs_service) -> None:
    await logs_service.create_log_group({"logGroupName": "g", "tags": {"a": "1"}})
    arn = "arn:aws:logs:us-east-1:000000000000:log-group:g"
    await logs_service.tag_resource({"resourceArn": arn + ":*", "tags": {"b": "2"}})
    assert (await logs_service.list_tags_for_resource({"resourceArn": arn}))["tags"] == {"a": "1", "b": "2"}
    await logs_service.untag_resource({"resourceArn": arn, "tagKeys": ["a"]})
    assert (await logs_service.list_tags_log_group({"logGroupName": "g"}))["tags"] == {"b": "2"}


async def test_bad_tokens_are_refused(logs, logs_service) -> None:
    await fill(logs, "s", (1, "x"))
    for token in ("nonsense", "f/12/s", "f/" + "x" * 56 + "/s"):
        with pytest.raises(LogsInvalid):
            await page(logs_service, nextToken=token)
    for token in ("nonsense", "bnVsbA==", "WzEsMiwzXQ=="):
        with pytest.raises(LogsInvalid):
            await logs_service.filter_log_events({"logGroupName": "/aws/lambda/f", "nextToken": token})
