"""The store's promises (store/RULES.md), held by every driver."""

import asyncio
import random
from collections.abc import Callable

import pytest

from syncline.core.settings import Store as StoreSettings
from syncline.store import MemoryStore, Shard, Snapshot, Space, Store, StoreBusy, StoreClosed, Transaction, keys

SHARD = Shard("table/stream", "0")
Opener = Callable[[], Store]


def put(name: str, value: bytes = b"v") -> Callable[[Transaction], None]:
    return lambda txn: txn.put(Space.ITEM, keys.encode((name,)), value)


async def get(store: Store, name: str) -> bytes | None:
    return await store.get(Space.ITEM, keys.encode((name,)))


def everything(view: Snapshot) -> list[tuple[bytes, bytes]]:
    return view.scan(Space.ITEM, b"", b"\xff", limit=10_000)


async def records(store: Store) -> list[tuple[int, bytes]]:
    low, high = keys.prefix_range(tuple(SHARD))
    pairs = await store.read(lambda view: view.scan(Space.STREAM, low, high, limit=10_000))
    return [(keys.decode(key)[-1], value) for key, value in pairs]  # type: ignore[misc]


@pytest.mark.rule("STO-2")
async def test_what_was_acknowledged_is_there_after_reopening(opener: Opener) -> None:
    store = opener()
    await asyncio.gather(*[store.write(put(f"k{n}", b"%d" % n)) for n in range(300)])
    await store.close()
    again = opener()
    assert [await get(again, f"k{n}") for n in range(300)] == [b"%d" % n for n in range(300)]


@pytest.mark.rule("STO-3")
async def test_a_body_that_raises_leaves_nothing_and_tells_its_caller(any_store: Store) -> None:
    def body(txn: Transaction) -> None:
        put("half")(txn)
        txn.append(SHARD, b"half")
        raise ValueError("no")

    outcomes = await asyncio.gather(
        any_store.write(put("before")), any_store.write(body), any_store.write(put("after")), return_exceptions=True
    )
    assert isinstance(outcomes[1], ValueError)
    assert await get(any_store, "half") is None
    assert await get(any_store, "before") == await get(any_store, "after") == b"v"
    assert await records(any_store) == []


@pytest.mark.rule("STO-4")
async def test_a_body_sees_its_own_writes_and_those_before_it_in_the_group(any_store: Store) -> None:
    await any_store.write(put("c"))

    def first(txn: Transaction) -> list[bytes]:
        put("a")(txn)
        txn.delete(Space.ITEM, keys.encode(("c",)))
        return [key for key, _ in everything(txn)]

    def second(txn: Transaction) -> list[bytes]:
        put("b")(txn)
        return [key for key, _ in txn.scan(Space.ITEM, b"", b"\xff", limit=1, reverse=True)]

    one, two = await asyncio.gather(any_store.write(first), any_store.write(second))
    assert one.result == [keys.encode(("a",))]
    assert two.result == [keys.encode(("b",))]
    assert [key for key, _ in await any_store.read(everything)] == [keys.encode(("a",)), keys.encode(("b",))]


@pytest.mark.rule("STO-5")
async def test_records_get_sequences_without_gaps_in_commit_order_across_failures_and_reopening(opener: Opener) -> None:
    store = opener()

    def append(name: bytes, *, fail: bool = False) -> Callable[[Transaction], None]:
        def body(txn: Transaction) -> None:
            txn.append(SHARD, name)
            if fail:
                raise ValueError

        return body

    await asyncio.gather(
        *[store.write(append(b"%d" % n, fail=n % 3 == 0)) for n in range(1, 10)], return_exceptions=True
    )
    await store.close()
    again = opener()
    await again.write(append(b"last"))
    assert await records(again) == [
        (1, b"1"), (2, b"2"), (3, b"4"), (4, b"5"), (5, b"7"), (6, b"8"), (7, b"last"),
    ]  # fmt: skip


@pytest.mark.rule("STO-6")
async def test_positions_grow_with_each_writing_commit_and_never_repeat(opener: Opener) -> None:
    store = opener()
    positions = [(await store.write(put(f"k{n}"))).position for n in range(5)]
    assert positions == sorted(set(positions))
    reading = await store.write(lambda txn: txn.get(Space.ITEM, keys.encode(("k0",))))
    assert reading.position == positions[-1]
    await store.close()
    assert (await opener().write(put("more"))).position > positions[-1]


@pytest.mark.rule("STO-7")
async def test_watchers_hear_which_shards_advanced_after_the_commit(any_store: Store) -> None:
    heard: list[frozenset[Shard]] = []
    any_store.watch(heard.append)
    await any_store.write(put("quiet"))
    await any_store.write(lambda txn: txn.append(SHARD, b"r"))
    assert heard == [frozenset({SHARD})]


@pytest.mark.rule("STO-8")
async def test_a_read_is_of_one_moment_also_when_it_is_long(any_store: Store) -> None:
    await any_store.write(put("a", b"0"))

    async def writer() -> None:
        for n in range(60):

            def both(txn: Transaction, value: bytes = b"%d" % n) -> None:
                put("a", value)(txn)
                put("z", value)(txn)

            await any_store.write(both)

    def pair(view: Snapshot) -> tuple[bytes | None, bytes | None]:
        return view.get(Space.ITEM, keys.encode(("a",))), view.get(Space.ITEM, keys.encode(("z",)))

    await any_store.write(put("z", b"0"))
    async with asyncio.TaskGroup() as group:
        task = group.create_task(writer())
        while not task.done():
            for long in (False, True):
                first, last = await any_store.read(pair, long=long)
                assert first == last
                await asyncio.sleep(0)


@pytest.mark.rule("STO-9")
async def test_a_closed_store_commits_what_waited_and_refuses_what_comes(opener: Opener) -> None:
    store = opener()
    waiting = asyncio.gather(*[store.write(put(f"k{n}")) for n in range(10)])
    await asyncio.sleep(0)
    await store.close()
    assert len(await waiting) == 10
    with pytest.raises(StoreClosed):
        await store.write(put("late"))


async def test_scans_are_in_key_order_bounded_and_go_both_ways(any_store: Store) -> None:
    names = [f"{n:03d}" for n in range(700)]
    random.Random(7).shuffle(names)

    def all_at_once(txn: Transaction) -> None:
        for name in names:
            put(name, name.encode())(txn)

    await any_store.write(all_at_once)
    low, high = keys.encode(("100",)), keys.encode(("200",))
    forth = await any_store.read(lambda view: view.scan(Space.ITEM, low, high, limit=5))
    back = await any_store.read(lambda view: view.scan(Space.ITEM, low, high, limit=5, reverse=True))
    assert [value for _, value in forth] == [b"100", b"101", b"102", b"103", b"104"]
    assert [value for _, value in back] == [b"199", b"198", b"197", b"196", b"195"]


async def test_a_cancelled_writer_harms_no_one(any_store: Store) -> None:
    doomed = asyncio.ensure_future(any_store.write(put("doomed")))
    other = asyncio.ensure_future(any_store.write(put("other")))
    await asyncio.sleep(0)
    doomed.cancel()
    await other
    assert await get(any_store, "other") == b"v"


@pytest.mark.rule("STO-10")
async def test_a_full_queue_refuses_by_name() -> None:
    store = MemoryStore(settings=StoreSettings(queue_bodies_max=3))
    waiting = [asyncio.ensure_future(store.write(put(f"k{n}"))) for n in range(5)]
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes[3:]] == [StoreBusy, StoreBusy]
    assert await get(store, "k2") == b"v"
    await store.close()
