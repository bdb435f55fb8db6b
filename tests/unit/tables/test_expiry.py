"""Items that expire."""

from __future__ import annotations

from typing import Any

import pytest

from syncline.store import Space

V = "ValidationException: "


async def expiring(room: Any, attribute: str = "until", *, enabled: bool = True) -> dict[str, Any]:
    wanted = {"Enabled": enabled, "AttributeName": attribute}
    return await room.api.update_time_to_live({"TableName": "things", "TimeToLiveSpecification": wanted})


def until(room: Any, seconds: float, name: str = "a") -> dict[str, Any]:
    return {"id": {"S": name}, "until": {"N": f"{room.clock.now() + seconds:.0f}"}}


@pytest.mark.rule("TBL-48")
async def test_an_item_expires_with_a_record_by_the_service(things: Any) -> None:
    await expiring(things)
    item = until(things, 10)
    await things.put(item)
    await things.engine.housekeeping.round()
    assert await things.get("a") is not None
    things.clock.move(12)
    await things.engine.housekeeping.round()
    assert await things.get("a") is None
    record = (await things.records())[-1]
    assert (record["eventName"], record["dynamodb"]["OldImage"]["until"]) == ("REMOVE", item["until"])
    assert record["userIdentity"] == {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}
    assert "userIdentity" not in (await things.records())[0]
    assert things.store.disk.order[Space.DUE] == []
    assert (await things.api.describe_table({"TableName": "things"}))["Table"]["ItemCount"] == 0


@pytest.mark.rule("TBL-48")
async def test_an_item_that_was_extended_or_is_no_candidate_stays(things: Any) -> None:
    await expiring(things)
    for name, value in {
        "text": {"S": "1"},
        "ancient": {"N": "1000"},
        "never": {"N": "1e100"},
        "negative": {"N": "-5"},
    }.items():
        await things.put({"id": {"S": name}, "until": value})
    await things.put(until(things, 10, "extended"))
    await things.put(until(things, 1000, "extended"))
    await things.put(until(things, 10, "spared"))
    await things.update("spared", "REMOVE #u", ExpressionAttributeNames={"#u": "until"})
    things.clock.move(20)
    await things.engine.housekeeping.round()
    for name in ("text", "ancient", "never", "negative", "extended", "spared"):
        assert await things.get(name) is not None, name


@pytest.mark.rule("TBL-48")
async def test_items_from_before_expire_too_also_after_a_restart(things: Any, new_room: Any) -> None:
    for n in range(1100):
        await things.put(until(things, 10, str(n)))
    await expiring(things)
    again = await new_room(things.store, seed=2)
    again.clock.move(20)
    await again.engine.housekeeping.round()
    assert things.store.disk.order[Space.ITEM] == []
    assert (await again.api.describe_time_to_live({"TableName": "things"}))["TimeToLiveDescription"] == {
        "TimeToLiveStatus": "ENABLED",
        "AttributeName": "until",
    }


@pytest.mark.rule("TBL-48")
async def test_expiry_is_turned_on_and_off(things: Any, refusal: Any) -> None:
    assert await refusal(expiring(things, enabled=False)) == V + "TimeToLive is already disabled"
    await expiring(things)
    assert await refusal(expiring(things)) == V + "TimeToLive is already enabled"
    assert await refusal(expiring(things, "other")) == (
        V + "TimeToLive is active on a different AttributeName: current AttributeName is until"
    )
    assert "timeToLiveSpecification.attributeName" in await refusal(expiring(things, ""))
    await things.put(until(things, 10))
    await expiring(things, enabled=False)
    things.clock.move(20)
    await things.engine.housekeeping.round()
    assert await things.get("a") is not None
