"""What user pools refuse, by Cognito's names and in its words (user-pools reference, 6)."""

from __future__ import annotations

from syncline.core import Conflict, Denied, Failed, Invalid, NotFound, Throttled, Unauthenticated, Unsupported


class NotAuthorized(Unauthenticated):
    """Incorrect username or password."""

    code = "NotAuthorizedException"


class NoSuchUser(NotFound):
    """User does not exist."""

    code = "UserNotFoundException"

    def __init__(self, message: str = "User does not exist.") -> None:
        super().__init__(message)


class NotConfirmed(Denied):
    """User is not confirmed."""

    code = "UserNotConfirmedException"

    def __init__(self) -> None:
        super().__init__("User is not confirmed.")


class ResetRequired(Denied):
    """Password reset required for the user"""

    code = "PasswordResetRequiredException"


class NameTaken(Conflict):
    """User already exists"""

    code = "UsernameExistsException"


class AliasTaken(Conflict):
    """An account with the given {attribute} already exists."""

    code = "AliasExistsException"


class CodeWrong(Invalid):
    """Invalid verification code provided, please try again."""

    code = "CodeMismatchException"


class CodeExpired(Invalid):
    """Invalid code provided, please request a code again."""

    code = "ExpiredCodeException"


class TooManyTries(Throttled):
    """Attempt limit exceeded, please try after some time."""

    code = "LimitExceededException"


class TooManyRequests(Throttled):
    """Rate exceeded"""

    code = "TooManyRequestsException"


class PasswordWeak(Invalid):
    """Password did not conform with policy: {reason}"""

    code = "InvalidPasswordException"


class ParameterInvalid(Invalid):
    """A member of the request cannot be used."""

    code = "InvalidParameterException"


class NoSuchThing(NotFound):
    """There is no such pool, client or group."""

    code = "ResourceNotFoundException"


class GroupTaken(Conflict):
    """A group with the name already exists"""

    code = "GroupExistsException"


class TriggerFailed(Failed):
    """{trigger} failed with error {reason}."""

    code = "UserLambdaValidationException"


class TriggerBroken(Failed):
    """{trigger} invocation failed due to configuration: {reason}."""

    code = "UnexpectedLambdaException"


class TriggerAnswerInvalid(Failed):
    """Unrecognizable lambda output"""

    code = "InvalidLambdaResponseException"


class TokenReused(Unauthenticated):
    """The refresh token was used before; with rotation each is good once."""

    code = "RefreshTokenReuseException"


class TokenTypeUnsupported(Invalid):
    """Unsupported token type"""

    code = "UnsupportedTokenTypeException"


class PoolProtected(Invalid):
    """The user pool cannot be deleted because deletion protection is activated.
    Deletion protection must be inactivated first.
    """

    code = "InvalidParameterException"


class NotBuilt(Unsupported):
    """{what} is not supported."""
