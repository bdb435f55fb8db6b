"""From a record to a data source that can be asked."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from syncline.core import Invalid, Unsupported
from syncline.datasources.dynamodb import DynamoDbSource
from syncline.datasources.functions import FunctionSource
from syncline.datasources.http import HttpSource, Signing
from syncline.datasources.local import Local
from syncline.datasources.model import DataSource, DataSourceRecord, Engines
from syncline.datasources.roles import under_role
from syncline.datasources.tokens import Tokens


class DataSourceTypeUnsupported(Unsupported):
    """Data sources of type {type} are not supported; NONE, AMAZON_DYNAMODB, AWS_LAMBDA and HTTP are."""


class VersionedUnsupported(Unsupported):
    """Versioned data sources (conflict detection) are not supported."""


class ConfigurationMissing(Invalid):
    """The data source {name} of type {type} needs {member}."""

    code = "BadRequestException"


class EndpointInvalid(Invalid):
    """The endpoint {endpoint} of the data source {name} is no http or https URL of a host."""

    code = "BadRequestException"


class SigningInvalid(Invalid):
    """The authorizationConfig of the data source {name} needs {member}."""

    code = "BadRequestException"


ENDPOINT = re.compile(r"https?://[A-Za-z0-9.\-\[\]:_]+(/[^?#\s]*)?")


def build(record: DataSourceRecord, engines: Engines, api_id: str = "") -> DataSource:
    """The data source that `record`, one of this API's, describes.

    Raises Unsupported for a type that is not built, ConfigurationMissing when its configuration lacks a member.
    """
    builder = BUILDERS.get(record.type)
    if builder is None:
        raise DataSourceTypeUnsupported(type=record.type)
    source: DataSource = builder(record, under_role(record, engines, api_id), api_id)
    return source


def _local(record: DataSourceRecord, engines: Engines, api_id: str) -> DataSource:
    return Local()


def _dynamodb(record: DataSourceRecord, engines: Engines, api_id: str) -> DataSource:
    config = record.dynamodb_config or {}
    if config.get("versioned"):
        raise VersionedUnsupported
    assert engines.tables is not None, "a DynamoDB data source needs the table engine"
    table = _required(record, config, "dynamodbConfig", "tableName")
    tokens = Tokens(engines.secret, f"{api_id}/{record.name}")
    return DynamoDbSource(table, engines.tables, tokens, engines.functions, str(config.get("awsRegion", "")))


def _function(record: DataSourceRecord, engines: Engines, api_id: str) -> DataSource:
    arn = _required(record, record.lambda_config or {}, "lambdaConfig", "lambdaFunctionArn")
    assert engines.functions is not None, "a Lambda data source needs the function engine"
    return FunctionSource(arn, engines.functions)


def _http(record: DataSourceRecord, engines: Engines, api_id: str) -> DataSource:
    assert engines.outbound is not None, "an HTTP data source needs a way out"
    assert engines.clock is not None, "a signature has a time"
    config = record.http_config or {}
    endpoint = _required(record, config, "httpConfig", "endpoint")
    try:
        usable = ENDPOINT.fullmatch(endpoint) and urlsplit(endpoint).hostname and urlsplit(endpoint).port != 0
    except ValueError:
        usable = False
    if not usable:
        raise EndpointInvalid(endpoint=endpoint, name=record.name)
    return HttpSource(endpoint, engines.outbound, engines.clock, _signing(record, config, engines))


def _signing(record: DataSourceRecord, config: dict[str, Any], engines: Engines) -> Signing | None:
    authorization = config.get("authorizationConfig")
    if not authorization:
        return None
    wanted = authorization.get("awsIamConfig") or {}
    region: str = wanted.get("signingRegion") or ""
    service: str = wanted.get("signingServiceName") or ""
    lend, role = engines.lend, record.service_role_arn
    for member, value in (("awsIamConfig.signingRegion", region), ("awsIamConfig.signingServiceName", service)):
        if not value:
            raise SigningInvalid(name=record.name, member=member)
    if not role:
        raise SigningInvalid(name=record.name, member="serviceRoleArn")
    assert lend is not None, "a signing data source needs credentials"
    return Signing(region, service, lambda: lend(role, record.name))


def _required(record: DataSourceRecord, config: dict[str, Any], section: str, member: str) -> str:
    value = config.get(member)
    if type(value) is not str or not value:
        raise ConfigurationMissing(name=record.name, type=record.type, member=f"{section}.{member}")
    return value


BUILDERS = {"NONE": _local, "AMAZON_DYNAMODB": _dynamodb, "AWS_LAMBDA": _function, "HTTP": _http}
