"""Which service a request is for, on one port for all.

For: `door.py`. Owns: the table of services and the order in which a request's signs are read: credential scope,
path within a shared scope, X-Amz-Target, path, Action with Version.
Never: loads a model; looks at Host: every name leads here.
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import unquote

from syncline.core import Request
from syncline.wire import forms
from syncline.wire.scalars import NotConvertible
from syncline.wire.signatures import ALGORITHM


class Service(NamedTuple):
    """How a service is recognised. `name` is botocore's; `paths` is a pattern for a path's beginning."""

    name: str
    signing: str
    target: str = ""
    paths: str = ""
    version: str = ""
    unsigned_paths: bool = True


SERVICES = (
    Service("dynamodb", "dynamodb", target="DynamoDB_20120810"),
    Service("dynamodbstreams", "dynamodb", target="DynamoDBStreams_20120810"),
    Service("appsync", "appsync", paths="/v[12]/"),
    Service(
        "lambda",
        "lambda",
        paths=r"/20\d\d-\d\d-\d\d/",
    ),
    Service("iam", "iam", version="2010-05-08"),
    Service("sts", "sts", version="2011-06-15"),
    Service("secretsmanager", "secretsmanager", target="secretsmanager"),
    Service("logs", "logs", target="Logs_20140328"),
    Service("cloudwatch", "monitoring", target="GraniteServiceVersion20100801", version="2010-08-01"),
    Service("cloudformation", "cloudformation", version="2010-05-15"),
    Service("stepfunctions", "states", target="AWSStepFunctions"),
    Service("events", "events", target="AWSEvents"),
    Service("ssm", "ssm", target="AmazonSSM"),
    Service("sns", "sns", version="2010-03-31"),
    Service("sqs", "sqs", target="AmazonSQS", version="2012-11-05"),
    Service("cognito-idp", "cognito-idp", target="AWSCognitoIdentityProviderService"),
    Service("cognito-identity", "cognito-identity", target="AWSCognitoIdentityService"),
    Service("apigatewayv2", "apigateway", paths="/v2/", unsigned_paths=False),
    Service("apigateway", "apigateway", paths="/", unsigned_paths=False),
    Service("apigatewaymanagementapi", "execute-api", paths="/@connections/"),
)
"""Rows for the services that are here, or may come; the test of this table reads the models."""

DATA_PLANES = frozenset({"appsync", "execute-api"})
"""Scopes that also sign what is not for a service: GraphQL requests and calls of deployed APIs."""

FORM = "application/x-www-form-urlencoded"

_BY_TARGET = {row.target: row for row in SERVICES if row.target}
_BY_VERSION = {row.version: row for row in SERVICES if row.version}
_BY_SIGNING = {row.signing: [other for other in SERVICES if other.signing == row.signing] for row in SERVICES}


def identify(request: Request) -> str | None:
    """The service's name: botocore's, or the scope's when we have no row for it. None: not for a service."""
    index = request.index
    scope = _scope(index.get("authorization", ""), request.query)
    prefix = index.get("x-amz-target", "").rpartition(".")[0]
    target = _BY_TARGET.get(prefix)
    if scope:
        return _within(scope, target, request.path)
    if target is not None:
        return target.name
    if index.get("authorization"):
        return None  # a token for the data plane
    return prefix or _by_path(request.path) or _by_version(request)


def _scope(header: str, query: str) -> str:
    """The service in the credential's scope, of the header or of a presigned query; or nothing."""
    if header.startswith(ALGORITHM):
        credential = header.partition("Credential=")[2].partition(",")[0]
    elif "X-Amz-Credential=" in query:
        credential = unquote(query.partition("X-Amz-Credential=")[2].partition("&")[0])
    else:
        return ""
    parts = credential.strip().rsplit("/", 2)
    return parts[1] if len(parts) == 3 else "unknown"


def _within(scope: str, target: Service | None, path: str) -> str | None:
    rows = _BY_SIGNING.get(scope, [])
    if not rows:
        return scope
    if target is not None and target in rows:
        return target.name
    for row in rows:
        if row.paths and re.match(row.paths, path):
            return row.name
    return None if scope in DATA_PLANES else rows[0].name


def _by_path(path: str) -> str | None:
    for row in SERVICES:
        if row.unsigned_paths and row.paths and re.match(row.paths, path):
            return row.name
    return None


def _by_version(request: Request) -> str | None:
    text = request.query
    if request.method == "POST" and request.header("content-type").startswith(FORM):
        text = request.body.decode("latin-1")
    if "Action=" not in text:
        return None
    try:
        row = _BY_VERSION.get(forms.parse(text).get("Version", ""))
    except NotConvertible:
        return None
    return row.name if row else None
