"""Whether histories of operations on items could have happened one after the other, per item.

Each operation notes when it was asked and when it was answered. The checker looks for orders that agree with those
instants and with a model of one item (Wing and Gong's search, with memory).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from syncline.core import SynclineError
from syncline.tables import TableEngine

Value = int | None
Model = Callable[[Value, Any], tuple[Value, Any]]
"""The item before and what was asked → the item after and what is answered."""


class Operation(NamedTuple):
    """One operation as it was seen from outside. One that is `unsure` was cut off: it happened then, or never."""

    kind: str
    argument: Any
    answer: Any
    asked: int
    answered: int
    unsure: bool = False


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


def outcomes(history: list[Operation], before: set[Value]) -> set[Value]:
    """What the item may be after a history that began with one of `before`; nothing when no order explains it."""
    seen: set[tuple[frozenset[int], Value]] = set()
    after: set[Value] = set()

    def explore(left: frozenset[int], state: Value) -> None:
        if (left, state) in seen:
            return
        seen.add((left, state))
        if not left:
            after.add(state)
            return
        soonest = min(history[at].answered for at in left)
        for at in left:
            one = history[at]
            if one.asked > soonest:
                continue  # another was answered before this one was asked
            following, answer = MODELS[one.kind](state, one.argument)
            if one.unsure or answer == one.answer:
                explore(left - {at}, following)
            if one.unsure:
                explore(left - {at}, state)

    for state in before:
        explore(frozenset(range(len(history))), state)
    return after


def is_linearizable(history: list[Operation]) -> bool:
    """Whether some order that respects the instants explains every answer, from no item on."""
    return bool(outcomes(history, {None}))


class Client:
    """Runs operations on the table `things` and writes their histories, by item."""

    def __init__(self, engine: TableEngine) -> None:
        self._engine = engine
        self._instant = 0
        self._open: dict[int, tuple[str, str, Any]] = {}
        self.histories: dict[str, list[Operation]] = {"a": [], "b": []}

    async def run(self, kind: str, name: str, argument: Any) -> None:
        asked = self._tick()
        self._open[asked] = kind, name, argument
        answer = await getattr(self, kind.replace(" ", "_"))(name, argument)
        del self._open[asked]
        self._record(kind, name, argument, answer, asked)

    def cut_off(self) -> None:
        """Nothing is answered any more: whatever was under way may have happened."""
        for asked, (kind, name, argument) in self._open.items():
            self._record(kind, name, argument, (None, None), asked, unsure=True)

    def _record(self, kind: str, name: str, argument: Any, answer: Any, asked: int, *, unsure: bool = False) -> None:
        answered = self._tick()
        if kind in ("transfer", "read both"):
            for place, (item, sign) in enumerate((("a", 1), ("b", -1))):
                value = answer[place] if kind == "read both" else None
                self._note(item, Operation(kind, sign * argument, value, asked, answered, unsure))
        else:
            self._note(name, Operation(kind, argument, answer, asked, answered, unsure))

    async def put(self, name: str, value: int) -> Value:
        item = {"id": {"S": name}, "n": {"N": str(value)}}
        old = await self._engine.put_item({"TableName": "things", "Item": item, "ReturnValues": "ALL_OLD"})
        return number(old.get("Attributes"))

    async def get(self, name: str, _: Any) -> Value:
        request = {"TableName": "things", "Key": {"id": {"S": name}}, "ConsistentRead": True}
        return number((await self._engine.get_item(request)).get("Item"))

    async def query(self, name: str, _: Any) -> Value:
        request = {"KeyConditionExpression": "id = :i", "ExpressionAttributeValues": {":i": {"S": name}}}
        found = (await self._engine.query({"TableName": "things", "ConsistentRead": True, **request}))["Items"]
        return number(found[0] if found else None)

    async def delete(self, name: str, _: Any) -> Value:
        request = {"TableName": "things", "Key": {"id": {"S": name}}, "ReturnValues": "ALL_OLD"}
        return number((await self._engine.delete_item(request)).get("Attributes"))

    async def add(self, name: str, amount: int) -> Value:
        answer = await self._update(name, "ADD n :d", {":d": {"N": str(amount)}}, ReturnValues="ALL_NEW")
        return number(answer["Attributes"])

    async def swap(self, name: str, pair: tuple[int, int]) -> bool:
        values = {name: {"N": str(one)} for name, one in zip((":old", ":new"), pair, strict=True)}
        return await done(self._update(name, "SET n = :new", values, ConditionExpression="n = :old"))

    async def first(self, name: str, value: int) -> bool:
        item = {"id": {"S": name}, "n": {"N": str(value)}}
        put = {"TableName": "things", "Item": item, "ConditionExpression": "attribute_not_exists(id)"}
        return await done(self._engine.put_item(put))

    async def transfer(self, _: str, amount: int) -> None:
        update = {"TableName": "things", "UpdateExpression": "ADD n :d"}
        actions = [
            {"Update": {**update, "Key": {"id": {"S": name}}, "ExpressionAttributeValues": {":d": {"N": str(n)}}}}
            for name, n in (("a", amount), ("b", -amount))
        ]
        await self._engine.transact_write_items({"TransactItems": actions})

    async def read_both(self, _: str, __: Any) -> list[Value]:
        gets = [{"Get": {"TableName": "things", "Key": {"id": {"S": name}}}} for name in "ab"]
        answer = await self._engine.transact_get_items({"TransactItems": gets})
        return [number(one.get("Item")) for one in answer["Responses"]]

    async def _update(self, name: str, expression: str, values: dict[str, Any], **more: Any) -> dict[str, Any]:
        request = {"TableName": "things", "Key": {"id": {"S": name}}, "UpdateExpression": expression}
        return await self._engine.update_item({**request, "ExpressionAttributeValues": values, **more})

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
