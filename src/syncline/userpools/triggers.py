"""Triggers: functions that a pool calls at turns of a user's life, with Cognito's events.

For: sign-up and sign-in. Owns: the shape of the event, and what a failing function means. Never: retries.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from syncline.core import NotFound, SynclineError, json
from syncline.userpools.errors import TriggerAnswerInvalid, TriggerBroken, TriggerFailed
from syncline.userpools.model import Client, Pool, User

SECONDS_MAX = 5.0
"""Cognito waits so long."""
SOURCES = {"PreTokenGeneration": "TokenGeneration"}
"""What a trigger's source begins with, where that is not its name."""
RESPONSES: dict[str, dict[str, Any]] = {
    "PreSignUp": {"autoConfirmUser": False, "autoVerifyEmail": False, "autoVerifyPhone": False},
    "PreTokenGeneration": {"claimsOverrideDetails": None},
    "DefineAuthChallenge": {"challengeName": None, "issueTokens": None, "failAuthentication": None},
    "CreateAuthChallenge": {
        "publicChallengeParameters": None,
        "privateChallengeParameters": None,
        "challengeMetadata": None,
    },
    "VerifyAuthChallengeResponse": {"answerCorrect": None},
    "UserMigration": {"userAttributes": None, "finalUserStatus": None, "messageAction": None},
    "CustomMessage": {"smsMessage": None, "emailMessage": None, "emailSubject": None},
}


class Invoked(Protocol):
    """What an invocation left behind."""

    @property
    def payload(self) -> bytes: ...
    @property
    def function_error(self) -> str | None: ...


Invoke = Callable[[str, bytes], Awaitable[Invoked]]


class Triggers:
    """Calls the functions of pools."""

    def __init__(self, invoke: Invoke, *, region: str) -> None:
        self._invoke = invoke
        self._region = region

    async def fire(
        self,
        pool: Pool,
        trigger: str,
        source: str,
        *,
        user: User | None,
        client: Client | None,
        version: str = "1",
        **request: Any,
    ) -> dict[str, Any] | None:
        """The function's `response`; None when the pool has no such trigger. Raises TriggerFailed and its kin."""
        function = pool.trigger(trigger)
        if function is None:
            return None
        name = request.pop("userName", None) or (user.name if user else "")
        event = {
            "version": version,
            "region": self._region,
            "userPoolId": pool.id,
            "userName": name,
            "callerContext": {
                "awsSdkVersion": "syncline",
                "clientId": client.id if client else "CLIENT_ID_NOT_APPLICABLE",
            },
            "triggerSource": f"{SOURCES.get(trigger, trigger)}_{source}",
            "request": request,
            "response": dict(RESPONSES.get(trigger, {})),
        }
        return _response(trigger, await self._answer(trigger, function, json.encode(event)))

    async def _answer(self, trigger: str, function: str, event: bytes) -> Invoked:
        try:
            async with asyncio.timeout(SECONDS_MAX):
                return await self._invoke(function, event)
        except TimeoutError:
            raise TriggerBroken(trigger=trigger, reason="the function took longer than 5 seconds") from None
        except NotFound:
            raise TriggerBroken(trigger=trigger, reason=f"there is no function {function}") from None
        except SynclineError as refusal:
            raise TriggerBroken(trigger=trigger, reason=refusal.message) from refusal


def _response(trigger: str, found: Invoked) -> dict[str, Any]:
    try:
        answer = json.decode(found.payload) if found.payload else None
    except json.NotJson:
        raise TriggerAnswerInvalid from None
    if found.function_error:
        reason = answer.get("errorMessage", "Unhandled") if isinstance(answer, dict) else "Unhandled"
        raise TriggerFailed(trigger=trigger, reason=str(reason).rstrip("."))
    response = answer.get("response") if isinstance(answer, dict) else None
    if not isinstance(response, dict):
        raise TriggerAnswerInvalid
    return response


def attributes_event(user: User) -> dict[str, str]:
    """`userAttributes` of an event: with the user's sub and status."""
    return {"sub": user.sub, "cognito:user_status": user.status, **user.attributes}
