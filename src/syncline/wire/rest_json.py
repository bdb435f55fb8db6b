"""The `rest-json` protocol: members in the path, the query string, headers and a JSON or raw body.

For: AppSync, Lambda and their like. Owns: where each member of a request and of an answer goes.
"""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

from syncline.core import Request, Response, json
from syncline.core.http import HeaderList
from syncline.wire import instants
from syncline.wire.exchange import Arrival, Exchange, checked
from syncline.wire.failures import Failure, UnknownOperation
from syncline.wire.json_rpc import parse_object
from syncline.wire.models import Member, Model, Shape
from syncline.wire.readers import Key, Reader, Readers
from syncline.wire.routes import Routes
from syncline.wire.scalars import JSON, OWN, TEXT, NotConvertible
from syncline.wire.writers import Writer, Writers, structure

CONTENT_TYPE = "application/json"
Values = Mapping[str, list[str]]
Pick = Callable[[Arrival, Values], Any]
"""Takes one member's text from a request; None when it is absent."""


class RestJson:
    """A service in the `rest-json` protocol."""

    def __init__(self, service: str, model: Model) -> None:
        self._service = service
        self._model = model
        self._routes = Routes(model)
        self._json = Readers(model.shapes, JSON)
        self._text = Readers(model.shapes, TEXT)
        self._own = Readers(model.shapes, OWN)
        self._writers = Writers(model.shapes)

    def operation_of(self, request: Request, body: bytes) -> tuple[str, Mapping[str, str]]:
        """The operation at the request's method and path."""
        found = self._routes.find(request.method, request.path, request.query)
        if found is None:
            raise UnknownOperation(f"Unable to determine service/operation name to be authorized: "
                                   f"{request.method} {request.path[:512]}")  # fmt: skip
        return found.operation, found.labels

    def exchange(self, operation: str) -> Exchange:
        """The compiled operation."""
        modelled = self._model.operations[operation]
        read = self._reading(modelled.input.shape) if modelled.input else _nothing
        return Exchange(read, self._writing(operation))

    def refuse(self, failure: Failure, request_id: str) -> Response:
        """The code in a header, the message and the error's members in the body."""
        body = {failure.message_member: failure.message, **failure.members}
        headers = [("x-amzn-requestid", request_id), ("x-amzn-errortype", failure.code)]
        return Response(failure.status, json.encode(body), CONTENT_TYPE, headers)

    # requests

    def _reading(self, name: str) -> Callable[[Arrival], dict[str, Any]]:
        shape = self._model.shapes[name]
        bound: dict[Key, tuple[str, Reader]] = {}
        picks: list[tuple[Key, Pick]] = []
        in_body = False
        for member, reference in shape.members.items():
            target = self._model.shapes[reference.shape]
            if reference.location:
                picks.append(((member,), _pick(member, reference, target)))
                bound[member,] = (member, self._text.of(reference.shape))
            elif member == shape.payload:
                reader, pick = self._payload(reference, target)
                picks.append(((member,), pick))
                bound[member,] = (member, reader)
            else:
                bound[reference.location_name or member] = (member, self._json.of(reference.shape))
                in_body = True
        return _read(self._json.structure(name, bound), picks, in_body)

    def _payload(self, reference: Member, target: Shape) -> tuple[Reader, Pick]:
        if target.type == "blob":
            return self._own.of(reference.shape), lambda arrival, _: arrival.body or None
        if target.type == "string":
            return self._text.of(reference.shape), lambda arrival, _: _decoded(arrival.body) or None
        return self._json.of(reference.shape), lambda arrival, _: parse_object(arrival.body) if arrival.body else None

    # answers

    def _writing(self, operation: str) -> Callable[[dict[str, Any], Arrival], Response]:
        modelled = self._model.operations[operation]
        usual = modelled.http.response_code
        if modelled.output is None:
            return lambda answer, arrival: _response(usual, b"" if usual == 204 else b"{}", arrival, [])
        shape = self._model.shapes[modelled.output.shape]
        header_members = {name: ref for name, ref in shape.members.items() if ref.location in ("header", "headers")}
        headers_of = [_header(name, ref, self._model.shapes[ref.shape]) for name, ref in header_members.items()]
        status_member = next((name for name, ref in shape.members.items() if ref.location == "statusCode"), "")
        body_of = self._body(shape)

        def write(answer: dict[str, Any], arrival: Arrival) -> Response:
            headers: HeaderList = []
            for add in headers_of:
                add(answer, headers)
            status = int(answer.get(status_member) or usual)
            return _response(status, b"" if status == 204 else body_of(answer), arrival, headers)

        return write

    def _body(self, shape: Shape) -> Callable[[dict[str, Any]], bytes]:
        if shape.payload:
            reference = shape.members[shape.payload]
            raw = self._model.shapes[reference.shape].type in ("blob", "string")
            return _raw_body(shape.payload) if raw else _json_body(shape.payload, self._writers.member(reference))
        members: dict[str, tuple[str, Writer | None]] = {}
        for name, reference in shape.members.items():
            if not reference.location:
                members[name] = (reference.location_name or name, self._writers.member(reference))
        write = structure(members)
        located = [name for name, reference in shape.members.items() if reference.location]
        return lambda answer: json.encode(write({n: v for n, v in answer.items() if n not in located}))


