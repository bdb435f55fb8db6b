"""Codes: six digits sent to a user, good once and for a while, and only so many tries.

For: sign-up, recovery, verification of attributes. Owns: the text of messages.
Never: keeps a code, but its fingerprint.
"""

from __future__ import annotations

import hmac
from typing import Any

import msgspec

from syncline.core import Clock, Ids, Vault
from syncline.userpools import attributes
from syncline.userpools.attempts import Attempts
from syncline.userpools.errors import CodeExpired, CodeWrong, ParameterInvalid, TooManyTries
from syncline.userpools.messages import Message, Outbox
from syncline.userpools.model import Client, Code, Pool, User
from syncline.userpools.triggers import Triggers, attributes_event

HOUR = 3600.0
LIVES = {"confirm": 24 * HOUR, "reset": HOUR, "verify": 24 * HOUR}
"""Seconds by purpose."""
SENDS_MAX = 10
"""Messages to one user in a quarter of an hour."""
TEXTS = {
    "confirm": ("Your verification code", "Your confirmation code is {code}"),
    "reset": ("Your verification code", "Your password reset code is {code}"),
    "verify": ("Your verification code", "Your verification code is {code}"),
    "invite": ("Your temporary password", "Your username is {username} and temporary password is {code}."),
}
SOURCES = {
    "confirm": "SignUp",
    "resend": "ResendCode",
    "reset": "ForgotPassword",
    "verify": "VerifyUserAttribute",
    "invite": "AdminCreateUser",
}


class Codes:
    """Makes, sends and checks codes."""

    def __init__(self, vault: Vault, outbox: Outbox, triggers: Triggers, clock: Clock, ids: Ids) -> None:
        self._vault, self._outbox, self._triggers, self._clock, self._ids = vault, outbox, triggers, clock, ids
        self._tries = Attempts(clock)
        self._sends = Attempts(clock, free=SENDS_MAX)

    def channel(self, pool: Pool, user: User, *, purpose: str) -> str | None:
        """The attribute that a code goes to: for a reset a verified one, else one the pool verifies."""
        if purpose == "reset":
            for name in attributes.ALIASES:
                if user.attributes.get(f"{name}_verified") == "true" and user.attributes.get(name):
                    return name
            return None
        auto = pool.config.get("AutoVerifiedAttributes") or ()
        return next((name for name in attributes.ALIASES if name in auto and user.attributes.get(name)), None)

    def new(self, user: User, purpose: str, attribute: str) -> tuple[str, Code]:
        """A fresh code and what is kept of it."""
        code = f"{int.from_bytes(self._ids.bytes(8), 'big') % 1_000_000:06}"
        life = LIVES[purpose.partition(":")[0]]
        return code, Code(self._digest(user, purpose, code), self._clock.now() + life, attribute)

    async def send(
        self,
        pool: Pool,
        user: User,
        client: Client | None,
        *,
        purpose: str,
        secret: str,
        attribute: str,
        source: str = "",
    ) -> dict[str, str]:
        """Send a code or a temporary password; returns the delivery details. Raises TooManyTries."""
        if self._sends.blocked(pool.id, user.key):
            raise TooManyTries
        self._sends.failed(pool.id, user.key)
        to = user.attributes[attribute]
        details = attributes.delivery(attribute, to)
        kind = purpose.partition(":")[0]
        subject, text = TEXTS[kind]
        found = await self._triggers.fire(
            pool,
            "CustomMessage",
            source or SOURCES[kind],
            user=user,
            client=client,
            userAttributes=attributes_event(user),
            codeParameter="{####}",
            usernameParameter="{username}",
        )
        medium = details["DeliveryMedium"]
        custom = (found or {}).get("emailMessage" if medium == "EMAIL" else "smsMessage")
        if isinstance(custom, str) and custom:
            text = custom.replace("{####}", "{code}")
            subject = str((found or {}).get("emailSubject") or subject)
        body = text.replace("{code}", secret).replace("{username}", user.name)
        self._outbox.post(Message(pool.id, user.name, medium, to, subject, body, secret))
        return details

    def check(self, user: User, purpose: str, given: str) -> Code:
        """What was kept of the code, when it is right. Raises CodeWrong, CodeExpired, TooManyTries."""
        key = (user.pool, user.key, purpose)
        if self._tries.blocked(*key):
            raise TooManyTries
        kept = user.codes.get(purpose)
        if kept is None or kept.expires <= self._clock.now():
            raise CodeExpired
        if not hmac.compare_digest(kept.digest, self._digest(user, purpose, given)):
            self._tries.failed(*key)
            raise CodeWrong
        self._tries.succeeded(*key)
        return kept

    def _digest(self, user: User, purpose: str, code: str) -> bytes:
        return self._vault.digest("code", f"{user.pool}/{user.key}/{purpose}/{code}")


def with_code(user: User, purpose: str, code: Code) -> User:
    """The user with a code that was sent."""
    return msgspec.structs.replace(user, codes=user.codes | {purpose: code})


def without_code(user: User, purpose: str, **members: Any) -> User:
    """The user with a code used up, and what it brought about."""
    codes = {name: code for name, code in user.codes.items() if name != purpose}
    return msgspec.structs.replace(user, codes=codes, **members)


def check_channel(channel: str | None) -> str:
    """The channel. Raises ParameterInvalid when there is none."""
    if channel is None:
        raise ParameterInvalid(
            "Cannot reset password for the user as there is no registered/verified email or phone_number"
        )
    return channel
