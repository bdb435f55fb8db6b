"""The `syncline` command.

For: people and scripts. Owns: what each sub-command takes and prints. Never: builds a room (`app.server` does).
"""

from __future__ import annotations

import click

from syncline import __version__


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="syncline")
def main() -> None:
    """Syncline: a self-hosted real-time data sync server that speaks AWS AppSync."""
