"""Wire: AWS's protocols from service models, the registry of operations, and Signature Version 4."""

from syncline.wire.coverage import Coverage, parameters
from syncline.wire.door import AwsDoor
from syncline.wire.failures import OperationUnsupported
from syncline.wire.operations import Operations
from syncline.wire.records import cut, page, page_of, record_from, shown
from syncline.wire.scalars import NotConvertible
from syncline.wire.services import identify
from syncline.wire.signatures import (
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
    "AwsDoor",
    "Coverage",
    "Credential",
    "Credentials",
    "IncompleteSignature",
    "InvalidSignature",
    "MissingToken",
    "NotConvertible",
    "OperationUnsupported",
    "Operations",
    "SignedRequest",
    "SigningKey",
    "UnknownKey",
    "authorization_of",
    "cut",
    "identify",
    "page",
    "page_of",
    "parameters",
    "record_from",
    "shown",
    "signature_headers",
    "verify_signature",
]
