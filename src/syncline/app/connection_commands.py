"""`syncline connections`: who is connected to a running server.

Owns: what the command prints.
"""

from __future__ import annotations

import sys
from datetime import datetime

import click

from syncline.app.admin_client import ask
from syncline.core import SynclineError, json, load_settings


@click.command()
@click.option("--data", metavar="DIR", help="The server's data folder.  [default: ./.syncline]")
@click.option("--api", metavar="ID", help="Of this API only.")
@click.option("--json", "whole", is_flag=True, help="Everything, as JSON: queries, variables, filters.")
def connections(data: str | None, api: str | None, whole: bool) -> None:
    """List who is connected, and to what.

    Peer, since when, what waits for it, its subscriptions and how far each has got.
    """
    try:
        found = ask(load_settings({"data": data})[0], "GET", "connections", f"api={api}" if api else "")["connections"]
    except SynclineError as refusal:
        click.echo(f"syncline: {refusal.message}", err=True)
        sys.exit(1)
    if whole:
        click.echo(json.encode(found))
        return
    for each in found:
        since = datetime.fromtimestamp(each["since"]).astimezone().strftime("%H:%M:%S")
        trip = "–" if each["roundTripMs"] is None else f"{each['roundTripMs']:.1f} ms"
        click.echo(f"{each['api']}  {each['peer']}  since {since}  {each['pendingBytes']} bytes waiting  {trip}")
        for one in each["subscriptions"]:
            reached = "?" if one["reached"] is None else one["reached"]
            what, newest = one.get("field") or one["channel"], one.get("position", each["position"])
            click.echo(f"  {what}  {one['id']}  {one['mode']}  at {reached} of {newest}")
    if not found:
        click.echo("Nobody is connected.", err=True)
