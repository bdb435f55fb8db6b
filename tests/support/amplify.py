"""Subscribed clients in processes of their own: the real aws-amplify (clients/node/cuts.js), and ours in Python."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

from support.events import EventApi
from support.notes import Notes

NODE = Path(__file__).parent.parent / "clients" / "node"
SUBSCRIPTIONS = 3


class Follower:
    """A client with `SUBSCRIPTIONS` subscriptions on one socket, and what it said."""

    def __init__(self, command: Sequence[str], environment: dict[str, str] | None = None) -> None:
        self.acknowledged = 0
        self.heard: dict[int, list[int]] = defaultdict(list)
        self.other: list[str] = []
        self.states: list[str] = []
        """Those of aws-amplify's connection."""
        self._process = subprocess.Popen(
            command,
            cwd=NODE,
            env={**os.environ, **(environment or {})},
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
            elif "state" in said:
                self.states.append(said["state"])
            else:
                self.other.append(line)

    def heard_after(self, text: int) -> bool:
        """Has every subscription heard something later than `text`?"""
        return len(self.heard) == SUBSCRIPTIONS and all(heard[-1] > text for heard in self.heard.values())

    def has_heard(self, text: int) -> bool:
        """Is that the last that every subscription heard?"""
        return len(self.heard) == SUBSCRIPTIONS and all(heard[-1] == text for heard in self.heard.values())

    @property
    def said(self) -> tuple[list[str], list[str]]:
        """What it last said of itself."""
        return self.states[-4:], self.other[-4:]

    def end(self) -> None:
        self._process.kill()
        self._process.wait()


class Amplify(Follower):
    """The real aws-amplify, `stock` or `mended`, over sockets of the package `ws`, `plain` ones, or `native` ones."""

    def __init__(
        self,
        api: Notes | EventApi,
        endpoint: str,
        which: str,
        sockets: str = "ws",
        *,
        inside: Callable[..., list[str]] = lambda *command: list(command),
    ) -> None:
        node = ["node", *(["--experimental-websocket"] if sockets == "native" else [])]
        words = [endpoint, api.key, str(SUBSCRIPTIONS), which, kind_of(api), sockets]
        trust = {"NODE_EXTRA_CA_CERTS": api.server.environment()["SYNCLINE_CA"]}
        super().__init__(inside(*node, "cuts.js", *words), trust)


class PythonClient(Follower):
    """`syncline.client` (tests/support/follow.py)."""

    def __init__(
        self,
        api: Notes | EventApi,
        endpoint: str,
        *,
        inside: Callable[..., list[str]] = lambda *command: list(command),
    ) -> None:
        script = str(Path(__file__).with_name("follow.py"))
        words = [endpoint, api.key, str(SUBSCRIPTIONS), kind_of(api), api.server.environment()["SYNCLINE_CA"]]
        super().__init__(inside(sys.executable, script, *words))


def kind_of(api: Notes | EventApi) -> str:
    return "events" if isinstance(api, EventApi) else "graphql"
