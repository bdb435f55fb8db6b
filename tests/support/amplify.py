"""The real aws-amplify in a process of its own, subscribed (tests/clients/node/cuts.js)."""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections import defaultdict
from pathlib import Path

from support.events import EventApi
from support.notes import Notes

NODE = Path(__file__).parent.parent / "clients" / "node"
SUBSCRIPTIONS = 3


class Amplify:
    """The script `cuts.js`, and what it said."""

    def __init__(self, notes: Notes | EventApi, port: int, which: str) -> None:
        kind = "events" if isinstance(notes, EventApi) else "graphql"
        endpoint = notes.url.replace("127.0.0.1", "localhost").replace(str(notes.server.port), str(port))
        trust = {"NODE_EXTRA_CA_CERTS": notes.server.environment()["SYNCLINE_CA"]}
        self.acknowledged = 0
        self.heard: dict[int, list[int]] = defaultdict(list)
        self.other: list[str] = []
        self._process = subprocess.Popen(
            ["node", "cuts.js", endpoint, notes.key, str(SUBSCRIPTIONS), which, kind],
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

    def heard_after(self, text: int) -> bool:
        """Has every subscription heard something later than `text`?"""
        return len(self.heard) == SUBSCRIPTIONS and all(heard[-1] > text for heard in self.heard.values())

    def end(self) -> None:
        self._process.kill()
        self._process.wait()
