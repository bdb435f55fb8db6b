"""Traces: what a developer wants to know of a request that went wrong.

For: `serve`, which keeps one of each failed request; the admin door, which shows and replays them.
Owns: what is kept (bounded in number, size and depth) and what is never shown (redacted by rule, before it is kept).
Never: costs a request that leaves none more than a look at its errors.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from typing import Any

import msgspec

from syncline.auth import Identity
from syncline.core import Ids, Invalid, NotFound, Request, json
from syncline.core.settings import Traces as Settings
from syncline.datasources import Context
from syncline.graphql.execute import Failure, Run
from syncline.graphql.redaction import Redaction

REPLAY_BYTES_MAX = 64 * 1024
"""A longer request is shown but not kept for a replay."""


class NoSuchTrace(NotFound):
    """There is no trace {id}: of each API the last few are kept, in memory (traces.kept_max)."""

    code = "NotFoundException"


class MutationNotConfirmed(Invalid):
    """The request of the trace {id} is a mutation: a replay changes data again. Confirm with --mutations."""

    code = "BadRequestException"


class Trace(msgspec.Struct, frozen=True):
    """One request. `shown` is JSON, redacted; `body` and `identity` are for a replay and never shown."""

    id: str
    shown: dict[str, Any]
    mutation: bool
    body: bytes | None
    headers: dict[str, Any]
    identity: Identity


class Sampling:
    """Which requests leave a trace."""

    def __init__(self, settings: Settings, ids: Ids) -> None:
        self._failed = settings.mode != "none"
        self._chance = {"all": 1.0, "ratio": settings.ratio}.get(settings.mode, 0.0)
        self._ids = ids

    def takes(self, *, failed: bool) -> bool:
        """Whether a request leaves one."""
        if failed:
            return self._failed
        return self._chance > 0 and self._ids.fraction() < self._chance


class Traces:
    """The traces of one API, the newest last."""

    def __init__(self, kept_max: int) -> None:
        self._kept: deque[Trace] = deque(maxlen=kept_max)

    def keep(self, trace: Trace) -> None:
        """Keep one more; the oldest goes."""
        self._kept.append(trace)

    def find(self, trace_id: str) -> Trace | None:
        """The trace of this id."""
        return next((each for each in self._kept if each.id == trace_id), None)

    def __iter__(self) -> Any:
        return iter(self._kept)


def trace_of(
    trace_id: str,
    run: Run,
    request: Request,
    identity: Identity,
    *,
    at: float,
    began: float,
    ended: float,
    errors: list[dict[str, Any]],
    asked: dict[str, Any],
) -> Trace:
    """The trace of a run that is over. `began` and `ended` are of the same monotonic clock as the run's timings."""
    headers: dict[str, Any] = run.surroundings.request.get("headers", {})
    keep = Redaction()
    shown = {
        "id": trace_id,
        "api": run.surroundings.api,
        "at": at,
        "requestId": request.id,
        "durationMs": _ms(ended - began),
        "request": {**keep.plain(asked), "headers": keep.plain(headers)},
        "identity": keep.plain(identity.claims),
        "errors": keep.plain(errors),
        "failures": [failure_of(each) for each in run.failures],
        "timings": [
            {
                "path": _path(path),
                "field": f"{field.parent}.{field.name}",
                "startMs": _ms(first - began),
                "durationMs": _ms(last - first),
            }
            for path, field, first, last in run.timings
        ],
    }
    body = json.encode(asked)
    return Trace(trace_id, shown, run.plan.mutation, body if len(body) <= REPLAY_BYTES_MAX else None, headers, identity)


def in_short(trace: Trace) -> dict[str, Any]:
    """One line's worth of a trace."""
    shown = trace.shown
    first = shown["failures"][0] if shown["failures"] else {}
    return {
        "id": trace.id,
        "api": shown["api"],
        "at": shown["at"],
        "durationMs": shown["durationMs"],
        "resolver": first.get("resolver"),
        "message": str((shown["errors"] or [{}])[0].get("message", "")),
    }


def failure_of(failure: Failure) -> dict[str, Any]:
    """One field's failure: which handler, where in it, what it had asked, and what it knew."""
    path, field, context, cause = failure
    return {
        "path": _path(path),
        "resolver": f"{field.parent}.{field.name}",
        "handler": getattr(cause, "handler", "") or None,
        "line": getattr(cause, "line", 0) or None,
        "column": getattr(cause, "column", 0) or None,
        "errorType": getattr(cause, "error_type", None) or cause.code,
        "message": Redaction().plain(getattr(cause, "reason", "") or cause.message),
        "request": Redaction().plain(context.rendered),
        "ctx": context_of(context),
    }


def context_of(context: Context) -> dict[str, Any]:
    """A field's context as JSON, redacted."""
    keep = Redaction()
    members = ("arguments", "source", "stash", "prev", "result", "error", "identity", "env")
    return {name: keep.plain(getattr(context, name)) for name in members}


def _path(path: Iterable[str | int]) -> list[str | int]:
    return list(path)


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 3)
