"""The lines of the table that is printed, and the medians in them."""

from __future__ import annotations

import statistics
from typing import Any, NamedTuple


class Row(NamedTuple):
    """One line of the table. `good` is None where no bar is set."""

    what: str
    measured: str
    bar: str = ""
    good: bool | None = None


def medians(runs: list[dict[str, Any]]) -> dict[str, float]:
    """The median of each figure over several runs."""
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}
