"""Which parameters of the served operations are not served in full. All that is not here is.

For: the services; docs/compatibility.md is written from it.
"""

from __future__ import annotations

from syncline.wire import Coverage

IAM_OPERATIONS = {
    "ListEntitiesForPolicy": Coverage(refused=("EntityFilter", "PolicyUsageFilter")),
    "ListPolicies": Coverage(refused=("PolicyUsageFilter",)),
    "SimulatePrincipalPolicy": Coverage(
        refused=("CallerArn", "PermissionsBoundaryPolicyInputList", "PolicyExclusionList", "ResourcePolicy"),
        unused=("ContextEntries.ContextKeyType", "ResourceHandlingOption", "ResourceOwner"),
    ),
}

STS_OPERATIONS = {
    "AssumeRole": Coverage(
        refused=(
            "Policy",
            "PolicyArns",
            "ProvidedContexts",
            "SerialNumber",
            "Tags",
            "TokenCode",
            "TransitiveTagKeys",
        ),
        unused=("MinimumSessionTokenSize",),
    ),
}
"""A session with a policy of its own could do more than was asked for: refused, not ignored."""

SECRET_OPERATIONS = {
    "CreateSecret": Coverage(
        refused=("AddReplicaRegions", "CrossAccountPrimaryARN"),
        unused=("ForceOverwriteReplicaSecret",),
    ),
    "ListSecrets": Coverage(refused=("Filters", "SortBy", "SortOrder")),
    "PutSecretValue": Coverage(unused=("RotationToken",)),
}
