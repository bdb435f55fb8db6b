"""Custom challenges: a pool's functions say what a user is to be asked, and whether the answer was right.

For: `signin`. Owns: the history that the functions see. Never: decides by itself that somebody may come in.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from syncline.userpools.asking import Asking
from syncline.userpools.errors import NotAuthorized, NotBuilt, ParameterInvalid
from syncline.userpools.model import User
from syncline.userpools.sign_ins import SignIns
from syncline.userpools.triggers import Triggers, attributes_event

Members = dict[str, Any]
CHALLENGES_MAX = 10
"""Rounds of a custom flow."""


def passed(name: str, result: bool = True, facts: Members | None = None) -> Members:
    """A challenge as DefineAuthChallenge sees it afterwards."""
    return {"challengeName": name, "challengeResult": result, "challengeMetadata": (facts or {}).get("metadata")}


class CustomChallenges:
    """Asks the functions. `signed_in` is what follows when they are content."""

    def __init__(
        self, sign_ins: SignIns, triggers: Triggers, signed_in: Callable[[Asking, User], Awaitable[Members]]
    ) -> None:
        self._sign_ins, self._triggers, self._signed_in = sign_ins, triggers, signed_in

    async def next(self, asking: Asking, user: User, past: list[Members]) -> Members:
        """As the pool's functions want: tokens, refusal, or another challenge."""
        name = await self.wanted(asking, user, past)
        if name is None:
            return await self._signed_in(asking, user)
        if name != "CUSTOM_CHALLENGE":
            raise NotBuilt(what=f"The challenge {name} in a custom flow")
        made = await self._fire(asking, user, "CreateAuthChallenge", challengeName=name, session=past) or {}
        facts = {"kind": "custom", "user": user.key, "past": past, "metadata": made.get("challengeMetadata")}
        facts["private"] = made.get("privateChallengeParameters") or {}
        shown = {key: str(value) for key, value in (made.get("publicChallengeParameters") or {}).items()}
        session = self._sign_ins.session(asking.client, facts)
        return {"ChallengeName": name, "Session": session, "ChallengeParameters": {"USERNAME": user.name, **shown}}

    async def wanted(self, asking: Asking, user: User, past: list[Members]) -> str | None:
        """The challenge that DefineAuthChallenge names; None when it wants tokens issued. Raises NotAuthorized."""
        found = await self._fire(asking, user, "DefineAuthChallenge", session=past)
        if found is None:
            raise ParameterInvalid("Custom auth lambda trigger is not configured for the user pool.")
        if found.get("issueTokens") is True:
            return None
        name = found.get("challengeName")
        if found.get("failAuthentication") is True or not name or len(past) >= CHALLENGES_MAX:
            raise NotAuthorized
        return str(name)

    async def verified(self, asking: Asking, user: User, facts: Members) -> bool:
        """Whether VerifyAuthChallengeResponse takes the answer."""
        found = await self._fire(
            asking,
            user,
            "VerifyAuthChallengeResponse",
            privateChallengeParameters=facts["private"],
            challengeAnswer=asking.required("ANSWER"),
        )
        return bool(found and found.get("answerCorrect") is True)

    async def _fire(self, asking: Asking, user: User, trigger: str, **request: Any) -> Members | None:
        common = {"userAttributes": attributes_event(user), "clientMetadata": dict(asking.metadata), **request}
        return await self._triggers.fire(
            asking.pool, trigger, "Authentication", user=user, client=asking.client, **common
        )
