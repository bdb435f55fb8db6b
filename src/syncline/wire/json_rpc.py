"""The `json` protocol (1.0 and 1.1): `POST /` with X-Amz-Target.

For: DynamoDB, Secrets Manager, Logs, CloudWatch and their like.
Owns: the target header, the error's `__type`, DynamoDB's checksum, the header for services that once spoke query.
"""

from __future__ import annotations

import sys
import zlib
from collections.abc import Mapping
from typing import Any

from syncline.core import Request, Response, TooLarge, json
from syncline.core.http import HeaderList
from syncline.wire.decoders import Decoders, Refused
from syncline.wire.exchange import Arrival, Exchange, checked
from syncline.wire.failures import Failure, UnknownOperation
from syncline.wire.models import Model
from syncline.wire.readers import Reader, Readers
from syncline.wire.scalars import JSON, NotConvertible
from syncline.wire.writers import Writers

NAMESPACES = {
    "dynamodb": "com.amazonaws.dynamodb.v20120810#",
    "dynamodbstreams": "com.amazonaws.dynamodb.v20120810#",
    "cloudwatch": "com.amazonaws.cloudwatch.v2010_08_01#",
}
"""What stands before a modelled error's name in `__type`; other services write the bare name."""

SHARED_NAMESPACES = {"ValidationException": "com.amazon.coral.validate#"}
SHARED_NAMESPACE = "com.amazon.coral.service#"
"""And before the errors of no service, where a service has a namespace at all."""

NO_LABELS: Mapping[str, str] = {}

CHECKSUMMED = frozenset({"dynamodb", "dynamodbstreams"})


BODY_BYTES_MAX = {"dynamodb": 16 * 1024 * 1024, "dynamodbstreams": 16 * 1024 * 1024}
"""Services that take less than the listener does."""


class BodyTooLarge(TooLarge):
    """The request's body is larger than the {limit} bytes that {service} takes."""


class JsonRpc:
    """A service in the `json` protocol."""

    def __init__(self, service: str, model: Model) -> None:
        self._service = service
        self._model = model
        self._readers = Readers(model.shapes, JSON, package=NAMESPACES.get(service, "").replace("#", "."))
        self._decoders = Decoders(model.shapes)
        self._writers = Writers(model.shapes)
        self._content_type = f"application/x-amz-json-{model.metadata.json_version}"
        self._checksummed = service in CHECKSUMMED
        self._targets = {f"{model.metadata.target_prefix}.{name}": name for name in model.operations}
        self._query_compatible = model.metadata.aws_query_compatible is not None

    def operation_of(self, request: Request, body: bytes) -> tuple[str, Mapping[str, str]]:
        """The name after the dot of X-Amz-Target."""
        target = request.header("x-amz-target")
        if target in self._targets:
            return self._targets[target], NO_LABELS
        prefix, _, operation = target.rpartition(".")
        if prefix != self._model.metadata.target_prefix:
            raise UnknownOperation(service=self._service, operation=operation)
        return operation, NO_LABELS

    def exchange(self, operation: str) -> Exchange:
        """The compiled operation."""
        modelled = self._model.operations[operation]
        read_value: Reader | None = self._readers.of(modelled.input.shape) if modelled.input else None
        decode = self._decoders.of(modelled.input.shape) if modelled.input else None
        write_value = self._writers.of(modelled.output.shape) if modelled.output else None

        limit = BODY_BYTES_MAX.get(self._service, sys.maxsize)

        def read(arrival: Arrival) -> dict[str, Any]:
            if len(arrival.body) > limit:
                raise BodyTooLarge(limit=limit, service=self._service)
            if decode is not None:
                try:
                    return decode(arrival.body)
                except Refused:
                    pass  # The reader says why, or knows better.
            value = parse_object(arrival.body)
            return {} if read_value is None else checked(read_value, value)

        def write(answer: dict[str, Any], arrival: Arrival) -> Response:
            body = b"" if modelled.output is None else json.encode(write_value(answer) if write_value else answer)
            return self._response(200, body, arrival.request_id, [])

        return Exchange(read, write)

    def refuse(self, failure: Failure, request_id: str) -> Response:
        """`{"__type": …, "message": …}`."""
        body = {"__type": self._type(failure), failure.message_member: failure.message, **failure.members}
        headers: HeaderList = []
        if self._query_compatible:
            fault = "Sender" if failure.sender else "Receiver"
            headers.append(("x-amzn-query-error", f"{failure.query_code};{fault}"))
        return self._response(failure.status, json.encode(body), request_id, headers)

    def _type(self, failure: Failure) -> str:
        namespace = NAMESPACES.get(self._service, "")
        if namespace and not failure.shape:
            namespace = SHARED_NAMESPACES.get(failure.code, SHARED_NAMESPACE)
        return namespace + failure.code

    def _response(self, status: int, body: bytes, request_id: str, headers: HeaderList) -> Response:
        headers.append(("x-amzn-requestid", request_id))
        if self._checksummed:
            headers.append(("x-amz-crc32", str(zlib.crc32(body))))
        return Response(status, body, self._content_type, headers)


def parse_object(body: bytes) -> dict[str, Any]:
    """The JSON object in `body`; an empty body is an empty object. Raises NotConvertible."""
    if not body:
        return {}
    try:
        value = json.decode(body)
    except (json.NotJson, UnicodeDecodeError) as mistake:
        raise NotConvertible(f"Could not parse request body into json: {mistake}") from None
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise NotConvertible("The request body is not a JSON object.")
    return value
