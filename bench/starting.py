"""From the command to the first answer, and what a server takes that serves nobody yet: `run.py startup`."""

from __future__ import annotations

import shutil
import statistics
import tempfile
import time
from pathlib import Path

from processes import syncline
from rows import Row


def rows(quick: bool) -> list[Row]:
    """From the command to the ready line, and the memory of a server that has served nothing yet."""
    folder = Path(tempfile.mkdtemp(prefix="syncline-bench-"))
    ready, resident = [], []
    try:
        for _ in range(4 if quick else 8):
            with syncline(folder) as running:
                ready.append(running.ready_s)
                time.sleep(1)
                resident.append(running.resident_mb)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    again, memory = statistics.median(ready[1:]), statistics.median(resident)
    return [
        Row("start to ready, data already there", f"{again:.2f} s", "≤ 0.8 s", again <= 0.8),
        Row("start to ready, first start", f"{ready[0]:.2f} s"),
        Row("resident at rest", f"{memory:.0f} MB", "≤ 90 MB", memory <= 90),
    ]
