"""The errors of Logs and CloudWatch, by AWS's names."""

from syncline.core import Conflict, Invalid, NotFound


class LogsNotFound(NotFound):
    """The specified log {kind} does not exist."""

    code = "ResourceNotFoundException"


class LogsExists(Conflict):
    """The specified log {kind} already exists"""

    code = "ResourceAlreadyExistsException"


class LogsInvalid(Invalid):
    """A request that Logs cannot carry out."""

    code = "InvalidParameterException"


class MetricInvalid(Invalid):
    """A value that CloudWatch does not take."""

    code = "InvalidParameterValue"


class MetricCombinationInvalid(Invalid):
    """Parameters that exclude each other."""

    code = "InvalidParameterCombination"


class MetricParameterMissing(Invalid):
    """A parameter that must be given."""

    code = "MissingParameter"


class AlarmInvalid(Invalid):
    """An alarm that CloudWatch refuses."""

    code = "ValidationError"


class AlarmNotFound(NotFound):
    """There is no such alarm."""

    code = "ResourceNotFound"
