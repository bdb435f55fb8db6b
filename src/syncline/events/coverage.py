"""Which parameters of the served operations on Event APIs are not served in full. All that is not here is.

For: the service; docs/compatibility.md is written from it.
"""

from __future__ import annotations

from syncline.wire import Coverage

OPERATIONS = {
    "CreateApi": Coverage(kept=("eventConfig.logConfig.cloudWatchLogsRoleArn", "ownerContact")),
    "UpdateApi": Coverage(kept=("eventConfig.logConfig.cloudWatchLogsRoleArn", "ownerContact")),
}
