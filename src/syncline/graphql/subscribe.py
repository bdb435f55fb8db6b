"""Live subscriptions of one connection: admitted, checked, filtered, projected, kept over a change of the schema.

For: `engine`, which makes one Endpoint per WebSocket connection; `edge` drives it. Implements hub.RealtimeEndpoint.
Owns: the connection's subscriptions. Never: frames a message.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from graphql import OperationType

from syncline.auth import Identity, Leases, Signed
from syncline.core import Clock, Denied, Invalid, Meter, Request, SynclineError, json
from syncline.graphql import errors, resume
from syncline.graphql.codegen import ANOMALIES
from syncline.graphql.coerce import VariableRefused
from syncline.graphql.documents import Document
from syncline.graphql.errors import FieldFailed, NoSchema, OperationUnsupported
from syncline.graphql.execute import Run, request_of
from syncline.graphql.filters import Filter, compile_filter, hints_of
from syncline.graphql.live_api import LiveApi
from syncline.graphql.plan import Plan
from syncline.graphql.projection import Interest, Projection, matching
from syncline.graphql.selection import FieldPlan
from syncline.graphql.serve import CONNECTING, Server
from syncline.hub import Answer, ErrorObject, Hub, Name, Start, Subscription, Topic, wish_of

Value = Any


class Refused(Invalid):
    """The subscription was refused; `data["errors"]` is what the client is shown."""

    code = "BadRequestException"

    def __init__(self, entries: list[dict[str, Any]]) -> None:
        super().__init__(str(entries[0]["message"]), data={"errors": entries})


class DuplicatedOperation(Invalid):
    """Duplicated operation with id {id}"""

    code = "DuplicatedOperationError"


class OtherCaller(Denied):
    """The event stream is another caller's."""

    code = "UnauthorizedException"


PASSED: ErrorObject = {"errorType": "PositionPassed", "message": "What was published meanwhile is no longer there."}


class Filters(NamedTuple):
    """What the subscription's resolver installed: what it is for instead of its arguments, and what ends it."""

    field: str
    wanted: Filter | None = None
    ending: Filter | None = None


class Kept(msgspec.Struct):
    """A live subscription, and what it was started with."""

    start: Start
    identity: Identity
    subscription: Subscription
    name: Name | None
    filters: Filters


