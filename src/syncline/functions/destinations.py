"""Destinations: what is told of asynchronous events that ended, and of stream records given up.

A destination is another function of this server. Owns: the records' shapes. Never: decides what ended.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from syncline.core import json
from syncline.functions.catalog import Catalog
from syncline.functions.errors import FunctionNotFound, NotBuilt, ParameterInvalid
from syncline.functions.model import Invocation

Shape = dict[str, Any]

DEPTH_MAX = 16
"""AWS stops a chain of functions that call each other after about as many rounds."""


def check_destination(arn: str, catalog: Catalog, own: str = "") -> None:
    """Raise unless `arn` is a function of this server other than the one at `own`."""
    parts = arn.split(":")
    if len(parts) < 6 or parts[0] != "arn":
        raise ParameterInvalid(f"The provided destination ARN {arn} is invalid.")
    if parts[2] != "lambda":
        raise NotBuilt(what=f"A destination of {parts[2]} ({arn}); a function may be one")
    if own and ":".join(parts[:7]) == own:
        raise ParameterInvalid("You can't specify the function as a destination for itself.")
    try:
        catalog.find(arn)
    except FunctionNotFound:
        raise ParameterInvalid(f"The destination ARN {arn} is invalid.") from None


def event_record(
    *,
    now: float,
    request_id: str,
    arn: str,
    condition: str,
    attempts: int,
    payload: bytes,
    invocation: Invocation | None,
) -> bytes:
    """What a destination is sent of an asynchronous event that ended."""
    record: Shape = {
        "version": "1.0",
        "timestamp": iso(now),
        "requestContext": {
            "requestId": request_id,
            "functionArn": arn,
            "condition": condition,
            "approximateInvokeCount": attempts,
        },
        "requestPayload": json.decode(payload),
    }
    if invocation is not None:
        context: Shape = {"statusCode": 200, "executedVersion": invocation.executed_version}
        if invocation.function_error:
            context["functionError"] = invocation.function_error
        record |= {"responseContext": context, "responsePayload": _payload(invocation.payload)}
    return json.encode(record)


def stream_record(
    *,
    now: float,
    request_id: str,
    arn: str,
    condition: str,
    attempts: int,
    invocation: Invocation | None,
    batch: Shape,
) -> bytes:
    """What a destination is sent of stream records that were given up: where they are, not what they say."""
    record: Shape = {
        "requestContext": {
            "requestId": request_id,
            "functionArn": arn,
            "condition": condition,
            "approximateInvokeCount": attempts,
        },
        "version": "1.0",
        "timestamp": iso(now),
        "DDBStreamBatchInfo": batch,
    }
    if invocation is not None:
        record["responseContext"] = {
            "statusCode": 200,
            "executedVersion": invocation.executed_version,
            "functionError": invocation.function_error,
        }
    return json.encode(record)


def iso(instant: float, timespec: str = "milliseconds") -> str:
    """An instant as these records write it."""
    return datetime.fromtimestamp(instant, UTC).isoformat(timespec=timespec).replace("+00:00", "Z")


def _payload(body: bytes) -> Any:
    try:
        return json.decode(body)
    except json.NotJson:
        return body.decode("utf-8", "replace")
