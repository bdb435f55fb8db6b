"""The AWS door: an HTTP request to an operation's answer.

For: `edge`, through `app`. Owns: the order of a call: service, credentials, body, operation, request, method, answer.
Never: lets a failure out: what is not one of our errors is logged with the request's id and answered as such.
"""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Any, Protocol

from syncline.core import Clock, Ids, Meter, Request, Response, SynclineError, call
from syncline.wire import bodies, models, signatures
from syncline.wire.exchange import Arrival, Exchange, Speech
from syncline.wire.failures import Failures, ServiceUnsupported
from syncline.wire.json_rpc import JsonRpc
from syncline.wire.operations import Method, Operations
from syncline.wire.query import Query
from syncline.wire.rest_json import RestJson
from syncline.wire.services import SERVICES, identify

JSON_RPC, REST_JSON, QUERY = "json", "rest-json", "query"
_SPEECHES: Mapping[str, type[JsonRpc] | type[RestJson] | type[Query]] = {
    JSON_RPC: JsonRpc,
    REST_JSON: RestJson,
    QUERY: Query,
}
_UNMODELLED = models.Model(models.Metadata("", "", ""), {}, {})
_SIGNING = {row.name: row.signing for row in SERVICES}


class Endpoint:
    """A service in one protocol, and what it takes to answer each of its operations."""

    def __init__(self, service: str, protocol: str, model: models.Model) -> None:
        self.service = service
        self.model = model
        self.speech: Speech = _SPEECHES[protocol](service, model)
        self.failures = Failures(service, model, protocol=protocol)
        self.operations: dict[str, BoundOperation] = {}


class BoundOperation:
    """One operation of an endpoint: its method, its codec, its instruments."""

    __slots__ = ("duration", "exchange", "method", "operation", "refused", "unsigned")

    def __init__(self, endpoint: Endpoint, operation: str, method: Method, meter: Meter) -> None:
        labels = {"service": endpoint.service, "operation": operation}
        self.operation = operation
        self.method = method
        self.exchange: Exchange = endpoint.speech.exchange(operation)
        self.unsigned = endpoint.model.operations[operation].unsigned
        self.duration = meter.summary("syncline_wire_operation_ms", **labels)
        self.refused = meter.counter("syncline_wire_refusals_total", **labels)


class Gate(Protocol):
    """Stands between a call that was understood and the operation."""

    def check(
        self, service: str, operation: str, request: dict[str, Any], entered: call.Call
    ) -> Awaitable[None] | None:
        """None when the call may be made, or what to await before it is; that, or this, raises Denied."""
        ...


