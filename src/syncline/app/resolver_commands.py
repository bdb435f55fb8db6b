"""`syncline resolvers`: resolvers tried out without a server.

Owns: what the commands print.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import click

from syncline.core import SynclineError


@click.group()
def resolvers() -> None:
    """Try resolvers out, without a server."""


@resolvers.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def test(folder: Path) -> None:
    """Run every case under FOLDER: a folder each, with ctx.json, expected.json and a .vtl, .js or .py handler."""
    from syncline.resolvers import case_folders

    found = list(case_folders(folder))
    failed = sum(not _passes(each, folder) for each in found)
    if not found:
        click.echo(f"syncline: no case under {folder}: a case has ctx.json and expected.json", err=True)
    else:
        click.echo(f"{len(found) - failed} passed, {failed} failed")
    sys.exit(1 if failed or not found else 0)


def _passes(case: Path, root: Path) -> bool:
    """Run one case and say how it went."""
    from syncline.resolvers import read_case, run_case

    try:
        lines = asyncio.run(run_case(read_case(case)))
    except SynclineError as refusal:
        lines = [refusal.message]
    click.echo(f"{'FAILED' if lines else 'passed'} {case.relative_to(root)}")
    for line in lines:
        click.echo(f"    {line}")
    return not lines
