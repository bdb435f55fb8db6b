"""Items under concurrent clients, in servers that crash: every history could have happened, per item, in some order.

`make simulate` sweeps many more seeds: SYNCLINE_SIMULATION_SEEDS=20000 is a thousand here.
"""

from __future__ import annotations

import asyncio
import os
import random

import pytest

from simulation.loop import simulate
from support.linearizability import MODELS, Client, Operation, Value, outcomes
from syncline.bus import LocalBus
from syncline.core import LoopClock, Meter, SeededIds, Settings
from syncline.core.settings import Streams as StreamSettings
from syncline.store import MemoryStore
from syncline.store.memory import MemoryDisk
from syncline.streams import Streams
from syncline.tables import TableEngine

SEEDS = max(20, int(os.environ.get("SYNCLINE_SIMULATION_SEEDS", "60")) // 20)
LIVES = 4
CLIENTS = 4

History = dict[str, list[Operation]]


async def world(seed: int) -> list[History]:
    """The histories of one table's lives: clients ask on without pause until the server dies, and again of the next."""
    chance, disk = random.Random(seed), MemoryDisk()
    lives: list[History] = []
    for life in range(LIVES):
        store = MemoryStore(disk, flush_seconds=chance.uniform(0.0001, 0.02))
        clock, meter = LoopClock(), Meter(out=None)
        streams = Streams(store, LocalBus(), clock, StreamSettings(), meter)
        engine = TableEngine(store, streams, clock, SeededIds(seed + life), Settings(), meter)
        await engine.load()
        if not life:
            await engine.control.create(TABLE)
        client = Client(engine)
        tasks = [asyncio.ensure_future(ask(client, chance)) for _ in range(CLIENTS)]
        await asyncio.sleep(chance.uniform(0.05, 0.2))
        store.crash(reached_disk=chance.random() < 0.5)
        for task in tasks:
            task.cancel()
        client.cut_off()
        await asyncio.gather(*tasks, return_exceptions=True)
        lives.append(client.histories)
    return lives


TABLE = {
    "TableName": "things",
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST",
}


async def ask(client: Client, chance: random.Random) -> None:
    """One operation after the other, as the seed says."""
    while True:
        kind = chance.choice(sorted(MODELS))
        argument = (chance.randrange(4), chance.randrange(4)) if kind == "swap" else 1 + chance.randrange(3)
        await client.run(kind, chance.choice("ab"), 1 if kind == "read both" else argument)
        await asyncio.sleep(chance.expovariate(200))


@pytest.mark.rule("TBL-49")
@pytest.mark.rule("TBL-50")
@pytest.mark.timeout(0)
def test_every_history_has_an_order_that_explains_it_through_crashes() -> None:
    operations = unsure = 0
    for seed in range(SEEDS):
        possible: dict[str, set[Value]] = {"a": {None}, "b": {None}}
        for life, histories in enumerate(simulate(world(seed))):
            for name, history in histories.items():
                possible[name] = outcomes(history, possible[name])
                assert possible[name], f"seed {seed}, life {life}: no order explains item {name}: {history}"
                operations += len(history)
                unsure += sum(one.unsure for one in history)
    assert operations > SEEDS * 100
    assert unsure > SEEDS


def test_a_world_of_items_is_a_function_of_its_seed() -> None:
    assert simulate(world(3)) == simulate(world(3))
    assert simulate(world(3)) != simulate(world(4))


def test_the_checker_knows_what_a_crash_may_leave() -> None:
    cut = Operation("put", 1, None, 0, 2, unsure=True)
    assert outcomes([cut], {None}) == {None, 1}
    assert outcomes([Operation("put", 1, None, 0, 2)], {None}) == {1}
    lost = Operation("get", None, None, 0, 1)
    assert outcomes([lost], {1}) == set(), "an acknowledged put is gone after the crash"
