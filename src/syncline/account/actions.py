"""Which IAM action an AWS operation is, and on which resources, by the service authorization reference.

For: the gate before every AWS operation. Owns: the tables. Never: decides. An operation on what has no ARN is on `*`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Any

from syncline.core import arns

Asked = dict[str, Any]
Target = tuple[str, str]
"""An action and a resource."""

PREFIXES = {"dynamodbstreams": "dynamodb", "stepfunctions": "states", "apigatewayv2": "apigateway"}
RENAMED = {
    ("lambda", "Invoke"): "lambda:InvokeFunction",
    ("lambda", "InvokeAsync"): "lambda:InvokeFunction",
}
TRANSACT = {"Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem"}
LOG_ROLE = "logConfig.cloudWatchLogsRoleArn"
PASSED = {
    ("lambda", "CreateFunction"): ("Role",),
    ("lambda", "UpdateFunctionConfiguration"): ("Role",),
    ("appsync", "CreateDataSource"): ("serviceRoleArn",),
    ("appsync", "UpdateDataSource"): ("serviceRoleArn",),
    ("appsync", "CreateGraphqlApi"): (LOG_ROLE, "mergedApiExecutionRoleArn"),
    ("appsync", "UpdateGraphqlApi"): (LOG_ROLE, "mergedApiExecutionRoleArn"),
    ("appsync", "CreateApi"): (f"eventConfig.{LOG_ROLE}",),
    ("appsync", "UpdateApi"): (f"eventConfig.{LOG_ROLE}",),
    ("cognito-idp", "CreateUserPool"): ("SmsConfiguration.SnsCallerArn",),
    ("cognito-idp", "UpdateUserPool"): ("SmsConfiguration.SnsCallerArn",),
    ("cognito-idp", "CreateGroup"): ("RoleArn",),
    ("cognito-idp", "UpdateGroup"): ("RoleArn",),
}
"""Where requests name a role that a service is to act under."""
DATA = {
    "dynamodb": ("Get", "Put", "Update", "Delete", "Query", "Scan", "Batch", "Transact", "Execute"),
    "dynamodbstreams": ("Get", "Describe", "List"),
    "lambda": ("Invoke",),
    "logs": ("Put", "Get", "Filter", "CreateLogStream", "StartLiveTail"),
    "cloudwatch": ("PutMetricData", "Get"),
    "secretsmanager": ("GetRandomPassword",),
}
"""Beginnings of operations that move data rather than change what there is: they get no audit line."""
CONTROL = (
    "UpdateTable",
    "DeleteTable",
    "UpdateTimeToLive",
    "PutResourcePolicy",
    "DeleteResourcePolicy",
    "PutRetentionPolicy",
)


def targets(service: str, operation: str, request: Asked, *, region: str, account: str) -> list[Target]:
    """What a caller must be allowed, all of it."""
    if service == "dynamodb" and operation in ("TransactWriteItems", "TransactGetItems"):
        return _transaction(request, region, account)
    action = RENAMED.get((service, operation)) or f"{PREFIXES.get(service, service)}:{operation}"
    finder = FINDERS.get(service)
    arns = [] if finder is None else [each for each in finder(request, region, account) if each]
    return [(action, arn) for arn in arns or ["*"]]


def passed_roles(service: str, operation: str, request: Asked) -> list[Target]:
    """The roles that a request hands to a service, each with that service's name: `iam:PassRole` is asked for them."""
    found: list[Target] = []
    for path in PASSED.get((service, operation), ()):
        value: Any = request
        for member in path.split("."):
            value = value.get(member) if isinstance(value, dict) else None
        if isinstance(value, str) and value:
            found.append((value, f"{service}.amazonaws.com"))
    return found


@lru_cache(maxsize=1024)
@lru_cache(maxsize=1024)
def is_control(service: str, operation: str) -> bool:
    """Whether an operation is of the control plane."""
    return operation in CONTROL or not operation.startswith(DATA.get(service, ("\0",)))


def _table(name: str, region: str, account: str) -> str:
    return name if name.startswith("arn:") else arns.arn("dynamodb", region, account, f"table/{name}")


def _tables(request: Asked, region: str, account: str) -> Iterable[str]:
    if "StreamArn" in request:
        yield request["StreamArn"]
    if "ResourceArn" in request:
        yield request["ResourceArn"]
    for name in request.get("RequestItems") or ():
        yield _table(name, region, account)
    if "TableName" in request:
        arn = _table(request["TableName"], region, account)
        yield f"{arn}/index/{request['IndexName']}" if request.get("IndexName") else arn


def _transaction(request: Asked, region: str, account: str) -> list[Target]:
    found: list[Target] = []
    for entry in request.get("TransactItems") or ():
        for kind, body in entry.items():
            if isinstance(body, dict) and "TableName" in body:
                found.append((f"dynamodb:{TRANSACT.get(kind, 'GetItem')}", _table(body["TableName"], region, account)))
    return found or [("dynamodb:GetItem", "*")]


def _functions(request: Asked, region: str, account: str) -> Iterable[str]:
    name = request.get("FunctionName") or ""
    if name.startswith("arn:"):
        yield ":".join(name.split(":")[:7])
    elif name:
        plain = name.rpartition("function:")[2].partition(":")[0]
        yield arns.arn("lambda", region, account, f"function:{plain}")
    if "Resource" in request:
        yield str(request["Resource"])


def _apis(request: Asked, region: str, account: str) -> Iterable[str]:
    if "apiId" in request:
        yield arns.arn("appsync", region, account, f"apis/{request['apiId']}")
    if "resourceArn" in request:
        yield request["resourceArn"]


def _identities(request: Asked, region: str, account: str) -> Iterable[str]:
    for member, kind in (("RoleName", "role"), ("UserName", "user"), ("GroupName", "group"), ("PolicyName", "policy")):
        if request.get(member) and (member != "PolicyName" or not {"RoleName", "UserName"} & request.keys()):
            yield arns.arn("iam", "", account, f"{kind}{request.get('Path', '/')}{request[member]}")
            return
    yield request.get("PolicyArn") or request.get("PolicySourceArn") or ""


def _secrets(request: Asked, region: str, account: str) -> Iterable[str]:
    name = request.get("SecretId") or request.get("Name") or ""
    if name:
        yield name if name.startswith("arn:") else arns.arn("secretsmanager", region, account, f"secret:{name}")


def _pools(request: Asked, region: str, account: str) -> Iterable[str]:
    if "UserPoolId" in request:
        yield arns.arn("cognito-idp", region, account, f"userpool/{request['UserPoolId']}")
    if "ResourceArn" in request:
        yield request["ResourceArn"]


def _log_groups(request: Asked, region: str, account: str) -> Iterable[str]:
    name = request.get("logGroupName") or ""
    if name:
        stream = request.get("logStreamName")
        part = f"log-stream:{stream}" if stream else "*"
        yield arns.arn("logs", region, account, f"log-group:{name}:{part}")


FINDERS: dict[str, Callable[[Asked, str, str], Iterable[str]]] = {
    "dynamodb": _tables,
    "dynamodbstreams": _tables,
    "lambda": _functions,
    "appsync": _apis,
    "iam": _identities,
    "secretsmanager": _secrets,
    "cognito-idp": _pools,
    "logs": _log_groups,
    "sts": lambda request, region, account: [request.get("RoleArn", "")],
}
