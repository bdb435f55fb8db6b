"""A namespace's handlers: what stands between an event that was published and its subscribers.

For: `live_api`, which makes them, and `publish` and `subscribe`, which ask them. Owns: what a handler is shown and what
its answer means. Never: publishes.
"""

from __future__ import annotations

from collections.abc import Coroutine, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from syncline.core import Request
from syncline.datasources import Context, DataSource, Info
from syncline.datasources import DataSourceError as SourceError
from syncline.events.channels import Channel
from syncline.events.errors import HandlerUnauthorized, PublishFailed, SubscribeFailed

JSON = Any
UNAUTHORIZED = "UnauthorizedException"


class Incoming(NamedTuple):
    """An event as it was published, with the id it was given."""

    id: str
    payload: JSON


class Outgoing(NamedTuple):
    """What a handler makes of an event. `error` not None: it is not broadcast."""

    payload: JSON
    error: str | None


class Moment(msgspec.Struct, frozen=True):
    """What a handler is shown besides the events. `operation` is PUBLISH or SUBSCRIBE, of a channel; or CONNECT or
    DISCONNECT, of a `connection`."""

    api_id: str
    operation: str
    channel: Channel | None
    identity: JSON
    request: Mapping[str, JSON]
    connection: Mapping[str, JSON] | None = None

    @property
    def path(self) -> str | None:
        """The channel's."""
        return None if self.channel is None else self.channel.path

    @property
    def info(self) -> dict[str, JSON]:
        """`ctx.info`."""
        if self.channel is None:
            return {"connection": self.connection, "operation": self.operation}
        return {
            "channel": {"path": self.channel.path, "segments": list(self.channel.segments)},
            "channelNamespace": {"name": self.channel.namespace},
            "operation": self.operation,
        }


class PublishHandler(Protocol):
    """`onPublish`."""

    def published(self, moment: Moment, events: Sequence[Incoming]) -> Coroutine[Any, Any, dict[str, Outgoing] | None]:
        """By id, what becomes of the events; None: they go on as they are. Raises SynclineError to refuse them all."""
        ...


class Gate(Protocol):
    """`onSubscribe`, `onConnect`, `onDisconnect`."""

    def passed(self, moment: Moment) -> Coroutine[Any, Any, None]:
        """Return to accept, raise SynclineError to refuse."""
        ...


class Handlers(NamedTuple):
    """Those of one namespace. The last two are for connections, where the API's tags say so."""

    on_publish: PublishHandler | None = None
    on_subscribe: Gate | None = None
    on_connect: Gate | None = None
    on_disconnect: Gate | None = None


class Direct:
    """A function that is the handler: no code in between."""

    def __init__(self, source: DataSource, invoke_type: str, note: Note) -> None:
        self._source, self._note = source, note
        self._waits = invoke_type == "REQUEST_RESPONSE"

    async def published(self, moment: Moment, events: Sequence[Incoming]) -> dict[str, Outgoing] | None:
        """Ask the function; with EVENT, only tell it."""
        given = [{"id": event.id, "payload": event.payload} for event in events]
        try:
            answer = await self._ask(moment, given)
        except SourceError as failure:
            raise self._refusal(failure, moment, PublishFailed()) from failure
        if not self._waits:
            return None
        answer = {} if answer is None else answer
        if type(answer) is not dict or answer.get("error"):
            reason = answer.get("error") if type(answer) is dict else "the function's answer is no object"
            self._note(moment, str(reason))
            raise PublishFailed
        try:
            return outgoing(answer.get("events"), events)
        except AnswerUnusable as mistake:
            self._note(moment, str(mistake))
            raise PublishFailed from mistake

    async def passed(self, moment: Moment) -> None:
        """Ask the function; with EVENT, only tell it."""
        try:
            answer = await self._ask(moment, None)
        except SourceError as failure:
            raise self._refusal(failure, moment, SubscribeFailed()) from failure
        if self._waits and answer is not None:
            error = answer.get("error") if type(answer) is dict else "the function's answer is no object"
            if error:
                self._note(moment, str(error))
                raise SubscribeFailed

    async def _ask(self, moment: Moment, events: list[dict[str, JSON]] | None) -> JSON:
        event = {
            "identity": moment.identity,
            "result": None,
            "request": moment.request,
            "info": moment.info,
            "error": None,
            "prev": None,
            "stash": {},
            "outErrors": [],
            "events": events,
        }
        kind = "RequestResponse" if self._waits else "Event"
        asked = {"operation": "Invoke", "invocationType": kind, "payload": event}
        return await self._source.invoke(asked, Context({}, Info("", "", {}), api_id=moment.api_id))

    def _refusal(
        self, failure: SourceError, moment: Moment, otherwise: PublishFailed | SubscribeFailed
    ) -> HandlerUnauthorized | PublishFailed | SubscribeFailed:
        if failure.cause_type == UNAUTHORIZED:
            return HandlerUnauthorized()
        self._note(moment, f"{failure.error_type}: {failure.message}")
        return otherwise


class Note(Protocol):
    """Writes down why a handler failed: its user is not told."""

    def __call__(self, moment: Moment, reason: str) -> None: ...


class Say(Protocol):
    """Writes a line of a handler's own, of level INFO, DEBUG or ERROR."""

    def __call__(self, moment: Moment, level: str, line: str) -> None: ...


class AnswerUnusable(Exception):
    """What a handler gave back is not what becomes of its events."""


def outgoing(answer: JSON, events: Sequence[Incoming]) -> dict[str, Outgoing]:
    """A handler's list of events by id; null is the empty list. Raises AnswerUnusable."""
    if answer is None:
        return {}
    if type(answer) is not list:
        raise AnswerUnusable("the handler's answer is no list of events")
    known = {event.id for event in events}
    found: dict[str, Outgoing] = {}
    for each in answer:
        if each is None:
            continue
        id = each.get("id") if type(each) is dict else None
        if type(id) is not str or id not in known:
            raise AnswerUnusable(f"the handler's answer has an event whose id was not given to it: {str(id)[:64]}")
        if id in found:
            raise AnswerUnusable(f"the handler's answer has the event {id} twice")
        error = each.get("error")
        found[id] = Outgoing(each.get("payload"), None if error is None else str(error))
    return found


def shown_request(request: Request) -> dict[str, JSON]:
    """`ctx.request`: headers by lower-case name, repeated ones as a list; cookies are withheld."""
    headers: dict[str, JSON] = {}
    for name, value in request.headers:
        if name == "cookie":
            continue
        earlier = headers.get(name)
        if earlier is None:
            headers[name] = value
        else:
            headers[name] = [*earlier, value] if type(earlier) is list else [earlier, value]
    return {"headers": headers, "domainName": None}
