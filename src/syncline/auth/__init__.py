"""Auth: who is calling the data plane of an API, and which modes of authorisation that caller has passed."""

from syncline.auth.authenticate import Authenticator, Signed
from syncline.auth.model import ApiAuth, Identity, Mode
from syncline.auth.refusals import NoCredential, NotAuthorized, TokenUnreadable
from syncline.auth.signatures import SigV4

__all__ = [
    "ApiAuth",
    "Authenticator",
    "Identity",
    "Mode",
    "NoCredential",
    "NotAuthorized",
    "SigV4",
    "Signed",
    "TokenUnreadable",
]
