"""The Autobahn fuzzing client against the real edge with a dialect that echoes.

The suite runs on Python 2.7 alone: `make autobahn` installs it. By default the cases of frames, fragments and closing
run, and some of every other chapter; SYNCLINE_AUTOBAHN=1 runs the whole suite, which takes a quarter of an hour.
"""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from support.echo import echoing

SUITE = Path(__file__).parents[2] / ".autobahn"
START = "import site, sys; site.addsitedir(sys.argv.pop(1)); from autobahntestsuite.wstest import run; run()"
WHOLE = os.environ.get("SYNCLINE_AUTOBAHN") == "1"
SOME = ["1.*", "2.*", "3.*", "4.*", "5.*", "6.1.*", "6.2.*", "6.3.*", "7.*", "9.1.1", "9.2.1", "10.*"]
COMPRESSED = [
    f"{chapter}.{part}.{case}"
    for chapter, parts in ((12, 5), (13, 7))
    for part in range(1, parts + 1)
    for case in (1, 3)
]
SECONDS_MAX = 5400 if WHOLE else 120

pytestmark = [
    pytest.mark.skipif(not (SUITE / "python").exists(), reason="no Python 2.7 with autobahntestsuite: make autobahn"),
    pytest.mark.timeout(SECONDS_MAX + 60),
]


async def fuzzed(folder: Path, cases: list[str]) -> dict[str, Any]:
    """What the fuzzing client says of each case."""
    async with echoing() as port:
        asked = folder / "asked.json"
        server = {"agent": "syncline", "url": f"ws://127.0.0.1:{port}"}
        asked.write_text(json.dumps({"outdir": str(folder), "servers": [server], "cases": cases, "exclude-cases": []}))
        line = [str(SUITE / "python"), "-c", START, str(SUITE / "lib"), "-m", "fuzzingclient", "-s", str(asked)]
        with (folder / "log").open("wb") as log:
            client = await asyncio.create_subprocess_exec(*line, stdout=log, stderr=log)
            try:
                await asyncio.wait_for(client.wait(), SECONDS_MAX)
            finally:
                if client.returncode is None:
                    client.kill()
                    await client.wait()
    assert (folder / "index.json").exists(), (folder / "log").read_text()[-2000:]
    found: dict[str, Any] = json.loads((folder / "index.json").read_text())["syncline"]
    return found


@pytest.mark.rule("EDG-16")
@pytest.mark.rule("EDG-26")
async def test_the_fuzzing_client_finds_nothing(tmp_path: Path) -> None:
    found = await fuzzed(tmp_path, ["*"] if WHOLE else [*SOME, *COMPRESSED])
    print(f"{len(found)} cases:", dict(Counter(case["behavior"] for case in found.values())))
    good = {"OK", "NON-STRICT", "INFORMATIONAL"}
    odd = {name: case for name, case in found.items() if not {case["behavior"], case["behaviorClose"]} <= good}
    assert odd == {}
    assert len(found) > (500 if WHOLE else 120)
