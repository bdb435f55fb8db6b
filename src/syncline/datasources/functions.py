"""AWS_LAMBDA data sources: a function's answer is the result.

Owns: the mapping of a function's failures to AppSync's error types (graphql-api §5.7).
"""

from __future__ import annotations

from typing import Any

from syncline.core import SynclineError, json
from syncline.datasources.attributes import mapping_error
from syncline.datasources.errors import DataSourceError
from syncline.datasources.model import JSON, Context, FunctionInvoker, Invocation

OPERATIONS = ("Invoke", "BatchInvoke")
KINDS = ("RequestResponse", "Event")


class FunctionSource:
    """One function, asked with the request's payload as its event."""

    takes_context = True
    """It works without a request template: its event is then the field's context."""

    def __init__(self, function_arn: str, functions: FunctionInvoker) -> None:
        self._arn = function_arn
        self._functions = functions

    async def invoke(self, request: JSON, context: Context) -> JSON:
        """What the function answered; null for an Event invocation."""
        operation, kind, payload = _read(request)
        if kind == "Event":
            context.must_not_be_kept()
        if operation == "BatchInvoke":
            return (await self.invoke_all([request]))[0]
        return await self._ask(payload, kind)

    async def invoke_all(self, requests: list[JSON]) -> list[JSON]:
        """One result per request, in their order: they are one list to the function. All are invoked the same way."""
        asked = [_read(request) for request in requests]
        value = await self._ask([payload for _, _, payload in asked], asked[0][1])
        if asked[0][1] == "Event":
            return [None] * len(asked)
        if type(value) is not list or len(value) != len(asked):
            raise DataSourceError(
                "The batch result must be a list with one entry per request.", "Lambda:IllegalArgument"
            )
        return value

    async def _ask(self, event: JSON, kind: str) -> JSON:
        try:
            payload = json.encode(event)
        except UnicodeEncodeError:
            raise mapping_error("The payload has half of a surrogate pair, which is no text.") from None
        try:
            found = await self._functions.invoke(self._arn, payload, kind=kind)
        except SynclineError as refusal:
            raise DataSourceError(refusal.message, f"Lambda:{refusal.code}") from refusal
        return None if kind == "Event" else _value(found)


def _read(request: JSON) -> tuple[str, str, JSON]:
    if type(request) is not dict:
        raise mapping_error("Expected a JSON object as the request of a Lambda data source.")
    operation = request.get("operation")
    if operation is None:
        raise mapping_error("Value for field '$[operation]' not found.")
    if operation not in OPERATIONS:
        raise mapping_error(f"Unsupported operation '{operation}'. Supported operations are: {', '.join(OPERATIONS)}.")
    kind = request.get("invocationType") or "RequestResponse"
    if kind not in KINDS:
        raise mapping_error(f"Unsupported invocation type '{kind}'. Supported types are: {', '.join(KINDS)}.")
    return operation, kind, request.get("payload")


def _value(found: Invocation) -> JSON:
    try:
        value = json.decode(found.payload) if found.payload else None
    except json.NotJson:
        raise DataSourceError("The function's answer is not JSON.", "Lambda:IllegalArgument") from None
    if not found.function_error:
        return value
    failure: dict[str, Any] = value if type(value) is dict else {}
    message = str(failure.get("errorMessage") or "Unhandled")
    cause = failure.get("errorType")
    if cause == "Sandbox.Timedout" or "Task timed out after" in message:
        raise DataSourceError("Execution timed out.", "Lambda:ExecutionTimeoutException")
    raise DataSourceError(message, f"Lambda:{found.function_error}", cause_type=cause if type(cause) is str else None)
