"""One operation in one protocol: how its request is read and its answer and errors are written.

For: the protocol modules, which make them, and `door.py`, which uses them.
Owns: the vocabulary only.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import msgspec

from syncline.core import Request, Response
from syncline.wire.constraints import Violation, refusal
from syncline.wire.failures import Failure
from syncline.wire.readers import Reader
from syncline.wire.scalars import NotConvertible


class Arrival(msgspec.Struct):
    """A request whose operation is known. `body` has its content and chunk encodings undone."""

    request: Request
    body: bytes
    labels: Mapping[str, str]
    request_id: str


class Exchange(NamedTuple):
    """Reads a request into the house's values, raising Invalid; writes the answer."""

    read: Callable[[Arrival], dict[str, Any]]
    write: Callable[[dict[str, Any], Arrival], Response]


class Speech(Protocol):
    """A service in one protocol."""

    def operation_of(self, request: Request, body: bytes) -> tuple[str, Mapping[str, str]]:
        """The operation's name (unchecked) and its path labels. Raises UnknownOperation."""
        ...

    def exchange(self, operation: str) -> Exchange:
        """The compiled operation. It is one of the model's."""
        ...

    def refuse(self, failure: Failure, request_id: str) -> Response:
        """An error's answer."""
        ...


def checked(reader: Reader, value: Any) -> dict[str, Any]:
    """What `reader` makes of `value`. Raises NotConvertible or ConstraintsViolated."""
    violations: list[Violation] = []
    try:
        found: dict[str, Any] = reader(value, violations)
    except RecursionError:
        raise NotConvertible("The request is nested too deeply.") from None
    if violations:
        raise refusal(violations)
    return found
