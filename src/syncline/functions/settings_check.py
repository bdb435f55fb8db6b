"""What CreateFunction and UpdateFunctionConfiguration may ask for: checked, and what is not built refused by name."""

from __future__ import annotations

import re
from typing import Any

from syncline.core import json
from syncline.functions.errors import NotBuilt, ParameterInvalid
from syncline.functions.names import NAME_LENGTH_MAX
from syncline.functions.runtimes import SUPPORTED

Shape = dict[str, Any]

TIMEOUT_SECONDS_MAX = 900
MEMORY_MB_MAX = 10_240
ENVIRONMENT_BYTES_MAX = 4096
RESERVED_VARIABLES = {
    "_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_NAME",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE",
    "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
}  # fmt: skip
# As AWS lists them, in the order of its own hash table.
OFFERED = (
    "nodejs20.x", "python3.14", "provided.al2023", "python3.12", "python3.13", "nodejs24.x", "nodejs22.x", "java25",
    "python3.10", "python3.11", "java21", "ruby3.3", "ruby3.4", "ruby3.2", "python3.8", "python3.9", "java17",
    "nodejs16.x", "dotnet10", "dotnet8", "java11", "dotnet6", "nodejs18.x", "provided.al2", "java8.al2",
)  # fmt: skip
RETIRED = {
    "nodejs", "nodejs4.3", "nodejs4.3-edge", "nodejs6.10", "nodejs8.10", "nodejs10.x", "nodejs12.x", "nodejs14.x",
    "python2.7", "python3.6", "python3.7", "java8", "go1.x", "ruby2.5", "ruby2.7", "provided",
    "dotnetcore1.0", "dotnetcore2.0", "dotnetcore2.1", "dotnetcore3.1",
}  # fmt: skip
_VARIABLE = re.compile(r"[a-zA-Z]\w+")


def check_configuration(request: Shape) -> None:
    """Raise for a member that is out of range or not built."""
    if request.get("SnapStart", {}).get("ApplyOn", "None") != "None":
        raise NotBuilt(what="SnapStart")
    if request.get("LoggingConfig", {}).get("LogFormat", "Text") != "Text":
        raise NotBuilt(what="LogFormat JSON")
    if "Runtime" in request:
        _check_runtime(request["Runtime"])
    _check_range(request.get("Timeout", 3), "timeout", TIMEOUT_SECONDS_MAX)
    _check_range(request.get("MemorySize", 128), "memorySize", MEMORY_MB_MAX)
    check_environment(request.get("Environment", {}).get("Variables", {}))


def check_new(request: Shape) -> None:
    """Raise for what a new function must have and has not, or may not have."""
    if len(request["FunctionName"]) > NAME_LENGTH_MAX and not request["FunctionName"].startswith("arn:"):
        raise ParameterInvalid(
            f"1 validation error detected: Value '{request['FunctionName']}' at 'functionName' failed to satisfy "
            f"constraint: Member must have length less than or equal to {NAME_LENGTH_MAX}"
        )
    if request.get("PackageType", "Zip") != "Zip":
        raise NotBuilt(what="A function from a container image")
    for member in ("Runtime", "Handler"):
        if not request.get(member):
            raise ParameterInvalid(f"{member} is mandatory for functions created with deployment packages.")


def zip_of(code: Shape) -> bytes:
    """The zip of a `Code` member or of UpdateFunctionCode."""
    if "S3Bucket" in code or "S3Key" in code:
        raise NotBuilt(what="Code from S3 (S3Bucket); send the zip itself (ZipFile)")
    content = code.get("ZipFile")
    if not content:
        raise ParameterInvalid("Please provide a source for function code.")
    return bytes(content)


def check_environment(variables: dict[str, str]) -> None:
    """Raise for reserved or impossible names, or more than 4 KB in all."""
    reserved = sorted(RESERVED_VARIABLES & variables.keys())
    if reserved:
        raise ParameterInvalid(
            "Lambda was unable to configure your environment variables because the environment variables you have "
            "provided contains reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(reserved)}"
        )
    for name, value in variables.items():
        if not _VARIABLE.fullmatch(name) or "\x00" in value:
            raise ParameterInvalid(
                "1 validation error detected: Value at 'environment.variables' failed to satisfy constraint: Map keys "
                "must satisfy constraint: [Member must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+]"
            )
    measured = json.encode(variables).decode()
    if len(measured.encode()) > ENVIRONMENT_BYTES_MAX:
        raise ParameterInvalid(
            "Lambda was unable to configure your environment variables because the environment variables you have "
            f"provided exceeded the 4KB limit. String measured: {measured}"
        )


def _check_runtime(runtime: str) -> None:
    if runtime in RETIRED:
        raise ParameterInvalid(
            f"The runtime parameter of {runtime} is no longer supported for creating or updating AWS Lambda functions. "
            "We recommend you use a supported runtime while creating or updating functions."
        )
    if runtime not in OFFERED:
        raise ParameterInvalid(
            f"Value {runtime} at 'runtime' failed to satisfy constraint: Member must satisfy enum value set: "
            f"[{', '.join(OFFERED)}] or be a valid ARN"
        )
    if runtime not in SUPPORTED:
        raise NotBuilt(what=f"The runtime {runtime} (Syncline runs {', '.join(SUPPORTED)})")


def _check_range(value: int, name: str, most: int) -> None:
    if value > most:
        raise ParameterInvalid(
            f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: "
            f"Member must have value less than or equal to {most}"
        )
