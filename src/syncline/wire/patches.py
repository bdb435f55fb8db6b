"""Corrections to the vendor's models, as data, each with its reason.

For: `models.py`. Owns: the list. Never: holds behaviour beyond setting a shape's members.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple


class Patch(NamedTuple):
    """Set `changes` on the shape `shape`; on its member `member` when one is named. `reason` is for the reader."""

    shape: str
    changes: Mapping[str, Any]
    reason: str
    member: str = ""

    def apply(self, shapes: Mapping[str, Any]) -> None:
        """Correct `shapes`. A shape that a newer model dropped is left alone."""
        target = shapes.get(self.shape)
        if target is not None and self.member:
            target = target.members.get(self.member)
        if target is not None:
            for name, value in self.changes.items():
                setattr(target, name, value)


_ORDER = "The service prints this set in the order of its own hash table; clients and suites compare the text."

_COMPARISONS = [
    *("IN", "NULL", "BETWEEN", "LT", "NOT_CONTAINS", "EQ", "GT"),
    *("NOT_NULL", "NE", "LE", "BEGINS_WITH", "GE", "CONTAINS"),
]

_DYNAMODB = (
    Patch(
        "CreateTableInput",
        {"shape": "TableName"},
        "The model allows an ARN of 1 to 1024 characters; the service takes a name of 3 to 255 here.",
        member="TableName",
    ),
    Patch(
        "CreateTableInput",
        {"missing": {"TableName": "The parameter 'TableName' is required but was not present in the request"}},
        "CreateTable words a missing name differently from every other operation.",
    ),
    *[
        Patch(
            f"{operation}Input",
            {"missing": {"TableName": "The parameter 'TableName' is required but was not present in the request"}},
            "So do these operations on the table itself.",
        )
        for operation in ("DescribeTable", "UpdateTable", "DeleteTable", "DescribeTimeToLive")
    ],
    Patch("BatchGetRequestMap", {"min": None}, "The service has a sentence of its own for an empty request."),
    Patch("BatchWriteItemRequestMap", {"min": None}, "The same."),
    Patch("KeyList", {"max": None}, "Too many keys have a sentence of their own."),
    Patch("QueryInput", {"shape": "IntegerObject"}, "A Limit of 0 has a sentence of its own.", member="Limit"),
    Patch("ReturnValue", {"enum": ["ALL_NEW", "UPDATED_OLD", "ALL_OLD", "NONE", "UPDATED_NEW"]}, _ORDER),
    Patch("ReturnConsumedCapacity", {"enum": ["INDEXES", "TOTAL", "NONE"]}, _ORDER),
    Patch("ReturnItemCollectionMetrics", {"enum": ["SIZE", "NONE"]}, _ORDER),
    Patch("Select", {"enum": ["SPECIFIC_ATTRIBUTES", "COUNT", "ALL_ATTRIBUTES", "ALL_PROJECTED_ATTRIBUTES"]}, _ORDER),
    Patch(
        "ComparisonOperator",
        {
            "enum": _COMPARISONS,
        },
        _ORDER,
    ),
    Patch("ConditionalOperator", {"enum": ["OR", "AND"]}, _ORDER),
    Patch("ScalarAttributeType", {"enum": ["B", "N", "S"]}, _ORDER),
    Patch("KeyType", {"enum": ["HASH", "RANGE"]}, _ORDER),
    Patch("ProjectionType", {"enum": ["ALL", "INCLUDE", "KEYS_ONLY"]}, _ORDER),
    Patch("BillingMode", {"enum": ["PROVISIONED", "PAY_PER_REQUEST"]}, _ORDER),
)

_APPSYNC = (
    Patch(
        "ResourceArn",
        {"max": 200, "pattern": r"^arn:aws:appsync:[A-Za-z0-9_/.-]{0,63}:\d{12}:apis/[0-9A-Za-z_-]{26}(/.*)?$"},
        "The model knows the ARNs of APIs alone; channel namespaces have tags and an ARN, too.",
    ),
    Patch(
        "RuntimeName",
        {"enum": ["APPSYNC_JS", "SYNCLINE_PY"]},
        "Python resolvers are a runtime of our own, beside the service's.",
    ),
)

_LAMBDA = (
    Patch("CreateFunctionRequest", {"shape": "String"}, "The service checks runtimes itself.", member="Runtime"),
    Patch(
        "UpdateFunctionConfigurationRequest",
        {"shape": "String"},
        "The service checks runtimes itself.",
        member="Runtime",
    ),
    Patch("EventSourcePosition", {"enum": ["LATEST", "AT_TIMESTAMP", "TRIM_HORIZON"]}, _ORDER),
    Patch("RecursiveLoop", {"enum": ["Terminate", "Allow"]}, _ORDER),
)

PATCHES: Mapping[str, tuple[Patch, ...]] = {"appsync": _APPSYNC, "dynamodb": _DYNAMODB, "lambda": _LAMBDA}
"""By botocore's name of the service."""
