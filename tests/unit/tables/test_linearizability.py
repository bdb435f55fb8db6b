"""Concurrent operations on items: every history could have happened one operation after the other, per item.

Operations overlap as hypothesis says; `support.linearizability` judges what they answered.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from support.linearizability import MODELS, Client, Operation, is_linearizable
from syncline.store import MemoryStore


def test_the_checker_knows_a_wrong_history() -> None:
    put = Operation("put", 1, None, 0, 1)
    assert is_linearizable([put, Operation("get", None, 1, 2, 3)])
    assert not is_linearizable([put, Operation("get", None, None, 2, 3)]), "a stale read"
    assert is_linearizable([put._replace(answered=5), Operation("get", None, None, 2, 3)]), "they overlap"
    adds = [Operation("add", 1, 1, 0, 3), Operation("add", 1, 1, 1, 4)]
    assert not is_linearizable(adds), "a lost update"


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
    client = Client(room.engine)
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
