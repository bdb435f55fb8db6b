"""Which parameters of the served operations are not served in full. All that is not here is.

For: the services; docs/compatibility.md is written from it.
"""

from __future__ import annotations

from syncline.wire import Coverage

METRIC_OPERATIONS = {
    "DescribeAlarms": Coverage(refused=("ActionPrefix", "ChildrenOfAlarmName", "ParentsOfAlarmName")),
    "GetMetricData": Coverage(
        refused=("MetricDataQueries.AccountId", "MetricDataQueries.Expression"),
        unused=("LabelOptions", "MaxDatapoints"),
    ),
    "ListMetrics": Coverage(
        refused=("OwningAccount", "RecentlyActive"),
        unused=("IncludeLinkedAccounts",),
    ),
    "PutMetricAlarm": Coverage(
        refused=(
            "ActionConfiguration",
            "EvaluateLowSampleCountPercentile",
            "EvaluationCriteria",
            "EvaluationInterval",
            "EvaluationWindow",
            "ExtendedStatistic",
            "Metrics",
            "ThresholdMetricId",
            "WarmUpConfiguration",
        ),
        kept=("ActionsEnabled", "AlarmActions", "InsufficientDataActions", "OKActions"),
    ),
    "PutMetricData": Coverage(
        refused=("EntityMetricData",),
        unused=("MetricData.StorageResolution", "StrictEntityValidation"),
    ),
}

LOG_OPERATIONS = {
    "CreateLogGroup": Coverage(refused=("deletionProtectionEnabled", "kmsKeyId")),
    "DescribeLogGroups": Coverage(unused=("accountIdentifiers", "includeLinkedAccounts")),
    "FilterLogEvents": Coverage(unused=("interleaved", "unmask")),
    "GetLogEvents": Coverage(unused=("unmask",)),
    "PutLogEvents": Coverage(unused=("entity", "sequenceToken")),
}
