"""From a specification to a data source that can be asked."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from syncline.core import Invalid, Unsupported
from syncline.datasources.dynamodb import DynamoDbSource
from syncline.datasources.functions import FunctionSource
from syncline.datasources.http import HttpSource, Signing
from syncline.datasources.local import Local
from syncline.datasources.model import DataSource, DataSourceSpec, Engines
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
    tokens = Tokens(engines.secret, f"{spec.api_id}/{spec.name}")
    return DynamoDbSource(table, engines.tables, tokens, engines.functions, str(config.get("awsRegion", "")))


def _function(spec: DataSourceSpec, engines: Engines) -> DataSource:
    assert engines.functions is not None, "a Lambda data source needs the function engine"
    arn = _required(spec, spec.lambda_config or {}, "lambdaConfig", "lambdaFunctionArn")
    return FunctionSource(arn, engines.functions)


def _http(spec: DataSourceSpec, engines: Engines) -> DataSource:
    assert engines.outbound is not None, "an HTTP data source needs a way out"
    assert engines.clock is not None, "a signature has a time"
    config = spec.http_config or {}
    endpoint = _required(spec, config, "httpConfig", "endpoint")
    try:
        usable = ENDPOINT.fullmatch(endpoint) and urlsplit(endpoint).hostname and urlsplit(endpoint).port != 0
    except ValueError:
        usable = False
    if not usable:
        raise EndpointInvalid(endpoint=endpoint, name=spec.name)
    return HttpSource(endpoint, engines.outbound, engines.clock, _signing(spec, config, engines))


def _signing(spec: DataSourceSpec, config: dict[str, Any], engines: Engines) -> Signing | None:
    authorization = config.get("authorizationConfig")
    if not authorization:
        return None
    wanted = authorization.get("awsIamConfig") or {}
    region: str = wanted.get("signingRegion") or ""
    service: str = wanted.get("signingServiceName") or ""
    lend, role = engines.lend, spec.service_role_arn
    for member, value in (("awsIamConfig.signingRegion", region), ("awsIamConfig.signingServiceName", service)):
        if not value:
            raise SigningInvalid(name=spec.name, member=member)
    if not role:
        raise SigningInvalid(name=spec.name, member="serviceRoleArn")
    assert lend is not None, "a signing data source needs credentials"
    return Signing(region, service, lambda: lend(role, spec.name))


def _required(spec: DataSourceSpec, config: dict[str, Any], section: str, member: str) -> str:
    value = config.get(member)
    if type(value) is not str or not value:
        raise ConfigurationMissing(name=spec.name, type=spec.type, member=f"{section}.{member}")
    return value


BUILDERS = {"NONE": _local, "AMAZON_DYNAMODB": _dynamodb, "AWS_LAMBDA": _function, "HTTP": _http}
