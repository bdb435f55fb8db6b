"""Auth: who is calling the data plane of an API, and which modes of authorisation that caller has passed."""

from syncline.auth.api_keys import ApiKey
from syncline.auth.authenticate import Authenticator, FieldAllowance, Signed
from syncline.auth.authorizer import Authorizer
from syncline.auth.jwts import Jwts
from syncline.auth.key_operations import KeyOperations
from syncline.auth.model import ApiAuth, Identity, Mode, Provider
from syncline.auth.opened import Leases, Opened
from syncline.auth.origins import check_origins, origins_of
from syncline.auth.refusals import NoCredential, NotAuthorized, TokenExpired, TokenRevoked, TokenUnreadable
from syncline.auth.signatures import SigV4
from syncline.auth.throttle import Door, MessageRateExceeded, RateExceeded, Throttle

__all__ = [
    "ApiAuth",
    "ApiKey",
    "Authenticator",
    "Authorizer",
    "Door",
    "FieldAllowance",
    "Identity",
    "Jwts",
    "KeyOperations",
    "Leases",
    "MessageRateExceeded",
    "Mode",
    "NoCredential",
    "NotAuthorized",
    "Opened",
    "Provider",
    "RateExceeded",
    "SigV4",
    "Signed",
    "Throttle",
    "TokenExpired",
    "TokenRevoked",
    "TokenUnreadable",
    "check_origins",
    "origins_of",
]
