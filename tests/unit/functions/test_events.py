"""Asynchronous invocations: accepted durably, run in the background, tried again."""

import pytest

from support.functions import SETTINGS, House, until
from syncline.core import Settings
from syncline.core.settings import Functions as FunctionSettings
from syncline.functions import TooManyRequests

APPEND = """
import os
def handler(event, context):
    with open(event["path"], "a") as file: file.write(context.aws_request_id + "\\n")
    if event.get("fail"): raise RuntimeError("always")
"""


@pytest.mark.rule("FN-30")
async def test_an_accepted_event_runs_also_after_a_restart(house: House, reopen, tmp_path) -> None:
    await house.create("f", APPEND)
    answer = await house.service.invoke(
        {"FunctionName": "f", "InvocationType": "Event", "Payload": f'{{"path": "{tmp_path}/ran"}}'.encode()}
    )
    assert (answer["StatusCode"], answer["Payload"], "ExecutedVersion" in answer) == (202, b"", False)
    again = await reopen()
    async with again.running():
        await until((tmp_path / "ran").exists)
        await until(lambda: again.engine.events._count == 0)
    third = await reopen()
    assert third.engine.events._count == 0


@pytest.mark.rule("FN-31")
async def test_a_failing_event_is_tried_twice_more_under_its_id_then_dropped(house: House, tmp_path) -> None:
    await house.create("f", APPEND)
    async with house.running():
        payload = f'{{"path": "{tmp_path}/ran", "fail": true}}'.encode()
        invocation = await house.engine.invoke("f", payload, kind="Event")
        dropped = house.meter.counter("syncline_functions_dropped_async_events_total", function="f")
        await until(lambda: dropped.value)
    assert (tmp_path / "ran").read_text().split() == [invocation.request_id] * 3
    assert house.engine.events._count == 0


@pytest.mark.rule("FN-32")
async def test_a_full_queue_throttles(house: House, reopen) -> None:
    await house.create("f", APPEND)
    small = await reopen(Settings(functions=FunctionSettings(async_queue_max=2)))
    for _ in range(2):
        await small.engine.invoke("f", b'{"path": "/dev/null"}', kind="Event")
    with pytest.raises(TooManyRequests, match="holds 2 events"):
        await small.engine.invoke("f", b'{"path": "/dev/null"}', kind="Event")
    assert SETTINGS.functions.async_queue_max == 10_000
