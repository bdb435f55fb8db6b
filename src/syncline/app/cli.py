"""The `syncline` command.

For: people and scripts. Owns: what each sub-command takes and prints. Never: builds a room (`app.rooms` does).

What starts a server is imported late, so that `--help`, `env` and `config` answer at once.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from syncline import __version__
from syncline.app.connection_commands import connections
from syncline.app.function_commands import functions
from syncline.app.resolver_commands import resolvers
from syncline.app.trace_commands import trace
from syncline.core import Settings, SynclineError, json, load_settings

Command = TypeVar("Command", bound=Callable[..., None])

PORT = click.IntRange(0, 65_535)
DATA = click.option("--data", metavar="DIR", help="Where everything is kept.  [default: ./.syncline]")


def listening(command: Command) -> Command:
    """The options of whatever serves."""
    options = [
        DATA,
        click.option("--host", metavar="ADDRESS", help="The address to listen on.  [default: 127.0.0.1]"),
        click.option("--port", type=PORT, metavar="N", help="The port; 0 takes any free one.  [default: 4000]"),
        click.option("--tls-cert", metavar="FILE", help="Your certificate (PEM), instead of the development one."),
        click.option("--tls-key", metavar="FILE", help="Its key (PEM)."),
    ]
    for option in reversed(options):
        command = option(command)
    return command


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="syncline", message="%(prog)s %(version)s")
def main() -> None:
    """A self-hosted real-time data sync server that speaks AWS AppSync.

    \b
    Try it:             syncline demo
    Develop against it: syncline dev     then  eval "$(syncline env)"
    Run it:             syncline serve   every signature is verified
    """


@main.command()
@listening
def dev(**flags: Any) -> None:
    """Serve for development: any AWS credentials are accepted.

    Listens on loopback addresses only. `eval "$(syncline env)"` points AWS clients at it.
    """
    _serve({**flags, "mode": "dev"})


@main.command()
@listening
def serve(**flags: Any) -> None:
    """Serve, and verify the signature of every AWS request.

    The first start makes a root access key; `syncline env` shows it.
    """
    _serve({**flags, "mode": "serve"})


@main.command()
@listening
def demo(**flags: Any) -> None:
    """Serve a demonstration: two devices in sync on one page.

    As `dev`, with the data-sync recipe deployed and its page at the server's address.
    """
    _serve({**flags, "mode": "dev"}, demo=True)


@main.command()
@DATA
@click.option("--host", hidden=True)
@click.option("--port", type=int, hidden=True)
def env(**flags: Any) -> None:
    """Print what AWS clients need, for `eval "$(syncline env)"`."""
    from syncline.app.environment import export_lines

    for line in _or_exit(lambda: export_lines(_settings(flags))):
        click.echo(line)


@main.command()
@listening
def config(**flags: Any) -> None:
    """Print every setting, and where its value came from.

    The lines are those of syncline.toml: copy there what you change.
    """
    from syncline.core.settings import setting_names

    settings, sources = _or_exit(lambda: load_settings(flags))
    for name in setting_names():
        section, _, field = name.rpartition(".")
        value = getattr(getattr(settings, section) if section else settings, field)
        if name.endswith("password") and value:
            value = "********"
        click.echo(f"{name} = {json.encode(value).decode()}  # {sources.get(name, 'default')}")


main.add_command(trace)
main.add_command(resolvers)
main.add_command(connections)


@main.group()
def keys() -> None:
    """The master key, which seals the secrets in the store."""


@keys.command()
@DATA
@click.option("--data-key", is_flag=True, help="A new data key instead: every secret is sealed anew, all sign-ins end.")
def rotate(data_key: bool, **flags: Any) -> None:
    """Put a new master key in place of the old. The server must not be running."""
    from syncline.app.maintenance import rotate_keys

    click.echo(_or_exit(lambda: rotate_keys(_settings(flags), data_key=data_key)))


@main.command()
@DATA
@click.argument("file", type=click.Path(path_type=Path))
def backup(file: Path, **flags: Any) -> None:
    """Write everything to a new tar FILE, server running or not."""
    from syncline.app.backup import back_up

    size = _or_exit(lambda: back_up(Path(_settings(flags).data), file))
    click.echo(f"{file}: {size:,} bytes. It holds the root access key: keep it as safe as the original.")


@main.command()
@DATA
@click.argument("file", type=click.Path(path_type=Path, exists=True))
def restore(file: Path, **flags: Any) -> None:
    """Make a new data directory from the backup FILE."""
    from syncline.app.backup import restore

    folder = Path(_settings(flags).data)
    _or_exit(lambda: restore(file, folder))
    click.echo(f"{folder}: restored. Start a server on it: syncline serve --data {folder}")


@main.group()
def tables() -> None:
    """Tables as files of JSON lines."""


ENDPOINT = click.option("--endpoint", metavar="URL", help="Another server than the one of the data directory.")


@tables.command("export")
@DATA
@ENDPOINT
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path))
def export_(name: str, file: Path, endpoint: str | None, **flags: Any) -> None:
    """Write the table NAME to FILE: its definition, then one line per item."""
    from syncline.app import table_files
    from syncline.app.environment import exported

    def run() -> int:
        with file.open("x", encoding="utf-8") as out:
            return table_files.export_table(table_files.client(exported(_settings(flags)), endpoint), name, out)

    click.echo(f"{file}: {_or_exit(run):,} items")


@tables.command("import")
@DATA
@ENDPOINT
@click.argument("name")
@click.argument("file", type=click.Path(path_type=Path, exists=True))
def import_(name: str, file: Path, endpoint: str | None, **flags: Any) -> None:
    """Put every item of FILE into the table NAME, which is made as FILE defines it if there is none."""
    from syncline.app import table_files
    from syncline.app.environment import exported

    def run() -> int:
        return table_files.import_table(table_files.client(exported(_settings(flags)), endpoint), name, file)

    click.echo(f"{name}: {_or_exit(run):,} items")


main.add_command(functions)


def _serve(flags: dict[str, Any], *, demo: bool = False) -> None:
    gc.disable()  # Until the server is ready: what is made till then lives as long as it does.
    from syncline.app.server import serve

    settings = _settings(flags)
    _or_exit(lambda: serve(settings, demo=demo))


def _settings(flags: dict[str, Any]) -> Settings:
    settings, _ = _or_exit(lambda: load_settings(flags))
    return settings


Result = TypeVar("Result")


def _or_exit(action: Callable[[], Result]) -> Result:
    """What cannot be done is said in one sentence, without a trace."""
    try:
        return action()
    except SynclineError as refusal:
        click.echo(f"syncline: {refusal.message}", err=True)
    except OSError as refusal:
        click.echo(f"syncline: {refusal}", err=True)
    sys.exit(1)
