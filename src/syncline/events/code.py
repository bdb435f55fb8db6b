"""Handlers written in APPSYNC_JS: `onPublish` and `onSubscribe`, as functions or with a data source in between.

For: `live_api`, which makes them. Owns: what such code is shown, and what comes of its outcome. Never: runs code on the
loop for longer than the short limit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from syncline.core import json
from syncline.datasources import Context, DataSource, Info
from syncline.datasources import DataSourceError as SourceError
from syncline.events.errors import HandlerRefused, HandlerUnauthorized, PublishFailed, SubscribeFailed
from syncline.events.handlers import AnswerUnusable, Incoming, Moment, Note, Outgoing, Say, outgoing
from syncline.js import CodeStopped, Module, Outcome, Run
from syncline.resolvers import Library, auth_type

JSON = Any
EXPORTS = ("onPublish", "onSubscribe")
CONNECTION_EXPORTS = ("onConnect", "onDisconnect")
"""Exports that AppSync does not know."""
UNTYPED = "Error"
"""The errorType of `util.error` without one."""


class Early(Exception):
    """The code has ended with a value, on purpose."""

    def __init__(self, value: JSON) -> None:
        super().__init__("early return")
        self.value = value


class Code:
    """One export of a namespace's code; with a `source`, it is an object of `request` and `response`."""

    def __init__(
        self, module: Module, export: str, library: Library, note: Note, say: Say, source: DataSource | None
    ) -> None:
        self._module, self._export, self._library = module, export, library
        self._note, self._say, self._source = note, say, source

    async def published(self, moment: Moment, events: Sequence[Incoming]) -> dict[str, Outgoing] | None:
        """Ask the code. Raises what it refuses with."""
        given = [{"id": event.id, "payload": event.payload} for event in events]
        try:
            return outgoing(await self._asked(moment, given), events)
        except AnswerUnusable as mistake:
            self._note(moment, str(mistake))
            raise PublishFailed from mistake

    async def passed(self, moment: Moment) -> None:
        """Ask the code. Raises what it refuses with."""
        await self._asked(moment, None)

    async def _asked(self, moment: Moment, events: JSON) -> JSON:
        context: dict[str, JSON] = {
            "arguments": {},
            "identity": moment.identity,
            "request": moment.request,
            "info": moment.info,
            "stash": {},
            "prev": {},
            "result": None,
            "error": None,
            "env": {},
            "outErrors": [],
        }
        if events is not None:
            context["events"] = events
        try:
            if self._source is None:
                return await self._value(self._export, moment, context)
            asked = await self._value(f"{self._export}_request", moment, context)
            held = Context({}, Info("", "", {}), api_id=moment.api_id, identity=moment.identity)
            try:
                context["result"] = await self._source.invoke(asked, held)
            except SourceError as failure:
                context["error"] = {"message": failure.message, "type": failure.error_type}
            return await self._value(f"{self._export}_response", moment, context)
        except Early as early:
            return early.value

    async def _value(self, handler: str, moment: Moment, context: dict[str, JSON]) -> JSON:
        try:
            outcome = await self._outcome(handler, context)
        except CodeStopped as stopped:
            self._note(moment, stopped.message)
            raise self._broken(moment) from stopped
        if outcome.stash is not None:
            context["stash"] = outcome.stash
        for log in outcome.logs:
            self._say(moment, log.level, log.line())
        if outcome.failure is not None or outcome.effects:
            failure = outcome.failure
            self._note(moment, failure.sentence() if failure else "extensions are not supported in handlers")
            raise self._broken(moment)
        signal = outcome.signal
        if signal is None:
            return outcome.value
        if signal.kind == "return":
            raise Early(signal.value)
        if signal.kind == "unauthorized":
            # AppSync has two names for it.
            raise HandlerUnauthorized("Unauthorized" if moment.operation == "SUBSCRIBE" else "UnauthorizedException")
        raise HandlerRefused(signal.message or "", signal.error_type or UNTYPED)

    def _broken(self, moment: Moment) -> PublishFailed | SubscribeFailed:
        return PublishFailed() if moment.operation == "PUBLISH" else SubscribeFailed()

    async def _outcome(self, handler: str, context: dict[str, JSON]) -> Outcome:
        library, module = self._library, self._module
        held = Context({}, Info("", "", {}), identity=context["identity"])
        run = Run(
            json.encode(context).decode(),
            float(int(library.clock.now() * 1000)),
            library.ids.bytes(16).hex() if module.chance else "",
            json.encode({"authType": auth_type(held)}).decode() if module.auth_type else "",
        )
        try:
            return library.engine.run(module, handler, run, library.answer)
        except CodeStopped as stopped:
            if not stopped.slow:
                raise
        async with library.apart:
            return await asyncio.to_thread(library.engine.run_apart, module, handler, run, library.answer)
