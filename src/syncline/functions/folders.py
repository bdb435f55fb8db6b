"""Code in a folder of this machine, run as it is now: for `syncline dev` only.

Owns: what counts as a change of the folder. Never: copies it.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

from syncline.functions.errors import NotBuilt, ParameterInvalid

BUCKET = "hot-reload"
"""The bucket that means a folder, as users of LocalStack know it; the key is the folder's path."""
SKIPPED = {".git", ".hg", ".venv", "__pycache__", "node_modules"}
"""Folders that are not looked into: large, and not what is edited."""
FILES_MAX = 20_000


def folder_of(code: dict[str, Any], *, allowed: bool) -> str:
    """The folder that a `Code` names, or none. Raises when it names one and may not, or there is none."""
    if code.get("S3Bucket") != BUCKET or code.get("ZipFile"):
        return ""
    if not allowed:
        raise NotBuilt(what=f"Code in a folder (S3Bucket {BUCKET}) of a server that is not `syncline dev`")
    path = Path(code.get("S3Key", ""))
    if not path.is_absolute() or not path.is_dir():
        raise ParameterInvalid(f"S3Key is to be the absolute path of a folder on the server's machine, not {path}")
    return str(path)


def sha256_of_path(folder: str) -> str:
    """What stands for the hash of code that has none."""
    return hashlib.sha256(os.fsencode(folder)).hexdigest()


def signature(folder: str) -> str:
    """Text that changes when a file under the folder is written, made, renamed or deleted."""
    found = hashlib.sha256()
    count = 0
    for parent, folders, files in os.walk(folder):
        folders[:] = sorted(set(folders) - SKIPPED)
        for name in sorted(files):
            path = os.path.join(parent, name)
            try:
                status = os.stat(path)
            except OSError:  # deleted meanwhile, or a link to nothing
                continue
            found.update(os.fsencode(f"{path}\0{status.st_mtime_ns}\0{status.st_size}\0"))
            count += 1
        if count > FILES_MAX:
            break
    return found.hexdigest()[:16]
