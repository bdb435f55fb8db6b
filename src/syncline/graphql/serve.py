"""One GraphQL request over HTTP: who asks, what is asked, the answer in AppSync's shape.

For: `engine`. Owns: the statuses, and the order of checks. Never: completes a value.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Mapping
from functools import partial
from typing import Any

from graphql import OperationType

from syncline.auth import Authenticator, Door, Identity, Opened, Signed
from syncline.core import (
    Clock,
    Denied,
    Ids,
    Invalid,
    Meter,
    Request,
    Response,
    SynclineError,
    TimeLimit,
    Unauthenticated,
    call,
    json,
)
from syncline.datasources import Shared
from syncline.graphql import errors, overhttp
from syncline.graphql.api_cache import Key, operation_key
from syncline.graphql.asking import Asked, Body, decode_body, read_body
from syncline.graphql.coerce import VariableRefused
from syncline.graphql.documents import Document
from syncline.graphql.errors import NoSchema, OperationUnsupported
from syncline.graphql.execute import Publish, Run, Surroundings, request_of
from syncline.graphql.live_api import LiveApi
from syncline.graphql.logs import RequestLog
from syncline.graphql.reference import Reference
from syncline.graphql.selection import FieldPlan
from syncline.graphql.traces import Sampling, Trace, trace_of
from syncline.hub import Hub, Topic

CONTENT_TYPE = "application/json;charset=UTF-8"
EXECUTION_SECONDS_MAX = 30.0
"""AppSync's time for one request."""
CONNECTING = {"operationName": "DeepDish:Connect", "queryString": "", "variables": {}}
"""What AppSync tells an authorizer function of a connection that is opened."""
REASON_CHARACTERS_MAX = 512
"""Of an error's message in the server's own log: a message may quote what the client sent."""

STATUSES = {
    "MalformedHttpRequestException": 400,
    "BadRequestException": 400,
    "UnsupportedOperation": 400,
    "UnauthorizedException": 401,
    "UnknownOperationException": 404,
    "MethodNotAllowedException": 405,
    "UnsupportedMediaTypeException": 415,
    "GraphQLSchemaException": 502,
    "RequestEntityTooLargeException": 413,
    "ThrottlingException": 429,
    "ServiceUnavailableException": 503,
}
"""Statuses by error type."""


class NotServed(errors.BadRequest):
    """No GraphQL API is served here."""

    code = "UnknownOperationException"


class NotReplayable(errors.BadRequest):
    """The request of the trace {id} is too long to have been kept, or its API has no schema."""


