"""The records of GraphQL APIs as they are kept: their member names are AppSync's own.

For: `catalog`. Owns: which members a record has.
"""

from __future__ import annotations

from typing import Any

import msgspec

Config = dict[str, Any]
"""A nested configuration as it was given: AppSync's member names."""


class Api(msgspec.Struct, frozen=True, rename="camel"):
    """A GraphQL API, as CreateGraphqlApi described it; `arn` and the defaults filled in."""

    name: str
    api_id: str
    authentication_type: str
    arn: str
    owner: str
    api_type: str = "GRAPHQL"
    visibility: str = "GLOBAL"
    xray_enabled: bool = False
    introspection_config: str = "ENABLED"
    query_depth_limit: int = 0
    resolver_count_limit: int = 0
    tags: dict[str, str] = {}
    additional_authentication_providers: list[Config] | None = None
    log_config: Config | None = None
    user_pool_config: Config | None = None
    open_id_connect_config: Config | None = msgspec.field(name="openIDConnectConfig", default=None)
    lambda_authorizer_config: Config | None = None
    merged_api_execution_role_arn: str | None = None
    owner_contact: str | None = None
    enhanced_metrics_config: Config | None = None


class Resolver(msgspec.Struct, frozen=True, rename="camel"):
    """A resolver: what is attached to one field."""

    type_name: str
    field_name: str
    resolver_arn: str
    kind: str = "UNIT"
    max_batch_size: int = 0
    data_source_name: str | None = None
    request_mapping_template: str | None = None
    response_mapping_template: str | None = None
    pipeline_config: Config | None = None
    sync_config: Config | None = None
    caching_config: Config | None = None
    runtime: Config | None = None
    code: str | None = None
    metrics_config: str | None = None


class Function(msgspec.Struct, frozen=True, rename="camel"):
    """A function: one step that pipelines share."""

    function_id: str
    function_arn: str
    name: str
    data_source_name: str
    function_version: str = "2018-05-29"
    max_batch_size: int = 0
    description: str | None = None
    request_mapping_template: str | None = None
    response_mapping_template: str | None = None
    sync_config: Config | None = None
    runtime: Config | None = None
    code: str | None = None


class SchemaRecord(msgspec.Struct, frozen=True, rename="camel"):
    """The outcome of the last schema creation, and the text that serves: a failed creation keeps the earlier one."""

    status: str = "NOT_APPLICABLE"
    details: str = ""
    text: str = ""


class Environment(msgspec.Struct, frozen=True, rename="camel"):
    """An API's environment variables."""

    environment_variables: dict[str, str] = {}


class ApiCache(msgspec.Struct, frozen=True, rename="camel"):
    """An API's cache, as CreateApiCache described it. What is kept in it is in memory only."""

    ttl: int
    api_caching_behavior: str
    type: str
    status: str = "AVAILABLE"
    transit_encryption_enabled: bool = False
    at_rest_encryption_enabled: bool = False
    health_metrics_config: str = "DISABLED"


class DomainName(msgspec.Struct, frozen=True, rename="camel"):
    """A custom domain. Its certificate is kept and not used."""

    domain_name: str
    certificate_arn: str
    appsync_domain_name: str
    hosted_zone_id: str
    domain_name_arn: str
    description: str | None = None
    tags: dict[str, str] = {}


class ApiAssociation(msgspec.Struct, frozen=True, rename="camel"):
    """Which API a custom domain leads to."""

    domain_name: str
    api_id: str
    association_status: str = "SUCCESS"


class Remembered(msgspec.Struct, frozen=True):
    """What a stopping server writes down of a durable API's lost subscriptions: by name, where their clients are."""

    positions: dict[bytes, int]
