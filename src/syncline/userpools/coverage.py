"""Which parameters of the served operations are not served in full. All that is not here is.

For: the services; docs/compatibility.md is written from it.
"""

from __future__ import annotations

from syncline.wire import Coverage

_WATCHED = Coverage(unused=("AnalyticsMetadata", "UserContextData"))
_WATCHED_BY_ADMIN = Coverage(unused=("AnalyticsMetadata", "ContextData"))
"""What AWS's threat protection and Pinpoint are told."""
_POOL = Coverage(
    refused=(
        "AcrConfiguration",
        "DcrConfiguration",
        "IssuerConfiguration",
        "KeyConfiguration",
        "LambdaConfig.CustomEmailSender",
        "LambdaConfig.CustomSMSSender",
        "LambdaConfig.InboundFederation",
        "LambdaConfig.KMSKeyID",
        "LambdaConfig.PreTokenGenerationConfig",
    ),
    kept=(
        "AccountRecoverySetting",
        "AdminCreateUserConfig.InviteMessageTemplate",
        "DeviceConfiguration",
        "EmailConfiguration",
        "Policies.PasswordPolicy.PasswordHistorySize",
        "Policies.SignInPolicy",
        "SmsConfiguration",
        "UserAttributeUpdateSettings",
        "UserPoolAddOns",
        "VerificationMessageTemplate",
    ),
)
_CLIENT = Coverage(kept=("AnalyticsConfiguration",))

OPERATIONS = {
    "AdminCreateUser": Coverage(unused=("DesiredDeliveryMediums",)),
    "AdminInitiateAuth": _WATCHED_BY_ADMIN,
    "AdminRespondToAuthChallenge": _WATCHED_BY_ADMIN,
    "ConfirmForgotPassword": _WATCHED,
    "ConfirmSignUp": _WATCHED,
    "CreateUserPool": _POOL,
    "CreateUserPoolClient": _CLIENT,
    "ForgotPassword": _WATCHED,
    "GetTokensFromRefreshToken": Coverage(unused=("DeviceKey",)),
    "InitiateAuth": _WATCHED,
    "ListUserPoolClients": Coverage(refused=("ClientType",)),
    "ResendConfirmationCode": _WATCHED,
    "RespondToAuthChallenge": _WATCHED,
    "RevokeToken": Coverage(refused=("RevokeAssociatedSessions",)),
    "SignUp": _WATCHED,
    "UpdateUserPool": _POOL,
    "UpdateUserPoolClient": _CLIENT,
}
