"""What IAM, STS and Secrets Manager refuse, by AWS's names."""

from __future__ import annotations

from syncline.core import Conflict, Denied, Invalid, NotFound


class NoSuchEntity(NotFound):
    """IAM knows no such role, policy, user or key."""

    code = "NoSuchEntity"


class EntityAlreadyExists(Conflict):
    """IAM has one of that name already."""

    code = "EntityAlreadyExists"


class DeleteConflict(Conflict):
    """Something still hangs on what is to be deleted."""

    code = "DeleteConflict"


class LimitExceeded(Conflict):
    """An IAM quota is used up."""

    code = "LimitExceeded"


class MalformedPolicyDocument(Invalid):
    """The policy document is none."""

    code = "MalformedPolicyDocument"


class InvalidInput(Invalid):
    """IAM cannot use a member of the request."""

    code = "InvalidInput"


class ValidationError(Invalid):
    """STS and IAM's name for a member out of bounds."""

    code = "ValidationError"


class AccessDenied(Denied):
    """The caller may not do that, or not to that."""

    code = "AccessDenied"


class TokenExpired(Denied):
    """The security token included in the request is expired"""

    code = "ExpiredTokenException"


class SecretNotFound(NotFound):
    """Secrets Manager can't find the specified secret."""

    code = "ResourceNotFoundException"


class SecretExists(Conflict):
    """The operation failed because the secret {name} already exists."""

    code = "ResourceExistsException"


class SecretRequestInvalid(Invalid):
    """The secret is in no state for that."""

    code = "InvalidRequestException"


class SecretNameInvalid(Invalid):
    """Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!"""

    code = "ValidationException"


class SecretParameterInvalid(Invalid):
    """A member of the request cannot be used."""

    code = "InvalidParameterException"


class TokenInvalid(Invalid):
    """The NextToken value is invalid."""

    code = "InvalidNextTokenException"
