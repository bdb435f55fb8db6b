"""Live subscriptions of one connection: admitted, checked, filtered, projected, kept over a change of the schema.

For: `engine`, which makes one Endpoint per WebSocket connection; `edge` drives it. Implements hub.RealtimeEndpoint.
Owns: the connection's subscriptions. Never: frames a message, but for the two that end a subscription.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from graphql import OperationType

from syncline.auth import Identity, Signed
from syncline.core import Invalid, Meter, Request, SynclineError, json
from syncline.graphql import errors
from syncline.graphql.codegen import ANOMALIES
from syncline.graphql.coerce import VariableRefused
from syncline.graphql.documents import Document
from syncline.graphql.errors import FieldFailed, NoSchema, OperationUnsupported
from syncline.graphql.execute import Run, Surroundings, at_once, request_of
from syncline.graphql.live import Live
from syncline.graphql.plan import Plan
from syncline.graphql.selection import FieldPlan
from syncline.graphql.serve import Server
from syncline.hub import Hub, Start, Subscription, Topic

Value = Any


class Refused(Invalid):
    """The subscription was refused; `data["errors"]` is what the client is shown."""

    code = "BadRequestException"

    def __init__(self, entries: list[dict[str, Any]]) -> None:
        super().__init__(str(entries[0]["message"]), data={"errors": entries})


class DuplicatedOperation(Invalid):
    """Duplicated operation with id {id}"""

    code = "DuplicatedOperationError"


class Kept(msgspec.Struct):
    """A live subscription, and what it was started with."""

    start: Start
    identity: Identity
    subscription: Subscription


class Endpoint:
    """What one connection talks to."""

    def __init__(self, server: Server, hub: Hub, meter: Meter, live_of: Callable[[Mapping[str, str]], Live]) -> None:
        self._server, self._hub, self._meter, self._live_of = server, hub, meter, live_of
        self._live: Live | None = None
        self._kept: dict[str, Kept] = {}

    # --- hub.RealtimeEndpoint

    async def connect(self, request: Request, authorization: Mapping[str, str] | None) -> None:
        """Admit the connection, or raise. `authorization` None: the request's own headers carry it."""
        headers = request.index if authorization is None else _lowered(authorization)
        live = self._live_of(headers)
        base = _base(request.path)
        signed = Signed("POST", (f"{base}/connect", "/graphql/connect"), body=b"{}")
        try:
            await self._server.identify(live, headers, source_ip=request.peer, signed=signed)
        except SynclineError:
            live.figures.connect_errors.add()
            raise
        self._live = live
        live.figures.connects.add()
        live.figures.connections += 1
        live.changed[self] = self._look_again

    async def subscribe(self, start: Start) -> Subscription:
        """Register with the hub, then return at once. Raises to refuse."""
        live = self._connected()
        try:
            subscription = await self._subscribe(live, start)
        except SynclineError:
            live.figures.subscribe_errors.add()
            raise
        live.figures.subscribes.add()
        return subscription

    def unsubscribe(self, id: str) -> None:
        """End one subscription; unknown ids are nothing to do."""
        kept = self._kept.pop(id, None)
        if kept is not None:
            self._hub.unsubscribe(kept.subscription)
            self._connected().figures.subscriptions -= 1

    def closed(self) -> None:
        """The connection is gone."""
        if self._live is None:
            return
        for id in list(self._kept):
            self.unsubscribe(id)
        del self._live.changed[self]
        self._live.figures.connections -= 1
        self._live = None

    # --- starting

    async def _subscribe(self, live: Live, start: Start) -> Subscription:
        identity = await self._server.identify(
            live,
            _lowered(start.authorization),
            source_ip=start.request.peer,
            signed=Signed("POST", (_base(start.request.path), "/graphql"), body=start.raw.encode()),
        )
        if start.id in self._kept:
            raise DuplicatedOperation(id=start.id)
        document, variables = _understood(live, start)
        await self._admitted(live, document, variables, start, identity)
        if self._live is not live or live.documents is None:
            raise NoSchema  # the API or the connection went away while the resolver ran
        subscription = self._subscription(live, start, identity)
        self._kept[start.id] = Kept(start, identity, subscription)
        live.figures.subscriptions += 1
        self._hub.subscribe(subscription)
        return subscription

    async def _admitted(
        self, live: Live, document: Document, variables: dict[str, Any], start: Start, identity: Identity
    ) -> None:
        """Return when the field's access and its own resolver, if it has one, agree. Raises Refused."""
        plan = document.plan(identity.grants, variables)
        assert plan is not None, "a subscription has no introspection fields at its root"
        field = _only(plan, start)
        if field.resolver is None and field.blocked is None:
            return
        request = request_of([(name.lower(), value) for name, value in start.authorization.items()])
        given = start.payload.get("variables") or {}
        run = Run(plan, self._server.surroundings(live, identity, request, given, variables))
        try:
            await run.resolve(field, (field.key,))
        except FieldFailed as failure:
            raise Refused([_shown(failure)]) from None
        if run.errors:
            raise Refused(run.errors)
        # Enhanced filters will be installed here: the resolver's extensions replace `matching`.

    def _subscription(self, live: Live, start: Start, identity: Identity) -> Subscription:
        """What the hub is given: made anew for each state of the schema."""
        document, variables = _understood(live, start)
        field = _only(document.delivery(identity.grants, variables), start)
        if field.blocked is not None:
            raise Refused([_shown(field.blocked)])
        assert live.schema is not None, "a document was found, so there is a schema"
        topics = tuple(Topic(live.api_id, name) for name in live.schema.subscriptions.get(field.name, ()))
        if not topics:
            raise Refused([{"message": f"{field.name} is linked to no mutation: it needs @aws_subscribe."}])
        query = start.payload["query"], start.payload.get("operationName")
        group = live.version, query, json.encode(start.payload.get("variables")), identity.grants
        projection = live.projections.get(group)
        if projection is None:
            plan = document.delivery(identity.grants, variables)
            surroundings = self._server.surroundings(live, identity, {}, {}, {})
            matches = matching(arguments_of(field, variables))
            projection = live.projections[group] = Projection(plan, field, matches, surroundings, live, self._meter)
        return Subscription(
            topics, group, projection.matches, projection.payload, start.outbox, start.prefix, start.suffix
        )

    # --- a changed schema

    def _look_again(self) -> None:
        for id, kept in list(self._kept.items()):
            self._hub.unsubscribe(kept.subscription)
            live = self._connected()
            try:
                renewed = self._subscription(live, kept.start, kept.identity)
            except SynclineError as refusal:
                self._end(id, kept, refusal)
            else:
                kept.subscription = renewed
                self._hub.subscribe(renewed)

    def _end(self, id: str, kept: Kept, refusal: SynclineError) -> None:
        del self._kept[id]
        self._connected().figures.subscriptions -= 1
        entries = refusal.data.get("errors") or [errors.transport(refusal)]
        outbox = kept.start.outbox
        for message in (
            {"id": id, "type": "error", "payload": {"errors": entries}},
            {"id": id, "type": "complete"},
        ):
            text = json.encode(message)
            outbox.write(outbox.frame_header(len(text)) + text)

    def _connected(self) -> Live:
        assert self._live is not None, "a connection subscribes only after it was admitted"
        return self._live