class AwsDoor:
    """Answers the calls of AWS SDKs, the CLI and Terraform.

    With `verify` every signature is checked; without, any credentials are the root's, unless `credentials` knows them.
    """

    def __init__(
        self,
        operations: Operations,
        credentials: signatures.Credentials,
        *,
        clock: Clock,
        ids: Ids,
        meter: Meter,
        account: str,
        region: str,
        verify: bool = True,
        gate: Gate | None = None,
    ) -> None:
        self._gate = gate
        self._operations = operations
        self._credentials = credentials
        self._clock = clock
        self._ids = ids
        self._meter = meter
        self._account = account
        self._region = region
        self._verify = verify
        self._endpoints: dict[tuple[str, str], Endpoint] = {}
        self._root = call.root_of(account)

    async def respond(self, request: Request, service: str | None = None) -> Response:
        """The answer, in the protocol of the service: what `identify` says. Never raises for a bad request or a bug."""
        began = self._clock.monotonic()
        request_id = request.id or self._ids.uuid()
        endpoint = self._endpoint(service or identify(request) or "unknown", request)
        reached: BoundOperation | None = None
        try:
            bound, entered, arrival = self._understood(endpoint, request, request_id)
            asked = bound.exchange.read(arrival)
            reached = bound
            call.enter(entered)
            if self._gate is not None:
                checking = self._gate.check(endpoint.service, bound.operation, asked, entered)
                if checking is not None:
                    await checking
            response = bound.exchange.write(await bound.method(asked) or {}, arrival)
        except SynclineError as error:
            failure = endpoint.failures.of(error)
            if reached is not None:
                reached.refused.add()
            else:
                self._note_refusal(endpoint, error, request_id)
            return endpoint.speech.refuse(failure, request_id)
        except Exception as bug:  # noqa: BLE001 (the HTTP door of the AWS APIs)
            self._meter.failure("aws call failed", bug, service=endpoint.service, request_id=request_id)
            return endpoint.speech.refuse(endpoint.failures.internal(request_id), request_id)
        bound.duration.observe((self._clock.monotonic() - began) * 1000)
        return response

    def _understood(
        self, endpoint: Endpoint, request: Request, request_id: str
    ) -> tuple[BoundOperation, call.Call, Arrival]:
        """The operation, who calls, and what with. Raises SynclineError."""
        if endpoint.model is _UNMODELLED:
            raise ServiceUnsupported(service=endpoint.service)
        headers = request.index
        if len(headers) != len(request.headers):
            headers = signatures.fold(request.headers)
        entered, body = self._enter(endpoint, request, headers, request_id)
        operation, labels = endpoint.speech.operation_of(request, body)
        bound = endpoint.operations.get(operation) or self._bound(endpoint, operation)
        if self._verify and entered.caller is None and not bound.unsigned:
            raise signatures.MissingToken
        return bound, entered, Arrival(request, body, labels, request_id)

    def _enter(
        self, endpoint: Endpoint, request: Request, headers: Mapping[str, str], request_id: str
    ) -> tuple[call.Call, bytes]:
        """Who calls, and the body with its encodings undone. Raises Unauthenticated or Invalid."""
        authorization = signatures.authorization_of(headers, request.query)
        caller: call.Caller | None = None
        seal = None
        if self._verify and authorization is not None:
            caller, seal = self._verified(endpoint, request, headers, authorization)
        elif not self._verify:
            caller = self._trusted(authorization)
        region = authorization.region if authorization and authorization.region else self._region
        account = caller.account if caller else self._account
        trace_id = headers.get("x-amzn-trace-id", "")
        entered = call.Call(request_id, region, account, caller, request.peer, trace_id)
        return entered, bodies.decoded(headers, request.body, seal)

    def _verified(
        self, endpoint: Endpoint, request: Request, headers: Mapping[str, str], authorization: signatures.Authorization
    ) -> tuple[call.Caller, bodies.ChunkSeal | None]:
        digest = bodies.payload_hash(headers, request.body, authorization)
        signed = signatures.SignedRequest(request.method, request.path, request.query, headers, digest)
        now = self._clock.now()
        service = _SIGNING.get(endpoint.service)
        caller = signatures.verify(signed, headers, authorization, self._credentials, now=now, service=service)
        if digest not in bodies.SIGNED_CHUNKS:
            return caller, None
        credential = self._credentials.secret_of(authorization.access_key_id, authorization.session_token)
        assert credential is not None, "the signature was just verified with it"
        return caller, bodies.ChunkSeal(signatures.signing_key(credential.secret, authorization), authorization)

    def _trusted(self, authorization: signatures.Authorization | None) -> call.Caller:
        if authorization is None:
            return self._root
        known = self._credentials.secret_of(authorization.access_key_id, authorization.session_token)
        return known.caller if known else self._root

    def _endpoint(self, service: str, request: Request) -> Endpoint:
        protocol = _protocol(request)
        found = self._endpoints.get((service, protocol))
        if found is not None:
            return found
        if service not in self._operations.services:
            return Endpoint(service, QUERY if service == "s3" else protocol or REST_JSON, _UNMODELLED)
        model = models.load(service)
        spoken = model.metadata.protocols or [model.metadata.protocol]
        chosen = protocol if protocol in spoken else next(name for name in spoken if name in _SPEECHES)
        made = self._endpoints[service, protocol] = Endpoint(service, chosen, model)
        return made

    def _bound(self, endpoint: Endpoint, operation: str) -> BoundOperation:
        method = self._operations.method(endpoint.service, operation)
        made = endpoint.operations[operation] = BoundOperation(endpoint, operation, method, self._meter)
        return made

    def _note_refusal(self, endpoint: Endpoint, error: SynclineError, request_id: str) -> None:
        self._meter.event(
            "aws request refused",
            service=endpoint.service,
            code=error.code,
            reason=error.message.partition("\n")[0][:512],
            request_id=request_id,
        )


def _protocol(request: Request) -> str:
    """The protocol that the request looks like; nothing when only its path can tell."""
    if request.index.get("x-amz-target"):
        return JSON_RPC
    if request.header("content-type").startswith("application/x-www-form-urlencoded") or "Action=" in request.query:
        return QUERY
    return ""
