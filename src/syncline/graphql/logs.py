"""What an API writes to its log group `/aws/appsync/apis/{apiId}`: AppSync's lines, in AppSync's order.

For: `serve` and `execute`, for APIs with a `logConfig`. Owns: which lines there are at which level (graphql-api §8.2),
and what of a request is kept for them, redacted when it is kept. Never: makes a request wait for its lines; they are
written out after the answer.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from syncline.core import Clock, Request, Response, json
from syncline.datasources import Context
from syncline.graphql.errors import Path
from syncline.graphql.model import Api
from syncline.graphql.redaction import Redaction
from syncline.graphql.selection import FieldPlan
from syncline.monitoring import LogWriter, tells

JSON = Any
Timing = tuple[Path, FieldPlan, float, float]

REQUEST_CHARACTERS_MAX = 1_000_000
"""AppSync writes at most 1 MB for one request; what follows is left out."""
NOTES_MAX = 2_000
"""Entries of handlers held for one request."""


class ApiLog:
    """How one API logs, and where to."""

    def __init__(self, api: Api, writer: LogWriter, clock: Clock, stream: str) -> None:
        config = api.log_config or {}
        self.api = api
        self.level: str = config.get("fieldLogLevel", "NONE")
        self.verbose = not config.get("excludeVerboseContent")
        self.clock = clock
        self._writer, self._stream = writer, stream

    def begin(self, request: Request) -> RequestLog:
        """What is kept of a request from now on."""
        return RequestLog(self, request)

    def write(self, log: RequestLog) -> None:
        """Have a request's lines written."""
        self._writer.write(f"/aws/appsync/apis/{self.api.api_id}", self._stream, log.lines)


class RequestLog:
    """One request's lines, in the making."""

    def __init__(self, api_log: ApiLog, request: Request) -> None:
        self.api_log = api_log
        self.request = request
        self.began = api_log.clock.monotonic()
        self._at = api_log.clock.now()
        self._ended = self._executed = self._parsed = self._parsing = self.began
        self._asked: dict[str, JSON] | None = None
        self._response: Response | None = None
        self._timings: Iterable[Timing] = ()
        self._errors: list[dict[str, JSON]] = []
        self._fields: list[FieldNotes] = []
        self.left = NOTES_MAX
        self.gaps: list[dict[str, JSON]] = []
        """What the request's mutations do not select, though subscriptions need it."""

    def asked(self, query: str, variables: JSON, operation: str | None, *, parsing: float) -> None:
        """What the request asks; `parsing`: when its reading began, on the monotonic clock."""
        keep = Redaction()
        self._asked = {"query": keep.plain(query), "variables": keep.plain(variables or {}), "operation": operation}
        self._parsing, self._parsed = parsing, self.api_log.clock.monotonic()

    def field(self, path: Path, field: FieldPlan) -> FieldNotes:
        """Where a field's handlers write."""
        notes = FieldNotes(self, path, field)
        self._fields.append(notes)
        return notes

    def ran(self, timings: Iterable[Timing], errors: list[dict[str, JSON]]) -> None:
        """What came of the execution."""
        self._timings, self._errors = timings, errors
        self._executed = self.api_log.clock.monotonic()

    def answered(self, response: Response) -> None:
        """The answer is made: nothing more is kept, and the lines are on their way."""
        self._response = response
        self._ended = self.api_log.clock.monotonic()
        self.api_log.write(self)

    def lines(self) -> list[str]:
        """All lines, as AppSync writes them, up to its limit."""
        found: list[str] = []
        left = REQUEST_CHARACTERS_MAX
        for line in self._lines():
            left -= len(line)
            if left < 0:
                break
            found.append(line)
        return found

    def _lines(self) -> Iterable[str]:
        verbose, tag, response = self.api_log.verbose, self.request.id, self._response
        assert response is not None, "lines are written when a request is answered"
        yield f"{tag} Begin Request"
        if verbose:
            yield f"{tag} Request Headers: {headers_of(self.request.headers)}"
        if verbose and self._asked is not None:
            variables = json.encode(self._asked["variables"]).decode()
            query, operation = self._asked["query"], self._asked["operation"] or "null"
            yield f"{tag} GraphQL Query: {query}, Operation: {operation}, Variables: {variables}"
        if self._asked is not None:
            yield from self._of_fields()
            yield json.encode(self._execution()).decode()
            yield f"{tag} Tokens Consumed: 1"
        if verbose:
            own = [("content-type", response.content_type), ("x-amzn-requestid", tag)]
            yield f"{tag} Response Headers: {headers_of([*own, *response.headers])}"
        yield f"{tag} End Request"
        latency = _nanoseconds(self._ended - self.began)
        yield self._json({"logType": "RequestSummary", "statusCode": response.status, "latency": latency})

    def _of_fields(self) -> Iterable[str]:
        level, tag = self.api_log.level, self.request.id
        if level == "NONE":
            return
        failed = {tuple(each["path"]) for each in self._errors if each.get("path")}
        for notes in self._fields:
            yield f"{tag} Begin Execution - Type Name: {notes.field.parent} and Field Name: {notes.field.name}"
            yield from self._of_handlers(notes, in_error=notes.path in failed)
            yield f"{tag} End Field Execution"
        for gap in self.gaps:
            yield self._json({"logType": "SelectionGap", **gap})
        if self._errors:
            yield f"{tag} GraphQL Errors: {json.encode(Redaction().plain(self._errors)).decode()}"
        if level == "ALL":
            yield f"{tag} Begin Tracing"
            for path, field, began, ended in self._timings:
                yield self._json(self._tracing(path, field, began, ended))
            yield f"{tag} End Tracing"

    def _of_handlers(self, notes: FieldNotes, *, in_error: bool) -> Iterable[str]:
        for note in notes.kept:
            if isinstance(note, str):
                yield f"{self.request.id} {note}"
            elif self.api_log.level == "ALL" or in_error:
                yield self._json(note)

    def _tracing(self, path: Path, field: FieldPlan, began: float, ended: float) -> dict[str, JSON]:
        return {
            "logType": "Tracing",
            "path": list(path),
            "fieldName": field.name,
            "parentType": field.parent,
            "returnType": str(field.definition.type),
            "resolverArn": self.arn_of(field),
            "startOffset": _nanoseconds(began - self.began),
            "duration": _nanoseconds(ended - began),
        }

    def _execution(self) -> dict[str, JSON]:
        # A document is read and validated in one go here; the time of both is `parsing`.
        began, ended = self._at + self._parsing - self.began, self._at + self._executed - self.began
        parsing = {
            "startOffset": _nanoseconds(self._parsing - self.began),
            "duration": _nanoseconds(self._parsed - self._parsing),
        }
        validation = {"startOffset": _nanoseconds(self._parsed - self.began), "duration": 0}
        return {
            "logType": "ExecutionSummary",
            "requestId": self.request.id,
            "graphQLAPIId": self.api_log.api.api_id,
            "startTime": _instant(began),
            "endTime": _instant(ended),
            "duration": _nanoseconds(self._executed - self._parsing),
            "version": 1,
            "parsing": parsing,
            "validation": validation,
        }

    def _json(self, members: dict[str, JSON]) -> str:
        tagged = {**members, "requestId": self.request.id, "graphQLAPIId": self.api_log.api.api_id}
        return json.encode(tagged).decode()

    def arn_of(self, field: FieldPlan) -> str:
        """What logs call a field's resolver."""
        return f"{self.api_log.api.arn}/types/{field.parent}/fields/{field.name}"


