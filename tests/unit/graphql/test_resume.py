"""Coming back to a GraphQL API: by name, as unmodified clients do, and by position."""

from __future__ import annotations

from typing import Any

import pytest

from syncline.core import SynclineError
from unit.graphql.conftest import Outbox

SDL = """
type Note { id: ID! room: String }
type Query { note: Note }
type Mutation { put(id: ID!, room: String): Note }
type Subscription { onPut(room: String): Note @aws_subscribe(mutations: ["put"]) }
"""
ID = "3f0c1b1e-7d1b-4a43-9d6e-6b8f1f6f3c11"
TEXT = "subscription S($room: String) {onPut(room: $room) {id}}"


@pytest.fixture
async def api(world: Any) -> Any:
    await world.create(SDL)
    await world.local("Mutation", "put")
    return world


async def put(api: Any, *ids: int, room: str = "r") -> None:
    for id in ids:
        await api.ask(f'mutation {{put(id: {id}, room: "{room}") {{id room}}}}')
    await api.hub.drained()


def heard(outbox: Outbox) -> list[int]:
    return [int(payload["data"]["onPut"]["id"]) for payload in outbox.payloads]


async def lost(api: Any, **more: Any) -> None:
    """A subscription that got 1 of 1, 2 and was lost; 3 came later."""
    outbox = Outbox()
    endpoint = await api.connect()
    await endpoint.subscribe(api.start(TEXT, outbox, **{"id": ID, "room": "r", **more}))
    await put(api, 1)
    outbox.reached_bytes = outbox.ledger.written
    await put(api, 2)
    endpoint.closed()
    await put(api, 3)


@pytest.mark.rule("GQL-30")
async def test_the_same_start_again_gets_what_it_missed_and_then_what_comes(api: Any, outbox: Any) -> None:
    await lost(api)
    await put(api, 9, room="elsewhere")
    await (await api.connect()).subscribe(api.start(TEXT, outbox, id=ID, room="r"))
    await put(api, 4)
    assert heard(outbox) == [2, 3, 4]


@pytest.mark.rule("GQL-30")
@pytest.mark.parametrize("other", [{"room": "s"}, {"id": ID.replace("3", "4")}])
async def test_another_start_gets_nothing_from_before(api: Any, outbox: Any, other: dict[str, str]) -> None:
    await lost(api)
    await (await api.connect()).subscribe(api.start(TEXT, outbox, **{"id": ID, "room": "r", **other}))
    assert heard(outbox) == []


@pytest.mark.rule("GQL-30")
async def test_an_id_that_could_be_anybodys_does_not_continue(api: Any, outbox: Any) -> None:
    await lost(api, id="1")
    await (await api.connect()).subscribe(api.start(TEXT, outbox, id="1", room="r"))
    assert heard(outbox) == []


@pytest.mark.rule("GQL-30")
async def test_a_stopped_subscription_does_not_continue(api: Any, outbox: Any) -> None:
    endpoint = await api.connect()
    before = Outbox()
    await endpoint.subscribe(api.start(TEXT, before, id=ID, room="r"))
    endpoint.unsubscribe(ID)
    endpoint.closed()
    await put(api, 1)
    before.reached_bytes = before.ledger.written
    await (await api.connect()).subscribe(api.start(TEXT, outbox, id=ID, room="r"))
    await api.hub.drained()
    assert heard(outbox) == []


@pytest.mark.rule("GQL-30")
async def test_a_connection_that_seems_alive_is_taken_over_and_ends_without_a_word(api: Any, outbox: Any) -> None:
    before = Outbox()
    endpoint = await api.connect()
    await endpoint.subscribe(api.start(TEXT, before, id=ID, room="r"))
    await put(api, 1)
    before.reached_bytes = before.ledger.written
    await put(api, 2)
    await (await api.connect()).subscribe(api.start(TEXT, outbox, id=ID, room="r"))
    await put(api, 3)
    assert heard(outbox) == [2, 3]
    assert heard(before) == [1, 2]
    assert (len(before.messages), before.closed) == (2, True)
    endpoint.closed()


@pytest.mark.rule("GQL-30")
async def test_a_late_start_over_an_older_connection_takes_nothing_from_a_newer(api: Any, outbox: Any) -> None:
    older, late = await api.connect(), Outbox()
    newer = await api.connect()
    assert newer.opened > older.opened
    await newer.subscribe(api.start(TEXT, outbox, id=ID, room="r"))
    await older.subscribe(api.start(TEXT, late, id=ID, room="r"))
    await put(api, 1)
    assert (heard(outbox), heard(late), outbox.closed) == ([1], [1], False)
    older.closed()
    outbox.reached_bytes = outbox.ledger.written
    newer.closed()
    await put(api, 2)
    again = Outbox()
    await (await api.connect()).subscribe(api.start(TEXT, again, id=ID, room="r"))
    await api.hub.drained()
    assert heard(again) == [2]


@pytest.mark.rule("GQL-30")
async def test_a_peer_of_whom_nothing_is_known_begins_anew_and_that_is_counted(api: Any, outbox: Any) -> None:
    endpoint = await api.connect()
    await endpoint.subscribe(api.start(TEXT, Outbox(), id=ID, room="r"))
    endpoint.closed()
    await put(api, 1)
    await (await api.connect()).subscribe(api.start(TEXT, outbox, id=ID, room="r"))
    await api.hub.drained()
    assert heard(outbox) == []
    assert unresumed(api) == {"arrival unknown": 1}


def unresumed(api: Any) -> dict[str, float]:
    """How many began anew, by reason."""
    counters = api.engine.live(api.api_id).figures.returns.unresumed
    return {reason: counter.value for reason, counter in counters.items() if counter.value}


async def resumed(api: Any, outbox: Any, position: Any) -> Any:
    start = api.start(TEXT, outbox, id="1", room="r")
    start = type(start)(**{f: getattr(start, f) for f in start.__struct_fields__} | {"extension": {"resume": position}})
    return (await (await api.connect()).subscribe(start)).told


@pytest.mark.rule("GQL-31")
async def test_a_position_is_given_and_taken(api: Any, outbox: Any) -> None:
    told = await resumed(api, outbox, {})
    assert told == {"recovered": False, "position": "0:0"}
    await put(api, 1, 2, 3)
    positions = [payload["extensions"]["syncline"]["position"] for payload in outbox.payloads]
    assert positions == ["0:1", "0:2", "0:3"]
    again = Outbox()
    assert await resumed(api, again, {"position": "0:1"}) == {"recovered": True, "position": "0:1"}
    await put(api, 4)
    assert heard(again) == [2, 3, 4]


@pytest.mark.rule("GQL-31")
@pytest.mark.parametrize("position", ["other:1", "0:99"])
async def test_a_position_that_means_nothing_here_is_told(api: Any, outbox: Any, position: str) -> None:
    await put(api, 1, 2)
    assert await resumed(api, outbox, {"position": position}) == {"recovered": False, "position": "0:2"}
    await put(api, 3)
    assert heard(outbox) == [3]


@pytest.mark.rule("GQL-31")
@pytest.mark.parametrize("position", ["", "1", ":1", "0:", "0:x", "0:-1", 7, [], "0:" + "9" * 40])
async def test_what_is_no_position_is_refused(api: Any, outbox: Any, position: Any) -> None:
    with pytest.raises(SynclineError, match="position"):
        await resumed(api, outbox, {"position": position})
