"""The errors of Lambda, by AWS's names."""

from syncline.core import Conflict, Invalid, NotFound, Throttled, TooLarge, Unavailable, Unsupported


class ParameterInvalid(Invalid):
    """A parameter that Lambda refuses."""

    code = "InvalidParameterValueException"


class FunctionOnly(ParameterInvalid):
    """This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. Please specify either a function name or an unqualified function ARN."""  # noqa: E501


class ContentInvalid(Invalid):
    """Could not parse request body into json: Could not parse payload into json: {reason}"""

    code = "InvalidRequestContentException"


class FunctionNotFound(NotFound):
    """Function not found: {arn}"""

    code = "ResourceNotFoundException"


class FunctionExists(Conflict):
    """Function already exist: {name}"""

    code = "ResourceConflictException"


class ResourceConflict(Conflict):
    """The resource's state disagrees."""

    code = "ResourceConflictException"


class RevisionMismatch(Conflict):
    """The Revision Id provided does not match the latest Revision Id. Call the GetFunction/GetAlias API to retrieve the latest Revision Id"""  # noqa: E501

    code = "PreconditionFailedException"


class TooManyRequests(Throttled):
    """Rate Exceeded."""

    code = "TooManyRequestsException"


class EnvironmentUnavailable(Unavailable):
    """Lambda could not start a process for the function {name}: {reason}"""

    code = "ServiceException"


class PayloadTooLarge(TooLarge):
    """{size} byte payload is too large for the {kind} invocation type (limit {limit} bytes)"""

    code = "RequestTooLargeException"


class CodeTooLarge(TooLarge):
    """Zipped size must be smaller than {limit} bytes"""

    code = "RequestEntityTooLargeException"


class MappingNotFound(NotFound):
    """The resource you requested does not exist."""

    code = "ResourceNotFoundException"


class NotBuilt(Unsupported):
    """{what} is not supported."""


class AliasNotFound(NotFound):
    """Cannot find alias arn: {arn}"""

    code = "ResourceNotFoundException"


class AliasExists(Conflict):
    """Alias already exists: {arn}"""

    code = "ResourceConflictException"
