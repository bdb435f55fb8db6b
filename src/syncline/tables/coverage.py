"""Which parameters of the served operations are not served in full. All that is not here is.

For: the services; docs/compatibility.md is written from it.
"""

from __future__ import annotations

from syncline.wire import Coverage

_ENCRYPTION = ("SSESpecification.Enabled", "SSESpecification.SSEType", "SSESpecification.KMSMasterKeyId")
_REGIONS = ("GlobalTableSettingsReplicationMode",)
_LIMITS = ("OnDemandThroughput", "WarmThroughput")


def _of(outer: str, names: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(f"{outer}.{name}" for name in names)


TABLE_OPERATIONS = {
    "CreateTable": Coverage(
        refused=(
            *_ENCRYPTION,
            *_REGIONS,
            *_LIMITS,
            *_of("GlobalSecondaryIndexes", _LIMITS),
            "GlobalTableSourceArn",
            "ResourcePolicy",
            "VectorIndexes",
        ),
        kept=("ProvisionedThroughput", "GlobalSecondaryIndexes.ProvisionedThroughput", "TableClass"),
    ),
    "UpdateTable": Coverage(
        refused=(
            *_ENCRYPTION,
            *_REGIONS,
            *_LIMITS,
            *_of("GlobalSecondaryIndexUpdates.Create", _LIMITS),
            *_of("GlobalSecondaryIndexUpdates.Update", _LIMITS),
            "DisassociationProtectionEnabled",
            "GlobalTableWitnessUpdates",
            "MultiRegionConsistency",
            "ReplicaUpdates",
            "VectorIndexUpdates",
        ),
        kept=(
            "ProvisionedThroughput",
            "GlobalSecondaryIndexUpdates.Create.ProvisionedThroughput",
            "GlobalSecondaryIndexUpdates.Update.ProvisionedThroughput",
            "TableClass",
        ),
    ),
    "ListTagsOfResource": Coverage(unused=("NextToken",)),
}
"""DynamoDB's."""

STREAM_OPERATIONS: dict[str, Coverage] = {}
"""DynamoDB Streams'."""
