"""Which parameters of the operations on data sources are not served in full. All that is not here is.

For: the services; docs/compatibility.md is written from it.
"""

from __future__ import annotations

from syncline.wire import Coverage

_SOURCE = Coverage(
    refused=("dynamodbConfig.useCallerCredentials",),
    kept=(
        "dynamodbConfig.deltaSyncConfig",
        "elasticsearchConfig",
        "eventBridgeConfig",
        "metricsConfig",
        "openSearchServiceConfig",
        "relationalDatabaseConfig",
    ),
    unused=("httpConfig.authorizationConfig.authorizationType",),
)

SOURCE_OPERATIONS = {"CreateDataSource": _SOURCE, "UpdateDataSource": _SOURCE}
