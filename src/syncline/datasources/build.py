"""From a specification to a data source that can be asked."""

from __future__ import annotations

from typing import Any

from syncline.core import Invalid, Unsupported
from syncline.datasources.dynamodb import DynamoDbSource
from syncline.datasources.functions import FunctionSource
from syncline.datasources.local import Local
from syncline.datasources.model import DataSource, DataSourceSpec, Engines
from syncline.datasources.tokens import Tokens


class DataSourceTypeUnsupported(Unsupported):
    """Data sources of type {type} are not supported; NONE, AMAZON_DYNAMODB and AWS_LAMBDA are."""


class VersionedUnsupported(Unsupported):
    """Versioned data sources (conflict detection) are not supported."""


class ConfigurationMissing(Invalid):
    """The data source {name} of type {type} needs {member}."""

    code = "BadRequestException"


def build(spec: DataSourceSpec, engines: Engines) -> DataSource:
    """The data source that `spec` describes.

    Raises Unsupported for a type that is not built, ConfigurationMissing when its configuration lacks a member.
    """
    builder = BUILDERS.get(spec.type)
    if builder is None:
        raise DataSourceTypeUnsupported(type=spec.type)
    source: DataSource = builder(spec, engines)
    return source


def _local(spec: DataSourceSpec, engines: Engines) -> DataSource:
    return Local()


def _dynamodb(spec: DataSourceSpec, engines: Engines) -> DataSource:
    config = spec.dynamodb_config or {}
    if config.get("versioned"):
        raise VersionedUnsupported
    assert engines.tables is not None, "a DynamoDB data source needs the table engine"
    table = _required(spec, config, "dynamodbConfig", "tableName")
    return DynamoDbSource(table, engines.tables, Tokens(engines.secret, f"{spec.api_id}/{spec.name}"))


def _function(spec: DataSourceSpec, engines: Engines) -> DataSource:
    assert engines.functions is not None, "a Lambda data source needs the function engine"
    arn = _required(spec, spec.lambda_config or {}, "lambdaConfig", "lambdaFunctionArn")
    return FunctionSource(arn, engines.functions)


def _required(spec: DataSourceSpec, config: dict[str, Any], section: str, member: str) -> str:
    value = config.get(member)
    if type(value) is not str or not value:
        raise ConfigurationMissing(name=spec.name, type=spec.type, member=f"{section}.{member}")
    return value


BUILDERS = {"NONE": _local, "AMAZON_DYNAMODB": _dynamodb, "AWS_LAMBDA": _function}
