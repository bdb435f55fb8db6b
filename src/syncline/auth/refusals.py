"""The refusals of the data plane, in AppSync's words (graphql-api reference, 1.4)."""

from __future__ import annotations

from syncline.core import Unauthenticated


class NoCredential(Unauthenticated):
    """Valid authorization header not provided."""

    code = "UnauthorizedException"


class NotAuthorized(Unauthenticated):
    """You are not authorized to make this call."""

    code = "UnauthorizedException"


class TokenUnreadable(Unauthenticated):
    """Unable to parse JWT token."""

    code = "UnauthorizedException"


class TokenExpired(Unauthenticated):
    """Token has expired."""

    code = "UnauthorizedException"


class TokenRevoked(Unauthenticated):
    """Token has been revoked."""

    code = "UnauthorizedException"
