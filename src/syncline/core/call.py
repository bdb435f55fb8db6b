"""Who is calling, until when, under which id: set by the door, readable anywhere below it."""

from __future__ import annotations

from contextvars import ContextVar

import msgspec

from syncline.core.arns import Arn


class Caller(msgspec.Struct, frozen=True):
    """An AWS principal: who signed the request. `kind` is root, user, role or service."""

    kind: str
    account: str
    arn: str
    access_key_id: str = ""
    user_id: str = ""


def root_of(account: str, access_key_id: str = "") -> Caller:
    """The root of an account, with one of its keys or none."""
    return Caller("root", account, str(Arn("iam", "", account, "root")), access_key_id, account)


class Call(msgspec.Struct):
    """One call through a door.

    `deadline` is in seconds of the clock's monotonic time, or None. `position` is the highest commit that
    this call made (0: none); the store's users raise it with `committed`.
    """

    request_id: str
    region: str
    account: str
    caller: Caller | None = None
    source_ip: str = ""
    trace_id: str = ""
    deadline: float | None = None
    position: int = 0


_current: ContextVar[Call] = ContextVar("call")


def current() -> Call:
    """The call under way. Raises LookupError outside of any."""
    return _current.get()


def enter(call: Call) -> None:
    """Make `call` the one under way in this task."""
    _current.set(call)


def committed(position: int) -> None:
    """Note that the call under way, if there is one, made the commit at `position`."""
    call = _current.get(None)
    if call is not None and position > call.position:
        call.position = position
