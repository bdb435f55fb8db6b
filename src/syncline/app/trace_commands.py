"""`syncline trace`: what went wrong in requests to GraphQL APIs, from a running server.

Owns: what the commands print.
"""

from __future__ import annotations

import sys
from datetime import datetime
from typing import Any

import click
import msgspec

from syncline.core import SynclineError, json, load_settings

DATA = click.option("--data", metavar="DIR", help="The server's data folder.  [default: ./.syncline]")


@click.group()
def trace() -> None:
    """Look at requests that failed, and ask them again.

    The setting traces.mode says whether others are kept, too.
    A trace tells which resolver failed, in which line, and what it knew.
    """


@trace.command("list")
@DATA
@click.option("--api", metavar="ID", help="Of this API only.")
def list_traces(data: str | None, api: str | None) -> None:
    """List the latest traces, the newest first."""
    found = _ask(data, "GET", "traces", f"api={api}" if api else "")["traces"]
    for each in found:
        at = datetime.fromtimestamp(each["at"]).astimezone().strftime("%H:%M:%S")
        resolver = each["resolver"] or "–"
        click.echo(
            f"{each['id']}  {at}  {each['api']}  {resolver}  {each['durationMs']:.1f} ms  {each['message'][:200]}"
        )
    if not found:
        click.echo(
            "No request has left a trace since the server started: the setting traces.mode says which ones do.",
            err=True,
        )


@trace.command()
@DATA
@click.argument("trace_id")
def show(data: str | None, trace_id: str) -> None:
    """Show everything that is known of one failed request, as JSON; secrets are left out."""
    _print(_ask(data, "GET", f"traces/{trace_id}"))


@trace.command()
@DATA
@click.option("--mutations", is_flag=True, help="Ask a mutation again, too: it changes data again.")
@click.argument("trace_id")
def replay(data: str | None, mutations: bool, trace_id: str) -> None:
    """Ask again what failed, as the same caller, of the API as it is now."""
    _print(_ask(data, "POST", f"traces/{trace_id}/replay", "mutations=1" if mutations else ""))


def _print(answer: Any) -> None:
    click.echo(msgspec.json.format(json.encode(answer), indent=2).decode())


def _ask(data: str | None, method: str, path: str, query: str = "") -> Any:
    from syncline.app.admin_client import ask

    try:
        return ask(load_settings({"data": data})[0], method, path, query)
    except SynclineError as refusal:
        click.echo(f"syncline: {refusal.message}", err=True)
        sys.exit(1)
