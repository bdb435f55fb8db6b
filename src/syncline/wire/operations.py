"""The registry of operations: one way to call a service by name.

For: the AWS door, and rooms that call operations by name (workflows, stacks, gateways).
Owns: which service has which method. Never: knows a protocol.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

import msgspec
from botocore import xform_name

from syncline.core import json
from syncline.wire import models
from syncline.wire.coverage import Coverage, refuse
from syncline.wire.exchange import checked
from syncline.wire.failures import OperationUnsupported, ServiceUnsupported, UnknownOperation
from syncline.wire.readers import Reader, Readers
from syncline.wire.scalars import OWN, NotConvertible

Method = Callable[[dict[str, Any]], Awaitable[dict[str, Any] | None]]


class Operations:
    """Services by botocore's name: plain classes with one `async def snake_case_operation(request)` each.

    A service's `coverage`, where it has one, says which parameters of an operation are refused before it is called.
    `strict` checks every answer against its model as well, for tests.
    """

    def __init__(self, services: Mapping[str, object], *, strict: bool = False) -> None:
        self._services = dict(services)
        self._strict = strict
        self._methods: dict[tuple[str, str], Method] = {}
        self._readers: dict[str, Readers] = {}
        self._requests: dict[tuple[str, str], Reader | None] = {}

    @property
    def services(self) -> Iterable[str]:
        """The names of the services that are there."""
        return self._services.keys()

    def method(self, service: str, operation: str) -> Method:
        """What does the operation. Raises UnknownOperation or Unsupported, naming it."""
        found = self._methods.get((service, operation))
        if found is None:
            found = self._methods[service, operation] = self._find(service, operation)
        return found

    async def call(self, service: str, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """Check `request` against the model and do the operation, in the call under way.

        Members have botocore's names; blobs are bytes and timestamps epoch seconds, both ways.
        Raises what the operation raises, Invalid when the request breaks the model.
        """
        method = self.method(service, operation)
        reader = self._request_reader(service, operation)
        answer: dict[str, Any] = resolved(await method({} if reader is None else checked(reader, dict(request))) or {})
        return answer

    def coverage(self) -> dict[str, tuple[list[str], list[str]]]:
        """By service: the operations that are there, and those of the model that are not."""
        table: dict[str, tuple[list[str], list[str]]] = {}
        for service, instance in sorted(self._services.items()):
            there, absent = table[service] = ([], [])
            for operation in sorted(models.load(service).operations):
                (there if hasattr(instance, xform_name(operation)) else absent).append(operation)
        return table

    def _find(self, service: str, operation: str) -> Method:
        if service not in self._services:
            raise ServiceUnsupported(service=service)
        if operation not in models.load(service).operations:
            raise UnknownOperation(service=service, operation=operation[:256])
        method: Method | None = getattr(self._services[service], xform_name(operation), None)
        if method is None:
            raise OperationUnsupported(service=service, operation=operation)
        declared: Mapping[str, Coverage] = getattr(self._services[service], "coverage", {})
        if operation in declared and declared[operation].refused:
            method = _refusing(operation, declared[operation].refused, method)
        return self._checking(service, operation, method) if self._strict else method

    def _request_reader(self, service: str, operation: str) -> Reader | None:
        key = service, operation
        if key not in self._requests:
            model = models.load(service)
            shape = model.operations[operation].input
            readers = self._readers.setdefault(service, Readers(model.shapes, OWN))
            self._requests[key] = readers.of(shape.shape) if shape else None
        return self._requests[key]

    def _checking(self, service: str, operation: str, method: Method) -> Method:
        model = models.load(service)
        output = model.operations[operation].output
        reader = Readers(model.shapes, OWN, closed=True).of(output.shape) if output else None

        async def call(request: dict[str, Any]) -> dict[str, Any] | None:
            answer = await method(request)
            try:
                if reader is not None and answer:
                    reader(resolved(answer), [])
                assert reader is not None or not answer, f"{operation} has no output, yet the method gave {answer}"
            except NotConvertible as mistake:
                raise AssertionError(f"{service}:{operation} answered {answer}: {mistake}") from mistake
            return answer

        return call


def _refusing(operation: str, parameters: tuple[str, ...], method: Method) -> Method:
    async def call(request: dict[str, Any]) -> dict[str, Any] | None:
        refuse(operation, parameters, request)
        return await method(request)

    return call


def resolved(value: Any) -> Any:
    """An answer with the JSON in it read: a method may give ready JSON as `msgspec.Raw` for what is JSON as it is."""
    if isinstance(value, msgspec.Raw):
        return json.decode(bytes(value))
    if isinstance(value, dict):
        return {name: resolved(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [resolved(inner) for inner in value]
    return value
