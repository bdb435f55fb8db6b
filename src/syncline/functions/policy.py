"""Resource policies of functions: statements kept and shown as Lambda shows them."""

from __future__ import annotations

import re
from typing import Any

from syncline.core import arns, json
from syncline.functions.errors import ParameterInvalid

Shape = dict[str, Any]

_CONDITIONS = {
    "SourceArn": ("ArnLike", "AWS:SourceArn"),
    "SourceAccount": ("StringEquals", "AWS:SourceAccount"),
    "PrincipalOrgID": ("StringEquals", "aws:PrincipalOrgID"),
    "FunctionUrlAuthType": ("StringEquals", "lambda:FunctionUrlAuthType"),
    "EventSourceToken": ("StringEquals", "lambda:EventSourceToken"),
}


def statement_of(request: Shape, arn: str) -> Shape:
    """The statement that AddPermission adds."""
    statement: Shape = {
        "Sid": request["StatementId"],
        "Effect": "Allow",
        "Principal": _principal(request["Principal"]),
        "Action": request["Action"],
        "Resource": arn,
    }
    conditions: dict[str, dict[str, str]] = {}
    for member, (operator, key) in _CONDITIONS.items():
        if member in request:
            conditions.setdefault(operator, {})[key] = request[member]
    if request.get("InvokedViaFunctionUrl"):
        conditions["Bool"] = {"lambda:InvokedViaFunctionUrl": "true"}
    return statement | {"Condition": conditions} if conditions else statement


def policy_text(statements: list[Shape]) -> str:
    """The policy as GetPolicy answers it: JSON text."""
    return json.encode({"Version": "2012-10-17", "Id": "default", "Statement": statements}).decode()


def _principal(text: str) -> str | dict[str, str]:
    if text == "*":
        return text
    if re.fullmatch(r"[\w.-]+\.amazonaws\.com", text):
        return {"Service": text}
    if re.fullmatch(r"\d{12}", text):
        return {"AWS": arns.arn("iam", "", text, "root")}
    if text.startswith("arn:aws:iam::"):
        return {"AWS": text}
    raise ParameterInvalid("The provided principal was invalid. Please check the principal and try again.")
