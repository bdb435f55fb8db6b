"""Unmodified boto3 against services in memory: no sockets, the whole wire in between.

`client({"dynamodb": Tables(...)}, "dynamodb")` gives a boto3 client whose requests go through `AwsDoor.respond`. Its
calls block, so they are for sync tests; in an async test use `await called(client.put_item, TableName=…)`, which runs
the call on a thread while the service stays on the test's own loop.
"""

from __future__ import annotations

import asyncio
import io
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any, TextIO, cast
from urllib.parse import urlsplit

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.config import Config

from syncline.core import Meter, Request, SystemClock, SystemIds
from syncline.core.call import Caller
from syncline.wire import AwsDoor, Credential, Operations, identify

REGION, ACCOUNT = "us-east-1", "000000000000"
KEY, SECRET = "AKIATESTTESTTESTTEST", "test-secret"
ROOT = Caller(kind="root", account=ACCOUNT, arn=f"arn:aws:iam::{ACCOUNT}:root", access_key_id=KEY, user_id=ACCOUNT)


class Stderr:
    """Where the door's own failures are told: pytest shows it with the test that failed."""

    def write(self, text: str) -> None:
        sys.stderr.write(text)

    def flush(self) -> None: ...


class OneKey:
    """Credentials that know the test's own key."""

    def secret_of(self, access_key_id: str, session_token: str | None) -> Credential | None:
        return Credential(SECRET, ROOT) if access_key_id == KEY else None


def door(services: Mapping[str, object] | Operations, **options: Any) -> AwsDoor:
    """An AWS door before `services`; answers are checked against the models too. `options` as for AwsDoor."""
    operations = services if isinstance(services, Operations) else Operations(services, strict=True)
    given = {
        "clock": SystemClock(),
        "ids": SystemIds(),
        "meter": Meter(out=cast("TextIO", Stderr())),
        "account": ACCOUNT,
        "region": REGION,
        "credentials": OneKey(),
    }
    given.update(options)
    return AwsDoor(operations, given.pop("credentials"), **given)


def client(
    services: Mapping[str, object] | Operations | AwsDoor,
    service: str,
    *,
    loop: asyncio.AbstractEventLoop | None = None,
    on_request: Callable[[Request], None] | None = None,
    **options: Any,
) -> Any:
    """A boto3 client for `service`. The services run on `loop`: by default the running one, else one of its own.

    `on_request` sees each request before the door does. `options` are boto3's.
    """
    target = services if isinstance(services, AwsDoor) else door(services)
    if loop is None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            loop = background_loop()
    made = boto3.client(
        service,
        region_name=options.pop("region_name", REGION),
        endpoint_url="http://localhost:4000",
        aws_access_key_id=options.pop("aws_access_key_id", KEY),
        aws_secret_access_key=options.pop("aws_secret_access_key", SECRET),
        config=Config(retries={"total_max_attempts": 1}, inject_host_prefix=False).merge(
            options.pop("config", Config())
        ),
        **options,
    )

    def answer(request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        asked = as_request(request)
        if on_request is not None:
            on_request(asked)
        assert identify(asked) is not None, f"the door does not recognise {asked.method} {asked.path}"
        response = asyncio.run_coroutine_threadsafe(target.respond(asked), loop).result(30)
        headers = {**dict(response.headers), "content-type": response.content_type}
        return AWSResponse(request.url, response.status, headers, Raw(response.body))

    made.meta.events.register("before-send", answer)
    return made


async def called(method: Callable[..., Any], **parameters: Any) -> Any:
    """What a client's method returns, called on a thread so that the services may use this loop."""
    return await asyncio.to_thread(method, **parameters)


def as_request(request: AWSPreparedRequest) -> Request:
    """What botocore would have sent, as the edge would hand it over."""
    parts = urlsplit(request.url)
    body = request.body or b""
    if hasattr(body, "read"):
        body = body.read()
    headers = [(name.lower(), _text(value)) for name, value in request.headers.items()]
    if "host" not in dict(headers):
        headers.append(("host", parts.netloc))
    return Request(
        method=request.method,
        path=parts.path or "/",
        query=parts.query,
        headers=headers,
        body=body.encode() if isinstance(body, str) else bytes(body),
    )


class Raw(io.BytesIO):
    """A body as botocore wants to read it."""

    def stream(self, amt: int = 65536, decode_content: bool = False) -> Any:
        while chunk := self.read(amt):
            yield chunk

    def release_conn(self) -> None: ...


_background: asyncio.AbstractEventLoop | None = None


def background_loop() -> asyncio.AbstractEventLoop:
    """A loop on a thread of its own, for tests that have none."""
    global _background
    if _background is None:
        _background = asyncio.new_event_loop()
        threading.Thread(target=_background.run_forever, daemon=True).start()
    return _background


def _text(value: str | bytes) -> str:
    return value.decode() if isinstance(value, bytes) else value
