"""Wire: AWS's protocols from service models, the registry of operations, and Signature Version 4."""

from syncline.wire.constraints import ConstraintsViolated
from syncline.wire.door import AwsDoor
from syncline.wire.failures import OperationUnsupported, ServiceUnsupported, UnknownOperation
from syncline.wire.operations import Operations
from syncline.wire.scalars import NotConvertible
from syncline.wire.signatures import (
    Authorization,
    Credential,
    Credentials,
    IncompleteSignature,
    InvalidSignature,
    MissingToken,
    SignedRequest,
    UnknownKey,
    authorization_of,
    verify_signature,
)
from syncline.wire.signing import SigningKey, signature_headers

__all__ = [
    "Authorization",
    "AwsDoor",
    "ConstraintsViolated",
    "Credential",
    "Credentials",
    "IncompleteSignature",
    "InvalidSignature",
    "MissingToken",
    "NotConvertible",
    "OperationUnsupported",
    "Operations",
    "ServiceUnsupported",
    "SignedRequest",
    "SigningKey",
    "UnknownKey",
    "UnknownOperation",
    "authorization_of",
    "signature_headers",
    "verify_signature",
]
