"""The refusals of Event APIs in AppSync's words (AppSync Events, 'Publish events via HTTP' and '… WebSocket').

For: publishing and subscribing. Owns: the words. Never: decides a status.
"""

from __future__ import annotations

from typing import Any

from syncline.core import Conflict, Failed, Invalid, NotFound, SynclineError, Unauthenticated


class BadRequest(Invalid):
    """The request cannot be served as it is."""

    code = "BadRequestException"


class InvalidChannel(Invalid):
    """Invalid Channel Format"""

    code = "BadRequestException"


class TooManyEvents(Invalid):
    """Input exceeded {limit} event limit"""

    code = "BadRequestException"


class TooManyEventsOverSocket(Invalid):
    """input exceeded {limit} event limit"""

    code = "InvalidInputError"


class NamespaceUnknown(Unauthenticated):
    """The channel's namespace does not exist; clients are told that they are not authorized."""

    code = "UnauthorizedException"

    def __init__(self) -> None:
        super().__init__("", data={"errors": [{"errorType": self.code}]})


class HandlerUnauthorized(Unauthenticated):
    """A namespace's handler found the caller not authorized."""

    code = "UnauthorizedException"

    def __init__(self, code: str = "UnauthorizedException") -> None:
        super().__init__("", data={"errors": [{"errorType": code}]})


class HandlerRefused(Invalid):
    """A namespace's handler refused with an error of its own."""

    def __init__(self, message: str, error_type: str) -> None:
        super().__init__(message, data={"errors": [{"errorType": error_type, "message": message}]})


class PublishFailed(Failed):
    """There was an error processing the message"""

    code = "MessageProcessingError"


class SubscribeFailed(Failed):
    """There was an error processing the operation"""

    code = "SubscriptionProcessingError"


class DuplicatedOperation(Invalid):
    """Duplicated operation with id {id}"""

    code = "DuplicatedOperationError"


class TooManySubscriptions(Invalid):
    """Max number of {limit} subscriptions reached"""

    code = "MaxSubscriptionsReachedError"


class Moved(Conflict):
    """The namespace has changed what it keeps; subscribe again."""

    code = "PositionPassed"


class NotPresent(Invalid):
    """No member of a channel is subscribed as {id}"""

    code = "BadRequestException"


class StateTooLarge(Invalid):
    """The state of a member has at most {limit} bytes."""

    code = "BadRequestException"


class NoSuchApi(NotFound):
    """Event API {api} not found."""

    code = "NotFoundException"


class NoSuchNamespace(NotFound):
    """Channel namespace {name} not found."""

    code = "NotFoundException"


class NamespaceExists(Conflict):
    """A channel namespace named {name} already exists."""

    code = "ConflictException"


def entries_of(refusal: SynclineError) -> list[dict[str, Any]]:
    """A refusal as the `errors` of an answer."""
    carried: Any = refusal.data.get("errors")
    if isinstance(carried, list) and carried:
        return carried
    return [{"errorType": refusal.code, "message": refusal.message}]
