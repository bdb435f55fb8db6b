"""AppSync Events' WebSocket dialect `aws-appsync-event-ws` as a state machine.

For: `edge`, which drives it. Owns: which message is legal when, the ids in use, and the dialect's timers.
Never: touches a socket, a task or a clock; knows which channels there are.
Follows: AWS AppSync Events, "Understanding the Event API WebSocket protocol".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from syncline.core import Denied, NotFound, SynclineError, Unauthenticated, json
from syncline.subprotocols.actions import Action, Present, Publish, Send, Subscribe, Unsubscribe
from syncline.subprotocols.admission import (
    CONNECTION_SECONDS_MAX,
    KEEP_ALIVE,
    NORMAL,
    Admission,
    Admitted,
    Move,
    State,
    Words,
)
from syncline.subprotocols.handshake import texts
from syncline.subprotocols.messages import duplicated, extension_of, message, named
from syncline.subprotocols.port import ErrorObject, Handshake

EVENTS_WS = "aws-appsync-event-ws"

ID = re.compile(r"[a-zA-Z0-9\-_+]{1,128}")
SHOWN_ID_MAX = 256
"""An id that is none is sent back, so that its client finds the answer; not if it is longer than this."""

UNAUTHORIZED: ErrorObject = {"errorType": "UnauthorizedException"}
NO_AUTHORIZATION: ErrorObject = {**UNAUTHORIZED, "message": "You are not authorized to make this call."}
BAD_ID: ErrorObject = {"errorType": "BadRequestException", "message": "Invalid Id Format"}
BAD_CHANNEL: ErrorObject = {"errorType": "BadRequestException", "message": "Invalid Channel Format"}
UNKNOWN: ErrorObject = {
    "errorType": "UnsupportedOperation",
    "message": "unknown not supported through the realtime channel",
}


class EventsProtocol(Admitted):
    """One connection. `due` is the monotonic second at which `tick` has something to do."""

    operations = False

    def __init__(
        self,
        handshake: Handshake,
        *,
        keep_alive_seconds: float = 60.0,
        connection_timeout_ms: int = 300_000,
        connection_seconds_max: float = CONNECTION_SECONDS_MAX,
    ) -> None:
        admission = Admission(WORDS, beat_seconds=keep_alive_seconds, seconds_max=connection_seconds_max)
        super().__init__(handshake, admission)
        self._ack = message(type="connection_ack", connectionTimeoutMs=connection_timeout_ms)

    def accepted(self, id: str, told: Mapping[str, Any] | None = None) -> list[Action]:
        """The subscription is registered."""
        more = {} if told is None else {"syncline": told}
        return [Send(message(type="subscribe_success", id=id, **more))] if self._starts.accepted(id) else []

    def refused(self, id: str, errors: Sequence[ErrorObject]) -> list[Action]:
        """The subscription is not registered; its id is free again."""
        return [failed("subscribe_error", id, *errors)] if self._starts.refused(id) else []

    def answered(self, id: str, payload: bytes) -> list[Action]:
        """Not in this dialect."""
        raise AssertionError("the dialect has no queries")

    def ended(self, id: str, errors: Sequence[ErrorObject], *, close: bool = False) -> list[Action]:
        """The subscription is over; its id is free again."""
        if not self._starts.end(id):
            return []
        over: list[Action] = [failed("subscribe_error", id, *errors)]
        return [*over, *self._admission.close(NORMAL, named(errors[0]))] if close else over

    def published(self, id: str, answer: Mapping[str, Any]) -> list[Action]:
        """The events were published, one by one as `answer` says."""
        if self._admission.state is State.CLOSED:
            return []
        return [Send(message(id=id, type="publish_success", **answer))]

    def publish_refused(self, id: str, errors: Sequence[ErrorObject]) -> list[Action]:
        """None of the events was published."""
        return [] if self._admission.state is State.CLOSED else [failed("publish_error", id, *errors)]

    def shown(self, id: str) -> list[Action]:
        """The state is shown."""
        return [] if self._admission.state is State.CLOSED else [Send(message(type="presence_success", id=id))]

    def not_shown(self, id: str, errors: Sequence[ErrorObject]) -> list[Action]:
        """The state is not shown; the one before it still is."""
        return [] if self._admission.state is State.CLOSED else [failed("presence_error", id, *errors)]

    def splice(self, id: str) -> tuple[bytes, bytes]:
        """What stands before and after a payload, which is the event's text as a JSON string."""
        return b'{"type":"data","id":' + json.encode(id) + b',"event":', b"}"

    # --- moves

    def _init(self, received: Mapping[str, Any]) -> list[Action]:
        return [Send(self._ack), Send(KEEP_ALIVE)]

    def _subscribe(self, received: Mapping[str, Any]) -> list[Action]:
        id, channel = received.get("id"), received.get("channel")
        if not isinstance(id, str) or not ID.fullmatch(id):
            return [failed("subscribe_error", id, BAD_ID)]
        if not isinstance(channel, str):
            return [failed("subscribe_error", id, BAD_CHANNEL)]
        authorization = received.get("authorization")
        if not isinstance(authorization, dict) or not authorization:
            return [failed("subscribe_error", id, NO_AUTHORIZATION)]
        payload, headers = {"channel": channel}, texts(authorization)
        raw = message(**payload).decode()
        if not self._starts.begin(id, raw):
            return [failed("subscribe_error", id, duplicated(id))]
        return [Subscribe(id, payload, raw, headers, extension_of(received))]

    def _publish(self, received: Mapping[str, Any]) -> list[Action]:
        id, authorization = received.get("id"), received.get("authorization")
        if not isinstance(id, str) or not ID.fullmatch(id):
            return [failed("publish_error", id, BAD_ID)]
        if not isinstance(authorization, dict) or not authorization:
            return [failed("publish_error", id, NO_AUTHORIZATION)]
        return [Publish(id, received.get("channel"), received.get("events"), texts(authorization))]

    def _present(self, received: Mapping[str, Any]) -> list[Action]:
        # Not a message of AppSync's: only who knows of presence sends it.
        id = received.get("id")
        if not isinstance(id, str) or not ID.fullmatch(id):
            return [failed("presence_error", id, BAD_ID)]
        return [Present(id, received.get("state"))]

    def _unsubscribe(self, received: Mapping[str, Any]) -> list[Action]:
        id = received.get("id")
        if not isinstance(id, str) or not self._starts.end(id):
            shown = id[:SHOWN_ID_MAX] if isinstance(id, str) else ""
            error = {"errorType": "UnknownOperationError", "message": f"Unknown operation id {shown}".rstrip()}
            return [Unsubscribe(shown, known=False), failed("unsubscribe_error", id, error)]
        return [Unsubscribe(id), Send(message(type="unsubscribe_success", id=id))]

    def _unknown(self, received: Mapping[str, Any]) -> list[Action]:
        return [failed("error", received.get("id"), UNKNOWN)]

    MOVES: ClassVar[dict[tuple[State, str], Move]] = {
        # connection_init is optional: authorization happened in the handshake.
        (State.READY, "connection_init"): _init,
        (State.READY, "subscribe"): _subscribe,
        (State.READY, "publish"): _publish,
        (State.READY, "presence"): _present,
        (State.READY, "unsubscribe"): _unsubscribe,
    }

    OTHERWISE: ClassVar[dict[State, Move]] = {
        # What a client sends before it is admitted is ignored.
        State.CONNECTING: Admitted.ignore,
        State.REFUSED: Admitted.show_refusal,
        State.READY: _unknown,
        State.CLOSED: Admitted.ignore,
    }


