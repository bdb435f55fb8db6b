"""A pytest plugin: every folder with `ctx.json` and `expected.json` is a test.

For: projects that keep their resolvers' cases beside their other tests. Owns: how a case is shown in pytest.
It is found by itself where Syncline is installed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """A case's folder is collected by its context."""
    if file_path.name != "ctx.json" or not (file_path.parent / "expected.json").is_file():
        return None
    return CaseFile.from_parent(parent, path=file_path)


class CaseFile(pytest.File):
    """The folder of one case."""

    def collect(self) -> Iterator[pytest.Item]:
        yield CaseItem.from_parent(self, name=self.path.parent.name)


class CaseDiffers(Exception):
    """The handler gave something else."""


class CaseItem(pytest.Item):
    """One case as a test."""

    def runtest(self) -> None:
        from syncline.resolvers import read_case, run_case

        lines = asyncio.run(run_case(read_case(self.path.parent)))
        if lines:
            raise CaseDiffers("\n".join(lines))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        return str(excinfo.value)

    def reportinfo(self) -> tuple[Path, int, str]:
        return self.path.parent, 0, f"case {self.name}"
