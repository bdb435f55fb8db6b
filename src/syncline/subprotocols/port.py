"""The port of all subprotocols: a machine takes what happened and returns what to do; it cannot do it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from syncline.core import SynclineError
from syncline.subprotocols.actions import Action

ErrorObject = dict[str, Any]
"""One entry of a message's `errors`: `message`, and `errorType` or `errorCode` where there is one."""


class Subprotocol(Protocol):
    """One connection's machine. Times are monotonic seconds."""

    @property
    def due(self) -> float:
        """When `tick` has something to do; nothing is due before."""
        ...

    @property
    def operations(self) -> bool:
        """Are queries and mutations started like subscriptions?"""
        ...

    def opened(self, now: float) -> Sequence[Action]:
        """The WebSocket is open: the first actions."""
        ...

    def connected(self) -> Sequence[Action]:
        """The `Connect` asked for succeeded."""
        ...

    def connect_refused(self, error: SynclineError) -> Sequence[Action]:
        """The `Connect` asked for failed."""
        ...

    def receive(self, message: str | bytes) -> Sequence[Action]:
        """A whole message came in. Never raises."""
        ...

    def accepted(self, id: str, told: Mapping[str, Any] | None = None) -> Sequence[Action]:
        """The `Subscribe` asked for is registered; `told` is for a client that asked for more than its dialect has."""
        ...

    def refused(self, id: str, errors: Sequence[ErrorObject]) -> Sequence[Action]:
        """The `Subscribe` asked for failed."""
        ...

    def answered(self, id: str, payload: bytes) -> Sequence[Action]:
        """The `Subscribe` asked for was a query or a mutation; this is its answer. Only where `operations`."""
        ...

    def ended(self, id: str, errors: Sequence[ErrorObject], *, close: bool = False) -> Sequence[Action]:
        """A live subscription was ended by the server; its id is free again. `close`: so is the connection.

        The actions are `Send` and `Close` alone.
        """
        ...

    def splice(self, id: str) -> tuple[bytes, bytes]:
        """What stands before and after a payload in a message of subscription `id`."""
        ...

    def tick(self, now: float) -> Sequence[Action]:
        """Time has passed `due`."""
        ...


class Handshake(Protocol):
    """What a subprotocol may know of the upgrade request."""

    @property
    def query(self) -> str: ...

    @property
    def headers(self) -> Sequence[tuple[str, str]]: ...

    @property
    def index(self) -> Mapping[str, str]: ...
