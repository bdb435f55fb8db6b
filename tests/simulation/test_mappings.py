"""Event source mappings in virtual time: every setting in combination, against what is promised of each record.

Tables, streams, mappings and destinations are the server's own; there is no process: `Crew` runs the function.
`make simulate` sweeps many more seeds: SYNCLINE_SIMULATION_SEEDS=20000 is a thousand here.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from typing import Any, NamedTuple

import msgspec
import pytest

from simulation.loop import simulate
from syncline.bus import LocalBus
from syncline.core import LoopClock, Meter, SeededIds, Settings, json
from syncline.core.settings import Functions as FunctionSettings
from syncline.core.settings import Streams as StreamSettings
from syncline.functions.catalog import Catalog
from syncline.functions.errors import TooManyRequests
from syncline.functions.events import Events
from syncline.functions.figures import Figures
from syncline.functions.invoke_configs import InvokeConfigs
from syncline.functions.lane import lane_of
from syncline.functions.mappings import Mappings
from syncline.functions.model import Call, Function, Invocation, Mapping
from syncline.store import MemoryStore
from syncline.store.memory import MemoryDisk
from syncline.streams import Streams
from syncline.tables import StreamRecord, TableEngine

SEEDS = max(40, int(os.environ.get("SYNCLINE_SIMULATION_SEEDS", "60")) // 20)
RECORDS, KEYS, SETTLED_SECONDS = 40, 3, 4000.0
ARN = "arn:aws:lambda:us-east-1:000000000000:function:"
TABLE = {
    "TableName": "things",
    "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
    "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    "BillingMode": "PAY_PER_REQUEST",
    "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
}


class Plan(NamedTuple):
    """What a seed says: the mapping's settings, how often each record fails, and what happens meanwhile."""

    settings: dict[str, Any]
    failures: dict[int, float]
    throttled: float
    crashes: bool
    changes: bool

    @property
    def wanted(self) -> list[int]:
        """The records that the function is to see."""
        return [n for n in range(RECORDS) if not self.settings["patterns"] or n % 5]


def planned(chance: random.Random) -> Plan:
    """The plan of a seed."""
    tumbling = chance.choice([0, 0, 5])
    retries = chance.choice([-1, 0, 1, 3])
    age = chance.choice([-1, -1, 60])
    settings = {
        "batch_size": chance.choice([1, 3, 10]),
        "window": chance.choice([0, 2]),
        "lanes": 1 if tumbling else chance.choice([1, 2, 3]),
        "retries": retries,
        "age": age,
        "bisect": chance.random() < 0.5,
        "responses": chance.choice([[], ["ReportBatchItemFailures"]]),
        "patterns": chance.choice([[], ['{"dynamodb":{"NewImage":{"wanted":{"BOOL":[true]}}}}']]),
        "tumbling": tumbling,
        "on_failure": f"{ARN}told",
    }
    for_ever = float("inf") if retries >= 0 or age >= 0 else 4.0
    failures = {n: chance.choice([1.0, 2.0, for_ever]) for n in range(RECORDS) if chance.random() < 0.15}
    throttled = chance.choice([0.0, 0.0, 0.2])
    return Plan(settings, failures, throttled, chance.random() < 0.4, chance.random() < 0.4)


class Sent(NamedTuple):
    """One event that the function was given, and which of its records it did."""

    at: float
    numbers: list[int]
    done: list[int]


