"""`syncline functions`: read a function's log and invoke it, through public operations of the server that runs.

For: people at a terminal. Owns: what these commands take and print. Never: opens the data folder's store.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from syncline.app.environment import exported
from syncline.core import SynclineError, load_settings

POLL_SECONDS = 0.3
STREAMS_PER_PAGE = 50
DATA = click.option("--data", metavar="DIR", help="The data folder of the server.  [default: ./.syncline]")


@click.group()
def functions() -> None:
    """Read a function's log, or invoke it."""


@functions.command()
@click.argument("name")
@click.option("--follow", "-f", is_flag=True, help="Go on until interrupted.")
@click.option("--since", type=float, default=600.0, metavar="SECONDS", help="How far back.  [default: 600]")
@DATA
def logs(name: str, follow: bool, since: float, data: str | None) -> None:
    """Print what the function NAME has written."""
    with _told():
        lambda_, logs_ = _clients(data, "lambda", "logs")
        group = lambda_.get_function_configuration(FunctionName=name)["LoggingConfig"]["LogGroup"]
        reader = _Reader(logs_, group, int((time.time() - since) * 1000))  # noqa: TID251
        while True:
            for message in reader.new():
                click.echo(message.rstrip("\n"))
            if not follow:
                return
            time.sleep(POLL_SECONDS)


@functions.command()
@click.argument("name")
@click.option("--payload", default="{}", metavar="JSON", help="The event: JSON, @FILE, or - for standard input.")
@click.option("--qualifier", metavar="VERSION", help="A version or an alias.")
@click.option("--asynchronous", is_flag=True, help="Only hand the event over.")
@click.option("--log", is_flag=True, help="Print the end of the invocation's log on standard error.")
@DATA
def invoke(name: str, payload: str, qualifier: str | None, asynchronous: bool, log: bool, data: str | None) -> None:
    """Invoke the function NAME and print its answer; exits with 1 when the function failed."""
    with _told():
        (lambda_,) = _clients(data, "lambda")
        request: dict[str, Any] = {"FunctionName": name, "Payload": _payload(payload)}
        if qualifier:
            request["Qualifier"] = qualifier
        if asynchronous:
            request["InvocationType"] = "Event"
        elif log:
            request["LogType"] = "Tail"
        answer = lambda_.invoke(**request)
        if answer.get("LogResult"):
            import base64

            click.echo(base64.b64decode(answer["LogResult"]).decode("utf-8", "replace").rstrip(), err=True)
        body = answer["Payload"].read().decode("utf-8", "replace")
        if body:
            click.echo(body)
        if answer.get("FunctionError"):
            sys.exit(1)


class _Reader:
    """What is new in a log group, poll after poll. A process writes to a stream of its own, in order."""

    def __init__(self, client: Any, group: str, begin: int) -> None:
        self._client, self._group, self._begin = client, group, begin
        self._tokens: dict[str, str] = {}

    def new(self) -> list[str]:
        """The messages that came since the last call, by their instants."""
        try:
            found = [event for stream in self._written() for event in self._read(stream)]
        except self._client.exceptions.ResourceNotFoundException:
            return []  # nothing was ever written
        return [event["message"] for event in sorted(found, key=lambda event: event["timestamp"])]

    def _written(self) -> Iterator[str]:
        """The streams that may hold something new."""
        pages = self._client.get_paginator("describe_log_streams").paginate(
            logGroupName=self._group, orderBy="LastEventTime", descending=True
        )
        for page in pages:
            for stream in page["logStreams"]:
                if stream.get("lastEventTimestamp", 0) < self._begin:
                    return
                yield stream["logStreamName"]

    def _read(self, stream: str) -> Iterator[dict[str, Any]]:
        place: dict[str, Any] = {"logGroupName": self._group, "logStreamName": stream, "startFromHead": True}
        while True:
            token = self._tokens.get(stream)
            answer = self._client.get_log_events(
                **place, **({"nextToken": token} if token else {"startTime": self._begin})
            )
            self._tokens[stream] = answer["nextForwardToken"]
            yield from answer["events"]
            if not answer["events"]:
                return


def _payload(text: str) -> bytes:
    if text == "-":
        return sys.stdin.buffer.read()
    content = Path(text[1:]).read_bytes() if text.startswith("@") else text.encode()
    try:
        json.loads(content)
    except ValueError as mistake:
        raise click.BadParameter(f"not JSON: {mistake}", param_hint="--payload") from None
    return content


def _clients(data: str | None, *services: str) -> list[Any]:
    # boto3 takes a third of a second to import, which `--help` should not pay.
    import boto3
    from botocore.config import Config

    settings, _ = load_settings({"data": data})
    variables = exported(settings)
    session: Any = boto3.Session(
        aws_access_key_id=variables["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=variables["AWS_SECRET_ACCESS_KEY"],
        region_name=settings.region,
    )
    # A function may run for fifteen minutes; an event is not to be sent twice.
    config = Config(retries={"total_max_attempts": 1}, proxies={}, read_timeout=910)
    return [session.client(service, endpoint_url=variables["AWS_ENDPOINT_URL"], config=config) for service in services]


@contextlib.contextmanager
def _told() -> Iterator[None]:
    """What cannot be done is said in one sentence, without a trace."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except SynclineError as refusal:
        sentence = refusal.message
    except ClientError as refusal:
        sentence = refusal.response["Error"]["Message"]
    except (BotoCoreError, OSError) as refusal:
        sentence = str(refusal)
    except KeyboardInterrupt:
        sys.exit(130)
    else:
        return
    click.echo(f"syncline: {sentence}", err=True)
    sys.exit(1)
