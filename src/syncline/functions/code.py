"""Function code: zips by the hash of their content, unpacked beside them.

For: the catalog, which stores; environments, which run what is unpacked.
Owns: the folder of blobs. Never: trusts a zip's names or sizes.
"""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import shutil
import stat
import zipfile
from pathlib import Path, PurePosixPath

from syncline.functions.errors import CodeTooLarge, NotBuilt, ParameterInvalid

ZIP_BYTES_MAX = 52_428_800
UNPACKED_BYTES_MAX = 262_144_000
ENTRIES_MAX = 50_000
"""Files in a zip: AWS names no limit; this one keeps a small zip from making millions of files."""

UNREADABLE = "Could not unzip uploaded file. Please check your file, then try to upload again."


class CodeStore:
    """The folder of code. A zip is kept as `<sha256>.zip` and unpacked as `<sha256>/`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._one = asyncio.Lock()

    async def save(self, content: bytes) -> str:
        """Keep and unpack a zip; return its SHA-256 in hexadecimal. Raises when it is none, unsafe or too large."""
        if len(content) > ZIP_BYTES_MAX:
            raise CodeTooLarge(limit=ZIP_BYTES_MAX)
        async with self._one:
            return await asyncio.to_thread(self._save, content)

    async def unpacked(self, sha256: str) -> Path:
        """The folder of the code, unpacked again when it is not there."""
        folder = self._folder / sha256
        if not folder.is_dir():
            async with self._one:
                await asyncio.to_thread(self._unpack, sha256)
        return folder

    def zip_path(self, sha256: str) -> Path:
        """Where the zip is kept, if it is."""
        return self._folder / f"{sha256}.zip"

    async def keep(self, used: set[str]) -> None:
        """Delete all code but what is used: what an update left because it still ran when it was replaced."""
        if self._folder.is_dir():
            for sha256 in {path.name.split(".")[0] for path in self._folder.iterdir()} - used:
                await self.forget(sha256)

    async def forget(self, sha256: str) -> None:
        """Delete code that no function uses any more."""
        (self._folder / f"{sha256}.zip").unlink(missing_ok=True)
        await asyncio.to_thread(shutil.rmtree, self._folder / sha256, ignore_errors=True)

    def _save(self, content: bytes) -> str:
        check_zip(content)
        sha256 = hashlib.sha256(content).hexdigest()
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{sha256}.zip"
        if not path.exists():
            fresh = path.with_suffix(".new")
            with fresh.open("wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(path)
        self._unpack(sha256)
        return sha256

    def _unpack(self, sha256: str) -> None:
        target, fresh = self._folder / sha256, self._folder / f"{sha256}.unpacking"
        if target.is_dir():
            return
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(parents=True)
        try:
            with zipfile.ZipFile(self._folder / f"{sha256}.zip") as archive:
                for entry in archive.infolist():
                    _extract(archive, entry, fresh)
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError, EOFError) as mistake:
            shutil.rmtree(fresh, ignore_errors=True)
            (self._folder / f"{sha256}.zip").unlink(missing_ok=True)
            raise ParameterInvalid(UNREADABLE) from mistake
        fresh.replace(target)


def check_zip(content: bytes) -> None:
    """Raise unless `content` is a zip that may be unpacked: no paths that leave it, no links, not too much."""
    try:
        entries = zipfile.ZipFile(io.BytesIO(content)).infolist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError, OSError) as mistake:
        raise ParameterInvalid(UNREADABLE) from mistake
    if not entries:
        raise ParameterInvalid("Uploaded file must be a non-empty zip")
    if len(entries) > ENTRIES_MAX:
        raise ParameterInvalid(f"The zip holds {len(entries)} files; the limit is {ENTRIES_MAX}.")
    if sum(entry.file_size for entry in entries) > UNPACKED_BYTES_MAX:
        raise ParameterInvalid(f"Unzipped size must be smaller than {UNPACKED_BYTES_MAX} bytes")
    for entry in entries:
        path = PurePosixPath(entry.filename.replace("\\", "/"))
        if path.is_absolute() or ".." in path.parts or "\x00" in entry.filename:
            raise ParameterInvalid(UNREADABLE)
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise NotBuilt(what=f"A symbolic link in the zip ({entry.filename})")


def _extract(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, folder: Path) -> None:
    path = folder / entry.filename.replace("\\", "/")
    if entry.is_dir():
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(entry) as source, path.open("wb") as target:
        shutil.copyfileobj(source, target, 1024 * 1024)
    mode = entry.external_attr >> 16 & 0o777
    path.chmod((mode or 0o644) | 0o444)
