"""A real Syncline server process: started, asked, stopped, killed.

For: tests/clients, tests/crash, tests/browser. Owns: the process. Never: uses but its public face.
"""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from select import select
from tempfile import gettempdir
from typing import Any, TypeVar
from urllib.request import urlopen

import boto3
from botocore.config import Config

T = TypeVar("T")
BIN = Path(sys.executable).parent
AHEAD = Path(__file__).with_name("ahead.py")
READY_SECONDS = 180
"""As long as the process lives it may still get ready: a starved machine takes its time."""
STOP_SECONDS = 10
REGION = "us-east-1"
BYTE_CODE = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(Path(gettempdir()) / "syncline-byte-code")}
"""Where Python is told to keep no byte code, compiling is half of each start: here it is kept, aside."""


class Server:
    """One server process over the data directory `data`. What it writes to stderr goes to `<data>.log`."""

    def __init__(self, data: Path, mode: str = "dev", *, settings: Mapping[str, str] | None = None) -> None:
        self.data = data
        self.mode = mode
        self.log = data.with_name(data.name + ".log")
        self.url = ""
        self.port = 0
        self._settings = dict(settings or {})
        self._environment: dict[str, str] = {}
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *, ahead_seconds: float = 0) -> Server:
        """Start the process, its clock ahead by so much, and wait for its ready line."""
        program = [sys.executable, str(AHEAD), str(ahead_seconds)] if ahead_seconds else syncline()
        command = [*program, self.mode, "--data", str(self.data), "--port", str(self.port)]
        environment = {**os.environ, **(BYTE_CODE if sys.dont_write_bytecode else {}), **self._settings}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, env=environment, cwd=self.data.parent
            )
        ready = self._ready_line()
        self.url, self.port = ready["url"], ready["port"]
        self._environment = {}
        return self

    @property
    def pid(self) -> int:
        """The process's id."""
        assert self._process is not None, "the server was started"
        return self._process.pid

    @property
    def running(self) -> bool:
        """Whether the process is still there."""
        return self._process is not None and self._process.poll() is None

    def stop(self) -> int:
        """Ask the process to end, as an operator does, and return its exit status."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """End the process at once, as a power cut does."""
        self._end(signal.SIGKILL)

    def events(self) -> list[dict[str, Any]]:
        """The events the server has written so far."""
        lines = self.log.read_text(errors="replace").splitlines()
        return [json.loads(line) for line in lines if line.startswith("{")]

    def said(self, *about: str) -> str:
        """The last of the events that are about one of these, to be shown where a test fails."""
        return "\n".join(map(json.dumps, [each for each in self.events() if each["event"] in about][-30:]))

    def environment(self) -> dict[str, str]:
        """What `syncline env` exports."""
        if not self._environment:
            command = [*syncline(), "env", "--data", str(self.data)]
            shown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout
            words = [word for word in shlex.split(shown, comments=True) if "=" in word]
            self._environment = dict(word.partition("=")[::2] for word in words)
        return self._environment

    def client(self, service: str, *, key: str = "any", secret: str = "any", token: str | None = None) -> Any:
        """A boto3 client that never retries: what the server answers is what the test sees."""
        return boto3.client(
            service,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=Config(retries={"total_max_attempts": 1}, read_timeout=40),
        )

    def root(self, service: str) -> Any:
        """A client that signs with the server's root key."""
        exported = self.environment()
        return self.client(service, key=exported["AWS_ACCESS_KEY_ID"], secret=exported["AWS_SECRET_ACCESS_KEY"])

    def get(self, path: str) -> bytes:
        """The body of a GET."""
        with urlopen(self.url + path, timeout=10) as response:
            body: bytes = response.read()
        return body

    def _ready_line(self) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            readable, _, _ = select([self._process.stdout], [], [], 0.2)
            if readable:
                line = self._process.stdout.readline()
                if line.startswith(b"{"):
                    ready: dict[str, Any] = json.loads(line)
                    assert ready["event"] == "ready", ready
                    return ready
                if line:
                    continue
            if self._process.poll() is not None:
                break
        raise AssertionError(f"the server did not get ready:\n{self.log.read_text()[-4000:]}")

    def _end(self, how: signal.Signals) -> int:
        assert self._process is not None, "the server was started"
        if self._process.poll() is None:
            self._process.send_signal(how)
        try:
            status = self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
            raise AssertionError(f"the server did not stop:\n{self.log.read_text()[-4000:]}") from None
        assert self._process.stdout is not None
        self._process.stdout.close()
        return status


def syncline() -> list[str]:
    """The command: the installed script, or the package where only that is."""
    script = BIN / "syncline"
    return [str(script)] if script.exists() else [sys.executable, "-m", "syncline"]


def eventually(ask: Callable[[], T], *, seconds: float = 15, every: float = 0.05) -> T:
    """The first true answer of `ask`; fails with the last one when none comes in time."""
    deadline = time.monotonic() + seconds
    while True:
        answer = ask()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"still {answer!r} after {seconds} s"
        time.sleep(every)