class Endpoint:
    """What one connection talks to."""

    __slots__ = (
        "_caller",
        "_clock",
        "_hub",
        "_identity",
        "_kept",
        "_leases",
        "_live",
        "_live_of",
        "_meter",
        "_request",
        "_server",
        "opened",
    )

    def __init__(
        self, server: Server, hub: Hub, clock: Clock, meter: Meter, live_of: Callable[[Mapping[str, str]], LiveApi]
    ) -> None:
        self._server, self._hub, self._clock, self._meter, self._live_of = server, hub, clock, meter, live_of
        self._live: LiveApi | None = None
        self._kept: dict[str, Kept] = {}
        self._request: Request | None = None
        self._identity: Identity | None = None
        self._caller: Hashable = None
        self.opened = 0.0
        """When it was connected, in monotonic seconds."""
        self._leases = Leases(self._kept, self._check, self._credential_over)

    # --- hub.RealtimeEndpoint

    async def connect(self, request: Request, authorization: Mapping[str, str] | None) -> None:
        """Admit the connection, or raise. `authorization` None: the request's own headers carry it."""
        headers = request.index if authorization is None else _lowered(authorization)
        live = self._live_of(headers)
        live.figures.connect_requests.add()
        own = authorization is None and "upgrade" not in request.index
        signed = _signed(request, own=own)
        asked = None if own else CONNECTING
        with live.figures.connects.counted():
            identity = await self._server.identify(
                live, headers, source_ip=request.peer, signed=signed, door="connect", asked=asked
            )
        self._identity = identity if own or identity.mode == "AWS_IAM" else None
        self._caller = identity.caller
        self._live, self._request, self.opened = live, request, self._clock.monotonic()
        live.figures.connections += 1
        live.present[self] = None
        live.changed[self] = self._look_again
        self._server.opened.add(live.api_id, self._leases)

    def api(self) -> str:
        """What it has connected to."""
        return self._connected().api_id

    async def admit(self, request: Request) -> Identity:
        """Who asks. Raises unless it is the caller that connected."""
        live, signed = self._connected(), _signed(request, own=True)
        if self._live_of(request.index) is not live:
            raise OtherCaller
        identity = await self._server.identify(
            live, request.index, source_ip=request.peer, signed=signed, door="message"
        )
        if identity.caller != self._caller:
            raise OtherCaller
        return identity

    async def subscribe(self, start: Start) -> Subscription | Answer:
        """Register with the hub, then return at once; or answer a query or a mutation. Raises to refuse."""
        live = self._connected()
        if start.operations and self._is_operation(live, start):
            return Answer(lambda: self._operated(live, start))
        with live.figures.subscribes.counted():
            return await self._subscribe(live, start)

    def unsubscribe(self, id: str, *, known: bool = True) -> None:
        """End one subscription; unknown ids are nothing to do."""
        if not known:
            self._connected().figures.unsubscribe_errors.add()
        kept = self._drop(id)
        if kept is not None:
            self._connected().figures.unsubscribes.add()
            self._hub.unsubscribe(kept.subscription)

    def closed(self, *, faulty: bool = False) -> None:
        """The connection is gone. Its subscriptions may come back."""
        live = self._live
        if live is None:
            return
        for id in list(self._kept):
            kept = self._drop(id)
            assert kept is not None, "it was listed"
            self._hub.unsubscribe(kept.subscription)
            if kept.name is not None and live.documents is not None:
                live.returning.lost(kept.name, kept.subscription)
        (live.figures.disconnect_errors if faulty else live.figures.disconnects).add()
        live.figures.connection_ms.observe((self._clock.monotonic() - self.opened) * 1000)
        del live.present[self]
        del live.changed[self]
        self._server.opened.remove(live.api_id, self._leases)
        live.figures.connections -= 1
        self._live = None

    def _keep(self, live: LiveApi, kept: Kept) -> None:
        self._kept[kept.start.id] = kept
        self._leases.added(kept.identity)
        live.figures.subscriptions += 1
        if kept.filters.ending is not None:
            live.ending.setdefault(kept.filters.field, {})[self, kept.start.id] = kept.filters.ending.matches

    def _drop(self, id: str) -> Kept | None:
        """Forget a subscription of ours; the hub still has it."""
        kept = self._kept.pop(id, None)
        if kept is not None:
            live = self._connected()
            live.figures.subscriptions -= 1
            live.returning.release(kept.name, self)
            if kept.filters.ending is not None:
                live.ending[kept.filters.field].pop((self, id), None)
        return kept

    def invalidate(self, id: str) -> None:
        """End a subscription whose invalidation filter held, and its connection: AWS does this."""
        kept = self._drop(id)
        if kept is not None:
            self._hub.unsubscribe(kept.subscription)
            kept.start.ended([{"message": "Subscription complete."}], True)

    def _is_operation(self, live: LiveApi, start: Start) -> bool:
        """Is it a query or a mutation that validates?"""
        text, name = start.payload.get("query"), start.payload.get("operationName")
        if live.documents is None or not isinstance(text, str) or not isinstance(name or "", str):
            return False
        document = live.documents.find(text, name or None)
        return document.kind is not OperationType.SUBSCRIPTION and not document.errors

    async def _operated(self, live: LiveApi, start: Start) -> bytes:
        """The answer to a query or a mutation."""
        headers = [(name.lower(), value) for name, value in start.authorization.items()]
        asked = Request("POST", _base(start.request.path), "", headers, start.raw.encode(), peer=start.request.peer)
        return (await self._server.respond(live, asked, known=self._known(live, start))).body

    def _known(self, live: LiveApi, start: Start) -> Identity | None:
        """Who asks, where that was found out for this start's request or for the whole connection: where one credential
        is for all operations, a signature covers the first alone."""
        identity: Identity | None = start.caller or self._identity
        if not start.operations or identity is None:
            return None
        self._server.check(live, identity)
        return identity

    def shown(self) -> dict[str, Any]:
        """This connection as its operator sees it."""
        request, outbox = self._request, next((kept.start.outbox for kept in self._kept.values()), None)
        assert request is not None, "only who is connected is looked at"
        return {
            "api": self._connected().api_id,
            "connection": request.id,
            "peer": request.peer,
            "since": self._clock.now() - (self._clock.monotonic() - self.opened),
            "pendingBytes": 0 if outbox is None else outbox.pending_bytes,
            "roundTripMs": None if outbox is None else outbox.round_trip_ms,
            "subscriptions": [
                {
                    "id": kept.start.id,
                    "field": kept.filters.field,
                    "mode": kept.identity.mode,
                    "query": kept.start.payload.get("query"),
                    "variables": kept.start.payload.get("variables"),
                    "filter": None if kept.filters.wanted is None else json.decode(kept.filters.wanted.name),
                    "reached": self._hub.reached(kept.subscription),
                }
                for kept in self._kept.values()
            ],
        }

    # --- starting

    async def _subscribe(self, live: LiveApi, start: Start) -> Subscription:
        identity = self._known(live, start) or await self._server.identify(
            live,
            _lowered(start.authorization),
            source_ip=start.request.peer,
            signed=Signed("POST", (_base(start.request.path), "/graphql"), body=start.raw.encode()),
            door="message",
        )
        if start.id in self._kept:
            return await self._renewed(live, start, identity)
        document, variables = _understood(live, start)
        filters = await self._admitted(live, document, variables, start, identity)
        if self._live is not live or live.documents is None:
            raise NoSchema  # the API or the connection went away while the resolver ran
        wish = wish_of(start.extension, self._hub.epoch(live.api_id))
        subscription = self._subscription(live, start, identity, filters)
        name = live.returning.register(subscription, start, resume.name_of(start, identity), self, wish)
        self._keep(live, Kept(start, identity, subscription, name, filters))
        return subscription

    async def _renewed(self, live: LiveApi, start: Start, identity: Identity) -> Subscription:
        """The same subscription under a fresh credential of the same caller. Raises DuplicatedOperation."""
        kept = self._kept[start.id]
        if kept.start.raw != start.raw or identity.caller != kept.identity.caller:
            raise DuplicatedOperation(id=start.id)
        document, variables = _understood(live, start)
        await self._admitted(live, document, variables, start, identity)
        if self._kept.get(start.id) is not kept:
            raise NoSchema  # it ended while its resolver ran
        if identity.grants != kept.identity.grants:
            self._go_on(kept, self._subscription(live, start, identity, kept.filters))
        kept.start, kept.identity = start, identity
        self._leases.added(identity)
        return kept.subscription

    async def _admitted(
        self, live: LiveApi, document: Document, variables: dict[str, Any], start: Start, identity: Identity
    ) -> Filters:
        """What the field's own resolver installs, when that and the field's access agree. Raises Refused."""
        plan = document.plan(identity.grants, variables)
        assert plan is not None, "a subscription has no introspection fields at its root"
        field = _only(plan, start)
        if field.resolver is None and field.blocked is None:
            return Filters(field.name)
        headers = {name.lower(): value for name, value in start.authorization.items()}
        request = request_of(list(headers.items()), live.domain_of({**start.request.index, **headers}))
        given = start.payload.get("variables") or {}
        run = Run(plan, self._server.surroundings(live, identity, request, given, variables))
        try:
            await run.resolve(field, (field.key,))
        except FieldFailed as failure:
            raise Refused([_shown(failure)]) from None
        if run.errors:
            raise Refused(run.errors)
        installed = run.shared.filters
        wanted, ending = (compile_filter(installed.get(each), self._hub.limits) for each in ("filter", "invalidation"))
        return Filters(field.name, wanted, ending)

    def _subscription(self, live: LiveApi, start: Start, identity: Identity, filters: Filters) -> Subscription:
        """What the hub is given: made anew for each state of the schema."""
        interest = self._interest(live, start, identity, filters)
        positions = isinstance(start.extension.get("resume"), dict)
        return Subscription(
            interest.topics,
            (interest, positions),
            interest.matches,
            interest.project,
            start.outbox,
            start.prefix,
            start.suffix,
            resume.stamp(self._hub.epoch(live.api_id)) if positions else None,
            lambda errors: self._ended(start.id, errors),
            index=interest.index,
        )

    def _interest(self, live: LiveApi, start: Start, identity: Identity, filters: Filters) -> Interest:
        """What a start is for: one object for all that are for the same. Raises Refused."""
        document, variables = _understood(live, start)
        plan = document.delivery(identity.grants, variables)
        field = _only(plan, start)
        if field.blocked is not None:
            raise Refused([_shown(field.blocked)])
        wanted, given = filters.wanted, arguments_of(field, variables)
        # What a filter replaces does not tell subscriptions apart.
        key = live.version, plan, wanted is None, json.encode(given) if wanted is None else wanted.name
        interest: Interest | None = live.interests.get(key)
        if interest is None:
            assert live.schema is not None, "a document was found, so there is a schema"
            topics = tuple(Topic(live.api_id, name) for name in live.schema.subscriptions.get(field.name, ()))
            if not topics:
                raise Refused([{"message": f"{field.name} is linked to no mutation: it needs @aws_subscribe."}])
            matches = matching(given) if wanted is None else wanted.matches
            index = hints_of(given.items()) if wanted is None else wanted.hints()
            projection = self._projection(live, plan, field, identity)
            filtered = frozenset((name,) for name in given) if wanted is None else wanted.paths
            mutations = frozenset(topic.name for topic in topics)
            need = live.needs.need(field.name, mutations, projection.selected, filtered)
            interest = Interest(topics, matches, index, projection, need)
            live.interests[key] = interest
        return interest

    def _projection(self, live: LiveApi, plan: Plan, field: FieldPlan, identity: Identity) -> Projection:
        projection: Projection | None = live.projections.get(plan)
        if projection is None:
            surroundings = self._server.surroundings(live, identity, {}, {}, {})
            projection = live.projections[plan] = Projection(plan, field, surroundings)
        return projection

    # --- credentials that are good no more

    def _check(self, kept: Kept) -> None:
        self._server.check(self._connected(), kept.identity)

    def _credential_over(self, kept: Kept, refusal: SynclineError) -> None:
        self._meter.event(
            "subscription ended",
            room="graphql",
            api=self._connected().api_id,
            mode=kept.identity.mode,
            reason=refusal.message,
        )
        self._hub.end(kept.subscription, [errors.transport(refusal)])

    # --- a changed schema

    def _look_again(self) -> None:
        for kept in list(self._kept.values()):
            live = self._connected()
            try:
                renewed = self._subscription(live, kept.start, kept.identity, kept.filters)
            except SynclineError as refusal:
                self._hub.end(kept.subscription, refusal.data.get("errors") or [errors.transport(refusal)])
            else:
                self._go_on(kept, renewed)

    def _go_on(self, kept: Kept, renewed: Subscription) -> None:
        before, kept.subscription = kept.subscription, renewed
        if not self._hub.replace(before, renewed):
            self._hub.end(renewed, [PASSED])

    def _ended(self, id: str, entries: Sequence[ErrorObject]) -> None:
        """The hub has ended a subscription: nobody but its client is left to be told."""
        kept = self._drop(id)
        if kept is not None:
            # The last one that a credential takes along takes the socket along: clients come back with a fresh one.
            kept.start.ended(entries, self._leases.ending and not self._kept)

    def _connected(self) -> LiveApi:
        assert self._live is not None, "a connection subscribes only after it was admitted"
        return self._live