class FieldNotes:
    """One run of one field: what its handlers gave, and their own lines, in order."""

    __slots__ = ("_log", "field", "kept", "path")

    def __init__(self, log: RequestLog, path: Path, field: FieldPlan) -> None:
        self._log = log
        self.path, self.field = path, field
        self.kept: list[str | dict[str, JSON]] = []

    def line(self, level: str, text: str) -> None:
        """A handler's own line."""
        if tells(self._log.api_log.level, level) and self._has_room():
            self.kept.append(Redaction().plain(text))

    def handled(self, step: dict[str, JSON], context: Context, member: str, value: JSON, failure: str | None) -> None:
        """What a handler gave, under the name that AppSync gives it, or why it failed."""
        if not self._has_room():
            return
        note: dict[str, JSON] = {
            **step,
            "path": list(self.path),
            "fieldName": self.field.name,
            "parentType": self.field.parent,
            "resolverArn": self._log.arn_of(self.field),
            "fieldInError": failure is not None,
            "errors": [] if failure is None else [Redaction().plain(failure)],
        }
        if self._log.api_log.verbose:
            note["context"] = shown(context)
            if failure is None:
                given = Redaction().plain(value)
                note[member] = given if member != "transformedTemplate" else json.encode(given).decode()
        self.kept.append(note)

    def _has_room(self) -> bool:
        self._log.left -= 1
        return self._log.left >= 0


def shown(context: Context) -> dict[str, JSON]:
    """The members of a field's context that AppSync shows in its log; those without a value are left out."""
    keep = Redaction()
    found = {
        "arguments": context.arguments,
        "source": context.source,
        "prev": context.prev,
        "result": context.result,
        "error": context.error,
    }
    always = {"stash": keep.plain(context.stash), "outErrors": keep.plain(context.out_errors)}
    return {name: keep.plain(each) for name, each in found.items() if each is not None} | always


def headers_of(headers: Iterable[tuple[str, str]]) -> str:
    """Headers as AppSync writes them: `{name=[value, value], …}`."""
    gathered: dict[str, list[str]] = {}
    for name, value in headers:
        gathered.setdefault(name, []).append(value)
    kept = Redaction().plain(gathered)
    each = (f"{name}=[{', '.join(values) if isinstance(values, list) else values}]" for name, values in kept.items())
    return "{" + ", ".join(each) + "}"


def _nanoseconds(seconds: float) -> int:
    return round(seconds * 1_000_000_000)


def _instant(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
