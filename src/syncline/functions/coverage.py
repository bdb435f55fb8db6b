"""Which parameters of the served Lambda operations are not served in full. All that is not here is.

For: the service; docs/compatibility.md is written from it.
"""

from __future__ import annotations

from syncline.wire import Coverage

_CONFIGURATION = (
    "AcceleratorConfig",
    "CapacityProviderConfig",
    "DeadLetterConfig",
    "DurableConfig",
    "FileSystemConfigs",
    "ImageConfig",
    "KMSKeyArn",
    "LoggingConfig.ApplicationLogLevel",
    "LoggingConfig.SystemLogLevel",
    "RuntimeConfig",
    "VpcConfig",
)
_KEPT = ("EphemeralStorage", "TracingConfig")
_MAPPING = (
    "AmazonManagedKafkaEventSourceConfig",
    "DocumentDBEventSourceConfig",
    "KMSKeyArn",
    "LoggingConfig",
    "ProvisionedPollerConfig",
    "ScalingConfig",
    "SelfManagedKafkaEventSourceConfig",
    "SourceAccessConfigurations",
)

OPERATIONS = {
    "CreateEventSourceMapping": Coverage(
        refused=(*_MAPPING, "Queues", "SelfManagedEventSource", "Topics"),
        unused=("StartingPositionTimestamp",),
    ),
    "CreateFunction": Coverage(
        refused=(
            *_CONFIGURATION,
            "Code.ImageUri",
            "Code.S3ObjectStorageMode",
            "Code.S3ObjectVersion",
            "Code.SourceKMSKeyArn",
            "CodeSigningConfigArn",
            "PublishTo",
            "TenancyConfig",
        ),
        kept=("Architectures", *_KEPT),
    ),
    "Invoke": Coverage(refused=("DurableExecutionName", "TenantId")),
    "ListFunctions": Coverage(unused=("MasterRegion",)),
    "PublishLayerVersion": Coverage(
        refused=("Content.S3ObjectStorageMode", "Content.S3ObjectVersion"),
        kept=("CompatibleArchitectures",),
    ),
    "PublishVersion": Coverage(refused=("PublishTo",)),
    "UpdateEventSourceMapping": Coverage(refused=_MAPPING),
    "UpdateFunctionCode": Coverage(
        refused=("ImageUri", "PublishTo", "S3ObjectStorageMode", "S3ObjectVersion", "SourceKMSKeyArn"),
        kept=("Architectures",),
    ),
    "UpdateFunctionConfiguration": Coverage(refused=_CONFIGURATION, kept=_KEPT),
}