class Server:
    """Answers requests. `run` is shared with subscriptions, whose resolvers run once."""

    def __init__(self, auth: Authenticator, hub: Hub, clock: Clock, ids: Ids, meter: Meter, sampling: Sampling) -> None:
        self._auth, self._hub, self._clock, self._ids, self._meter = auth, hub, clock, ids, meter
        self._sampling = sampling
        self._limit = TimeLimit(EXECUTION_SECONDS_MAX)

    async def respond(self, live: LiveApi | None, request: Request, *, known: Identity | None = None) -> Response:
        """The answer to one request, whatever it is. `known`: who asks, where that is known already."""
        if live is None:
            return self._refused(NotServed(), request, api="")
        started = self._clock.monotonic()
        live.figures.requests.add()
        log = None if live.log is None else live.log.begin(request)
        strict = overhttp.asked(request)
        try:
            if strict:
                overhttp.check(request)
            response = await self._answer(live, request, log, known, strict=strict)
        except SynclineError as refusal:
            response = self._refused(refusal, request, api=live.api_id)
            if strict:
                response = overhttp.shaped(response, executed=False)
            (live.figures.errors_5xx if response.status >= 500 else live.figures.errors_4xx).add()
        live.figures.latency.observe((self._clock.monotonic() - started) * 1000)
        if log is not None:
            log.answered(response)
        return response

    async def _answer(
        self, live: LiveApi, request: Request, log: RequestLog | None, known: Identity | None, *, strict: bool
    ) -> Response:
        headers = request.index
        identity = known or await self._auth.authenticate(
            live.auth, headers, source_ip=request.peer, signed=_signed(request) if "authorization" in headers else None
        )
        repeated = live.repeated
        asked = repeated.find(request)
        body = read_body(request) if asked is None else asked.body
        if live.documents is None:
            raise NoSchema
        reading = self._clock.monotonic() if log is not None else 0.0
        document = live.documents.find(body.query, body.operation_name) if asked is None else asked.document
        if log is not None:
            log.asked(body.query, body.variables, body.operation_name, parsing=reading)
        if strict:
            overhttp.check_kind(request, document.kind)
        if document.kind is OperationType.SUBSCRIPTION and not document.errors:
            raise OperationUnsupported("subscription is only supported through the realtime channel")
        key = self._cache_key(live, document, body, identity, request)
        kept = live.cache.find(key) if live.cache is not None and key is not None else None
        if kept is not None:
            response = _response(kept)
            return overhttp.shaped(response, executed=True) if strict else response
        generation = 0 if live.cache is None else live.cache.generation
        began = self._clock.monotonic()
        answer, run = await self._execute(
            live,
            document,
            body,
            identity,
            request_of(request.headers, live.domain_of(headers)),
            None if asked is None else asked.variables,
            log,
        )
        if asked is None and run is not None and document.kind is OperationType.QUERY:
            repeated.keep(request, Asked(body, document, run.surroundings.variables))
        if log is not None:
            log.ran(() if run is None else run.timings, answer.get("errors", []))
        trace, found = None, answer.get("errors", [])
        if run is not None and self._sampling.takes(failed=bool(found)):
            trace = self._traced(live, run, request, identity, body, began, found)
        if found:
            self._note_errors(found, request, trace, api=live.api_id)
        shared = Shared() if run is None else run.shared
        live.figures.invalidation_errors.add(shared.invalidations_refused)
        if shared.invalidations:
            await self._hub.drained()
            live.invalidate(shared.invalidations)
        if shared.evictions:
            evicted = 0 if live.cache is None else sum(live.cache.evict(*each) for each in shared.evictions)
            answer["extensions"] = {"apiCacheEntriesDeleted": evicted}
        encoded = json.encode(answer)
        if live.cache is not None and key is not None and "errors" not in answer and shared.lasting:
            live.cache.keep_answer(key, encoded, generation)
        response = _response(encoded, shared.response_headers)
        return overhttp.shaped(response, executed=run is not None) if strict else response

    def _traced(
        self,
        live: LiveApi,
        run: Run,
        request: Request,
        identity: Identity,
        body: Body,
        began: float,
        found: list[dict[str, Any]],
    ) -> Trace:
        """The trace of a run, kept."""
        trace = trace_of(
            self._ids.short(12),
            run,
            request,
            identity,
            at=self._clock.now(),
            began=began,
            ended=self._clock.monotonic(),
            errors=found,
            asked={"query": body.query, "variables": body.variables, "operationName": body.operation_name},
        )
        live.traces.keep(trace)
        return trace

    async def replay(self, live: LiveApi, trace: Trace, request: Request) -> dict[str, Any]:
        """Ask again what a trace tells of, as its caller, of the API as it is now: the answer and its own trace.

        Raises NotReplayable.
        """
        if trace.body is None or live.documents is None:
            raise NotReplayable(id=trace.id)
        body = decode_body(trace.body)
        document = live.documents.find(body.query, body.operation_name)
        began = self._clock.monotonic()
        given = {"headers": trace.headers, "domainName": None}
        answer, run = await self._execute(live, document, body, trace.identity, given)
        if run is None:
            return {"answer": answer, "trace": None}
        again = self._traced(live, run, request, trace.identity, body, began, answer.get("errors", []))
        return {"answer": answer, "trace": again.shown}

    def _cache_key(
        self, live: LiveApi, document: Document, body: Body, identity: Identity, request: Request
    ) -> Key | None:
        """Under what the whole answer is kept; None when it is not."""
        kept = live.cache is not None and live.cache.whole_operations and document.kind is OperationType.QUERY
        if not kept or document.errors:
            return None
        headers = request_of(request.headers)["headers"]
        named = body.query, body.operation_name, body.variables
        return operation_key(*named, identity=identity.claims, grants=identity.grants, headers=headers)

    async def _execute(
        self,
        live: LiveApi,
        document: Document,
        body: Body,
        identity: Identity,
        request: dict[str, Any],
        variables: dict[str, Any] | None = None,
        log: RequestLog | None = None,
    ) -> tuple[dict[str, Any], Run | None]:
        if document.errors:
            return {"data": None, "errors": document.errors}, None
        given = body.variables or {}
        try:
            variables = document.variables.coerce(given) if variables is None else variables
        except VariableRefused as refusal:
            return {"data": None, "errors": [errors.document(str(refusal), refusal.node)]}, None
        surroundings = self.surroundings(live, identity, request, given, variables, log)
        plan = document.plan(identity.grants, variables)
        way: Run | Reference
        if plan is None:
            live.figures.fallbacks.add()
            way = Reference(document, surroundings)
        else:
            way = Run(plan, surroundings, self._publisher(live, log) if plan.publications else None)
        run = way.run
        try:
            data = await self._limit.run(way.data())
        except TimeoutError:
            late = {**errors.document("Execution timed out.", None), "errorType": "ExecutionTimeout"}
            return {"data": None, "errors": [*way.errors, late]}, run
        return ({"data": data, "errors": way.errors} if way.errors else {"data": data}), run

    def surroundings(
        self,
        live: LiveApi,
        identity: Identity,
        request: dict[str, Any],
        given: dict[str, Any],
        variables: dict[str, Any],
        log: RequestLog | None = None,
    ) -> Surroundings:
        """What the resolvers of one request see besides their fields."""
        environment, most = live.entry.environment.environment_variables, live.resolvers_max
        monotonic = self._clock.monotonic
        return Surroundings(live.api_id, identity, request, environment, given, variables, most, monotonic, log)

    async def identify(
        self,
        live: LiveApi,
        headers: Mapping[str, str],
        *,
        source_ip: str,
        signed: Signed,
        door: Door,
        asked: Mapping[str, Any] | None = None,
    ) -> Identity:
        """Who connects or starts a subscription with these headers (lower-case names)."""
        return await self._auth.authenticate(
            live.auth, headers, source_ip=source_ip, signed=signed, asked=asked, door=door
        )

    @property
    def opened(self) -> Opened:
        """What credentials have opened, on all APIs."""
        return self._auth.opened

    def check(self, live: LiveApi, identity: Identity) -> None:
        """Raise Unauthenticated when what `identity` was let in with is good no more."""
        self._auth.check(live.auth, identity)

    def _publisher(self, live: LiveApi, log: RequestLog | None) -> Publish:
        hub, api, needs = self._hub, live.api_id, live.needs

        def publish(field: FieldPlan, value: Any) -> Awaitable[int] | None:
            if field.looked != needs.generation:
                self._note_lacking(live, field, needs.look(field), log)
            if field.lacking:
                live.figures.gaps.add()
            if hub.durable(api):
                kept = hub.publish_durably(Topic(api, field.name), value, commit=_position())
                kept.add_done_callback(partial(_count_failure, live))
                return kept
            hub.publish(Topic(api, field.name), value, commit=_position())
            return None

        return publish

    def _note_lacking(
        self, live: LiveApi, field: FieldPlan, fresh: dict[str, list[str]], log: RequestLog | None
    ) -> None:
        """One line for each subscription that needs more than a mutation selects: once for each document."""
        for subscription, missing in fresh.items():
            gap = {"mutation": field.name, "subscription": subscription, "missing": missing}
            self._meter.event("selection gap", room="graphql", api=live.api_id, **gap)
            if log is not None:
                log.gaps.append(gap)

    def _note_errors(self, found: list[dict[str, Any]], request: Request, trace: Trace | None, *, api: str) -> None:
        """One line for a request that was answered with errors; the first says what went wrong."""
        first = found[0]
        self._meter.event(
            "graphql errors",
            room="graphql",
            api=api,
            errors=len(found),
            code=first.get("errorType") or "ValidationError",
            reason=str(first.get("message"))[:REASON_CHARACTERS_MAX],
            request_id=request.id,
            **({} if trace is None else _told(trace)),
        )

    def _refused(self, refusal: SynclineError, request: Request, *, api: str) -> Response:
        reason = refusal.message[:REASON_CHARACTERS_MAX]
        self._meter.event(
            "graphql request refused", room="graphql", api=api, code=refusal.code, reason=reason, request_id=request.id
        )
        body = json.encode({"errors": [errors.transport(refusal)]})
        status = STATUSES.get(refusal.code) or status_of(refusal)
        return Response(status, body, CONTENT_TYPE, [("x-amzn-errortype", refusal.code)])


def _told(trace: Trace) -> dict[str, Any]:
    """What the log says of a trace: its id, and where the first field failed."""
    first = trace.shown["failures"][0] if trace.shown["failures"] else {}
    places = {name: first.get(name) for name in ("resolver", "handler", "line", "column")}
    return {"trace": trace.id, **{name: value for name, value in places.items() if value is not None}}


def _response(body: bytes, headers: dict[str, str] | None = None) -> Response:
    return Response(200, body, CONTENT_TYPE, [("x-amzn-appsync-tokensconsumed", "1"), *(headers or {}).items()])


def status_of(refusal: SynclineError) -> int:
    """The status of a refusal whose type has none of its own: a signature's are 403."""
    if isinstance(refusal, (Unauthenticated, Denied)):
        return 403
    return 400 if isinstance(refusal, Invalid) else 500


def _signed(request: Request) -> Signed:
    return Signed(request.method, (request.path, "/graphql"), request.query, request.body)


def _count_failure(live: LiveApi, kept: asyncio.Future[int]) -> None:
    if not kept.cancelled() and kept.exception() is not None:
        live.figures.failed_publications.add()


def _position() -> int:
    """The commit that the call under way made; 0 outside of any."""
    try:
        return call.current().position
    except LookupError:
        return 0
