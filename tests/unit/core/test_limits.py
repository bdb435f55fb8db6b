"""The shared time limit: what is over ends with TimeoutError, what is not is left alone."""

import asyncio

import pytest

from simulation.loop import simulate
from syncline.core import TimeLimit


def test_work_over_the_limit_ends_and_work_within_it_does_not() -> None:
    async def world() -> list[str]:
        limit = TimeLimit(30)
        told: list[str] = []

        async def work(name: str, start: float, seconds: float) -> None:
            await asyncio.sleep(start)
            try:
                await limit.run(asyncio.sleep(seconds))
                told.append(f"{name} done")
            except TimeoutError:
                told.append(f"{name} over at {asyncio.get_running_loop().time():.0f}")

        await asyncio.gather(
            work("a", 0, 10), work("b", 1, 100), work("c", 2, 25), work("d", 20, 100), work("e", 90, 1)
        )
        return told

    assert simulate(world()) == ["a done", "c done", "b over at 31", "d over at 50", "e done"]


def test_a_cancellation_from_outside_stays_one() -> None:
    async def world() -> None:
        limit = TimeLimit(30)

        async def work() -> None:
            await limit.run(asyncio.sleep(1000))

        task = asyncio.ensure_future(work())
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    simulate(world())


def test_work_that_is_run_under_the_limit_is_the_same_work() -> None:
    async def world() -> list[str]:
        limit = TimeLimit(30)
        told: list[str] = []

        async def work(seconds: float) -> str:
            try:
                for _ in range(3):
                    await asyncio.sleep(seconds)
            except asyncio.CancelledError:
                told.append(f"ended in {seconds:g}")
                raise
            return f"done {seconds:g}"

        async def at_once() -> str:
            return "at once"

        told.append(await limit.run(at_once()))
        told.append(await limit.run(work(2)))
        with pytest.raises(TimeoutError):
            await limit.run(work(20))
        with pytest.raises(ZeroDivisionError):
            await limit.run(failing())
        task = asyncio.ensure_future(limit.run(work(7)))
        await asyncio.sleep(1)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        return told

    async def failing() -> None:
        await asyncio.sleep(1)
        raise ZeroDivisionError

    assert simulate(world()) == ["at once", "done 2", "ended in 20", "ended in 7"]