def failed(kind: str, id: object, *errors: ErrorObject) -> Send:
    """An error message of some kind, with the id when there is one."""
    whose = {"id": id} if isinstance(id, str) and len(id) <= SHOWN_ID_MAX else {}
    return Send(message(type=kind, **whose, errors=list(errors)), named(errors[0]))


def connection_error(refusal: SynclineError) -> ErrorObject:
    """The error object of a `connection_error` message. aws-amplify takes these two types for final."""
    if isinstance(refusal, Unauthenticated | Denied):
        return UNAUTHORIZED
    carried = refusal.data.get("errors")
    if isinstance(carried, list) and carried:
        return dict(carried[0])
    kind = "BadRequestException" if isinstance(refusal, NotFound) else refusal.code
    return {"errorType": kind, "message": refusal.message}


def connection_error_message(refusal: ErrorObject) -> bytes:
    """What tells a client that it is not admitted."""
    return message(type="connection_error", errors=[refusal])


NO_PROTOCOL: ErrorObject = {"errorType": "BadRequestException", "message": "NoProtocolError"}
NOT_SUPPORTED: ErrorObject = {"errorType": "BadRequestException", "message": "SubProtocolNotSupportedError"}
WORDS = Words(EVENTS_WS, NO_PROTOCOL, NOT_SUPPORTED, UNAUTHORIZED, connection_error, connection_error_message)
