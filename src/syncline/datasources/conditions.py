"""A condition that failed and has a handler of its own: a function that rejects, discards or retries the write.

For: `dynamodb`. Owns: what such a function is told and what it may answer (graphql-api §5.6).
"""

from __future__ import annotations

from typing import Any, NamedTuple

from syncline.core import json
from syncline.datasources.attributes import mapping_error
from syncline.datasources.functions import FunctionSource
from syncline.datasources.model import JSON, Context, FunctionInvoker

Request = dict[str, Any]
STRATEGIES = ("Reject", "Custom")


class Decision(NamedTuple):
    """What becomes of the write: `reject`, `discard`, or `retry` with another request."""

    action: str
    request: JSON


def custom_handler(condition: Request) -> str | None:
    """The ARN of the function that handles a failed condition; None when it is just refused."""
    handler = condition.get("conditionalCheckFailedHandler")
    if handler is None:
        return None
    where = "$[condition][conditionalCheckFailedHandler]"
    if type(handler) is not dict:
        raise mapping_error(f"Expected JSON object for field '{where}'.")
    strategy = handler.get("strategy")
    if strategy not in STRATEGIES:
        raise mapping_error(f"Unsupported value '{strategy}' for field '{where}[strategy]'.")
    if strategy == "Reject":
        return None
    arn = handler.get("lambdaArn")
    if type(arn) is not str or not arn:
        raise mapping_error(f"Value for field '{where}[lambdaArn]' not found.")
    return arn


async def decide(
    arn: str,
    functions: FunctionInvoker,
    *,
    table: str,
    region: str,
    request: Request,
    current: JSON,
    context: Context,
) -> Decision:
    """Ask the function at `arn`. Raises DataSourceError when it fails; an answer without sense rejects."""
    info = context.info
    event = {
        "arguments": context.arguments,
        "requestMapping": request,
        "currentValue": current,
        "resolver": {
            "tableName": table,
            "awsRegion": region,
            "parentType": info.parent_type_name,
            "field": info.field_name,
            "outputType": info.output_type,
        },
        "identity": context.identity,
    }
    asked = {"operation": "Invoke", "payload": json.decode(json.encode(event))}
    answer = await FunctionSource(arn, functions).invoke(asked, context)
    if type(answer) is not dict or answer.get("action") not in ("discard", "retry"):
        return Decision("reject", None)
    return Decision(answer["action"], answer.get("retryMapping"))
