"""AWS managed policies that recipes and tools attach, known by ARN, with AWS's documents.

For: policies, roles, users. Owns: the list. Never: changes; an ARN that is not here does not exist.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from syncline.core import json

CREATED = 1_428_600_000.0
"""2015-04-09, when most of them came to be."""

PREFIX = "arn:aws:iam::aws:policy/"


class Managed(NamedTuple):
    """One of AWS's policies."""

    name: str
    path: str
    arn: str
    document: str
    version: str


def _allow(actions: str, resource: Any = "*", **more: Any) -> dict[str, Any]:
    """A statement that allows `actions`, written with blanks between them."""
    return {"Effect": "Allow", "Action": actions.split(), "Resource": resource, **more}


_LOG_WRITES = "logs:CreateLogGroup logs:CreateLogStream logs:PutLogEvents"

_PASS_TO_PIPELINE = {
    "StringLike": {
        "iam:PassedToService": [
            "application-autoscaling.amazonaws.com",
            "application-autoscaling.amazonaws.com.cn",
            "dax.amazonaws.com",
        ]
    }
}

# name → (path, version, statements)
_ROWS: dict[str, tuple[str, str, list[dict[str, Any]]]] = {
    "AdministratorAccess": ("/", "v1", [_allow("*")]),
    "PowerUserAccess": (
        "/",
        "v1",
        [
            {"Effect": "Allow", "NotAction": ["iam:*", "organizations:*", "account:*"], "Resource": "*"},
            _allow(
                "account:GetAccountInformation account:GetPrimaryEmail account:ListRegions"
                " iam:CreateServiceLinkedRole iam:DeleteServiceLinkedRole iam:ListRoles"
                " organizations:DescribeEffectivePolicy organizations:DescribeOrganization"
            ),
        ],
    ),
    "AWSLambdaBasicExecutionRole": ("/service-role/", "v1", [_allow(_LOG_WRITES)]),
    "AWSLambdaDynamoDBExecutionRole": (
        "/service-role/",
        "v1",
        [
            _allow(
                "dynamodb:DescribeStream dynamodb:GetRecords dynamodb:GetShardIterator dynamodb:ListStreams "
                + _LOG_WRITES
            )
        ],
    ),
    "AWSLambdaKinesisExecutionRole": (
        "/service-role/",
        "v1",
        [
            _allow(
                "kinesis:DescribeStream kinesis:DescribeStreamSummary kinesis:GetRecords kinesis:GetShardIterator"
                " kinesis:ListShards kinesis:ListStreams kinesis:SubscribeToShard " + _LOG_WRITES
            )
        ],
    ),
    "AWSLambdaSQSQueueExecutionRole": (
        "/service-role/",
        "v1",
        [_allow("sqs:ReceiveMessage sqs:DeleteMessage sqs:GetQueueAttributes " + _LOG_WRITES)],
    ),
    "AWSLambdaVPCAccessExecutionRole": (
        "/service-role/",
        "v3",
        [
            _allow(
                _LOG_WRITES + " ec2:CreateNetworkInterface ec2:DescribeNetworkInterfaces ec2:DescribeSubnets"
                " ec2:DeleteNetworkInterface ec2:AssignPrivateIpAddresses ec2:UnassignPrivateIpAddresses",
                Sid="AWSLambdaVPCAccessExecutionPermissions",
            )
        ],
    ),
    "AWSLambdaRole": ("/service-role/", "v1", [_allow("lambda:InvokeFunction", ["*"])]),
    "AWSAppSyncPushToCloudWatchLogs": ("/service-role/", "v1", [_allow(_LOG_WRITES)]),
    "AWSAppSyncInvokeFullAccess": (
        "/",
        "v1",
        [_allow("appsync:GraphQL appsync:GetGraphqlApi appsync:ListGraphqlApis appsync:ListApiKeys")],
    ),
    "AmazonDynamoDBFullAccess_v2": (
        "/",
        "v1",
        [
            _allow("dynamodb:* dax:* application-autoscaling:* cloudwatch:* kms:DescribeKey kms:ListAliases"),
            _allow("iam:PassRole", Condition=_PASS_TO_PIPELINE),
        ],
    ),
    "CloudWatchLogsFullAccess": (
        "/",
        "v2",
        [_allow("logs:* cloudwatch:GenerateQuery cloudwatch:GenerateQueryResultsSummary")],
    ),
    "CloudWatchLogsReadOnlyAccess": (
        "/",
        "v1",
        [
            _allow(
                "logs:Describe* logs:Get* logs:List* logs:StartQuery logs:StopQuery logs:TestMetricFilter"
                " logs:FilterLogEvents"
            )
        ],
    ),
    "AWSXRayDaemonWriteAccess": (
        "/",
        "v2",
        [
            _allow(
                "xray:PutTraceSegments xray:PutTelemetryRecords xray:GetSamplingRules xray:GetSamplingTargets"
                " xray:GetSamplingStatisticSummaries",
                ["*"],
            )
        ],
    ),
    "AWSStepFunctionsFullAccess": ("/", "v1", [_allow("states:*")]),
    "AmazonAPIGatewayInvokeFullAccess": (
        "/",
        "v1",
        [_allow("execute-api:Invoke execute-api:ManageConnections", "arn:aws:execute-api:*:*:*")],
    ),
    "AmazonAPIGatewayPushToCloudWatchLogs": (
        "/service-role/",
        "v1",
        [
            _allow(
                "logs:CreateLogGroup logs:CreateLogStream logs:DescribeLogGroups logs:DescribeLogStreams"
                " logs:PutLogEvents logs:GetLogEvents logs:FilterLogEvents"
            )
        ],
    ),
    "AmazonS3FullAccess": ("/", "v2", [_allow("s3:* s3-object-lambda:*")]),
    "AmazonS3ReadOnlyAccess": (
        "/",
        "v3",
        [_allow("s3:Get* s3:List* s3:Describe* s3-object-lambda:Get* s3-object-lambda:List*")],
    ),
}


def _managed(name: str, path: str, version: str, statements: list[dict[str, Any]]) -> Managed:
    document = json.encode({"Version": "2012-10-17", "Statement": statements}).decode()
    return Managed(name, path, f"{PREFIX}{path[1:]}{name}", document, version)


MANAGED: dict[str, Managed] = {policy.arn: policy for policy in (_managed(name, *row) for name, row in _ROWS.items())}
"""AWS's policies by ARN."""