def _nothing(arrival: Arrival) -> dict[str, Any]:
    return {}


def _read(reader: Reader, picks: list[tuple[Key, Pick]], in_body: bool) -> Callable[[Arrival], dict[str, Any]]:
    def read(arrival: Arrival) -> dict[str, Any]:
        raw: dict[Any, Any] = dict(parse_object(arrival.body)) if in_body else {}
        query = _query_values(arrival.request.query)
        for key, pick in picks:
            value = pick(arrival, query)
            if value is not None:
                raw[key] = value
        return checked(reader, raw)

    return read


def _query_values(query: str) -> Values:
    values: dict[str, list[str]] = {}
    try:
        for name, value in parse_qsl(query, keep_blank_values=True, errors="strict", max_num_fields=1000):
            values.setdefault(name, []).append(value)
    except ValueError:
        raise NotConvertible("The query string is not valid.") from None
    return values


def _pick(member: str, reference: Member, target: Shape) -> Pick:
    name = reference.location_name or member
    if reference.location == "uri":
        return lambda arrival, query: arrival.labels.get(name)
    if reference.location == "querystring":
        if target.type == "list":
            return lambda arrival, query: query.get(name)
        if target.type == "map":
            return lambda arrival, query: {key: values[-1] for key, values in query.items()}
        return lambda arrival, query: query[name][-1] if name in query else None
    if reference.location == "headers":
        return lambda arrival, query: _headers_under(name.lower(), arrival.request)
    lowered = name.lower()
    if reference.jsonvalue:
        return lambda arrival, query: _json_value(arrival.request.index.get(lowered))
    if target.type == "list":
        return lambda arrival, query: _listed(arrival.request.index.get(lowered))
    return lambda arrival, query: arrival.request.index.get(lowered)


def _headers_under(prefix: str, request: Request) -> dict[str, str] | None:
    return {name[len(prefix) :]: value for name, value in request.headers if name.startswith(prefix)} or None


def _json_value(text: str | None) -> str | None:
    try:
        return None if text is None else b64decode(text, validate=True).decode()
    except (binascii.Error, ValueError):
        raise NotConvertible("A header that holds base64 JSON does not.") from None


def _listed(text: str | None) -> list[str] | None:
    return None if text is None else [part.strip() for part in text.split(",")]


def _decoded(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise NotConvertible("The request body is not UTF-8.") from None


def _header(member: str, reference: Member, target: Shape) -> Callable[[dict[str, Any], HeaderList], None]:
    name = (reference.location_name or member).lower()
    text_of = _header_text(reference, target)

    def add(answer: dict[str, Any], headers: HeaderList) -> None:
        value = answer.get(member)
        if value is None:
            return
        if reference.location == "headers":
            headers.extend((name + key.lower(), str(inner)) for key, inner in value.items())
        else:
            headers.append((name, text_of(value)))

    return add


def _header_text(reference: Member, target: Shape) -> Callable[[Any], str]:
    if target.type == "timestamp":
        return instants.FORMATS[reference.timestamp_format or target.timestamp_format or "rfc822"]
    if target.type == "boolean":
        return lambda value: "true" if value else "false"
    if target.type == "list":
        return lambda value: ",".join(map(str, value))
    return str


def _raw_body(member: str) -> Callable[[dict[str, Any]], bytes]:
    def body(answer: dict[str, Any]) -> bytes:
        value = answer.get(member, b"")
        return value.encode() if isinstance(value, str) else bytes(value)

    return body


def _json_body(member: str, writer: Writer | None) -> Callable[[dict[str, Any]], bytes]:
    def body(answer: dict[str, Any]) -> bytes:
        value = answer.get(member, {})
        return json.encode(value if writer is None else writer(value))

    return body


def _response(status: int, body: bytes, arrival: Arrival, headers: HeaderList) -> Response:
    headers.append(("x-amzn-requestid", arrival.request_id))
    return Response(status, body, CONTENT_TYPE, headers)