class Crew:
    """Runs the two functions: `worker` fails as planned, `told` writes down what it hears of records given up."""

    def __init__(self, plan: Plan, chance: random.Random, clock: LoopClock) -> None:
        self.plan, self.chance, self.clock = plan, chance, clock
        self.figures = Figures(Meter(out=None), lambda name: 0)
        self.tries: Counter[int] = Counter()
        self.sent: list[Sent] = []
        self.told: list[dict[str, Any]] = []
        self.windows: list[list[int]] = []
        self.places: dict[int, int] = {}
        lanes = plan.settings["lanes"]
        self.lanes = {n: lane_of({"id": {"S": key_of(n)}}, lanes) if lanes > 1 else 0 for n in range(RECORDS)}

    async def run(self, function: Function, call: Call) -> Invocation:
        if function.name == "told":
            self.told.append(json.decode(call.payload))
            return Invocation(b"null")
        if self.chance.random() < self.plan.throttled:
            raise TooManyRequests()
        event = json.decode(call.payload)
        began = float(self.clock.now())
        await asyncio.sleep(self.chance.uniform(0.0, 0.05))
        return self.worked(event, began)

    def worked(self, event: dict[str, Any], began: float) -> Invocation:
        if event.get("isFinalInvokeForWindow"):
            self.windows.append(event["state"].get("done", []))
            return Invocation(b"{}")
        places = [record["dynamodb"]["SequenceNumber"] for record in event["Records"]]
        numbers = [int(record["dynamodb"]["NewImage"]["n"]["N"]) for record in event["Records"]]
        self.tries.update(numbers)
        failed = [n for n in numbers if self.tries[n] <= self.plan.failures.get(n, 0)]
        reports = bool(self.plan.settings["responses"])
        done = numbers[: numbers.index(failed[0])] if failed else numbers
        self.sent.append(Sent(began, numbers, done if reports or not failed else []))
        if failed and not reports:
            return Invocation(b"{}", "Unhandled")
        answer: dict[str, Any] = {}
        if failed:
            listed = self.chance.sample(failed, len(failed))
            answer["batchItemFailures"] = [{"itemIdentifier": places[numbers.index(n)]} for n in listed]
        if "window" in event:
            answer["state"] = {"done": event["state"].get("done", []) + done}
        return Invocation(json.encode(answer))

    @property
    def done(self) -> Counter[int]:
        """How often each record was processed."""
        return Counter(n for sent in self.sent for n in sent.done)

    @property
    def given_up(self) -> Counter[int]:
        """How often each record was told to the destination."""
        return Counter(n for record in self.told for n in self.range_of(record))

    def range_of(self, record: dict[str, Any]) -> list[int]:
        """The records that were given up together: those of one lane from one place in the stream to another."""
        batch = record["DDBStreamBatchInfo"]
        first, last = (int(batch[f"{end}SequenceNumber"]) for end in ("start", "end"))
        inside = [n for n in self.plan.wanted if n in self.places and first <= self.places[n] <= last]
        return [n for n in inside if self.lanes[n] == self.lanes[inside[0]]]


