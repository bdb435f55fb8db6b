"""What must be true of every world, whatever the seed. The numbers are ARCHITECTURE's promises."""

from __future__ import annotations

from simulation.world import SHARD, World
from syncline.store import Space, keys


def items_on(world: World) -> set[int]:
    return {int(value) for (space, _), value in world.disk.values.items() if space == Space.ITEM}


def records_on(world: World) -> list[tuple[int, int]]:
    low, high = keys.prefix_range(tuple(SHARD))
    pairs = world.disk.scan(Space.STREAM, low, high, limit=1_000_000)
    return [(int(str(keys.decode(key)[-1])), int(value)) for key, value in pairs]


def acknowledged_writes_survive(world: World) -> None:
    """Promise 1."""
    assert set(world.history.acknowledged) <= items_on(world)


def an_item_and_its_record_are_one_commit(world: World) -> None:
    """Promise 2."""
    assert sorted(item for _, item in records_on(world)) == sorted(items_on(world))


def a_shard_has_no_gap(world: World) -> None:
    """Promise 3, as written."""
    assert [sequence for sequence, _ in records_on(world)] == list(range(1, len(records_on(world)) + 1))


def every_record_was_published_in_order(world: World) -> None:
    """Promises 3 and 4, as read: at least once, and a record's first publication follows its predecessor's."""
    first_time = list(dict.fromkeys(sequence for sequence, _ in world.history.published))
    assert first_time == [sequence for sequence, _ in records_on(world)]
    assert set(world.history.published) == set(records_on(world))


ALL = [
    acknowledged_writes_survive,
    an_item_and_its_record_are_one_commit,
    a_shard_has_no_gap,
    every_record_was_published_in_order,
]