def arguments_of(field: FieldPlan, variables: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that the client gave. Raises Refused."""
    try:
        return field.arguments(variables) if field.arguments else {}
    except ANOMALIES:
        raise Refused([{"message": f"The arguments of {field.name} cannot be coerced."}]) from None


def _understood(live: LiveApi, start: Start) -> tuple[Document, dict[str, Any]]:
    """The start's document and coerced variables. Raises Refused and what documents raise."""
    if live.documents is None:
        raise NoSchema
    text, name, given = (start.payload.get(member) for member in ("query", "operationName", "variables"))
    if not isinstance(text, str) or not isinstance(given or {}, dict) or not isinstance(name or "", str):
        raise errors.MalformedRequest
    document = live.documents.find(text, name or None)
    if document.kind is not OperationType.SUBSCRIPTION and not (start.operations and document.errors):
        raise OperationUnsupported(operation=document.kind.value)
    if document.errors:
        raise Refused([{"message": entry["message"]} for entry in document.errors])
    try:
        return document, document.variables.coerce(given or {})
    except VariableRefused as refusal:
        raise Refused([{"message": str(refusal)}]) from None


def _only(plan: Plan, start: Start) -> FieldPlan:
    # AWS does this: several root fields are answered as if the id were in use (graphql-api reference, 2.6).
    if len(plan.fields) != 1:
        raise DuplicatedOperation(id=start.id)
    return plan.fields[0]


def _shown(failure: FieldFailed) -> dict[str, Any]:
    entry: dict[str, Any] = {"errorType": failure.error_type, "message": failure.message}
    if failure.data is not None:
        entry["data"] = failure.data
    if failure.info is not None:
        entry["errorInfo"] = failure.info
    return entry


def _lowered(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower(): str(value) for name, value in headers.items()}


def _signed(request: Request, *, own: bool) -> Signed:
    """What a signature covers: the request, where it is its own; AppSync's clients sign one that they never send."""
    if own:
        return Signed(request.method, (request.path, "/graphql"), request.query, request.body)
    return Signed("POST", (f"{_base(request.path)}/connect", "/graphql/connect"), body=b"{}")


def _base(path: str) -> str:
    return path.removesuffix("/").removesuffix("/realtime")
