"""Functions and mappings as Lambda's answers show them."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from typing import Any

from syncline.functions.model import Function, Mapping

Shape = dict[str, Any]


def configuration(function: Function, *, region: str, qualifier: str | None = None) -> Shape:
    """A FunctionConfiguration of a function that is active."""
    shape: Shape = {
        "FunctionName": function.name,
        "FunctionArn": f"{function.arn}:{qualifier}" if qualifier else function.arn,
        "Runtime": function.runtime,
        "Role": function.role,
        "Handler": function.handler,
        "CodeSize": function.code_size,
        "Description": function.description,
        "Timeout": function.timeout,
        "MemorySize": function.memory,
        "LastModified": instant(function.modified),
        "CodeSha256": sha256_text(function.code_sha256),
        "Version": function.version,
        "TracingConfig": {"Mode": function.tracing},
        "RevisionId": function.revision,
        "State": "Active",
        "LastUpdateStatus": "Successful",
        "PackageType": "Zip",
        "Architectures": [function.architecture],
        "EphemeralStorage": {"Size": function.storage},
        "SnapStart": {"ApplyOn": "None", "OptimizationStatus": "Off"},
        "RuntimeVersionConfig": {"RuntimeVersionArn": _runtime_arn(function.runtime, region)},
        "LoggingConfig": {"LogFormat": "Text", "LogGroup": function.logs_to},
    }
    if function.layers:
        shape["Layers"] = [{"Arn": layer.arn, "CodeSize": layer.size} for layer in function.layers]
    if function.environment is not None:
        shape["Environment"] = {"Variables": function.environment}
    return shape


def created(shape: Shape, revision: str) -> Shape:
    """The configuration as CreateFunction answers it: the function becomes active right after."""
    shape = shape | {"State": "Pending", "StateReason": "The function is being created.", "StateReasonCode": "Creating"}
    del shape["LastUpdateStatus"]
    return shape | {"RevisionId": revision}


def updating(shape: Shape, revision: str) -> Shape:
    """The configuration as an update answers it: the update is complete right after."""
    # AWS does this: the words of creation, and a reason code that the model does not list.
    reason = {"LastUpdateStatusReason": "The function is being created.", "LastUpdateStatusReasonCode": "Creating"}
    return shape | {"LastUpdateStatus": "InProgress", "RevisionId": revision} | reason


def mapping_shape(mapping: Mapping, state: str, *, arn: str) -> Shape:
    """An EventSourceMappingConfiguration."""
    shape: Shape = {
        "UUID": mapping.id,
        "EventSourceMappingArn": arn,
        "EventSourceArn": mapping.source,
        "FunctionArn": mapping.function,
        "StartingPosition": mapping.starting_position,
        "BatchSize": mapping.batch_size,
        "MaximumBatchingWindowInSeconds": mapping.window,
        "ParallelizationFactor": mapping.lanes,
        "MaximumRetryAttempts": mapping.retries,
        "MaximumRecordAgeInSeconds": mapping.age,
        "BisectBatchOnFunctionError": mapping.bisect,
        "TumblingWindowInSeconds": mapping.tumbling,
        "FunctionResponseTypes": mapping.responses,
        "DestinationConfig": {"OnFailure": {"Destination": mapping.on_failure} if mapping.on_failure else {}},
        "LastModified": mapping.modified,
        "State": state,
        "StateTransitionReason": "User action",
    }
    if mapping.metrics:
        shape["MetricsConfig"] = {"Metrics": mapping.metrics}
    if mapping.patterns:
        shape["FilterCriteria"] = {"Filters": [{"Pattern": pattern} for pattern in mapping.patterns]}
    return shape


def sha256_text(hexadecimal: str) -> str:
    """A hash as CodeSha256 shows it."""
    return base64.b64encode(bytes.fromhex(hexadecimal)).decode()


def instant(at: float) -> str:
    """An instant as Lambda's texts show it."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "+0000")


def _runtime_arn(runtime: str, region: str) -> str:
    """AWS does this: a runtime's version is named by a hash. Here a runtime has one version."""
    return f"arn:aws:lambda:{region}::runtime:{hashlib.sha256(runtime.encode()).hexdigest()}"
