"""The real aws-amplify whose network fails again and again: it misses nothing and gets nothing twice.

SYNCLINE_CUTS=3000 makes a long run of it. The stock client is cut when its subscriptions are acknowledged; the mended
one (see cuts.js) also in the middle of its handshakes, which the stock one answers by reconnecting no more.
"""

from __future__ import annotations

import json
import os
import random
import subprocess
import threading
import time
from collections import defaultdict
from itertools import pairwise
from pathlib import Path

import pytest

from support.cutting import CuttingProxy
from support.notes import Notes
from support.server import eventually

NODE = Path(__file__).parent / "node"
CUTS = int(os.environ.get("SYNCLINE_CUTS", "20"))
SUBSCRIPTIONS = 3
TELL = "mutation T($id: ID!, $text: String!) { tell(id: $id, text: $text) { id text } }"


class Amplify:
    """The script `cuts.js`, and what it said."""

    def __init__(self, notes: Notes, port: int, which: str) -> None:
        endpoint = notes.url.replace("127.0.0.1", "localhost").replace(str(notes.server.port), str(port))
        trust = {"NODE_EXTRA_CA_CERTS": notes.server.environment()["SYNCLINE_CA"]}
        self.acknowledged = 0
        self.heard: dict[int, list[int]] = defaultdict(list)
        self.other: list[str] = []
        self._process = subprocess.Popen(
            ["node", "cuts.js", endpoint, notes.key, str(SUBSCRIPTIONS), which],
            cwd=NODE,
            env={**os.environ, **trust},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            said = json.loads(line) if line.startswith("{") else {"trace": line}
            if "text" in said:
                self.heard[said["of"]].append(int(said["text"]))
            elif "ack" in said:
                self.acknowledged += 1
            elif "state" not in said:
                self.other.append(line)

    def end(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.mark.rule("GQL-30")
@pytest.mark.rule("EDG-21")
@pytest.mark.parametrize("which", ["stock", "mended"])
@pytest.mark.timeout(60 + CUTS)
def test_amplify_misses_nothing_and_gets_nothing_twice(notes: Notes, which: str) -> None:
    seed = random.randrange(2**32)
    chance, told = random.Random(seed), 0
    with CuttingProxy(notes.server.port) as proxy:
        amplify = Amplify(notes, proxy.port, which)
        try:
            eventually(lambda: amplify.acknowledged == SUBSCRIPTIONS)
            due, expected = time.monotonic(), SUBSCRIPTIONS
            while proxy.cuts < CUTS:
                told += 1
                notes.ask(TELL, id="cuts", text=str(told))
                now = time.monotonic()
                if now >= due and (which == "mended" or amplify.acknowledged == expected):
                    expected = amplify.acknowledged + SUBSCRIPTIONS
                    proxy.lose(chance.choice(["half", "cut", "reset", "stall"]))
                    due = now + chance.uniform(0.02, 0.25)
                assert now < due + 20, f"seed {seed}, {proxy.cuts} cuts: the client does not come back"
            eventually(lambda: [amplify.heard[n][-1:] for n in range(SUBSCRIPTIONS)] == [[told]] * SUBSCRIPTIONS)
        finally:
            amplify.end()
    for n in range(SUBSCRIPTIONS):
        heard = amplify.heard[n]
        odd = [pair for pair in pairwise(heard) if pair[1] != pair[0] + 1]
        assert (odd[:5], heard[0], heard[-1]) == ([], 1, told), f"seed {seed}, {proxy.cuts} cuts"
    assert amplify.other == []
