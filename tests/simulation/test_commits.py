"""Commits, lost wake-ups, and crashes between commit and publication: whole servers' lives in virtual time.

`make simulate` sweeps many more seeds: SYNCLINE_SIMULATION_SEEDS=20000.
"""

import os

import pytest

from simulation import invariants
from simulation.loop import Stuck, simulate
from simulation.world import World

SEEDS = int(os.environ.get("SYNCLINE_SIMULATION_SEEDS", "60"))


def live(seed: int) -> World:
    world = World(seed)
    simulate(world.run(lives=6, life_seconds=1.5))
    return world


@pytest.mark.timeout(0)
def test_every_invariant_holds_for_every_seed() -> None:
    crashes = acknowledged = repeated = unheard = 0
    for seed in range(SEEDS):
        world = live(seed)
        for invariant in invariants.ALL:
            try:
                invariant(world)
            except AssertionError as broken:
                raise AssertionError(f"seed {seed} breaks {invariant.__name__}: {broken}") from broken
        crashes += world.history.crashes
        acknowledged += len(world.history.acknowledged)
        repeated += len(world.history.published) - len(set(world.history.published))
        unheard += len(invariants.items_on(world)) - len(world.history.acknowledged)
    # The faults did happen: publications repeated after a crash, commits whose caller never heard.
    assert crashes >= SEEDS * 6
    assert acknowledged > SEEDS * 50
    assert repeated > 0
    assert unheard > 0


def test_a_run_is_a_function_of_its_seed() -> None:
    assert live(3).history == live(3).history
    assert live(3).history != live(4).history


def test_a_world_in_which_all_wait_for_ever_is_named_stuck() -> None:
    import asyncio

    async def deadlock() -> None:
        await asyncio.Event().wait()

    with pytest.raises(Stuck):
        simulate(deadlock())


def test_virtual_hours_cost_no_time() -> None:
    import asyncio
    import time

    before = time.perf_counter()
    simulate(asyncio.sleep(24 * 3600))
    assert time.perf_counter() - before < 5
