"""Concurrent operations on items: every history could have happened one operation after the other, per item.

Operations overlap as hypothesis says; each notes when it was asked and when it was answered. The checker looks for an
order that agrees with those instants and with a model of one item (Wing and Gong's search, with memory).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from syncline.core import SynclineError
from syncline.store import MemoryStore

Value = int | None
Model = Callable[[Value, Any], tuple[Value, Any]]
"""The item before and what was asked → the item after and what is answered."""


class Operation(NamedTuple):
    """One operation as it was seen from outside."""

    kind: str
    argument: Any
    answer: Any
    asked: int
    answered: int


MODELS: dict[str, Model] = {
    "put": lambda old, new: (new, old),
    "get": lambda old, _: (old, old),
    "query": lambda old, _: (old, old),
    "delete": lambda old, _: (None, old),
    "add": lambda old, n: ((old or 0) + n, (old or 0) + n),
    "swap": lambda old, pair: (pair[1], True) if old == pair[0] else (old, False),
    "first": lambda old, new: (new, True) if old is None else (old, False),
    "transfer": lambda old, n: ((old or 0) + n, None),
    "read both": lambda old, _: (old, old),
}


def is_linearizable(history: list[Operation]) -> bool:
    """Whether some order that respects the instants explains every answer."""
    seen: set[tuple[frozenset[int], Value]] = set()

    def explained(left: frozenset[int], state: Value) -> bool:
        if not left:
            return True
        if (left, state) in seen:
            return False
        seen.add((left, state))
        soonest = min(history[at].answered for at in left)
        for at in left:
            one = history[at]
            if one.asked > soonest:
                continue  # another was answered before this one was asked
            after, answer = MODELS[one.kind](state, one.argument)
            if answer == one.answer and explained(left - {at}, after):
                return True
        return False

    return explained(frozenset(range(len(history))), None)


def test_the_checker_knows_a_wrong_history() -> None:
    put = Operation("put", 1, None, 0, 1)
    assert is_linearizable([put, Operation("get", None, 1, 2, 3)])
    assert not is_linearizable([put, Operation("get", None, None, 2, 3)]), "a stale read"
    assert is_linearizable([put._replace(answered=5), Operation("get", None, None, 2, 3)]), "they overlap"
    adds = [Operation("add", 1, 1, 0, 3), Operation("add", 1, 1, 1, 4)]
    assert not is_linearizable(adds), "a lost update"


class Client:
    """Runs operations against a room and writes their histories, by item."""

    def __init__(self, room: Any) -> None:
        self._room = room
        self._instant = 0
        self.histories: dict[str, list[Operation]] = {"a": [], "b": []}

    async def run(self, kind: str, name: str, argument: Any) -> None:
        asked = self._tick()
        answer = await getattr(self, kind.replace(" ", "_"))(name, argument)
        answered = self._tick()
        if kind in ("transfer", "read both"):
            for place, (item, sign) in enumerate((("a", 1), ("b", -1))):
                value = answer[place] if kind == "read both" else None
                self._note(item, Operation(kind, sign * argument, value, asked, answered))
        else:
            self._note(name, Operation(kind, argument, answer, asked, answered))

    async def put(self, name: str, value: int) -> Value:
        old = await self._room.put({"id": {"S": name}, "n": {"N": str(value)}}, ReturnValues="ALL_OLD")
        return number(old.get("Attributes"))

    async def get(self, name: str, _: Any) -> Value:
        return number(await self._room.get(name, ConsistentRead=True))

    async def query(self, name: str, _: Any) -> Value:
        found = (await self._room.query("id = :i", i={"S": name}, ConsistentRead=True))["Items"]
        return number(found[0] if found else None)

    async def delete(self, name: str, _: Any) -> Value:
        request = {"TableName": "things", "Key": {"id": {"S": name}}, "ReturnValues": "ALL_OLD"}
        return number((await self._room.engine.delete_item(request)).get("Attributes"))

    async def add(self, name: str, amount: int) -> Value:
        answer = await self._room.update(name, "ADD n :d", d={"N": str(amount)}, ReturnValues="ALL_NEW")
        return number(answer["Attributes"])

    async def swap(self, name: str, pair: tuple[int, int]) -> bool:
        old, new = ({"N": str(one)} for one in pair)
        return await done(self._room.update(name, "SET n = :new", new=new, old=old, ConditionExpression="n = :old"))

    async def first(self, name: str, value: int) -> bool:
        item = {"id": {"S": name}, "n": {"N": str(value)}}
        return await done(self._room.put(item, ConditionExpression="attribute_not_exists(id)"))

    async def transfer(self, _: str, amount: int) -> None:
        update = {"TableName": "things", "UpdateExpression": "ADD n :d"}
        actions = [
            {"Update": {**update, "Key": {"id": {"S": name}}, "ExpressionAttributeValues": {":d": {"N": str(n)}}}}
            for name, n in (("a", amount), ("b", -amount))
        ]
        await self._room.engine.transact_write_items({"TransactItems": actions})

    async def read_both(self, _: str, __: Any) -> list[Value]:
        gets = [{"Get": {"TableName": "things", "Key": {"id": {"S": name}}}} for name in "ab"]
        answer = await self._room.engine.transact_get_items({"TransactItems": gets})
        return [number(one.get("Item")) for one in answer["Responses"]]

    def _tick(self) -> int:
        self._instant += 1
        return self._instant

    def _note(self, name: str, operation: Operation) -> None:
        self.histories[name].append(operation)


def number(item: Any) -> Value:
    """What an item counts; None for no item."""
    return None if item is None else int(item["n"]["N"])


async def done(write: Any) -> bool:
    """Whether the conditional write happened."""
    try:
        await write
    except SynclineError as refused:
        if refused.code != "ConditionalCheckFailedException":
            raise
        return False
    return True


small = st.integers(0, 3)
arguments = {"swap": st.tuples(small, small), "transfer": st.integers(1, 3), "read both": st.just(1)}
asked = st.sampled_from(sorted(MODELS)).flatmap(
    lambda kind: st.tuples(
        st.just(kind), st.sampled_from("ab"), arguments.get(kind, small), st.integers(0, 6), st.booleans()
    )
)


@pytest.mark.rule("TBL-49")
@settings(max_examples=200, deadline=None)
@given(operations=st.lists(asked, min_size=2, max_size=16), flush_turns=st.integers(0, 3))
async def test_every_history_has_an_order_that_explains_it(new_room: Any, operations: Any, flush_turns: int) -> None:
    room = await new_room(MemoryStore(flush_seconds=flush_turns * 0.0002))
    await room.create()
    client = Client(room)
    async with asyncio.TaskGroup() as group:
        for kind, name, argument, turns, waits in operations:
            task = group.create_task(client.run(kind, name, argument))
            if waits:
                await task
            for _ in range(turns):
                await asyncio.sleep(0)
    for name, history in client.histories.items():
        pairs = [(one, other) for one in history for other in history if one is not other]
        overlapping = sum(one.asked < other.answered and other.asked < one.answered for one, other in pairs)
        event("overlapping" if overlapping else "one after the other")
        assert is_linearizable(history), f"no order explains item {name}: {history}"