class Projection:
    """What subscribers of one group get of a published value."""

    def __init__(
        self,
        plan: Plan,
        field: FieldPlan,
        matches: Callable[[Value], bool] | None,
        surroundings: Surroundings,
        live: Live,
        meter: Meter,
    ) -> None:
        self.matches = matches
        self._plan, self._field, self._surroundings = plan, field, surroundings
        self._live, self._meter = live, meter
        self._head = b'{"data":{' + json.encode(field.key) + b":"
        self._known_gaps: set[str] = set()

    def payload(self, value: Value) -> bytes:
        """The `payload` of a data frame: the value as the subscription selects it, encoded once."""
        fast = self._field.shape.fast
        if fast is not None:
            try:
                return self._head + json.encode(fast(value)) + b"}}"
            except ANOMALIES:
                pass
        return self._careful(value)

    def _careful(self, value: Value) -> bytes:
        run = Run(self._plan, self._surroundings)
        data = at_once(run.projected(self._field, value))
        if run.gaps:
            self._note(run.gaps)
        answer = {"data": data, "errors": run.errors} if run.errors else {"data": data}
        return json.encode(answer)

    def _note(self, gaps: list[str]) -> None:
        self._live.figures.gaps.add(len(gaps))
        fresh = [path for path in gaps if path not in self._known_gaps]
        if fresh:
            self._known_gaps.update(fresh)
            self._meter.event(
                "subscription selects what the mutation did not",
                room="graphql",
                api=self._live.api_id,
                subscription=self._field.name,
                missing=fresh,
            )


def matching(arguments: Mapping[str, Any]) -> Callable[[Value], bool] | None:
    """AppSync's basic filter: each argument given equals the body's field of that name; null: null or not there."""
    if not arguments:
        return None
    wanted = [(name, value, _serial(value)) for name, value in arguments.items()]

    def matches(value: Value) -> bool:
        for name, expected, serial in wanted:
            actual = value.get(name)
            if expected is None:
                if actual is not None:
                    return False
            elif not _equals(actual, expected, serial):
                return False
        return True

    return matches


def _equals(actual: Any, expected: Any, serial: str) -> bool:
    if actual is None or isinstance(actual, (list, dict)):
        return False
    return bool(actual == expected) or _serial(actual) == serial


def _serial(value: Any) -> str:
    return value if isinstance(value, str) else json.encode(value).decode()


def arguments_of(field: FieldPlan, variables: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments that the client gave. Raises Refused."""
    try:
        return field.arguments(variables) if field.arguments else {}
    except ANOMALIES:
        raise Refused([{"message": f"The arguments of {field.name} cannot be coerced."}]) from None


def _understood(live: Live, start: Start) -> tuple[Document, dict[str, Any]]:
    """The start's document and coerced variables. Raises Refused and what documents raise."""
    if live.documents is None:
        raise NoSchema
    text, name, given = (start.payload.get(member) for member in ("query", "operationName", "variables"))
    if not isinstance(text, str) or not isinstance(given or {}, dict) or not isinstance(name or "", str):
        raise errors.MalformedRequest
    document = live.documents.find(text, name or None)
    if document.kind is not OperationType.SUBSCRIPTION:
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


def _base(path: str) -> str:
    return path.removesuffix("/").removesuffix("/realtime")
