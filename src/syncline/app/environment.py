"""What AWS clients need to know of a server: printed by `syncline env`, noted by the server when it is ready.

For: the command line. Owns: `<data>/server.json`, the note of the server that runs, or ran last.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import msgspec

from syncline.account import load_root_key
from syncline.core import NotFound, Settings, SystemClock, SystemIds, json


class NoDataFolder(NotFound):
    """There is no data directory at {folder}: start a server on it first, or name another with --data."""


class Running(msgspec.Struct, frozen=True):
    """A server that is ready."""

    url: str
    port: int
    pid: int
    mode: str


def note_running(folder: Path, running: Running) -> None:
    """Leave word of the server for `syncline env`."""
    aside = folder / "server.json.new"
    aside.write_bytes(json.encode(running) + b"\n")
    os.replace(aside, folder / "server.json")


def export_lines(settings: Settings) -> list[str]:
    """Shell lines that point AWS clients at the server of this data folder. Makes the root key if there is none."""
    return [f"export {name}={shlex.quote(value)}" for name, value in exported(settings).items()]


def exported(settings: Settings) -> dict[str, str]:
    """The variables that point AWS clients at the server of this data folder. Makes the root key if there is none.

    Raises NoDataFolder.
    """
    folder = Path(settings.data)
    if not folder.is_dir():
        raise NoDataFolder(folder=folder)
    key = load_root_key(folder / "credentials.json", ids=SystemIds(), clock=SystemClock())
    return {
        "AWS_ENDPOINT_URL": _url(folder, settings),
        "AWS_ACCESS_KEY_ID": key.access_key_id,
        "AWS_SECRET_ACCESS_KEY": key.secret_access_key,
        "AWS_DEFAULT_REGION": settings.region,
        "SYNCLINE_CA": str((folder / "tls" / "ca.pem").resolve()),
    }


def _url(folder: Path, settings: Settings) -> str:
    try:
        return msgspec.json.decode((folder / "server.json").read_bytes(), type=Running).url
    except FileNotFoundError:
        return f"http://localhost:{settings.port}"
