"""What is said of parameters of AppSync's operations is so: what is kept is given back."""

from __future__ import annotations

from typing import Any

import pytest

KEPT: dict[str, Any] = {
    "enhancedMetricsConfig": {
        "resolverLevelMetricsBehavior": "PER_RESOLVER_METRICS",
        "dataSourceLevelMetricsBehavior": "PER_DATA_SOURCE_METRICS",
        "operationLevelMetricsConfig": "ENABLED",
    },
    "logConfig": {"fieldLogLevel": "NONE", "cloudWatchLogsRoleArn": "arn:aws:iam::000000000000:role/r"},
    "mergedApiExecutionRoleArn": "arn:aws:iam::000000000000:role/m",
    "ownerContact": "me",
    "xrayEnabled": True,
    "visibility": "PRIVATE",
}
SYNC = {"conflictHandler": "NONE", "conflictDetection": "NONE"}


@pytest.mark.rule("GQL-69")
async def test_a_parameter_that_is_kept_is_given_back(world: Any) -> None:
    await world.create("type Query { f: Int }", **KEPT)
    assert (await world.call("GetGraphqlApi"))["graphqlApi"].items() >= KEPT.items()
    bus = {"eventBusArn": "arn:aws:events:us-east-1:000000000000:event-bus/default"}
    given = {"type": "NONE", "metricsConfig": "ENABLED", "eventBridgeConfig": bus}
    await world.call("CreateDataSource", name="s", **given)
    assert (await world.call("GetDataSource", name="s"))["dataSource"].items() >= given.items()
    templates = {"requestMappingTemplate": "{}", "responseMappingTemplate": "{}"}
    resolver = {"typeName": "Query", "fieldName": "f", "syncConfig": SYNC, "metricsConfig": "ENABLED"}
    await world.call("CreateResolver", dataSourceName="s", **resolver, **templates)
    assert (await world.call("GetResolver", typeName="Query", fieldName="f"))["resolver"].items() >= resolver.items()
    function = {"name": "g", "dataSourceName": "s", "syncConfig": SYNC, **templates}
    created = (await world.call("CreateFunction", functionVersion="2018-05-29", **function))["functionConfiguration"]
    assert created.items() >= function.items()
    cache = {"ttl": 60, "apiCachingBehavior": "FULL_REQUEST_CACHING", "type": "SMALL", "healthMetricsConfig": "ENABLED"}
    encrypted = {"transitEncryptionEnabled": True, "atRestEncryptionEnabled": True}
    await world.call("CreateApiCache", **cache, **encrypted)
    await world.call("UpdateApiCache", **{**cache, "type": "LARGE"})
    assert (await world.call("GetApiCache"))["apiCache"].items() >= {**cache, **encrypted, "type": "LARGE"}.items()
    assert (await world.call("ListGraphqlApis", owner="OTHER_ACCOUNTS"))["graphqlApis"] == []
    assert len((await world.call("ListGraphqlApis", owner="CURRENT_ACCOUNT"))["graphqlApis"]) == 1