class World:
    """One mapping's life, or lives."""

    def __init__(self, seed: int) -> None:
        self.seed, self.chance, self.disk = seed, random.Random(seed), MemoryDisk()
        self.plan = planned(self.chance)
        self.clock = LoopClock()
        self.crew = Crew(self.plan, self.chance, self.clock)
        self.next = 0

    async def run(self) -> Crew:
        lives = 3 if self.plan.crashes else 1
        for life in range(lives):
            await self.live(life, last=life == lives - 1)
        return self.crew

    async def live(self, life: int, *, last: bool) -> None:
        ids, meter = SeededIds(self.seed * 10 + life), Meter(out=None)
        store = MemoryStore(self.disk, flush_seconds=self.chance.uniform(0.0, 0.02))
        streams = Streams(store, LocalBus(), self.clock, StreamSettings(), meter)
        tables = TableEngine(store, streams, self.clock, ids, Settings(), meter)
        catalog = Catalog(store, self.clock, ids, region="us-east-1", account="000000000000")
        configs = InvokeConfigs(store)
        settings = FunctionSettings(async_retry_seconds=0.1)
        events = Events(store, catalog, configs, self.crew, self.clock, ids, settings, meter)  # type: ignore[arg-type]
        mappings = Mappings(store, streams, tables, catalog, self.crew, events, self.clock, ids, meter)  # type: ignore[arg-type]
        for part in (tables, catalog, configs, events, mappings):
            await part.load()
        if not life:
            await self.found(tables, catalog, mappings)
        tasks = [asyncio.ensure_future(part.run()) for part in (events, mappings)]
        tasks.append(asyncio.ensure_future(self.write(tables, RECORDS if last else RECORDS // 3)))
        if self.plan.changes:
            tasks.append(asyncio.ensure_future(self.change(mappings)))
        if last:
            await tasks[2]
            await self.settled()
            self.crew.places = await placed(streams, mappings)
        else:
            await asyncio.sleep(self.chance.uniform(0.5, 8))
            store.crash(reached_disk=self.chance.random() < 0.5)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def found(self, tables: TableEngine, catalog: Catalog, mappings: Mappings) -> None:
        source = (await tables.control.create(TABLE))["TableDescription"]["LatestStreamArn"]
        for name in ("worker", "told"):
            common = {"runtime": "python3.11", "role": "r", "handler": "h", "code_sha256": "", "code_size": 0}
            await catalog.add(Function(name, ARN + name, **common, deployment="d", revision="r", modified=0.0))  # type: ignore[arg-type]
        now = float(self.clock.now())
        await mappings.put(Mapping("m", f"{ARN}worker", source, 0, "TRIM_HORIZON", now, **self.plan.settings))

    async def write(self, tables: TableEngine, until: int) -> None:
        while self.next < until:
            n, self.next = self.next, self.next + 1
            image = {"id": {"S": key_of(n)}, "n": {"N": str(n)}, "wanted": {"BOOL": n % 5 != 0}}
            await tables.put_item({"TableName": "things", "Item": image})
            await asyncio.sleep(self.chance.choice([0.0, 0.01, 1.0]))

    async def change(self, mappings: Mappings) -> None:
        for _ in range(20):
            await asyncio.sleep(self.chance.uniform(0.1, 1))
            if self.chance.random() < 0.3:
                await mappings.put(msgspec.structs.replace(mappings.get("m"), enabled=False))
                await asyncio.sleep(self.chance.uniform(0.0, 2))
            size = self.chance.choice([1, 2, 7])
            await mappings.put(msgspec.structs.replace(mappings.get("m"), enabled=True, batch_size=size))

    async def settled(self) -> None:
        """Until nothing has happened for longer than any pause, age or window."""
        seen, quiet = -1, 0.0
        for _ in range(int(SETTLED_SECONDS)):
            await asyncio.sleep(1)
            happened = len(self.crew.sent) + len(self.crew.told) + len(self.crew.windows)
            quiet = quiet + 1 if happened == seen else 0.0
            seen = happened
            if quiet > 300:
                return
        raise AssertionError("the mapping never came to rest")


async def placed(streams: Streams, mappings: Mappings) -> dict[int, int]:
    """Where in the stream each record is."""
    shard = mappings.shard_of(mappings.get("m").source)
    records = await streams.read(shard, after=0, limit=10 * RECORDS)
    events = [StreamRecord.decode(record.value).as_event(record.sequence)["dynamodb"] for record in records]
    return {int(event["NewImage"]["n"]["N"]): int(event["SequenceNumber"]) for event in events}


def key_of(n: int) -> str:
    return f"k{n % KEYS}"


def broken(plan: Plan, crew: Crew) -> str:
    """What of the promises does not hold; empty when all do."""
    done, lost, wanted = crew.done, crew.given_up, set(plan.wanted) & crew.places.keys()
    if strangers := {n for sent in crew.sent for n in sent.numbers} - wanted:
        return f"records that the filter drops were sent: {strangers}"
    if missing := [n for n in wanted if not done[n] and not lost[n]]:
        return f"neither processed nor given up: {missing}"
    if not plan.crashes and (twice := [n for n in wanted if done[n] + lost[n] > 1]):
        return f"processed or given up more than once: {twice}"
    counted = Counter(n for window in crew.windows for n in window)
    if plan.settings["tumbling"] and not plan.crashes and counted != done:
        return f"the windows' states counted {counted}, the function did {done}"
    return out_of_order(plan, crew) or miscounted(plan, crew)


def out_of_order(plan: Plan, crew: Crew) -> str:
    """Nothing of a lane passes a record that is not settled."""
    settled = set(crew.given_up)
    for sent in crew.sent:
        if sent.numbers != sorted(sent.numbers):
            return f"out of order within a batch: {sent.numbers}"
        lane = crew.lanes[sent.numbers[0]]
        before = {n for n in plan.wanted if n in crew.places and n < sent.numbers[0] and crew.lanes[n] == lane}
        if passed := before - settled:
            return f"{sent.numbers} passed {passed}"
        settled.update(sent.done)
    return ""


def miscounted(plan: Plan, crew: Crew) -> str:
    """What is told of records given up is what happened to them."""
    attempts = plan.settings["retries"] + 1
    for record in crew.told:
        context, size = record["requestContext"], record["DDBStreamBatchInfo"]["batchSize"]
        numbers = crew.range_of(record)
        if size != len(numbers):
            return f"{numbers} told as {size} records"
        if context["condition"] == "RecordAgeExceeded" and plan.settings["age"] < 0:
            return f"{numbers} too old for a mapping without an age"
        if context["condition"] == "RetryAttemptsExhausted" and context["approximateInvokeCount"] != attempts:
            return f"{numbers} given up after {context['approximateInvokeCount']} attempts, not {attempts}"
        tried = sum(sent.numbers == numbers for sent in crew.sent)
        if context["condition"] == "RetryAttemptsExhausted" and tried < attempts:
            return f"{numbers} given up after {tried} of {attempts} attempts"
    return ""


@pytest.mark.rule("FN-20")
@pytest.mark.rule("FN-22")
@pytest.mark.rule("FN-23")
@pytest.mark.rule("FN-24")
@pytest.mark.rule("FN-25")
@pytest.mark.rule("FN-27")
@pytest.mark.rule("FN-40")
@pytest.mark.rule("FN-41")
@pytest.mark.timeout(0)
def test_every_record_is_processed_or_told_of_whatever_the_settings() -> None:
    told = processed = 0
    for seed in range(SEEDS):
        world = World(seed)
        crew = simulate(world.run())
        assert not (fault := broken(world.plan, crew)), f"seed {seed}: {fault}; {world.plan}"
        told += len(crew.told)
        processed += crew.done.total()
    assert processed > SEEDS * 10
    assert told > SEEDS / 4, "records were given up"
