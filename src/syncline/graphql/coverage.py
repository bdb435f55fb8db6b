"""Which parameters of the served operations on GraphQL APIs are not served in full. All that is not here is.

For: the service; docs/compatibility.md is written from it.
"""

from __future__ import annotations

from syncline.datasources import SOURCE_OPERATIONS
from syncline.wire import Coverage

_API = (
    "enhancedMetricsConfig",
    "logConfig.cloudWatchLogsRoleArn",
    "mergedApiExecutionRoleArn",
    "ownerContact",
    "xrayEnabled",
)
_RESOLVER = Coverage(kept=("metricsConfig", "syncConfig"))
_FUNCTION = Coverage(kept=("syncConfig",))

OPERATIONS = {
    **SOURCE_OPERATIONS,
    "CreateApiCache": Coverage(
        kept=("atRestEncryptionEnabled", "healthMetricsConfig", "transitEncryptionEnabled", "type")
    ),
    "CreateDomainName": Coverage(kept=("certificateArn",)),
    "CreateFunction": _FUNCTION,
    "CreateGraphqlApi": Coverage(kept=(*_API, "visibility")),
    "CreateResolver": _RESOLVER,
    "UpdateApiCache": Coverage(kept=("healthMetricsConfig", "type")),
    "UpdateFunction": _FUNCTION,
    "UpdateGraphqlApi": Coverage(kept=_API),
    "UpdateResolver": _RESOLVER,
}
