"""Backup and restore: a data folder as one tar file.

For: the command line. Owns: what is in the file. It works on the folder, beside a running server or without one: SQLite
lets a second process read one moment while the server writes, so nothing passes through the server.

Function code is named by its content and never changes; what is there before the database is copied and what came
meanwhile are both taken, so whatever the database speaks of is in the file.
"""

from __future__ import annotations

import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from syncline.core import Conflict, Invalid, NotFound
from syncline.store import copy_database, verify_database

DATABASE = "syncline.db"
LEFT_OUT = frozenset(
    (
        DATABASE,
        DATABASE + "-wal",
        DATABASE + "-shm",
        DATABASE + ".new",
        "lock",
        "lock-journal",
        "position",
        "server.json",
    )
)
"""What belongs to a running server, or is copied in another way."""


class NothingToBackUp(NotFound):
    """There is no data directory at {folder}: name one with --data."""


class FileExists(Conflict):
    """{path} is there already: name a file that is not."""


class FolderNotEmpty(Conflict):
    """{folder} is not empty: restore into a new data directory (--data), then start the server on that."""


class NoBackup(Invalid):
    """{path} is no backup of Syncline's: {reason}."""


def back_up(folder: Path, file: Path) -> int:
    """Write the folder to the new tar `file`, gzipped if its name ends so; returns its size. For its owner's eyes."""
    if not (folder / DATABASE).exists():
        raise NothingToBackUp(folder=folder)
    if file.exists():
        raise FileExists(path=file)
    unfinished = file.with_name(file.name + ".unfinished")
    with (
        tempfile.TemporaryDirectory(dir=file.parent, prefix=".syncline-backup-") as scratch,
        open(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as target,
    ):
        with tarfile.open(fileobj=target, mode="w:gz" if file.suffix in (".gz", ".tgz") else "w") as tar:
            taken = _add(tar, folder, frozenset())
            copy_database(folder, Path(scratch) / DATABASE)
            tar.add(Path(scratch) / DATABASE, DATABASE)
            _add(tar, folder, taken)
        target.flush()
        os.fsync(target.fileno())
    os.replace(unfinished, file)
    return file.stat().st_size


def restore(file: Path, folder: Path) -> None:
    """Make the data directory `folder`, absent or empty before, from a backup: all of it, or nothing."""
    if folder.exists() and any(folder.iterdir()):
        raise FolderNotEmpty(folder=folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    aside = Path(tempfile.mkdtemp(dir=folder.parent, prefix=".syncline-restore-"))
    try:
        _extract(file, aside)
        verify_database(aside / DATABASE)
        if folder.exists():
            folder.rmdir()
        aside.rename(folder)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _add(tar: tarfile.TarFile, folder: Path, taken: frozenset[str]) -> frozenset[str]:
    """Add every file that is not taken yet, and return the names of all."""
    names = [name for name in _files(folder) if name not in taken]
    for name in names:
        try:
            tar.add(folder / name, name)
        except FileNotFoundError:  # A function deleted this moment.
            continue
    return taken | frozenset(names)


def _files(folder: Path) -> Iterator[str]:
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_file() and name not in LEFT_OUT:
            yield name


def _extract(file: Path, folder: Path) -> None:
    try:
        with tarfile.open(file) as tar:
            for member in tar:
                name = PurePosixPath(member.name)
                if not member.isfile() or name.is_absolute() or ".." in name.parts:
                    raise NoBackup(path=file, reason=f"it holds {member.name}, which is not a file within it")
                source = tar.extractfile(member)
                assert source is not None, "a regular file has contents"
                target = folder / name
                target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                with open(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, member.mode & 0o700), "wb") as out:
                    shutil.copyfileobj(source, out)
    except (tarfile.TarError, EOFError, OSError) as failure:
        raise NoBackup(path=file, reason=str(failure)) from failure
    if not (folder / DATABASE).exists():
        raise NoBackup(path=file, reason=f"it holds no {DATABASE}")
