"""What a data source raises: AppSync's error type and text.

For: `resolvers`, which hands it to the template as `$ctx.error` or to the field. Never: knows templates.
"""

from __future__ import annotations

from typing import Any

from syncline.core import Failed


class DataSourceError(Failed):
    """A data source refused or failed. `error_type` is AppSync's (`DynamoDB:…`); `data` is what goes beside it.

    `cause_type` is the function's own name for its failure, which direct Lambda resolvers show instead.
    """

    data: Any

    def __init__(self, message: str, error_type: str, data: Any = None, *, cause_type: str | None = None) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.data = data
        self.cause_type = cause_type
