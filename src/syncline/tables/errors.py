"""The errors of DynamoDB and its streams, with AWS's codes and sentences.

For: every module of the room. Never: decides when to raise.
Malformed input is `core.Invalid` itself, whose code is ValidationException.
"""

from __future__ import annotations

from syncline.core import Conflict, Invalid, NotFound, Throttled

INVALID_VALUES = "One or more parameter values were invalid: "
"""How most of DynamoDB's refusals begin."""


class TableNotFound(NotFound):
    """Requested resource not found: Table: {table} not found"""

    code = "ResourceNotFoundException"


class ItemTableNotFound(NotFound):
    """Requested resource not found"""

    code = "ResourceNotFoundException"


class BackupTableNotFound(NotFound):
    """Table not found: {table}"""

    code = "TableNotFoundException"


class TagTargetNotFound(NotFound):
    """Requested resource not found: ResourcArn: {arn} not found"""

    code = "ResourceNotFoundException"


class StreamNotFound(NotFound):
    """Requested resource not found: Stream: {arn} not found"""

    code = "ResourceNotFoundException"


class ShardNotFound(NotFound):
    """Requested resource not found: Shard does not exist"""

    code = "ResourceNotFoundException"


class TableExists(Conflict):
    """Table already exists: {table}"""

    code = "ResourceInUseException"


class TableBusy(Conflict):
    """Attempt to change a resource which is still in use: Table is being updated: {table}"""

    code = "ResourceInUseException"


class TooManyTables(Throttled):
    """Subscriber limit exceeded: There is a limit of {limit} tables per subscriber"""

    code = "LimitExceededException"


class TooManyChanges(Throttled):
    """Subscriber limit exceeded: Only {limit} tables can be created, updated, or deleted simultaneously"""

    code = "LimitExceededException"


class OneIndexAtATime(Throttled):
    """Subscriber limit exceeded: Only 1 online index can be created or deleted simultaneously per table"""

    code = "LimitExceededException"


class IndexNotFound(NotFound):
    """Requested resource not found: Index: {index} not found"""

    code = "ResourceNotFoundException"


class ConditionalCheckFailed(Conflict):
    """The conditional request failed"""

    code = "ConditionalCheckFailedException"


class CollectionTooLarge(Conflict):
    """Collection size exceeded."""

    code = "ItemCollectionSizeLimitExceededException"


class TransactionCanceled(Conflict):
    """Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"""

    code = "TransactionCanceledException"


class IdempotentParameterMismatch(Invalid):
    """A transaction with the same ClientRequestToken asked for something else in the last ten minutes."""

    code = "IdempotentParameterMismatchException"


class IteratorExpired(Invalid):
    """Iterator expired. The iterator was created at time {created} while right now it is {now}."""

    code = "ExpiredIteratorException"


class RecordsTrimmed(Invalid):
    """The operation attempted to read past the oldest stream record in a shard."""

    code = "TrimmedDataAccessException"


class WrongJson(Invalid):
    """{found} cannot be converted to {wanted}"""

    code = "SerializationException"


class Malformed(Invalid):
    """An expression or value that is refused before a table is looked at.

    Of these, AWS's single writes say that there is `1 validation error detected`; other operations do not.
    """


def unsatisfied(shown: str, where: str, constraint: str) -> Invalid:
    """The refusal of one value that breaks a constraint of AWS's model."""
    return Invalid(
        f"1 validation error detected: Value {shown} at '{where}' failed to satisfy constraint: {constraint}"
    )


def malformed_values(detail: str) -> Malformed:
    """`invalid_values` of what is malformed."""
    return Malformed(INVALID_VALUES + detail)


def invalid_values(detail: str) -> Invalid:
    """The refusal that begins as most of DynamoDB's do."""
    return Invalid(INVALID_VALUES + detail)
